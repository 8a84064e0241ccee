//! The floating IP: Neutron's, not Octavia's. Its marks are those of [`claims`](crate::model): two for one that the stack
//! made, a tag for one that it borrows.
//!
//! None can be moved to another network, subnet or address: another one takes its place.
//!
//! A retained one carries the tag [`RETAIN`] from the day it is made: once the stack no longer has the section, nothing
//! else remembers that it was to be kept.

mod leave;
mod rivals;

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::diff::{Patch, add_some, object};
use super::step::Target;
use crate::model::{
    Body, Call, Change, Desired, FloatingIp, Impact, Kind, LoadBalancer, ObservedFloatingIp, ObservedLoadBalancer,
    ObservedTree, Owner, Ownership, Plan, Step, StepReason,
};

use leave::{cleared, release, retains, unmark};
pub(super) use leave::{delete, forget_borrowed, forget_made, give_back, inherit};
pub use rivals::floating_ip_in_use;
use rivals::{in_the_way, step_back, taken};

/// On a floating IP of ours that is kept when the stack no longer wants it.
pub const RETAIN: &str = "evenkeel:reclaim-policy=Retain";

/// The end of the VIP that a floating IP leads to.
struct Vip<'a> {
    port: &'a str,
    /// Which of the port's addresses; a floating IP leads to an IPv4 one.
    address: Option<String>,
}

impl<'a> Vip<'a> {
    fn of(load_balancer: &'a ObservedLoadBalancer) -> Option<Self> {
        let additional = load_balancer.additional_vips.iter().filter_map(|vip| vip.ip_address.as_deref());
        let mut addresses = load_balancer.vip_address.as_deref().into_iter().chain(additional);
        let address = addresses.find(|address| address.parse::<Ipv4Addr>().is_ok()).map(str::to_owned);
        Some(Self { port: load_balancer.vip_port_id.as_deref()?, address })
    }

    /// Of a load balancer that is not made yet: only a port of the user's own is known before.
    fn to_be(load_balancer: &'a LoadBalancer) -> Option<Self> {
        let address = load_balancer.vip.address.clone().filter(|address| address.parse::<Ipv4Addr>().is_ok());
        Some(Self { port: load_balancer.vip.port_id.as_deref()?, address })
    }

    fn has(&self, floating_ip: &ObservedFloatingIp) -> bool {
        floating_ip.port_id.as_deref() == Some(self.port)
            && (floating_ip.fixed_ip_address.is_none()
                || self.address.is_none()
                || floating_ip.fixed_ip_address == self.address)
    }

    fn fields(&self) -> Body {
        let mut body = object([("port_id", json!(self.port))]);
        add_some(&mut body, [("fixed_ip_address", self.address.as_ref().map(|a| json!(a)))]);
        body
    }
}

/// Steps, held steps and problems for the floating IP of a load balancer that is there.
pub(super) fn change(desired: &Desired, tree: &ObservedTree) -> Plan {
    let Some(vip) = Vip::of(&tree.load_balancer) else { return Plan::default() };
    let owner = &desired.owner;
    let keep = desired.floating_ip.as_ref().and_then(|want| find(owner, &vip, want, &tree.floating_ips));
    let is_kept = |seen: &ObservedFloatingIp| keep.is_some_and(|keep| keep.id == seen.id);
    let wanted_id = match &desired.floating_ip {
        Some(FloatingIp::Existing { id }) => Some(id),
        _ => None,
    };
    let others = || tree.floating_ips.iter().filter(|seen| !is_kept(seen) && Some(&seen.id) != wanted_id);
    let leaving: Vec<(&ObservedFloatingIp, Ownership)> = others()
        .map(|seen| (seen, Ownership::between(owner, seen)))
        .filter(|(_, tie)| *tie != Ownership::Foreign)
        .collect();
    let let_go = || leaving.iter().flat_map(|(seen, tie)| release(owner, seen, *tie, retains(seen), Some(&vip)));
    let Some(want) = &desired.floating_ip else {
        return Plan { steps: let_go().collect(), ..Plan::default() };
    };
    if let Some(refusal) = keep.and_then(|keep| taken(owner, Some(&vip), keep)) {
        let steps = keep.and_then(|keep| step_back(owner, keep)).into_iter().collect();
        return Plan { steps, problems: vec![refusal], ..Plan::default() };
    }
    let settled = keep.is_some_and(|keep| vip.has(keep));
    if !settled
        && let Some(foreign) = others().find(|s| vip.has(s) && Ownership::between(owner, s) == Ownership::Foreign)
    {
        return Plan { problems: vec![in_the_way(&vip, foreign)], ..Plan::default() };
    }
    let (blocking, idle): (Vec<_>, Vec<_>) = leaving.iter().partition(|(seen, _)| !settled && vip.has(seen));
    if blocking.is_empty() {
        let steps = bring(owner, want, keep, &vip).into_iter().chain(let_go()).collect();
        return Plan { steps, ..Plan::default() };
    }
    let replace = replace(owner, want, keep, &vip, &blocking);
    let idle = idle.iter().flat_map(|(s, tie)| release(owner, s, *tie, retains(s), Some(&vip)));
    if desired.allow_interruption {
        Plan { steps: replace.into_iter().chain(idle).collect(), ..Plan::default() }
    } else {
        Plan { steps: idle.collect(), held_back: replace, problems: Vec::new() }
    }
}

/// The one that serves the stack: of ours the one on the VIP, else the first.
fn find<'a>(
    owner: &Owner,
    vip: &Vip<'_>,
    want: &FloatingIp,
    seen: &'a [ObservedFloatingIp],
) -> Option<&'a ObservedFloatingIp> {
    match want {
        FloatingIp::Existing { id } => seen.iter().find(|seen| seen.id == *id),
        FloatingIp::Allocate { .. } => seen
            .iter()
            .filter(|seen| Ownership::between(owner, seen) == Ownership::Created && suits(want, seen))
            .min_by_key(|seen| (!vip.has(seen), &seen.id)),
    }
}

/// Whether this one could have come of what is asked for.
fn suits(want: &FloatingIp, seen: &ObservedFloatingIp) -> bool {
    match want {
        FloatingIp::Existing { id } => seen.id == *id,
        FloatingIp::Allocate { network_id, subnet, address, retain: _ } => {
            let own = seen.floating_ip_address.parse::<IpAddr>();
            seen.floating_network_id == *network_id
                && address.as_ref().is_none_or(|want| same_address(want, &seen.floating_ip_address))
                && subnet.as_ref().is_none_or(|subnet| own.is_ok_and(|own| subnet.cidr.contains(&own)))
        }
    }
}

fn same_address(one: &str, other: &str) -> bool {
    one == other || one.parse::<IpAddr>().is_ok_and(|one| other.parse() == Ok(one))
}

/// The wanted one comes to the VIP, where nothing is in its way.
fn bring(owner: &Owner, want: &FloatingIp, keep: Option<&ObservedFloatingIp>, vip: &Vip<'_>) -> Vec<Step> {
    match (want, keep) {
        (FloatingIp::Allocate { retain, .. }, None) => allocate(owner, want, *retain, Some(vip)),
        (FloatingIp::Existing { id }, None) => {
            let associate = Call::UpdateFloatingIp { id: id.clone(), body: vip.fields(), revision: None };
            let change = Change { field: "port_id".to_owned(), was: Value::Null, want: json!(vip.port) };
            let step = Step { changes: vec![change], ..Step::new(Kind::FloatingIp, id, associate) };
            vec![tag(id, id, &owner.uid_tag(), true), step]
        }
        (_, Some(seen)) => {
            // One that the stack once made and now only uses: with the marks it would be deleted one day.
            let once_made = if let FloatingIp::Existing { .. } = want { unmark(owner, seen) } else { None };
            let mark = described(owner, want, seen);
            let steps = claim(owner, want, seen).into_iter().chain(update(seen, mark.as_deref(), Some(vip)));
            steps.chain(once_made).collect()
        }
    }
}

/// The description that one which is there should have, if it is the stack's business.
fn described(owner: &Owner, want: &FloatingIp, seen: &ObservedFloatingIp) -> Option<String> {
    match want {
        FloatingIp::Allocate { .. } => Some(owner.owner_description()),
        FloatingIp::Existing { .. } => cleared(owner, seen).map(str::to_owned),
    }
}

/// `vip: None`: for later; Neutron refuses a second one on the same address (409).
fn allocate(owner: &Owner, want: &FloatingIp, retain: bool, vip: Option<&Vip<'_>>) -> Vec<Step> {
    let FloatingIp::Allocate { network_id, subnet, address, retain: _ } = want else { return Vec::new() };
    let mut body = vip.map(Vip::fields).unwrap_or_default();
    body.extend(object([
        ("floating_network_id", json!(network_id)),
        ("description", json!(owner.owner_description())),
    ]));
    add_some(
        &mut body,
        [
            ("subnet_id", subnet.as_ref().map(|subnet| json!(subnet.id))),
            ("floating_ip_address", address.as_ref().map(|a| json!(a))),
        ],
    );
    let name = address.as_deref().unwrap_or("new");
    let target = Target::pending(Kind::FloatingIp, name);
    let create = Step::new(Kind::FloatingIp, name, Call::CreateFloatingIp { body });
    let tags = retain.then(|| RETAIN.to_owned()).into_iter().chain([owner.created_tag()]);
    let tags = tags.map(|text| tag(name, &target.id, &text, true).after(&target));
    std::iter::once(create).chain(tags).collect()
}

/// One `PUT` of what differs.
fn update(seen: &ObservedFloatingIp, description: Option<&str>, vip: Option<&Vip<'_>>) -> Option<Step> {
    let mut edit = Patch::default();
    if let Some(want) = description.filter(|want| *want != seen.description) {
        edit.set("description", json!(seen.description), json!(want));
    }
    match vip {
        Some(vip) if !vip.has(seen) => {
            edit.set("port_id", json!(seen.port_id), json!(vip.port));
            edit.body.extend(vip.fields());
        }
        None if seen.port_id.is_some() => edit.set("port_id", json!(seen.port_id), Value::Null),
        _ => {}
    }
    (!edit.is_empty()).then(|| put(seen, edit))
}

/// Another mark; the address stays where it is.
fn describe(seen: &ObservedFloatingIp, description: &str) -> Step {
    let mut edit = Patch::default();
    edit.set("description", json!(seen.description), json!(description));
    put(seen, edit)
}

fn put(seen: &ObservedFloatingIp, edit: Patch) -> Step {
    let impact =
        if edit.change("port_id").is_some_and(|c| c.want.is_null()) { Impact::Interrupts } else { Impact::None };
    let call = Call::UpdateFloatingIp { id: seen.id.clone(), body: edit.body, revision: seen.revision };
    Step { changes: edit.changes, ..Step::new(Kind::FloatingIp, &seen.floating_ip_address, call) }.impact(impact)
}

fn edit_tag(seen: &ObservedFloatingIp, text: &str, present: bool) -> Step {
    tag(&seen.floating_ip_address, &seen.id, text, present)
}

fn tag(name: &str, id: &str, tag: &str, present: bool) -> Step {
    let (was, want) = if present { (Value::Null, json!(tag)) } else { (json!(tag), Value::Null) };
    let call = Call::TagFloatingIp { id: id.to_owned(), tag: tag.to_owned(), present };
    let changes = vec![Change { field: "tags".to_owned(), was, want }];
    Step { changes, ..Step::new(Kind::FloatingIp, name, call) }
}

/// The tags that one which is there should have, or not: that the stack made it and that it is to be kept, or that the
/// stack uses it.
fn claim(owner: &Owner, want: &FloatingIp, seen: &ObservedFloatingIp) -> Vec<Step> {
    let tags = match want {
        FloatingIp::Allocate { retain, .. } => {
            let made = (!seen.untaggable).then(|| (owner.created_tag(), true));
            [(RETAIN.to_owned(), *retain)].into_iter().chain(made).collect()
        }
        FloatingIp::Existing { .. } => vec![(owner.uid_tag(), true)],
    };
    let differ = tags.into_iter().filter(|(text, present)| *present != seen.tags.contains(text));
    differ.map(|(text, present)| edit_tag(seen, &text, present)).collect()
}

/// The old one holds the address. The new one is got first, then the address changes hands in two writes, and only
/// then is the old one given up. Of two external networks each may have one on the same address (`neutron/db/l3_db.py`,
/// `_check_and_get_fip_assoc`): then the old one serves until the new one does.
fn replace(
    owner: &Owner,
    want: &FloatingIp,
    keep: Option<&ObservedFloatingIp>,
    vip: &Vip<'_>,
    blocking: &[&(&ObservedFloatingIp, Ownership)],
) -> Vec<Step> {
    let steps = if blocking.iter().all(|(seen, _)| is_beside(want, keep, seen)) {
        let go = blocking.iter().flat_map(|(seen, tie)| release(owner, seen, *tie, retains(seen), Some(vip)));
        bring(owner, want, keep, vip).into_iter().chain(go).collect()
    } else {
        exchange(owner, want, keep, vip, blocking)
    };
    steps.into_iter().map(|step| step.because(StepReason::Replace)).collect()
}

fn is_beside(want: &FloatingIp, keep: Option<&ObservedFloatingIp>, old: &ObservedFloatingIp) -> bool {
    let network = match (want, keep) {
        (FloatingIp::Allocate { network_id, .. }, _) => Some(network_id),
        (FloatingIp::Existing { .. }, keep) => keep.map(|keep| &keep.floating_network_id),
    };
    network.is_some_and(|network| *network != old.floating_network_id)
}

fn exchange(
    owner: &Owner,
    want: &FloatingIp,
    keep: Option<&ObservedFloatingIp>,
    vip: &Vip<'_>,
    blocking: &[&(&ObservedFloatingIp, Ownership)],
) -> Vec<Step> {
    let mut steps = Vec::new();
    let (target, name) = match (want, keep) {
        (FloatingIp::Allocate { retain, address, .. }, None) => {
            let name = address.as_deref().unwrap_or("new");
            steps.extend(allocate(owner, want, *retain, None));
            (Target::pending(Kind::FloatingIp, name), name)
        }
        (FloatingIp::Existing { id }, None) => {
            steps.push(tag(id, id, &owner.uid_tag(), true));
            (Target::existing(id), id.as_str())
        }
        (_, Some(seen)) => {
            steps.extend(claim(owner, want, seen));
            (Target::existing(&seen.id), seen.floating_ip_address.as_str())
        }
    };
    steps.extend(blocking.iter().filter_map(|(seen, _)| update(seen, None, None)));
    let mut associate = Patch::default();
    associate.set("port_id", json!(keep.and_then(|k| k.port_id.as_ref())), json!(vip.port));
    associate.body.extend(vip.fields());
    if let Some(seen) = keep
        && let Some(mark) = described(owner, want, seen).filter(|mark| *mark != seen.description)
    {
        associate.set("description", json!(seen.description), json!(mark));
    }
    let call = Call::UpdateFloatingIp {
        id: target.id.clone(),
        body: associate.body,
        revision: keep.and_then(|keep| keep.revision),
    };
    steps.push(Step { changes: associate.changes, ..Step::new(Kind::FloatingIp, name, call) }.after(&target));
    if let (FloatingIp::Existing { .. }, Some(seen)) = (want, keep) {
        steps.extend(unmark(owner, seen));
    }
    let given_up = |seen: &ObservedFloatingIp| ObservedFloatingIp { port_id: None, ..seen.clone() };
    for (seen, tie) in blocking {
        steps.extend(release(owner, &given_up(seen), *tie, retains(seen), Some(vip)));
    }
    steps
}
