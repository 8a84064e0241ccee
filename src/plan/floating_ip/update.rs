//! The plan for the floating IP of a load balancer that exists.

use super::acquire::{acquire, find};
use super::release::{release, retains};
use super::replace::Replacement;
use super::rivals::{in_the_way, in_use, step_back};
use super::vip::Vip;
use crate::model::{Desired, FloatingIp, ObservedFloatingIp, ObservedTree, Ownership, Plan};

/// Steps, held back steps and problems.
pub(in crate::plan) fn update(desired: &Desired, tree: &ObservedTree) -> Plan {
    let Some(vip) = Vip::of(&tree.load_balancer) else { return Plan::default() };
    let owner = &desired.owner;
    let kept = desired.floating_ip.as_ref().and_then(|want| find(owner, &vip, want, &tree.floating_ips));
    let desired_id = match &desired.floating_ip {
        Some(FloatingIp::Existing { id }) => Some(id),
        _ => kept.map(|kept| &kept.id),
    };
    let others: Vec<(&ObservedFloatingIp, Ownership)> = tree
        .floating_ips
        .iter()
        .filter(|one| Some(&one.id) != desired_id)
        .map(|one| (one, Ownership::between(owner, one)))
        .collect();
    let (foreign, obsolete): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(_, ownership)| *ownership == Ownership::Foreign);
    let release_all = |floating_ips: &[(&ObservedFloatingIp, Ownership)]| -> Vec<_> {
        let release = |(one, ownership): &(&ObservedFloatingIp, Ownership)| {
            release(owner, one, *ownership, retains(one), Some(&vip))
        };
        floating_ips.iter().flat_map(release).collect()
    };
    let Some(want) = &desired.floating_ip else {
        return Plan { steps: release_all(&obsolete), ..Plan::default() };
    };
    if let Some(kept) = kept
        && let Some(problem) = in_use(owner, Some(&vip), kept)
    {
        let steps = step_back(owner, kept).into_iter().collect();
        return Plan { steps, problems: vec![problem], ..Plan::default() };
    }
    let settled = kept.is_some_and(|kept| vip.has(kept));
    if !settled && let Some((foreign, _)) = foreign.iter().find(|(one, _)| vip.has(one)) {
        return Plan { problems: vec![in_the_way(&vip, foreign)], ..Plan::default() };
    }
    let (blocking, idle): (Vec<_>, Vec<_>) = obsolete.iter().partition(|(one, _)| !settled && vip.has(one));
    if blocking.is_empty() {
        let mut steps = acquire(owner, want, kept, &vip);
        steps.extend(release_all(&obsolete));
        return Plan { steps, ..Plan::default() };
    }
    let mut replace = Replacement { owner, desired: want, observed: kept, vip: &vip, blocking }.steps();
    let idle = release_all(&idle);
    if desired.allow_interruption {
        replace.extend(idle);
        Plan { steps: replace, ..Plan::default() }
    } else {
        Plan { steps: idle, held_back: replace, problems: Vec::new() }
    }
}
