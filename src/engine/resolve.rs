//! Resolves the references of a stack and validates it, before anything is written.

use crate::model::{Desired, Problem, ProblemReason};

use super::outcome::Outcome;
use super::reconciliation::Reconciliation;
use super::stop::Stop;

impl Reconciliation<'_> {
    /// Desired state of the stack, or all problems that keep it from having one.
    pub(super) async fn resolve(&self) -> Result<Desired, Stop> {
        let resolutions = self.cloud.resolve(&self.source.references).await?;
        let version = self.cloud.api_version().await?;
        let desired = (self.source.validate)(&resolutions, version).map_err(|problems| Outcome::problems(&problems))?;
        if desired.floating_ip.is_some() && !self.cloud.has_l3_extension().await? {
            return Err(Outcome::problem(&no_floating_ips()).into());
        }
        Ok(desired)
    }
}

fn no_floating_ips() -> Problem {
    Problem::new(
        "spec.loadBalancer.floatingIP",
        ProblemReason::UnsupportedByCloud,
        "this cloud has no floating IPs (Neutron runs without its L3 extension): remove it",
    )
}
