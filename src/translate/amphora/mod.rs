//! Settings that Octavia stores and the data plane of provider amphora does not carry out, or carries out otherwise.
//!
//! Source: the templates that Octavia renders for the amphora, `octavia/common/jinja/haproxy/combined_listeners` (TCP,
//! HTTP, HTTPS, TERMINATED_HTTPS, PROMETHEUS) and `octavia/common/jinja/lvs` (UDP, SCTP). `docs/reference/fields.md` has the whole
//! table. The same rules are in the schema (`api/amphora.rs`).

mod listeners;
mod pools;
#[cfg(test)]
mod tests;

use crate::api::LoadBalancerStackSpec;

use super::Families;
use super::provider::Provider;
use super::validator::Validator;

pub(super) fn check(intake: &mut Validator<'_>, spec: &LoadBalancerStackSpec, families: &Families) {
    if Provider::of(spec) != Provider::Amphora {
        return;
    }
    let before = intake.problems.len();
    for listener in &spec.listeners {
        listeners::check(intake, spec, listener, &format!("spec.listeners[{}]", listener.name));
    }
    for pool in &spec.pools {
        pools::check(intake, spec, pool, &format!("spec.pools[{}]", pool.name), families);
    }
    if spec.load_balancer.provider.is_none() {
        for problem in &mut intake.problems[before..] {
            problem.message.push_str(" (on another provider, name it in spec.loadBalancer.provider)");
        }
    }
}

fn refuse(intake: &mut Validator<'_>, field: String, fact: &str, way_out: &str) {
    intake.unsupported(field, format!("provider amphora {fact}: {way_out}"));
}
