//! From a spec to what it wants: references are looked up, then everything is validated, before anything is written.

use crate::api::LoadBalancerStackSpec;
use crate::engine::Outcome;
use crate::model::{Desired, Owner, Problem, ProblemReason};
use crate::openstack::Cloud;
use crate::translate;

/// What the stack wants, or why it cannot be had.
pub async fn prepare(spec: &LoadBalancerStackSpec, owner: &Owner, cloud: &Cloud) -> Result<Desired, Box<Outcome>> {
    let references = translate::references(spec);
    let failed = |error| Box::new(Outcome::failed(error));
    let answers = cloud.resolve(&references).await.map_err(failed)?;
    let version = cloud.api_version().await.map_err(failed)?;
    let desired = translate::desired(spec, owner.clone(), &answers, version)
        .map_err(|problems| Box::new(Outcome::problems(&problems)))?;
    if desired.floating_ip.is_some() && !cloud.has_floating_ips().await.map_err(failed)? {
        return Err(Box::new(Outcome::problem(&no_floating_ips())));
    }
    Ok(desired)
}

fn no_floating_ips() -> Problem {
    Problem::new(
        "spec.loadBalancer.floatingIP",
        ProblemReason::UnsupportedByCloud,
        "this cloud has no floating IPs (Neutron runs without its L3 extension): remove it",
    )
}
