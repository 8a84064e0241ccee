//! Handing over and letting go. Ownership is a tag of the load balancer, so each is one write to it.

use std::collections::BTreeSet;

use serde_json::json;

use super::diff::Patch;
use super::floating_ip;
use crate::model::{
    Call, Impact, Kind, ObservedFloatingIp, ObservedLoadBalancer, Owner, Plan, Provisioning, Step, user_tags,
};

/// Everything goes (deletion policy `Delete`). `load_balancer`: `None` when it is gone already.
///
/// Floating IPs that the stack borrowed are given back while the VIP is known. Then the cascade, because Octavia may
/// refuse it; then those that the stack made are deleted, or kept without its marks where they are to be retained.
pub fn delete(
    owner: &Owner,
    retain_floating_ip: bool,
    load_balancer: Option<&ObservedLoadBalancer>,
    floating_ips: &[ObservedFloatingIp],
) -> Plan {
    let cascade = load_balancer.map(|seen| {
        let call = Call::DeleteLoadBalancer { id: seen.id.clone() };
        Step::new(Kind::LoadBalancer, &seen.name, call).impact(Impact::Interrupts)
    });
    let given_back = load_balancer.map(|seen| floating_ip::give_back(owner, seen, floating_ips)).unwrap_or_default();
    let let_go = floating_ip::delete(owner, retain_floating_ip, load_balancer.is_none(), floating_ips);
    Plan { steps: given_back.into_iter().chain(cascade).chain(let_go).collect(), ..Plan::default() }
}

/// Everything stays (deletion policy `Orphan`), but it is no longer ours. `load_balancer`: `None` when it is not ours any
/// more. Children keep their keys, which mean nothing without an owner.
///
/// A floating IP that we made comes after the load balancer: with half of this done the stack may have to go, and its
/// successor takes over what bears its name. A floating IP without our mark on such a load balancer would be in its way
/// for ever. So it keeps its mark, too, where Octavia takes no change of the load balancer (in ERROR).
pub fn orphan(
    owner: &Owner,
    load_balancer: Option<&ObservedLoadBalancer>,
    floating_ips: &[ObservedFloatingIp],
) -> Plan {
    let mut steps = floating_ip::forget_borrowed(owner, floating_ips);
    if load_balancer.is_none_or(|seen| seen.provisioning_status != Provisioning::Error) {
        steps.extend(load_balancer.and_then(|seen| retag(seen, user_tags(&seen.tags))));
        steps.extend(floating_ip::forget_made(owner, floating_ips));
    }
    Plan { steps, ..Plan::default() }
}

/// The load balancer of a dead predecessor becomes ours: a stack that was restored from a backup has a new UID. The
/// floating IPs come first: once the load balancer is ours, nothing tells whose they were.
pub fn take_over(owner: &Owner, load_balancer: &ObservedLoadBalancer, floating_ips: &[ObservedFloatingIp]) -> Plan {
    let predecessor = owner.predecessor(&load_balancer.tags);
    let mut steps = floating_ip::inherit(owner, &predecessor, floating_ips);
    let kept = load_balancer.tags.iter().filter(|tag| **tag != predecessor.uid_tag()).cloned();
    let tags = kept.chain(owner.tags()).collect();
    steps.push(put_tags(load_balancer, tags));
    Plan { steps, ..Plan::default() }
}

fn retag(load_balancer: &ObservedLoadBalancer, tags: BTreeSet<String>) -> Option<Step> {
    (tags != load_balancer.tags).then(|| put_tags(load_balancer, tags))
}

fn put_tags(load_balancer: &ObservedLoadBalancer, tags: BTreeSet<String>) -> Step {
    let mut edit = Patch::default();
    edit.set("tags", json!(load_balancer.tags), json!(tags));
    let call = Call::UpdateLoadBalancer { id: load_balancer.id.clone(), body: edit.body };
    Step { changes: edit.changes, ..Step::new(Kind::LoadBalancer, &load_balancer.name, call) }
}
