//! Floating IPs that somebody else has.

use super::{Vip, edit_tag};
use crate::model::{
    Desired, FloatingIp, ObservedFloatingIp, Owner, Ownership, Problem, ProblemReason, Rival, Step, rival,
};

/// The existing one that a load balancer not made yet would ask for in vain.
pub fn floating_ip_in_use(desired: &Desired, seen: &[ObservedFloatingIp]) -> Option<Problem> {
    let Some(FloatingIp::Existing { id }) = &desired.floating_ip else { return None };
    let wanted = seen.iter().find(|seen| seen.id == *id)?;
    taken(&desired.owner, Vip::to_be(&desired.load_balancer).as_ref(), wanted)
}

/// Somebody else's is used only while nobody else uses it. One that this stack made or borrowed before is fetched back.
pub(super) fn taken(owner: &Owner, vip: Option<&Vip<'_>>, seen: &ObservedFloatingIp) -> Option<Problem> {
    let (on_vip, tie) = (vip.is_some_and(|vip| vip.has(seen)), Ownership::between(owner, seen));
    if tie == Ownership::Created || on_vip && tie == Ownership::Borrowed {
        return None;
    }
    let why = match rival(owner, seen) {
        Some(rival) if !goes_before(owner, tie, &rival, seen) => belongs_to(&rival, seen),
        Some(_) => return None,
        None => {
            let elsewhere = seen.port_id.as_ref().filter(|_| tie == Ownership::Foreign && !on_vip)?;
            format!("already leads to port {elsewhere}. Disassociate it first, or name another one")
        }
    };
    let message = format!("floating IP {} ({}) {why}", seen.floating_ip_address, seen.id);
    let problem = Problem::new("spec.loadBalancer.floatingIP.existing", ProblemReason::ResourceConflict, message);
    Some(problem.about_floating_ip(&seen.id))
}

/// Stacks that saw it free at the same time have all tagged it. The one whose UID is first has it, unless it leads to
/// the VIP of another one by now. Each of them decides alike, and every other one takes its tag off.
fn goes_before(owner: &Owner, tie: Ownership, rival: &Rival, seen: &ObservedFloatingIp) -> bool {
    tie == Ownership::Borrowed && rival.tie == Ownership::Borrowed && seen.port_id.is_none() && owner.uid < rival.uid
}

/// The tag of a stack that another one went before.
pub(super) fn step_back(owner: &Owner, seen: &ObservedFloatingIp) -> Option<Step> {
    (Ownership::between(owner, seen) == Ownership::Borrowed).then(|| edit_tag(seen, &owner.uid_tag(), false))
}

fn belongs_to(rival: &Rival, seen: &ObservedFloatingIp) -> String {
    match &seen.holder {
        Some(stack) => format!(
            "belongs to {stack} ({rival}). It is taken within seconds once that stack gives it up; or name another one"
        ),
        None => format!(
            "belongs to {rival}, a stack without a load balancer in this project. Name another one, or let that stack \
             give it up first; if there is no such stack any more, clear the description of the floating IP and take its \
             tags evenkeel:* off"
        ),
    }
}

pub(super) fn in_the_way(vip: &Vip<'_>, foreign: &ObservedFloatingIp) -> Problem {
    let message = format!(
        "floating IP {} ({}), which this stack did not make, already leads to {}. Disassociate it, or name it under \
         floatingIP.existing",
        foreign.floating_ip_address,
        foreign.id,
        vip.address.as_deref().unwrap_or(vip.port)
    );
    Problem::new("spec.loadBalancer.floatingIP", ProblemReason::ResourceConflict, message)
        .about_floating_ip(&foreign.id)
}
