//! What is in the way of a load balancer that is not there yet. One that is there is kept all the same: none of this
//! changes what it has.

use crate::model::{CreateBlocker, Desired, ObservedFloatingIp};
use crate::openstack::CloudError;
use crate::plan::{self, Refusal};

use super::*;

/// Reason to make no load balancer, and the floating IP that somebody else has, if that is why.
pub(super) struct BlockedCreate {
    pub outcome: Outcome,
    pub in_use: Option<(Refusal, Vec<ObservedFloatingIp>)>,
}

impl Reconciliation<'_> {
    /// Reason to make no load balancer, found out while nothing is written. A floating IP is looked at anew: whom it
    /// serves changes at any time.
    pub(super) async fn check_create_preconditions(
        &self,
        desired: &Desired,
    ) -> Result<Option<BlockedCreate>, CloudError> {
        if let Some(hindrance) = &desired.hindrance {
            return Ok(Some(BlockedCreate { outcome: stalled(hindrance), in_use: None }));
        }
        let interest = desired.tree_query();
        if interest.floating_ip.is_none() {
            return Ok(None);
        }
        let floating_ips = self.cloud.floating_ips(interest, None).await?;
        Ok(plan::floating_ip_in_use(desired, &floating_ips).map(|refusal| {
            let message = format!("{}: {}", refusal.field, refusal.message);
            let outcome = Outcome::stalled(StallReason::ReferenceUnusable, message);
            BlockedCreate { outcome, in_use: Some((refusal, floating_ips)) }
        }))
    }
}

fn stalled(hindrance: &CreateBlocker) -> Outcome {
    match hindrance {
        CreateBlocker::Spec(message) => Outcome::stalled(StallReason::InvalidSpec, message.clone()),
        CreateBlocker::Reference(message) => Outcome::stalled(StallReason::ReferenceUnusable, message.clone()),
    }
}
