//! Floating IPs that another client uses.

use super::calls::set_tag;
use super::vip::VipTarget;
use crate::model::{
    Desired, FloatingIp, ObservedFloatingIp, Owner, Ownership, Problem, ProblemReason, Rival, Step, rival,
};

/// The problem of an existing floating IP that a load balancer to be created could not get.
pub fn floating_ip_in_use(desired: &Desired, observed: &[ObservedFloatingIp]) -> Option<Problem> {
    let Some(FloatingIp::Existing { id }) = &desired.floating_ip else { return None };
    let wanted = observed.iter().find(|one| one.id == *id)?;
    in_use(&desired.owner, VipTarget::expected(&desired.load_balancer).as_ref(), wanted)
}

/// The problem of a floating IP that another client uses: a foreign one is borrowed only while it is unassociated. One
/// that this stack created or borrowed before is fetched back.
pub(super) fn in_use(owner: &Owner, vip: Option<&VipTarget<'_>>, observed: &ObservedFloatingIp) -> Option<Problem> {
    let on_vip = vip.is_some_and(|vip| vip.has(observed));
    let ownership = Ownership::between(owner, observed);
    if ownership == Ownership::Created || on_vip && ownership == Ownership::Borrowed {
        return None;
    }
    let cause = match rival(owner, observed) {
        Some(rival) if !goes_before(owner, ownership, &rival, observed) => belongs_to(&rival, observed),
        Some(_) => return None,
        None => {
            let elsewhere = observed.port_id.as_ref().filter(|_| ownership == Ownership::Foreign && !on_vip)?;
            format!("already leads to port {elsewhere}. Disassociate it first, or name another one")
        }
    };
    let message = format!("floating IP {} ({}) {cause}", observed.floating_ip_address, observed.id);
    let problem = Problem::new("spec.loadBalancer.floatingIP.existing", ProblemReason::ResourceConflict, message);
    Some(problem.about_floating_ip(&observed.id))
}

/// True if this stack goes before a rival. Stacks that saw the floating IP free at the same time have all tagged it.
/// The one with the first UID gets it, unless it leads to the VIP of another one by now. Each of them decides alike,
/// and every other one takes its tag off.
fn goes_before(owner: &Owner, ownership: Ownership, rival: &Rival, observed: &ObservedFloatingIp) -> bool {
    let both_borrow = ownership == Ownership::Borrowed && rival.ownership == Ownership::Borrowed;
    both_borrow && observed.port_id.is_none() && owner.uid < rival.uid
}

/// Takes off the tag of a stack that another one goes before.
pub(super) fn step_back(owner: &Owner, observed: &ObservedFloatingIp) -> Option<Step> {
    let borrows = Ownership::between(owner, observed) == Ownership::Borrowed;
    borrows.then(|| set_tag(observed, &owner.uid_tag(), false))
}

fn belongs_to(rival: &Rival, observed: &ObservedFloatingIp) -> String {
    match &observed.holder {
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

pub(super) fn in_the_way(vip: &VipTarget<'_>, foreign: &ObservedFloatingIp) -> Problem {
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
