//! What is in the way of a load balancer that is not there yet. One that is there is kept all the same: none of this
//! changes what it has.

use crate::model::{Desired, ObservedFloatingIp, Problem};
use crate::openstack::CloudError;
use crate::plan;

use super::*;

/// Reason to make no load balancer, and the floating IP that somebody else has, if that is why.
pub(super) struct BlockedCreate {
    pub outcome: Outcome,
    pub in_use: Option<(Problem, Vec<ObservedFloatingIp>)>,
}

impl Reconciliation<'_> {
    /// Reason to make no load balancer, found out while nothing is written. A floating IP is looked at anew: whom it
    /// serves changes at any time.
    pub(super) async fn check_create_preconditions(
        &self,
        desired: &Desired,
    ) -> Result<Option<BlockedCreate>, CloudError> {
        if !desired.create_problems.is_empty() {
            return Ok(Some(BlockedCreate { outcome: Outcome::problems(&desired.create_problems), in_use: None }));
        }
        let interest = desired.tree_query();
        if interest.floating_ip.is_none() {
            return Ok(None);
        }
        let floating_ips = self.cloud.floating_ips(interest, None).await?;
        Ok(plan::floating_ip_in_use(desired, &floating_ips).map(|problem| {
            let message = problem.to_string();
            let outcome = Outcome::stalled(StallReason::ReferenceUnusable, message);
            BlockedCreate { outcome, in_use: Some((problem, floating_ips)) }
        }))
    }
}
