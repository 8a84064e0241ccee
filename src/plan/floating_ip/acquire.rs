//! The desired floating IP: find it, create it, tag it, associate it with the VIP.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::calls::{RETAIN, set_tag, tag_step, update};
use super::release::{cleared_description, drop_created_tag};
use super::vip::VipTarget;
use crate::model::{Call, Change, Desired, FloatingIp, Kind, ObservedFloatingIp, Owner, Ownership, Step, rival};
use crate::plan::diff::{add_some, object};
use crate::plan::step::Target;

/// Name of a floating IP to be created whose address Neutron chooses.
pub(super) const UNNAMED: &str = "new";

/// The floating IP that serves the stack: of suitable ones that it created, the one on the VIP, else the first by id. A
/// stack that adopts its load balancer takes a suitable one on the VIP that has no owner.
pub(super) fn find<'a>(
    desired: &Desired,
    vip: &VipTarget<'_>,
    observed: &'a [ObservedFloatingIp],
) -> Option<&'a ObservedFloatingIp> {
    let (owner, desired, adopts) = (&desired.owner, desired.floating_ip.as_ref()?, desired.adopt.is_some());
    let unowned = |one: &&ObservedFloatingIp| {
        let is_foreign = Ownership::between(owner, one) == Ownership::Foreign && rival(owner, one).is_none();
        adopts && is_foreign && vip.has(one) && suits(desired, one)
    };
    match desired {
        FloatingIp::Existing { id } => observed.iter().find(|floating_ip| floating_ip.id == *id),
        FloatingIp::Allocate { .. } => observed
            .iter()
            .filter(|one| Ownership::between(owner, one) == Ownership::Created && suits(desired, one))
            .min_by_key(|one| (!vip.has(one), &one.id))
            .or_else(|| observed.iter().find(unowned)),
    }
}

/// True if the desired network, subnet and address could have given this floating IP.
fn suits(desired: &FloatingIp, observed: &ObservedFloatingIp) -> bool {
    match desired {
        FloatingIp::Existing { id } => observed.id == *id,
        FloatingIp::Allocate { network_id, subnet, address, retain: _ } => {
            let own = observed.floating_ip_address.parse::<IpAddr>();
            observed.floating_network_id == *network_id
                && address.as_ref().is_none_or(|address| same_address(address, &observed.floating_ip_address))
                && subnet.as_ref().is_none_or(|subnet| own.is_ok_and(|own| subnet.cidr.contains(&own)))
        }
    }
}

fn same_address(one: &str, other: &str) -> bool {
    one == other || one.parse::<IpAddr>().is_ok_and(|one| other.parse() == Ok(one))
}

/// Brings the desired floating IP to a VIP that no other one leads to.
pub(super) fn acquire(
    owner: &Owner,
    desired: &FloatingIp,
    observed: Option<&ObservedFloatingIp>,
    vip: &VipTarget<'_>,
) -> Vec<Step> {
    match (desired, observed) {
        (FloatingIp::Allocate { .. }, None) => allocate(owner, desired, Some(vip)),
        (FloatingIp::Existing { id }, None) => {
            let associate = Call::UpdateFloatingIp { id: id.clone(), body: vip.fields(), revision: None };
            let change = Change { field: "port_id".to_owned(), was: Value::Null, want: json!(vip.port) };
            let step = Step { changes: vec![change], ..Step::new(Kind::FloatingIp, id, associate) };
            vec![tag_step(id, id, &owner.uid_tag(), true), step]
        }
        (_, Some(observed)) => {
            let description = desired_description(owner, desired, observed);
            let put = update(observed, description.as_deref(), Some(vip));
            let tags = owner_tags(owner, desired, observed).into_iter();
            tags.chain(put).chain(drop_tag_of_borrowed(owner, desired, observed)).collect()
        }
    }
}

/// One that the stack once created and now only borrows: with its tag it would be deleted one day.
pub(super) fn drop_tag_of_borrowed(owner: &Owner, desired: &FloatingIp, observed: &ObservedFloatingIp) -> Option<Step> {
    matches!(desired, FloatingIp::Existing { .. }).then(|| drop_created_tag(owner, observed)).flatten()
}

/// The desired description of an existing floating IP; `None` where the stack has no say in it.
pub(super) fn desired_description(
    owner: &Owner,
    desired: &FloatingIp,
    observed: &ObservedFloatingIp,
) -> Option<String> {
    match desired {
        FloatingIp::Allocate { .. } => Some(owner.owner_description()),
        FloatingIp::Existing { .. } => cleared_description(owner, observed).map(str::to_owned),
    }
}

/// Creates one. `vip`: `None` leaves it unassociated, because Neutron rejects a second one on the same address (409).
pub(super) fn allocate(owner: &Owner, desired: &FloatingIp, vip: Option<&VipTarget<'_>>) -> Vec<Step> {
    let FloatingIp::Allocate { network_id, subnet, address, retain } = desired else { return Vec::new() };
    let mut body = vip.map(VipTarget::fields).unwrap_or_default();
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
    let name = address.as_deref().unwrap_or(UNNAMED);
    let target = Target::pending(Kind::FloatingIp, name);
    let create = Step::new(Kind::FloatingIp, name, Call::CreateFloatingIp { body });
    let tags = retain.then(|| RETAIN.to_owned()).into_iter().chain([owner.created_tag()]);
    let tags = tags.map(|tag| tag_step(name, &target.id, &tag, true).after(&target));
    std::iter::once(create).chain(tags).collect()
}

/// Tags that an existing floating IP lacks or has too many: that the stack created it and whether it is to be retained,
/// or that the stack borrows it.
pub(super) fn owner_tags(owner: &Owner, desired: &FloatingIp, observed: &ObservedFloatingIp) -> Vec<Step> {
    let tags = match desired {
        FloatingIp::Allocate { retain, .. } => {
            let created = (!observed.untaggable).then(|| (owner.created_tag(), true));
            [(RETAIN.to_owned(), *retain)].into_iter().chain(created).collect()
        }
        FloatingIp::Existing { .. } => vec![(owner.uid_tag(), true)],
    };
    let differing = tags.into_iter().filter(|(tag, present)| *present != observed.tags.contains(tag));
    differing.map(|(tag, present)| set_tag(observed, &tag, present)).collect()
}
