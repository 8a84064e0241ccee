//! What is in the way of a load balancer that is not there yet. One that is there is kept all the same: none of this
//! changes what it has.

use crate::model::{Desired, Hindrance, SeenFloatingIp};
use crate::openstack::CloudError;
use crate::plan::{self, Refusal};

use super::*;

/// Reason to make no load balancer, and the floating IP that somebody else has, if that is why.
pub(super) struct Hindered {
    pub outcome: Outcome,
    pub in_use: Option<(Refusal, Vec<SeenFloatingIp>)>,
}

impl Pass<'_> {
    /// Reason to make no load balancer, found out while nothing is written. A floating IP is looked at anew: whom it
    /// serves changes at any time.
    pub(super) async fn hindered(&self, desired: &Desired) -> Result<Option<Hindered>, CloudError> {
        if let Some(hindrance) = &desired.hindrance {
            return Ok(Some(Hindered { outcome: stalled(hindrance), in_use: None }));
        }
        let interest = desired.interest();
        if interest.floating_ip.is_none() {
            return Ok(None);
        }
        let floating_ips = self.cloud.floating_ips(interest, None).await?;
        Ok(plan::floating_ip_in_use(desired, &floating_ips).map(|refusal| {
            let message = format!("{}: {}", refusal.field, refusal.message);
            let outcome = Outcome::stalled(StallReason::ReferenceUnusable, message);
            Hindered { outcome, in_use: Some((refusal, floating_ips)) }
        }))
    }
}

fn stalled(hindrance: &Hindrance) -> Outcome {
    match hindrance {
        Hindrance::Spec(message) => Outcome::stalled(StallReason::InvalidSpec, message.clone()),
        Hindrance::Reference(message) => Outcome::stalled(StallReason::ReferenceUnusable, message.clone()),
    }
}
