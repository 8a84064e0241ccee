//! Taking everything away, or only our marks.

use std::time::Duration;

use crate::model::{
    Kind, ObservedFloatingIp, ObservedLoadBalancer, Owner, Ownership, Plan, Provisioning, foreign_owner,
};
use crate::openstack::{CloudError, ErrorClass};
use crate::plan;

use super::converge::foreign_owner_message;
use super::*;

impl Reconciliation<'_> {
    /// Works from ERROR, with half of it gone, with a create in doubt. Gone means 404 for the load balancer and no
    /// floating IP that carries our mark.
    pub(super) async fn delete(&self, retain: bool, memory: &mut Memory) -> Result<Outcome, CloudError> {
        let mut end = State::Deleted;
        let (load_balancer, owner) = match self.locate().await? {
            Located::Ours(found) => {
                self.confirm_pending(&found).await;
                (Some(*found), self.owner.clone())
            }
            Located::Orphaned(found) => {
                let predecessor = self.owner.predecessor(&found.tags);
                (Some(*found), predecessor)
            }
            // Not ours: left alone. What else is ours (a floating IP) still goes.
            Located::Foreign(found) => {
                end = State::Orphaned { left_behind: Some(foreign_owner_message(&found)) };
                (None, self.owner.clone())
            }
            Located::Nowhere => match self.pending_outcome(memory) {
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
        self.run_teardown(plan, load_balancer, end, memory).await
    }

    /// Orphan: waits until Octavia is done with the load balancer, and takes our marks off.
    pub(super) async fn orphan(&self, memory: &mut Memory) -> Result<Outcome, CloudError> {
        let mut left_behind = None;
        let (found, owner, ours) = match self.locate().await? {
            Located::Ours(found) => (Some(*found), self.owner.clone(), true),
            // It becomes ours first: without its tags nothing would tell whose the floating IP is.
            Located::Orphaned(found) if found.provisioning_status == Provisioning::Active => {
                return self.take_over(*found, memory).await;
            }
            Located::Orphaned(found) => {
                let predecessor = self.owner.predecessor(&found.tags);
                (Some(*found), predecessor, true)
            }
            Located::Foreign(found) => {
                // Without any owner it is as we leave it.
                left_behind = foreign_owner(&found.tags).map(|_| foreign_owner_message(&found));
                (Some(*found), self.owner.clone(), false)
            }
            Located::Nowhere => match self.pending_outcome(memory) {
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
            left_behind = remaining_tags_reason(found, &owner, &floating_ips);
        }
        let plan = plan::orphan(&owner, load_balancer, &floating_ips);
        self.run_teardown(plan, found, State::Orphaned { left_behind }, memory).await
    }

    /// Executes the first step; with none left the stack has reached its `end`.
    async fn run_teardown(
        &self,
        mut plan: Plan,
        load_balancer: Option<ObservedLoadBalancer>,
        end: State,
        memory: &mut Memory,
    ) -> Result<Outcome, CloudError> {
        let seen = load_balancer.map(|lb| Seen::LoadBalancer(Box::new(lb))).unwrap_or_default();
        if plan.steps.is_empty() {
            return Ok(Outcome { seen, ..Outcome::new(end, Retry::Never) });
        }
        let step = plan.steps.remove(0);
        let deletes = step.kind == Kind::LoadBalancer && step.call.verb() == "delete";
        if deletes && let Some(delay) = memory.backoff.delay(&step) {
            let why = "Octavia accepts the deletion, but the load balancer stays; it is asked again ever more rarely, at \
                       most every 10 minutes";
            return Ok(Outcome { seen, retry: Retry::After(delay.left), ..cannot_delete(why) });
        }
        let mut outcome = match self.perform(step, memory).await {
            Ok(performed) => {
                let mut outcome =
                    Outcome::new(State::Progressing, Retry::After(Duration::from_millis(400))).planning(plan);
                outcome.executed = Some(performed.step);
                outcome
            }
            Err(error) if deletes && error.class == ErrorClass::Rejected => cannot_delete(&error.to_string()),
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
fn remaining_tags_reason(
    load_balancer: &ObservedLoadBalancer,
    owner: &Owner,
    floating_ips: &[ObservedFloatingIp],
) -> Option<String> {
    let in_error = load_balancer.provisioning_status == Provisioning::Error;
    in_error.then(|| {
        let mut why =
            format!("load balancer {} is in ERROR, so Octavia lets nobody take the tags off it", load_balancer.id);
        for made in floating_ips.iter().filter(|seen| Ownership::between(owner, seen) == Ownership::Created) {
            why.push_str(&format!(
                "; floating IP {}, which was made for it, keeps its marks",
                made.floating_ip_address
            ));
        }
        why
    })
}

/// Neither deletion nor change is taken while Octavia works on it.
const fn is_settled(load_balancer: &ObservedLoadBalancer) -> bool {
    matches!(load_balancer.provisioning_status, Provisioning::Active | Provisioning::Error)
}
