//! Deletion, orphaning and takeover. Ownership is a tag of the load balancer, so each transfer is one write to it.

use std::collections::BTreeSet;

use serde_json::json;

use super::diff::Patch;
use super::{floating_ip, secrets};
use crate::model::{
    Call, Impact, Kind, ObservedFloatingIp, ObservedLoadBalancer, ObservedSecret, Owner, Plan, Provisioning, Step,
    user_tags,
};

/// Deletes everything (deletion policy `Delete`). `load_balancer`: `None` when it is gone already.
///
/// Borrowed floating IPs are given back while the VIP is known. Then comes the cascade, because Octavia may reject it.
/// Last, the floating IPs that the stack created are deleted, or kept without its owner tags where they are to be
/// retained. Secrets follow once the load balancer is gone: `stored` is empty before.
pub fn delete(
    owner: &Owner,
    retain_floating_ip: bool,
    load_balancer: Option<&ObservedLoadBalancer>,
    floating_ips: &[ObservedFloatingIp],
    stored: &[ObservedSecret],
) -> Plan {
    let given_back = load_balancer.map(|observed| floating_ip::give_back(owner, observed, floating_ips));
    let cascade = load_balancer.map(|observed| {
        let call = Call::DeleteLoadBalancer { id: observed.id.clone() };
        Step::new(Kind::LoadBalancer, &observed.name, call).impact(Impact::Interrupts)
    });
    let released = floating_ip::delete(owner, retain_floating_ip, load_balancer.is_none(), floating_ips);
    let steps = given_back.unwrap_or_default().into_iter().chain(cascade).chain(released);
    Plan { steps: steps.chain(secrets::delete_all(stored)).collect(), ..Plan::default() }
}

/// Takes the owner tags off and leaves everything in place (deletion policy `Orphan`). `load_balancer`: `None` when the
/// stack does not own it any more. Children keep their key tags, which mean nothing without an owner.
///
/// A floating IP that the stack created comes after the load balancer: half an orphaned stack may have to go, and a new
/// stack of its name takes over the load balancer that still carries the tags. A floating IP without owner tags on that
/// load balancer would be in the new stack's way for ever. So it also keeps its tags where Octavia takes no change of
/// the load balancer (in ERROR).
pub fn orphan(
    owner: &Owner,
    load_balancer: Option<&ObservedLoadBalancer>,
    floating_ips: &[ObservedFloatingIp],
) -> Plan {
    let mut steps = floating_ip::orphan_borrowed(owner, floating_ips);
    if load_balancer.is_none_or(|observed| observed.provisioning_status != Provisioning::Error) {
        steps.extend(load_balancer.and_then(|observed| retag(observed, user_tags(&observed.tags))));
        steps.extend(floating_ip::orphan_created(owner, floating_ips));
    }
    Plan { steps, ..Plan::default() }
}

/// Takes over the load balancer of a deleted stack of the same name: a stack that was restored from a backup has a new
/// UID. The floating IPs come first: once the load balancer has the new owner, nothing tells who owned them before.
pub fn take_over(owner: &Owner, load_balancer: &ObservedLoadBalancer, floating_ips: &[ObservedFloatingIp]) -> Plan {
    let predecessor = owner.predecessor(&load_balancer.tags);
    let mut steps = floating_ip::take_over(owner, &predecessor, floating_ips);
    let kept = load_balancer.tags.iter().filter(|tag| **tag != predecessor.uid_tag()).cloned();
    let tags = kept.chain(owner.tags()).collect();
    steps.push(put_tags(load_balancer, tags));
    Plan { steps, ..Plan::default() }
}

fn retag(load_balancer: &ObservedLoadBalancer, tags: BTreeSet<String>) -> Option<Step> {
    (tags != load_balancer.tags).then(|| put_tags(load_balancer, tags))
}

fn put_tags(load_balancer: &ObservedLoadBalancer, tags: BTreeSet<String>) -> Step {
    let mut patch = Patch::default();
    patch.set("tags", json!(load_balancer.tags), json!(tags));
    let call = Call::UpdateLoadBalancer { id: load_balancer.id.clone(), body: patch.body };
    Step { changes: patch.changes, ..Step::new(Kind::LoadBalancer, &load_balancer.name, call) }
}
