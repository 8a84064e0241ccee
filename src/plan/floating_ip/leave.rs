//! Letting floating IPs go, and handing them to a successor.

use super::{RETAIN, Vip, describe, edit_tag, update};
use crate::model::{Call, Impact, Kind, ObservedFloatingIp, ObservedLoadBalancer, Owner, Ownership, Step};

/// Deleted, kept without our marks, or given back.
pub(super) fn release(
    owner: &Owner,
    seen: &ObservedFloatingIp,
    tie: Ownership,
    retain: bool,
    vip: Option<&Vip<'_>>,
) -> Vec<Step> {
    let cut = if seen.port_id.is_some() { Impact::Interrupts } else { Impact::None };
    match tie {
        Ownership::Created if retain => {
            let leave = update(seen, cleared(owner, seen), None);
            leave.into_iter().chain(unmark(owner, seen)).collect()
        }
        Ownership::Created => {
            let call = Call::DeleteFloatingIp { id: seen.id.clone() };
            vec![Step::new(Kind::FloatingIp, &seen.floating_ip_address, call).impact(cut)]
        }
        Ownership::Borrowed => {
            let on_vip = vip.is_some_and(|vip| vip.has(seen));
            let leave = if on_vip { update(seen, None, None) } else { None };
            leave.into_iter().chain([untag(owner, seen)]).collect()
        }
        Ownership::Foreign => Vec::new(),
    }
}

/// The description without our mark; words of somebody else stay.
pub(super) fn cleared<'a>(owner: &Owner, seen: &ObservedFloatingIp) -> Option<&'a str> {
    (seen.description == owner.owner_description()).then_some("")
}

/// The tag of one that was made. [`RETAIN`] stays: without it the next pass would delete what is half forgotten.
pub(super) fn unmark(owner: &Owner, seen: &ObservedFloatingIp) -> Option<Step> {
    let tag = owner.created_tag();
    seen.tags.contains(&tag).then(|| edit_tag(seen, &tag, false))
}

fn untag(owner: &Owner, seen: &ObservedFloatingIp) -> Step {
    edit_tag(seen, &owner.uid_tag(), false)
}

pub(super) fn retains(seen: &ObservedFloatingIp) -> bool {
    seen.tags.contains(RETAIN)
}

/// Before the load balancer goes: a borrowed one would go on leading to the VIP, where that is a port of the user's,
/// which outlives everything. Whoever waits for it need not wait for Octavia.
pub(in crate::plan) fn give_back(
    owner: &Owner,
    load_balancer: &ObservedLoadBalancer,
    seen: &[ObservedFloatingIp],
) -> Vec<Step> {
    let vip = Vip::of(load_balancer);
    let borrowed = seen.iter().filter(|seen| Ownership::between(owner, seen) == Ownership::Borrowed);
    borrowed.flat_map(|seen| release(owner, seen, Ownership::Borrowed, true, vip.as_ref())).collect()
}

/// When the stack goes with its load balancer: what it made. `borrowed`: what it borrowed, too, because no load balancer
/// is there to give that back before.
pub(in crate::plan) fn delete(owner: &Owner, retain: bool, borrowed: bool, seen: &[ObservedFloatingIp]) -> Vec<Step> {
    let tied = seen.iter().map(|seen| (seen, Ownership::between(owner, seen)));
    let leaving = tied.filter(|(_, tie)| borrowed || *tie != Ownership::Borrowed);
    leaving.flat_map(|(seen, tie)| release(owner, seen, tie, retain || retains(seen), None)).collect()
}

/// What a dead predecessor made or borrowed becomes the owner's. Of one that was made, one mark at a time is never both
/// stacks': such a one would be nobody's.
pub(in crate::plan) fn inherit(owner: &Owner, predecessor: &Owner, seen: &[ObservedFloatingIp]) -> Vec<Step> {
    let inherit = |seen: &ObservedFloatingIp| match Ownership::between(predecessor, seen) {
        Ownership::Created => {
            let mark = owner.owner_description();
            let describe = (seen.description != mark).then(|| describe(seen, &mark));
            let ours = (!seen.untaggable).then(|| edit_tag(seen, &owner.created_tag(), true));
            describe.into_iter().chain(unmark(predecessor, seen)).chain(ours).collect()
        }
        Ownership::Borrowed => vec![edit_tag(seen, &owner.uid_tag(), true), untag(predecessor, seen)],
        Ownership::Foreign => Vec::new(),
    };
    seen.iter().flat_map(inherit).collect()
}

/// When the stack goes and the load balancer stays: what was only used bears no tag of ours any more.
pub(in crate::plan) fn forget_borrowed(owner: &Owner, seen: &[ObservedFloatingIp]) -> Vec<Step> {
    seen.iter()
        .filter(|seen| Ownership::between(owner, seen) == Ownership::Borrowed)
        .map(|seen| untag(owner, seen))
        .collect()
}

/// The same of what was made: the address stays where it is.
pub(in crate::plan) fn forget_made(owner: &Owner, seen: &[ObservedFloatingIp]) -> Vec<Step> {
    let forget = |seen: &ObservedFloatingIp| {
        // The marks last: without them it would not be found again.
        let kept = retains(seen).then(|| edit_tag(seen, RETAIN, false));
        let described = cleared(owner, seen).map(|text| describe(seen, text));
        kept.into_iter().chain(described).chain(unmark(owner, seen))
    };
    seen.iter().filter(|seen| Ownership::between(owner, seen) == Ownership::Created).flat_map(forget).collect()
}
