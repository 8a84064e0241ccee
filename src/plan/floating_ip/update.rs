//! The plan for the floating IP of a load balancer that exists.

use super::acquire::{acquire, find};
use super::release::{release, retains};
use super::replace::Replacement;
use super::rivals::{in_the_way, in_use, step_back};
use super::vip::VipTarget;
use crate::model::{Desired, FloatingIp, ObservedFloatingIp, ObservedTree, Owner, Ownership, Plan, Step};

type Owned<'a> = (&'a ObservedFloatingIp, Ownership);

/// Steps, held back steps and problems of the floating IP.
pub(in crate::plan) fn update(desired: &Desired, tree: &ObservedTree) -> Plan {
    let Some(vip) = VipTarget::of(&tree.load_balancer) else { return Plan::default() };
    let owner = &desired.owner;
    let kept = find(desired, &vip, &tree.floating_ips);
    let (foreign, obsolete) = others(desired, kept, tree);
    let Some(want) = &desired.floating_ip else {
        return Plan { steps: release_all(owner, &vip, &obsolete), ..Plan::default() };
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
        steps.extend(release_all(owner, &vip, &obsolete));
        return Plan { steps, ..Plan::default() };
    }
    let mut replacement = Replacement { owner, desired: want, observed: kept, vip: &vip, blocking }.steps();
    let released = release_all(owner, &vip, &idle);
    if desired.allow_interruption {
        replacement.extend(released);
        Plan { steps: replacement, ..Plan::default() }
    } else {
        Plan { steps: released, held_back: replacement, problems: Vec::new() }
    }
}

/// All floating IPs but the desired one: those of other clients, and the stack's, which are obsolete.
fn others<'a>(
    desired: &Desired,
    kept: Option<&ObservedFloatingIp>,
    tree: &'a ObservedTree,
) -> (Vec<Owned<'a>>, Vec<Owned<'a>>) {
    let desired_id = match &desired.floating_ip {
        Some(FloatingIp::Existing { id }) => Some(id),
        _ => kept.map(|kept| &kept.id),
    };
    let others = tree.floating_ips.iter().filter(|one| Some(&one.id) != desired_id);
    let owned = others.map(|one| (one, Ownership::between(&desired.owner, one)));
    owned.partition(|(_, ownership)| *ownership == Ownership::Foreign)
}

fn release_all(owner: &Owner, vip: &VipTarget<'_>, obsolete: &[Owned<'_>]) -> Vec<Step> {
    let release = |(one, ownership): &Owned<'_>| release(owner, one, *ownership, retains(one), Some(vip));
    obsolete.iter().flat_map(release).collect()
}
