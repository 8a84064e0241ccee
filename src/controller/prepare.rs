//! From a spec to what it wants: references are looked up, then everything is validated, before anything is written.

use std::collections::BTreeSet;

use crate::api::LoadBalancerStackSpec;
use crate::engine::{Outcome, StallReason};
use crate::model::{Desired, Owner, Reference};
use crate::openstack::Cloud;
use crate::translate::{self, Problem, ProblemReason};

/// What the stack wants, or why it cannot be had.
pub async fn prepare(spec: &LoadBalancerStackSpec, owner: &Owner, cloud: &Cloud) -> Result<Desired, Box<Outcome>> {
    let references: BTreeSet<Reference> = translate::references(spec).into_keys().collect();
    let failed = |error| Box::new(Outcome::failed(error));
    let answers = cloud.resolve(&references).await.map_err(failed)?;
    let version = cloud.api_version().await.map_err(failed)?;
    let desired =
        translate::desired(spec, owner.clone(), &answers, version).map_err(|problems| Box::new(refused(&problems)))?;
    if desired.floating_ip.is_some() && !cloud.has_floating_ips().await.map_err(failed)? {
        return Err(Box::new(refused(&[no_floating_ips()])));
    }
    Ok(desired)
}

fn no_floating_ips() -> Problem {
    Problem {
        field: "spec.loadBalancer.floatingIP".to_owned(),
        reason: ProblemReason::UnsupportedByCloud,
        message: "this cloud has no floating IPs (Neutron runs without its L3 extension): remove it".to_owned(),
    }
}

/// All problems in one message, the reason of the first.
fn refused(problems: &[Problem]) -> Outcome {
    let reason = match problems.first().map(|problem| problem.reason) {
        Some(ProblemReason::UnsupportedByCloud) => StallReason::UnsupportedByCloud,
        Some(ProblemReason::ReferenceNotFound) => StallReason::ReferenceNotFound,
        Some(ProblemReason::ReferenceAmbiguous) => StallReason::ReferenceAmbiguous,
        Some(ProblemReason::ReferenceUnusable) => StallReason::ReferenceUnusable,
        Some(ProblemReason::InvalidSpec) | None => StallReason::InvalidSpec,
    };
    Outcome::stalled(reason, translate::in_one_text(problems))
}
