//! Taking everything away, or only our marks.

use std::time::Duration;

use crate::model::{Owner, Provisioning, SeenFloatingIp, SeenLoadBalancer, Tie, foreign_owner};
use crate::openstack::{Class, CloudError};
use crate::plan::{self, Kind, Plan};

use super::hold::not_ours;
use super::*;

impl Pass<'_> {
    /// Works from ERROR, with half of it gone, with a create in doubt. Gone means 404 for the load balancer and no
    /// floating IP that carries our mark.
    pub(super) async fn delete(&self, retain: bool, memory: &mut Memory) -> Result<Outcome, CloudError> {
        let mut end = State::Gone;
        let (load_balancer, owner) = match self.locate().await? {
            Located::Ours(found) => {
                self.recognise(&found).await;
                (Some(*found), self.owner.clone())
            }
            Located::Predecessors(found) => {
                let predecessor = self.owner.predecessor(&found.tags);
                (Some(*found), predecessor)
            }
            // Not ours: left alone. What else is ours (a floating IP) still goes.
            Located::Foreign(found) => {
                end = State::LetGo { left_behind: Some(not_ours(&found)) };
                (None, self.owner.clone())
            }
            Located::Nowhere => match self.in_doubt(memory) {
                Some(outcome) => return Ok(outcome),
                None => (None, self.owner.clone()),
            },
        };
        if let Some(found) = &load_balancer
            && !is_settled(found)
        {
            return Ok(self.locked(found.clone(), memory));
        }
        let vip_port = load_balancer.as_ref().and_then(|lb| lb.vip_port_id.as_deref());
        let floating_ips = self.cloud.floating_ips(&owner, vip_port).await?;
        let plan = plan::delete(&owner, retain, load_balancer.as_ref(), &floating_ips);
        self.take_away(plan, load_balancer, end, memory).await
    }

    /// Orphan: waits until Octavia is done with the load balancer, and takes our marks off.
    pub(super) async fn release(&self, memory: &mut Memory) -> Result<Outcome, CloudError> {
        let mut left_behind = None;
        let (found, owner, ours) = match self.locate().await? {
            Located::Ours(found) => (Some(*found), self.owner.clone(), true),
            // It becomes ours first: without its tags nothing would tell whose the floating IP is.
            Located::Predecessors(found) if found.provisioning_status == Provisioning::Active => {
                return self.succeed(*found, memory).await;
            }
            Located::Predecessors(found) => {
                let predecessor = self.owner.predecessor(&found.tags);
                (Some(*found), predecessor, true)
            }
            Located::Foreign(found) => {
                // Without any owner it is as we leave it.
                left_behind = foreign_owner(&found.tags).map(|_| not_ours(&found));
                (Some(*found), self.owner.clone(), false)
            }
            Located::Nowhere => match self.in_doubt(memory) {
                Some(outcome) => return Ok(outcome),
                None => (None, self.owner.clone(), false),
            },
        };
        let load_balancer = found.as_ref().filter(|_| ours);
        if let Some(found) = load_balancer
            && !is_settled(found)
        {
            return Ok(self.locked(found.clone(), memory));
        }
        let vip_port = found.as_ref().and_then(|lb| lb.vip_port_id.as_deref());
        let floating_ips = self.cloud.floating_ips(&owner, vip_port).await?;
        if let Some(found) = load_balancer {
            left_behind = keeps_marks(found, &owner, &floating_ips);
        }
        let plan = plan::release(&owner, load_balancer, &floating_ips);
        self.take_away(plan, found, State::LetGo { left_behind }, memory).await
    }

    /// Executes the first step; with none left the stack has reached its `end`.
    async fn take_away(
        &self,
        mut plan: Plan,
        load_balancer: Option<SeenLoadBalancer>,
        end: State,
        memory: &mut Memory,
    ) -> Result<Outcome, CloudError> {
        let seen = load_balancer.map(|lb| Seen::LoadBalancer(Box::new(lb))).unwrap_or_default();
        if plan.steps.is_empty() {
            return Ok(Outcome { seen, ..Outcome::new(end, Retry::Never) });
        }
        let step = plan.steps.remove(0);
        let deletes = step.kind == Kind::LoadBalancer && step.call.verb() == "delete";
        if deletes && let Some(delay) = memory.patience.delay(&step) {
            let why = "Octavia accepts the deletion, but the load balancer stays; it is asked again ever more rarely, at \
                       most every 10 minutes";
            return Ok(Outcome { seen, retry: Retry::After(delay.left), ..cannot_delete(why) });
        }
        let mut outcome = match self.perform(step, memory).await {
            Ok(performed) => {
                let mut outcome = Outcome::new(State::Working, Retry::After(Duration::from_millis(400))).planning(plan);
                outcome.executed = Some(performed.step);
                outcome
            }
            Err(error) if deletes && error.class == Class::Refused => cannot_delete(&error.to_string()),
            Err(error) => Outcome::failed(error),
        };
        outcome.seen = seen;
        Ok(outcome)
    }
}

fn cannot_delete(why: &str) -> Outcome {
    let message = format!(
        "{why}; annotate the stack with evenkeel.dev/deletion-policy=Orphan to let go of the load balancer, which then \
         stays in the cloud"
    );
    Outcome::stalled(StallReason::ProviderCannotDelete, message)
}

/// What stays marked although it is let go of, and why.
fn keeps_marks(load_balancer: &SeenLoadBalancer, owner: &Owner, floating_ips: &[SeenFloatingIp]) -> Option<String> {
    let in_error = load_balancer.provisioning_status == Provisioning::Error;
    in_error.then(|| {
        let mut why =
            format!("load balancer {} is in ERROR, so Octavia lets nobody take the tags off it", load_balancer.id);
        for made in floating_ips.iter().filter(|seen| Tie::of(owner, seen) == Tie::Made) {
            why.push_str(&format!(
                "; floating IP {}, which was made for it, keeps its marks",
                made.floating_ip_address
            ));
        }
        why
    })
}

/// Neither deletion nor change is taken while Octavia works on it.
const fn is_settled(load_balancer: &SeenLoadBalancer) -> bool {
    matches!(load_balancer.provisioning_status, Provisioning::Active | Provisioning::Error)
}
