//! The whole translation: from a spec and the resolved references to a [`Desired`], or to all problems at once.

use crate::api::LoadBalancerStackSpec;
use crate::model::{ApiVersion, ClusterContents, Desired, Owner, Problem, Resolutions};
use crate::translate::provider::Provider;
use crate::translate::validator::Validator;

use super::{adoption, floating_ip, listener, load_balancer, pool, provider_capabilities};

/// Translates a stack: references become ids, and absent values become Octavia's defaults.
///
/// `resolutions` answer [`references`](fn@super::references) of the same spec; `contents` are those of
/// the cluster that it refers to; `version` is that of the server.
///
/// # Errors
/// All problems, in the order of the spec. Nothing may be written to the cloud then.
pub fn desired(
    spec: &LoadBalancerStackSpec,
    owner: Owner,
    resolutions: &Resolutions,
    contents: &ClusterContents,
    version: ApiVersion,
) -> Result<Desired, Vec<Problem>> {
    let provider = Provider::named(spec.load_balancer.provider.as_deref());
    let mut validator = Validator::new(resolutions, contents, version, provider);
    credentials(&mut validator, spec);
    let adopt = adoption::adoption(&mut validator, spec);
    let default_name = format!("{}/{}", owner.namespace, owner.name);
    let (load_balancer, families) = load_balancer::load_balancer(&mut validator, spec, &default_name);
    let floating_ip = floating_ip::floating_ip(&mut validator, spec, &families);
    let listeners = listener::listeners(&mut validator, spec, &families);
    let pools = pool::pools(&mut validator, spec, &families);
    provider_capabilities::check(&mut validator, spec, &families);
    if !validator.problems.is_empty() {
        return Err(validator.problems);
    }
    let allow_interruption = spec.allows_interruption();
    let Validator { create_problems, source_problems, .. } = validator;
    Ok(Desired {
        owner,
        load_balancer,
        listeners,
        pools,
        floating_ip,
        adopt,
        prune: spec.prune_policy,
        allow_interruption,
        create_problems,
        source_problems,
    })
}

fn credentials(validator: &mut Validator<'_>, spec: &LoadBalancerStackSpec) {
    const PATH: &str = "spec.cloudCredentialsRef";
    match &spec.cloud_credentials_ref {
        None => {
            validator.invalid(PATH, "is required: name the Secret with the credentials, or a ClusterOpenStackCloud")
        }
        Some(reference) => {
            if let Err(problem) = reference.choice() {
                validator.invalid(format!("{PATH}{}", problem.field()), problem.message());
            }
        }
    }
}
