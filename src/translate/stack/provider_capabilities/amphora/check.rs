//! All checks for provider amphora.

use crate::api::LoadBalancerStackSpec;
use crate::model::Algorithm;
use crate::translate::ip_family::IpFamilies;
use crate::translate::validator::Validator;

use super::{listener, pool};

pub(in crate::translate::stack::provider_capabilities) fn check(
    validator: &mut Validator<'_>,
    stack: &LoadBalancerStackSpec,
    families: &IpFamilies,
) {
    check_algorithms(validator, stack);
    let before = validator.problems.len();
    for listener in &stack.listeners {
        listener::check(validator, stack, listener, &format!("spec.listeners[{}]", listener.name));
    }
    for pool in &stack.pools {
        pool::check(validator, stack, pool, &format!("spec.pools[{}]", pool.name), families);
    }
    if stack.load_balancer.provider.is_none() {
        for problem in &mut validator.problems[before..] {
            problem.message.push_str(" (on another provider, name it in spec.loadBalancer.provider)");
        }
    }
}

/// Rejects SOURCE_IP_PORT. The driver answers 501 to a change, and takes a create, which haproxy then serves as
/// ROUND_ROBIN (`octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py`).
fn check_algorithms(validator: &mut Validator<'_>, stack: &LoadBalancerStackSpec) {
    for pool in stack.pools.iter().filter(|p| p.algorithm == Algorithm::SourceIpPort) {
        let field = format!("spec.pools[{}].algorithm", pool.name);
        let remedy = "choose SOURCE_IP, or set spec.loadBalancer.provider to ovn";
        validator.unsupported_by_provider(field, "does not know SOURCE_IP_PORT", remedy);
    }
}
