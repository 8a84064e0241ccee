//! What is in the way of a load balancer that is not there yet. One that is there is kept all the same: none of this
//! changes what it has.

use crate::model::{Desired, Hindrance};
use crate::openstack::CloudError;
use crate::plan;

use super::*;

impl Pass<'_> {
    /// Why no load balancer may be made, found out while nothing is written. A floating IP is looked at anew: whom it
    /// serves changes at any time.
    pub(super) async fn hindered(&self, desired: &Desired) -> Result<Option<Outcome>, CloudError> {
        if let Some(hindrance) = &desired.hindrance {
            return Ok(Some(stalled(hindrance)));
        }
        let interest = desired.interest();
        if interest.floating_ip.is_none() {
            return Ok(None);
        }
        let floating_ips = self.cloud.floating_ips(interest, None).await?;
        Ok(plan::floating_ip_in_use(desired, &floating_ips).map(|refusal| {
            let message = format!("{}: {}", refusal.field, refusal.message);
            Outcome::stalled(StallReason::ReferenceUnusable, message)
        }))
    }
}

fn stalled(hindrance: &Hindrance) -> Outcome {
    match hindrance {
        Hindrance::Spec(message) => Outcome::stalled(StallReason::InvalidSpec, message.clone()),
        Hindrance::Reference(message) => Outcome::stalled(StallReason::ReferenceUnusable, message.clone()),
    }
}
