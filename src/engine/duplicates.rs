//! Second load balancers of a stack: a create that was given up may appear after all.

use crate::model::{Provisioning, Step, attempt_of};
use crate::openstack::CloudError;
use crate::plan;

use super::reconciliation::Reconciliation;

/// Second load balancers of a stack.
#[derive(Default)]
pub(super) struct Duplicates {
    /// Ids of those that only a person may delete.
    pub reported: Vec<String>,
    /// Step that deletes one.
    pub deletion: Option<Step>,
    /// Octavia works on one that is deleted afterwards.
    pub any_pending: bool,
}

impl Duplicates {
    pub(super) const fn is_empty(&self) -> bool {
        self.reported.is_empty() && !self.any_deletable()
    }

    /// True if Evenkeel deletes one, now or later.
    pub(super) const fn any_deletable(&self) -> bool {
        self.deletion.is_some() || self.any_pending
    }
}

impl Reconciliation<'_> {
    /// The duplicates of the load balancer `kept`. Only one that comes of a create which was given up, and that has no
    /// floating IP, may be deleted. One deletion is looked for at a time.
    pub(super) async fn find_duplicates(&self, kept: &str) -> Result<Duplicates, CloudError> {
        let mut duplicates = Duplicates::default();
        for other in self.cloud.find(self.owner).await? {
            let is_gone = other.provisioning_status == Provisioning::Deleted;
            if other.id == kept || is_gone || !self.owner.owns(&other.tags) {
                continue;
            }
            let given_up = attempt_of(&other.tags).is_some_and(|attempt| self.record.pending_creates.gave_up(attempt));
            let floating_ips = self.cloud.floating_ips(self.owner, other.vip_port_id.as_deref()).await?;
            let is_used = floating_ips.iter().any(|ip| ip.port_id.is_some() && ip.port_id == other.vip_port_id);
            let is_deletable = matches!(other.provisioning_status, Provisioning::Active | Provisioning::Error);
            if !given_up || is_used {
                duplicates.reported.push(other.id);
            } else if is_deletable {
                duplicates.deletion = plan::delete(self.owner, true, Some(&other), &[], &[]).steps.into_iter().next();
                break;
            } else {
                duplicates.any_pending = true;
            }
        }
        Ok(duplicates)
    }
}
