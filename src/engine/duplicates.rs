//! Second load balancers of a stack: a create that was given up may appear after all.

use crate::model::{Provisioning, Step, attempt_of};
use crate::openstack::CloudError;
use crate::plan;

use super::reconciliation::Reconciliation;

impl Reconciliation<'_> {
    /// The step that deletes a duplicate of the load balancer `kept`. Only one that comes of a create which was given
    /// up, and that never had the floating IP of the stack, may be deleted; the ids of all others go into `reported`.
    pub(super) async fn find_duplicates(
        &self,
        kept: &str,
        reported: &mut Vec<String>,
    ) -> Result<Option<Step>, CloudError> {
        for other in self.cloud.find(self.owner).await? {
            if other.id == kept || !self.owner.owns(&other.tags) {
                continue;
            }
            let given_up = attempt_of(&other.tags).is_some_and(|attempt| self.record.pending_creates.gave_up(attempt));
            let floating_ips = self.cloud.floating_ips(self.owner, other.vip_port_id.as_deref()).await?;
            let is_used = floating_ips.iter().any(|ip| ip.port_id.is_some() && ip.port_id == other.vip_port_id);
            let is_deletable = matches!(other.provisioning_status, Provisioning::Active | Provisioning::Error);
            if !given_up || is_used {
                reported.push(other.id);
            } else if is_deletable {
                return Ok(plan::delete(self.owner, true, Some(&other), &[], &[]).steps.into_iter().next());
            }
        }
        Ok(None)
    }
}
