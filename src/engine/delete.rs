//! The goals that end a stack: delete everything, or orphan it by removing the owner tags.

use crate::model::{
    Kind, ObservedFloatingIp, ObservedLoadBalancer, ObservedSecret, Owner, Ownership, Plan, Provisioning, SECRETS_TAG,
    foreign_owner,
};
use crate::openstack::{CloudError, ErrorClass};
use crate::plan;

use super::locate::Located;
use super::memory::Memory;
use super::messages::foreign_owner_message;
use super::outcome::{Observed, Outcome, Remedy, Retry, StallReason, State};
use super::reconciliation::Reconciliation;
use super::settings::FIRST_POLL;
use super::stop::Stop;

impl Reconciliation<'_> {
    /// Deletes the load balancer: from ERROR, half deleted, and with a create in doubt. The stack is `Deleted` when the
    /// load balancer is a 404, no floating IP carries the owner's tag or description, and no secret its prefix.
    pub(super) async fn delete(&self, retain_floating_ip: bool, memory: &mut Memory) -> Result<Outcome, Stop> {
        let mut end = State::Deleted;
        let (load_balancer, owner) = match self.locate().await? {
            Located::Owned(found) => {
                self.confirm_pending(&found).await;
                (Some(*found), self.owner.clone())
            }
            Located::Orphaned(found) => {
                let predecessor = self.owner.predecessor(&found.tags);
                (Some(*found), predecessor)
            }
            // Left alone. A floating IP that the stack made still goes.
            Located::Foreign(found) => {
                end = State::Orphaned { left_behind: Some(foreign_owner_message(&found)) };
                (None, self.owner.clone())
            }
            Located::Nowhere => {
                self.check_pending_create(memory)?;
                (None, self.owner.clone())
            }
        };
        self.check_settled(load_balancer.as_ref(), memory)?;
        let vip_port = load_balancer.as_ref().and_then(|lb| lb.vip_port_id.as_deref());
        let floating_ips = self.cloud.floating_ips(&owner, vip_port).await?;
        if let Some(found) = &load_balancer {
            memory.had_secrets = Some(found.tags.contains(SECRETS_TAG));
        }
        let stored = if end == State::Deleted && load_balancer.is_none() {
            self.leftover_secrets(&owner, memory.had_secrets).await?
        } else {
            Vec::new()
        };
        let plan = plan::delete(&owner, retain_floating_ip, load_balancer.as_ref(), &floating_ips, &stored);
        Ok(self.run_teardown(plan, load_balancer, end, memory).await)
    }

    /// Secrets that are left in the key manager once the load balancer is gone. A stack that stored none costs no call. One
    /// that nothing is known about goes all the same in a cloud that has no key manager, or none for this user: there it
    /// cannot have stored any.
    pub(super) async fn leftover_secrets(
        &self,
        owner: &Owner,
        had_secrets: Option<bool>,
    ) -> Result<Vec<ObservedSecret>, CloudError> {
        if had_secrets == Some(false) {
            return Ok(Vec::new());
        }
        match self.cloud.leftover_secrets(owner).await {
            Err(error) if had_secrets.is_none() && cannot_store(&error) => Ok(Vec::new()),
            secrets => secrets,
        }
    }

    /// Waits until Octavia is done with the load balancer, and removes the owner tags.
    pub(super) async fn orphan(&self, memory: &mut Memory) -> Result<Outcome, Stop> {
        let mut left_behind = None;
        let (found, owner, is_owned) = match self.locate().await? {
            Located::Owned(found) => (Some(*found), self.owner.clone(), true),
            // Taken over first: without the tags of an owner nothing would tell whose the floating IP is.
            Located::Orphaned(found) if found.provisioning_status == Provisioning::Active => {
                return self.take_over(*found, memory).await;
            }
            Located::Orphaned(found) => {
                let predecessor = self.owner.predecessor(&found.tags);
                (Some(*found), predecessor, true)
            }
            Located::Foreign(found) => {
                // A load balancer without any owner is an orphan already.
                left_behind = foreign_owner(&found.tags).map(|_| foreign_owner_message(&found));
                (Some(*found), self.owner.clone(), false)
            }
            Located::Nowhere => {
                self.check_pending_create(memory)?;
                (None, self.owner.clone(), false)
            }
        };
        let load_balancer = found.as_ref().filter(|_| is_owned);
        self.check_settled(load_balancer, memory)?;
        let vip_port = found.as_ref().and_then(|lb| lb.vip_port_id.as_deref());
        let floating_ips = self.cloud.floating_ips(&owner, vip_port).await?;
        if let Some(found) = load_balancer {
            left_behind = remaining_tags_reason(found, &owner, &floating_ips);
        }
        let plan = plan::orphan(&owner, load_balancer, &floating_ips);
        Ok(self.run_teardown(plan, found, State::Orphaned { left_behind }, memory).await)
    }

    /// Stops while Octavia works on the load balancer: it takes neither deletion nor change.
    fn check_settled(&self, load_balancer: Option<&ObservedLoadBalancer>, memory: &mut Memory) -> Result<(), Stop> {
        match load_balancer {
            Some(found) if !matches!(found.provisioning_status, Provisioning::Active | Provisioning::Error) => {
                Err(self.locked(found.clone(), memory).into())
            }
            _ => Ok(()),
        }
    }

    /// Executes the first step; with none left the stack has reached its `end`.
    async fn run_teardown(
        &self,
        mut plan: Plan,
        load_balancer: Option<ObservedLoadBalancer>,
        end: State,
        memory: &mut Memory,
    ) -> Outcome {
        let observed = load_balancer.map(|lb| Observed::LoadBalancer(Box::new(lb))).unwrap_or_default();
        if plan.steps.is_empty() {
            return Outcome { observed, ..Outcome::new(end, Retry::Never) };
        }
        let step = plan.steps.remove(0);
        let deletes = step.kind == Kind::LoadBalancer && step.call.verb() == "delete";
        if deletes && let Some(delay) = memory.backoff.delay(&step) {
            let why = "Octavia accepts the deletion, but the load balancer stays; it is sent again ever more rarely, at \
                       most every 10 minutes";
            return Outcome { observed, retry: Retry::After(delay.left), ..cannot_delete(why.to_owned()) };
        }
        let mut outcome = match self.send(&step, memory).await {
            Ok(_) => {
                let mut outcome = Outcome::new(State::Progressing, Retry::After(FIRST_POLL)).with_plan(plan);
                outcome.executed = Some(step);
                outcome
            }
            Err(error) if deletes && error.class == ErrorClass::Rejected => cannot_delete(error.to_string()),
            Err(error) => Outcome::failed(error),
        };
        outcome.observed = observed;
        outcome
    }
}

/// True in a cloud without a key manager, or without a right to it.
fn cannot_store(error: &CloudError) -> bool {
    error.class == ErrorClass::Credentials || error.is_absent()
}

fn cannot_delete(message: String) -> Outcome {
    Outcome::stalled(StallReason::ProviderCannotDelete, message).with_remedy(Remedy::OrphanLoadBalancer)
}

/// Reason for owner tags that stay on an orphan.
fn remaining_tags_reason(
    load_balancer: &ObservedLoadBalancer,
    owner: &Owner,
    floating_ips: &[ObservedFloatingIp],
) -> Option<String> {
    let in_error = load_balancer.provisioning_status == Provisioning::Error;
    in_error.then(|| {
        let mut reason =
            format!("load balancer {} keeps its tags, because Octavia rejects tag updates in ERROR", load_balancer.id);
        for made in floating_ips.iter().filter(|found| Ownership::between(owner, found) == Ownership::Created) {
            reason.push_str(&format!(
                "; floating IP {}, which was made for it, keeps its tags",
                made.floating_ip_address
            ));
        }
        reason
    })
}
