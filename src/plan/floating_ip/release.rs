//! Release of floating IPs: deleted, retained, given back, orphaned, or handed over in a takeover.

use super::calls::{self, RETAIN, describe, set_tag, update};
use super::vip::VipTarget;
use crate::model::{ObservedFloatingIp, ObservedLoadBalancer, Owner, Ownership, Step};

/// Releases one floating IP: deletes it or retains it without owner tags if the stack created it, gives it back if it
/// is borrowed.
pub(super) fn release(
    owner: &Owner,
    observed: &ObservedFloatingIp,
    ownership: Ownership,
    retain: bool,
    vip: Option<&VipTarget<'_>>,
) -> Vec<Step> {
    match ownership {
        Ownership::Created if retain => {
            let unassociate = update(observed, cleared_description(owner, observed), None);
            unassociate.into_iter().chain(drop_created_tag(owner, observed)).collect()
        }
        Ownership::Created => vec![calls::delete(observed)],
        Ownership::Borrowed => {
            let on_vip = vip.is_some_and(|vip| vip.has(observed));
            let unassociate = if on_vip { update(observed, None, None) } else { None };
            unassociate.into_iter().chain([drop_uid_tag(owner, observed)]).collect()
        }
        Ownership::Foreign => Vec::new(),
    }
}

/// The description without the owner; words of another client stay.
pub(super) fn cleared_description<'a>(owner: &Owner, observed: &ObservedFloatingIp) -> Option<&'a str> {
    (observed.description == owner.owner_description()).then_some("")
}

/// Takes the tag of its creator off. [`RETAIN`] stays: without it the next reconcile would delete a floating IP that is
/// released in part.
pub(super) fn drop_created_tag(owner: &Owner, observed: &ObservedFloatingIp) -> Option<Step> {
    let tag = owner.created_tag();
    observed.tags.contains(&tag).then(|| set_tag(observed, &tag, false))
}

fn drop_uid_tag(owner: &Owner, observed: &ObservedFloatingIp) -> Step {
    set_tag(observed, &owner.uid_tag(), false)
}

pub(super) fn retains(observed: &ObservedFloatingIp) -> bool {
    observed.tags.contains(RETAIN)
}

/// Gives borrowed floating IPs back before the load balancer goes: one on a port of the user's would lead to that port
/// for ever, since the port outlives the load balancer. Another stack that waits for it need not wait for Octavia.
pub(in crate::plan) fn give_back(
    owner: &Owner,
    load_balancer: &ObservedLoadBalancer,
    observed: &[ObservedFloatingIp],
) -> Vec<Step> {
    let vip = VipTarget::of(load_balancer);
    let borrowed = observed.iter().filter(|one| Ownership::between(owner, one) == Ownership::Borrowed);
    borrowed.flat_map(|one| release(owner, one, Ownership::Borrowed, true, vip.as_ref())).collect()
}

/// Releases the floating IPs that the stack created, when it goes with its load balancer. `borrowed`: also those that
/// it borrows, because no load balancer is there any more to give them back before.
pub(in crate::plan) fn delete(
    owner: &Owner,
    retain: bool,
    borrowed: bool,
    observed: &[ObservedFloatingIp],
) -> Vec<Step> {
    let owned = observed.iter().map(|one| (one, Ownership::between(owner, one)));
    let released = owned.filter(|(_, ownership)| borrowed || *ownership != Ownership::Borrowed);
    released.flat_map(|(one, ownership)| release(owner, one, ownership, retain || retains(one), None)).collect()
}

/// Takes over the floating IPs that the predecessor created or borrowed. A created one never carries the tags of both
/// stacks at once: such a floating IP would belong to neither.
pub(in crate::plan) fn take_over(owner: &Owner, predecessor: &Owner, observed: &[ObservedFloatingIp]) -> Vec<Step> {
    let take_over = |one: &ObservedFloatingIp| match Ownership::between(predecessor, one) {
        Ownership::Created => {
            let description = owner.owner_description();
            let describe = (one.description != description).then(|| describe(one, &description));
            let tag = (!one.untaggable).then(|| set_tag(one, &owner.created_tag(), true));
            describe.into_iter().chain(drop_created_tag(predecessor, one)).chain(tag).collect()
        }
        Ownership::Borrowed => vec![set_tag(one, &owner.uid_tag(), true), drop_uid_tag(predecessor, one)],
        Ownership::Foreign => Vec::new(),
    };
    observed.iter().flat_map(take_over).collect()
}

/// The floating IPs as they are once [`take_over`] is done.
pub(in crate::plan) fn taken_over(
    owner: &Owner,
    predecessor: &Owner,
    observed: &[ObservedFloatingIp],
) -> Vec<ObservedFloatingIp> {
    let swapped = |one: &ObservedFloatingIp, old: String, new: String| {
        let kept = one.tags.iter().filter(|tag| **tag != old).cloned();
        kept.chain((!one.untaggable).then_some(new)).collect()
    };
    let taken_over = |one: &ObservedFloatingIp| match Ownership::between(predecessor, one) {
        Ownership::Created => {
            let tags = swapped(one, predecessor.created_tag(), owner.created_tag());
            ObservedFloatingIp { description: owner.owner_description(), tags, ..one.clone() }
        }
        Ownership::Borrowed => {
            let tags = swapped(one, predecessor.uid_tag(), owner.uid_tag());
            ObservedFloatingIp { tags, ..one.clone() }
        }
        Ownership::Foreign => one.clone(),
    };
    observed.iter().map(taken_over).collect()
}

/// Takes the owner tag off borrowed floating IPs, when the stack goes and the load balancer stays.
pub(in crate::plan) fn orphan_borrowed(owner: &Owner, observed: &[ObservedFloatingIp]) -> Vec<Step> {
    let borrowed = observed.iter().filter(|one| Ownership::between(owner, one) == Ownership::Borrowed);
    borrowed.map(|one| drop_uid_tag(owner, one)).collect()
}

/// The same for created ones: each stays where it is.
pub(in crate::plan) fn orphan_created(owner: &Owner, observed: &[ObservedFloatingIp]) -> Vec<Step> {
    let orphan = |one: &ObservedFloatingIp| {
        // The creator's tag last: without it the floating IP would not be found again.
        let retain = retains(one).then(|| set_tag(one, RETAIN, false));
        let described = cleared_description(owner, one).map(|text| describe(one, text));
        retain.into_iter().chain(described).chain(drop_created_tag(owner, one))
    };
    observed.iter().filter(|one| Ownership::between(owner, one) == Ownership::Created).flat_map(orphan).collect()
}
