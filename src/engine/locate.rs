//! Finds the load balancer of a stack by its recorded id, or else by its tags.

use crate::model::{ObservedLoadBalancer, Provisioning};

use super::messages::foreign_outcome;
use super::outcome::{Outcome, Retry, WaitReason};
use super::reconciliation::Reconciliation;
use super::stop::Stop;

/// The load balancer of a stack, by its relation to the owner.
pub(super) enum Located {
    /// Carries the owner's tags.
    Owned(Box<ObservedLoadBalancer>),
    /// Left behind by a deleted stack of the same cluster, namespace and name.
    Orphaned(Box<ObservedLoadBalancer>),
    /// Has the recorded id, but not the owner's tags.
    Foreign(Box<ObservedLoadBalancer>),
    Nowhere,
}

impl Reconciliation<'_> {
    /// The load balancer of the stack: by the recorded id or else by tags, so that a wrong record hides nothing.
    pub(super) async fn locate(&self) -> Result<Located, Stop> {
        let recorded = match &self.record.load_balancer_id {
            Some(id) => self.cloud.load_balancer(id).await?,
            None => None,
        };
        let recorded = recorded.filter(|lb| lb.provisioning_status != Provisioning::Deleted).map(Box::new);
        let foreign = match recorded {
            Some(found) if self.owner.owns(&found.tags) => return Ok(Located::Owned(found)),
            other => other,
        };
        let mut candidates = self.cloud.find(self.owner).await?;
        candidates.retain(|lb| lb.provisioning_status != Provisioning::Deleted);
        match (self.choose_owned(candidates), foreign) {
            (Located::Nowhere, Some(foreign)) => Ok(Located::Foreign(foreign)),
            (Located::Orphaned(found), _) => {
                self.check_still_alive().await?;
                Ok(Located::Orphaned(found))
            }
            (chosen, _) => Ok(chosen),
        }
    }

    /// Stops a reconcile of a stack that is gone. To a controller with an outdated view of a deleted stack, the load
    /// balancer of the next stack of that name looks like one left behind.
    async fn check_still_alive(&self) -> Result<(), Stop> {
        self.pending_create_store
            .check_unchanged()
            .await
            .map_err(|error| Outcome::waiting(WaitReason::ObjectChanged, error.to_string(), Retry::Backoff).into())
    }

    /// Outcome for a load balancer of another owner. Status shows what was read of it, unless owners must not know each other.
    pub(super) fn foreign(&self, load_balancer: ObservedLoadBalancer) -> Outcome {
        let outcome = foreign_outcome(&load_balancer);
        match self.cloud.names_other_owners() {
            true => outcome.with_load_balancer(load_balancer),
            false => outcome,
        }
    }

    /// The oldest of the owner's load balancers. A second one can only come of a create whose response was lost for
    /// longer than the quiet period; `duplicates.rs` deals with it.
    fn choose_owned(&self, mut candidates: Vec<ObservedLoadBalancer>) -> Located {
        candidates.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
        let owned = candidates.iter().position(|lb| self.owner.owns(&lb.tags));
        if let Some(index) = owned {
            return Located::Owned(Box::new(candidates.swap_remove(index)));
        }
        match candidates.into_iter().find(|lb| self.owner.can_take_over(&lb.tags)) {
            Some(predecessor) => Located::Orphaned(Box::new(predecessor)),
            None => Located::Nowhere,
        }
    }
}
