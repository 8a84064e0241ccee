//! The floating IP: Neutron's, not Octavia's. One that we made carries our mark as its description, because Neutron
//! takes no tags in the POST; one that we borrowed carries our tag while it is in use.
//!
//! A retained one carries the tag [`RETAIN`] from the day it is made: once the stack no longer has the section, nothing
//! else remembers that it was to be kept.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::edit::{Edit, add_some, object};
use super::step::Target;
use super::{Body, Call, Change, Impact, Kind, Plan, Refusal, RefusalReason, Step, Why};
use crate::model::{Desired, FloatingIp, LoadBalancer, Owner, SeenFloatingIp, SeenLoadBalancer, Tree, other_user};

/// On a floating IP of ours that is kept when the stack no longer wants it.
pub const RETAIN: &str = "evenkeel:reclaim=Retain";

/// The end of the VIP that a floating IP leads to.
struct Vip<'a> {
    port: &'a str,
    /// Which of the port's addresses; a floating IP leads to an IPv4 one.
    address: Option<String>,
}

impl<'a> Vip<'a> {
    fn of(load_balancer: &'a SeenLoadBalancer) -> Option<Self> {
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

    fn has(&self, floating_ip: &SeenFloatingIp) -> bool {
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

/// What this floating IP is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    Made,
    Borrowed,
    Foreign,
}

fn tie(owner: &Owner, seen: &SeenFloatingIp) -> Tie {
    if seen.description == owner.floating_ip_mark() {
        Tie::Made
    } else if seen.tags.contains(&owner.uid_tag()) {
        Tie::Borrowed
    } else {
        Tie::Foreign
    }
}

/// Steps, held steps and refusals for the floating IP of a load balancer that is there.
pub(super) fn change(desired: &Desired, tree: &Tree) -> Plan {
    let Some(vip) = Vip::of(&tree.load_balancer) else { return Plan::default() };
    let owner = &desired.owner;
    let keep = desired.floating_ip.as_ref().and_then(|want| find(owner, &vip, want, &tree.floating_ips));
    let is_kept = |seen: &SeenFloatingIp| keep.is_some_and(|keep| keep.id == seen.id);
    let wanted_id = match &desired.floating_ip {
        Some(FloatingIp::Existing { id }) => Some(id),
        _ => None,
    };
    let others = || tree.floating_ips.iter().filter(|seen| !is_kept(seen) && Some(&seen.id) != wanted_id);
    let leaving: Vec<(&SeenFloatingIp, Tie)> =
        others().map(|seen| (seen, tie(owner, seen))).filter(|(_, tie)| *tie != Tie::Foreign).collect();
    let let_go = || leaving.iter().flat_map(|(seen, tie)| release(owner, seen, *tie, retains(seen), Some(&vip)));
    let Some(want) = &desired.floating_ip else {
        return Plan { steps: let_go().collect(), ..Plan::default() };
    };
    if let Some(refusal) = keep.and_then(|keep| taken(owner, Some(&vip), keep)) {
        return Plan { refusals: vec![refusal], ..Plan::default() };
    }
    let settled = keep.is_some_and(|keep| vip.has(keep));
    if !settled && let Some(foreign) = others().find(|s| vip.has(s) && tie(owner, s) == Tie::Foreign) {
        return Plan { refusals: vec![in_the_way(&vip, foreign)], ..Plan::default() };
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
        Plan { steps: idle.collect(), held: replace, refusals: Vec::new() }
    }
}

/// The one that serves the stack: of ours the one on the VIP, else the first.
fn find<'a>(owner: &Owner, vip: &Vip<'_>, want: &FloatingIp, seen: &'a [SeenFloatingIp]) -> Option<&'a SeenFloatingIp> {
    match want {
        FloatingIp::Existing { id } => seen.iter().find(|seen| seen.id == *id),
        FloatingIp::Allocate { network_id, subnet_id: _, address, retain: _ } => seen
            .iter()
            .filter(|seen| tie(owner, seen) == Tie::Made && seen.floating_network_id == *network_id)
            .filter(|seen| address.as_ref().is_none_or(|want| same_address(want, &seen.floating_ip_address)))
            .min_by_key(|seen| (!vip.has(seen), &seen.id)),
    }
}

fn same_address(one: &str, other: &str) -> bool {
    one == other || one.parse::<IpAddr>().is_ok_and(|one| other.parse() == Ok(one))
}

fn retains(seen: &SeenFloatingIp) -> bool {
    seen.tags.contains(RETAIN)
}

fn in_the_way(vip: &Vip<'_>, foreign: &SeenFloatingIp) -> Refusal {
    Refusal {
        reason: RefusalReason::ForeignChild,
        field: "spec.loadBalancer.floatingIP".to_owned(),
        message: format!(
            "floating IP {} ({}), which this stack did not make, already leads to {}. Disassociate it, or name it \
             under floatingIP.existing",
            foreign.floating_ip_address,
            foreign.id,
            vip.address.as_deref().unwrap_or(vip.port)
        ),
    }
}

/// The existing one that a load balancer not made yet would ask for in vain.
pub fn floating_ip_in_use(desired: &Desired, seen: &[SeenFloatingIp]) -> Option<Refusal> {
    let Some(FloatingIp::Existing { id }) = &desired.floating_ip else { return None };
    let wanted = seen.iter().find(|seen| seen.id == *id)?;
    taken(&desired.owner, Vip::to_be(&desired.load_balancer).as_ref(), wanted)
}

/// Somebody else's is used only while nobody else uses it. What we made or borrowed before is fetched back.
fn taken(owner: &Owner, vip: Option<&Vip<'_>>, seen: &SeenFloatingIp) -> Option<Refusal> {
    let on_vip = vip.is_some_and(|vip| vip.has(seen));
    let refusal = |message: String| Refusal {
        reason: RefusalReason::ForeignChild,
        field: "spec.loadBalancer.floatingIP.existing".to_owned(),
        message: format!("floating IP {} ({}) {message}", seen.floating_ip_address, seen.id),
    };
    if on_vip && tie(owner, seen) != Tie::Foreign {
        return None;
    }
    if let Some(other) = other_user(owner, seen) {
        return Some(refusal(format!(
            "belongs to {other}. Name another one, or let that stack give it up first; if there is no such stack any \
             more, clear the description of the floating IP and take its tags evenkeel:* off"
        )));
    }
    let elsewhere = seen.port_id.as_ref().filter(|_| tie(owner, seen) == Tie::Foreign && !on_vip)?;
    Some(refusal(format!("already leads to port {elsewhere}. Disassociate it first, or name another one")))
}

/// The wanted one comes to the VIP, where nothing is in its way.
fn bring(owner: &Owner, want: &FloatingIp, keep: Option<&SeenFloatingIp>, vip: &Vip<'_>) -> Vec<Step> {
    match (want, keep) {
        (FloatingIp::Allocate { retain, .. }, None) => allocate(owner, want, *retain, Some(vip)),
        (FloatingIp::Allocate { .. }, Some(seen)) => {
            let mark = owner.floating_ip_mark();
            claim(owner, want, seen).into_iter().chain(update(seen, Some(&mark), Some(vip))).collect()
        }
        (FloatingIp::Existing { id }, None) => {
            let associate = Call::UpdateFloatingIp { id: id.clone(), body: vip.fields() };
            let change = Change { field: "port_id".to_owned(), was: Value::Null, want: json!(vip.port) };
            let step = Step { changes: vec![change], ..Step::new(Kind::FloatingIp, id, associate) };
            vec![tag(id, id, &owner.uid_tag(), true), step]
        }
        (FloatingIp::Existing { .. }, Some(seen)) => {
            // One that we once made and that is now only used: the mark would have it released one day.
            let mark = (tie(owner, seen) == Tie::Made).then_some("");
            claim(owner, want, seen).into_iter().chain(update(seen, mark, Some(vip))).collect()
        }
    }
}

/// `vip: None`: for later; Neutron refuses a second one on the same address (409).
fn allocate(owner: &Owner, want: &FloatingIp, retain: bool, vip: Option<&Vip<'_>>) -> Vec<Step> {
    let FloatingIp::Allocate { network_id, subnet_id, address, retain: _ } = want else { return Vec::new() };
    let mut body = vip.map(Vip::fields).unwrap_or_default();
    body.extend(object([("floating_network_id", json!(network_id)), ("description", json!(owner.floating_ip_mark()))]));
    add_some(
        &mut body,
        [
            ("subnet_id", subnet_id.as_ref().map(|id| json!(id))),
            ("floating_ip_address", address.as_ref().map(|a| json!(a))),
        ],
    );
    let name = address.as_deref().unwrap_or("new");
    let target = Target::made(Kind::FloatingIp, name);
    let create = Step::new(Kind::FloatingIp, name, Call::CreateFloatingIp { body });
    let keep = retain.then(|| tag(name, &target.id, RETAIN, true).after(&target));
    std::iter::once(create).chain(keep).collect()
}

/// One `PUT` of what differs.
fn update(seen: &SeenFloatingIp, description: Option<&str>, vip: Option<&Vip<'_>>) -> Option<Step> {
    let mut edit = Edit::default();
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
fn describe(seen: &SeenFloatingIp, description: &str) -> Step {
    let mut edit = Edit::default();
    edit.set("description", json!(seen.description), json!(description));
    put(seen, edit)
}

fn put(seen: &SeenFloatingIp, edit: Edit) -> Step {
    let impact =
        if edit.change("port_id").is_some_and(|c| c.want.is_null()) { Impact::Interrupts } else { Impact::None };
    let call = Call::UpdateFloatingIp { id: seen.id.clone(), body: edit.body };
    Step { changes: edit.changes, ..Step::new(Kind::FloatingIp, &seen.floating_ip_address, call) }.impact(impact)
}

fn tag(name: &str, id: &str, tag: &str, present: bool) -> Step {
    let (was, want) = if present { (Value::Null, json!(tag)) } else { (json!(tag), Value::Null) };
    let call = Call::TagFloatingIp { id: id.to_owned(), tag: tag.to_owned(), present };
    let changes = vec![Change { field: "tags".to_owned(), was, want }];
    Step { changes, ..Step::new(Kind::FloatingIp, name, call) }
}

/// The tag that one which is there should have, or not: that it is to be kept, or that we use it.
fn claim(owner: &Owner, want: &FloatingIp, seen: &SeenFloatingIp) -> Option<Step> {
    let (text, present) = match want {
        FloatingIp::Allocate { retain, .. } => (RETAIN.to_owned(), *retain),
        FloatingIp::Existing { .. } => (owner.uid_tag(), true),
    };
    (present != seen.tags.contains(&text)).then(|| tag(&seen.floating_ip_address, &seen.id, &text, present))
}

/// The old one holds the address. The new one is got first, then the address changes hands in two writes, and only
/// then is the old one given up.
fn replace(
    owner: &Owner,
    want: &FloatingIp,
    keep: Option<&SeenFloatingIp>,
    vip: &Vip<'_>,
    blocking: &[&(&SeenFloatingIp, Tie)],
) -> Vec<Step> {
    let mut steps = Vec::new();
    let (target, name) = match (want, keep) {
        (FloatingIp::Allocate { retain, address, .. }, None) => {
            let name = address.as_deref().unwrap_or("new");
            steps.extend(allocate(owner, want, *retain, None));
            (Target::made(Kind::FloatingIp, name), name)
        }
        (FloatingIp::Existing { id }, None) => {
            steps.push(tag(id, id, &owner.uid_tag(), true));
            (Target::seen(id), id.as_str())
        }
        (_, Some(seen)) => {
            steps.extend(claim(owner, want, seen));
            (Target::seen(&seen.id), seen.floating_ip_address.as_str())
        }
    };
    steps.extend(blocking.iter().filter_map(|(seen, _)| update(seen, None, None)));
    let mut associate = Edit::default();
    associate.set("port_id", json!(keep.and_then(|k| k.port_id.as_ref())), json!(vip.port));
    associate.body.extend(vip.fields());
    let call = Call::UpdateFloatingIp { id: target.id.clone(), body: associate.body };
    steps.push(Step { changes: associate.changes, ..Step::new(Kind::FloatingIp, name, call) }.after(&target));
    let given_up = |seen: &SeenFloatingIp| SeenFloatingIp { port_id: None, ..seen.clone() };
    for (seen, tie) in blocking {
        steps.extend(release(owner, &given_up(seen), *tie, retains(seen), Some(vip)));
    }
    steps.into_iter().map(|step| step.because(Why::Replace)).collect()
}

/// What was ours is let go: deleted, kept without our mark, or given back.
fn release(owner: &Owner, seen: &SeenFloatingIp, tie: Tie, retain: bool, vip: Option<&Vip<'_>>) -> Vec<Step> {
    let cut = if seen.port_id.is_some() { Impact::Interrupts } else { Impact::None };
    match tie {
        Tie::Made if retain => update(seen, Some(""), None).into_iter().collect(),
        Tie::Made => {
            let call = Call::DeleteFloatingIp { id: seen.id.clone() };
            vec![Step::new(Kind::FloatingIp, &seen.floating_ip_address, call).impact(cut)]
        }
        Tie::Borrowed => {
            let on_vip = vip.is_some_and(|vip| vip.has(seen));
            let leave = if on_vip { update(seen, None, None) } else { None };
            leave.into_iter().chain([untag(owner, seen)]).collect()
        }
        Tie::Foreign => Vec::new(),
    }
}

fn untag(owner: &Owner, seen: &SeenFloatingIp) -> Step {
    tag(&seen.floating_ip_address, &seen.id, &owner.uid_tag(), false)
}

/// Before the load balancer goes: a borrowed one would go on leading to the VIP, where that is a port of the user's,
/// which outlives everything.
pub(super) fn give_back(owner: &Owner, load_balancer: &SeenLoadBalancer, seen: &[SeenFloatingIp]) -> Vec<Step> {
    let Some(vip) = Vip::of(load_balancer) else { return Vec::new() };
    let borrowed = seen.iter().filter(|seen| tie(owner, seen) == Tie::Borrowed && vip.has(seen));
    borrowed.filter_map(|seen| update(seen, None, None)).collect()
}

/// When the stack goes with its load balancer.
pub(super) fn delete(owner: &Owner, retain: bool, seen: &[SeenFloatingIp]) -> Vec<Step> {
    let let_go = |seen: &SeenFloatingIp| release(owner, seen, tie(owner, seen), retain || retains(seen), None);
    seen.iter().flat_map(let_go).collect()
}

/// What a dead predecessor made or borrowed becomes the owner's.
pub(super) fn inherit(owner: &Owner, predecessor: &Owner, seen: &[SeenFloatingIp]) -> Vec<Step> {
    let inherit = |seen: &SeenFloatingIp| match tie(predecessor, seen) {
        Tie::Made => vec![describe(seen, &owner.floating_ip_mark())],
        Tie::Borrowed => {
            vec![tag(&seen.floating_ip_address, &seen.id, &owner.uid_tag(), true), untag(predecessor, seen)]
        }
        Tie::Foreign => Vec::new(),
    };
    seen.iter().flat_map(inherit).collect()
}

/// When the stack goes and the load balancer stays: what was only used bears no tag of ours any more.
pub(super) fn forget_borrowed(owner: &Owner, seen: &[SeenFloatingIp]) -> Vec<Step> {
    seen.iter().filter(|seen| tie(owner, seen) == Tie::Borrowed).map(|seen| untag(owner, seen)).collect()
}

/// The same of what was made: the address stays where it is.
pub(super) fn forget_made(owner: &Owner, seen: &[SeenFloatingIp]) -> Vec<Step> {
    let forget = |seen: &SeenFloatingIp| {
        let kept = retains(seen).then(|| tag(&seen.floating_ip_address, &seen.id, RETAIN, false));
        // The description last: without it we would not find it again.
        kept.into_iter().chain([describe(seen, "")])
    };
    seen.iter().filter(|seen| tie(owner, seen) == Tie::Made).flat_map(forget).collect()
}
