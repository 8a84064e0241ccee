//! Reads the load balancer of a stack, and the goal that only reads and plans.

use tokio::time::Instant;

use crate::model::{Desired, ObservedLoadBalancer, ObservedTree, Plan, Provisioning, TreeQuery};
use crate::openstack::{CloudError, Freshness};
use crate::plan;

use super::locate::Located;
use super::memory::Memory;
use super::messages::{missing_vip_port, pending_child};
use super::outcome::{Outcome, Retry, State, WaitReason};
use super::reconciliation::Reconciliation;
use super::settings::poll_interval;
use super::stop::Stop;

impl Reconciliation<'_> {
    /// Reads and plans; writes nothing.
    pub(super) async fn observe(&self, desired: &Desired, memory: &mut Memory) -> Result<Outcome, Stop> {
        if let Some(tree) = self.still_in_sync(desired, memory).await? {
            return Ok(observed(Plan::default()).with_tree(tree));
        }
        match self.locate().await? {
            Located::Owned(load_balancer) => {
                memory.service_history.record(&load_balancer);
                let tree = self.observe_tree(*load_balancer, desired.tree_query(), memory).await?;
                let plan = plan::update(desired, &tree);
                let lost = missing_vip_port(&tree).filter(|_| plan == Plan::default());
                Ok(lost.unwrap_or_else(|| observed(plan)).with_tree(tree))
            }
            Located::Foreign(_) | Located::Nowhere if let Some(adoption) = &desired.adopt => {
                let (tree, plan) = self.adoption_plan(desired, adoption, memory).await?;
                let foreign = Some(plan::foreign_children(desired, &tree));
                Ok(Outcome { foreign, ..observed(plan) })
            }
            Located::Foreign(load_balancer) => Ok(self.foreign(*load_balancer)),
            Located::Orphaned(load_balancer) => {
                let plan = self.takeover_plan(&load_balancer).await?;
                Ok(observed(plan).with_load_balancer(*load_balancer))
            }
            Located::Nowhere => match self.create_blocker(desired).await? {
                Some(blocker) => Ok(blocker.outcome),
                None => {
                    let secrets = self.cloud.secrets(desired.tree_query()).await;
                    Ok(observed(plan::create(desired, &secrets, "")))
                }
            },
        }
    }

    /// The tree of a stack at rest, from lists that all stacks of the session share. Anything else than "in sync" is
    /// read again by the stack itself.
    pub(super) async fn still_in_sync(
        &self,
        desired: &Desired,
        memory: &Memory,
    ) -> Result<Option<ObservedTree>, CloudError> {
        if memory.needs_fresh_read || !self.record.pending_creates.is_empty() {
            return Ok(None);
        }
        let Some(id) = &self.record.load_balancer_id else { return Ok(None) };
        let freshness = Freshness { max_age: self.settings.shared_age, not_before: memory.read_itself_at };
        let tree = self.cloud.cached_tree(id, desired.tree_query(), freshness).await?;
        Ok(tree.filter(|tree| {
            self.owner.owns(&tree.load_balancer.tags)
                && tree.load_balancer.provisioning_status == Provisioning::Active
                && pending_child(tree).is_none()
                && !tree.vip_port_missing
                && plan::update(desired, tree) == Plan::default()
        }))
    }

    /// A tree that can be planned against; stops where Octavia is at work or the load balancer is in ERROR.
    pub(super) async fn observe_tree(
        &self,
        load_balancer: ObservedLoadBalancer,
        query: TreeQuery<'_>,
        memory: &mut Memory,
    ) -> Result<ObservedTree, Stop> {
        match load_balancer.provisioning_status {
            Provisioning::Active => {}
            Provisioning::Error => return Err(self.failed_load_balancer(load_balancer, memory).await?.into()),
            _ => return Err(self.locked(load_balancer, memory).into()),
        }
        let created = memory.created_tree.take().filter(|created| created.load_balancer.id == load_balancer.id);
        let tree = match created {
            Some(created) => self.cloud.confirm(ObservedTree { load_balancer, ..created }, query).await?,
            None => self.cloud.tree(load_balancer, query).await?,
        };
        if let Some(child) = pending_child(&tree) {
            let child = format!("{child} of load balancer {}", tree.load_balancer.id);
            return Err(self.busy(&child, &tree.load_balancer, memory).with_tree(tree).into());
        }
        memory.locked_since = None;
        Ok(tree)
    }

    /// Outcome for a load balancer that Octavia works on: it takes no write, and the stack is requeued.
    pub(super) fn locked(&self, load_balancer: ObservedLoadBalancer, memory: &mut Memory) -> Outcome {
        let what = format!("load balancer {}: {}", load_balancer.id, load_balancer.provisioning_status);
        self.busy(&what, &load_balancer, memory).with_load_balancer(load_balancer)
    }

    /// Octavia works on `what`, which is the load balancer or a part of it.
    fn busy(&self, what: &str, load_balancer: &ObservedLoadBalancer, memory: &mut Memory) -> Outcome {
        let waited = memory.locked_since.get_or_insert_with(Instant::now).elapsed();
        let stuck = waited >= self.settings.stuck_after;
        let mut message = format!("Octavia works on {what}");
        if stuck {
            message.push_str(&format!(
                " for {} minutes (last change {}); only the operator of the cloud can free it: ask them to look at its worker",
                waited.as_secs() / 60,
                load_balancer.updated_at.as_deref().unwrap_or("unknown"),
            ));
        }
        let reason = if stuck { WaitReason::StuckPending } else { WaitReason::Locked };
        Outcome::waiting(reason, message, Retry::After(poll_interval(waited)))
    }
}

fn observed(plan: Plan) -> Outcome {
    Outcome::new(State::Observed { differs: plan != Plan::default() }, Retry::Resync).with_plan(plan)
}
