//! Where the load balancer listens, and what must be true of it before Octavia is asked.
//!
//! Rules from `octavia/api/v2/controllers/load_balancer.py` (`_validate_vip_request_object` and what it calls), and one
//! that Octavia forgot: additional subnets without an address on the given port make a load balancer that is in ERROR
//! and cannot be deleted.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::api::{AdditionalVipSpec, VipSpec};
use crate::model::{AdditionalVip, FixedIp, Id, ReferenceKind, ResolvedReference, Vip};

use super::validator::Validator;
use super::{Families, Family};

const AT: &str = "spec.loadBalancer.vip";

/// Octavia marks ports that it uses itself; any other device means that somebody else holds the port.
const OCTAVIA_DEVICE: &str = "lb-";

/// What is known of the first address.
#[derive(Default)]
struct Primary<'a> {
    subnet: Option<(&'a Id, IpNet)>,
    network_id: Option<&'a Id>,
    /// That Octavia will choose from a network.
    foreseen: Option<Family>,
    /// The port's addresses, if there is a port.
    fixed_ips: Option<&'a [FixedIp]>,
    address: Option<IpAddr>,
}

/// The VIP with its ids, and the IP versions that it listens on.
pub(super) fn vip(intake: &mut Validator<'_>, spec: &VipSpec) -> (Vip, Families) {
    match (&spec.subnet, &spec.network, &spec.port) {
        (None, None, None) => intake.invalid(AT, "one of subnet, network and port is required"),
        (Some(_), Some(_), _) | (_, Some(_), Some(_)) => {
            intake.invalid(format!("{AT}.network"), "stands alone: subnet and port each name their network already");
        }
        _ => {}
    }
    let address_at = format!("{AT}.address");
    let mut known = Primary {
        address: spec.address.as_ref().and_then(|text| intake.address(text, &address_at)),
        ..Primary::default()
    };
    let (subnet_id, network_id, port_id) =
        (subnet(intake, spec, &mut known), network(intake, spec, &mut known), port(intake, spec, &mut known));
    let additional = additional(intake, &spec.additional, &known);
    let families = families(&known, &additional);
    let vip = Vip {
        subnet_id,
        network_id,
        port_id,
        address: known.address.filter(|_| spec.address.is_some()).map(|a| a.to_string()),
        additional: additional.into_iter().map(|(vip, _)| vip).collect(),
    };
    (vip, families)
}

fn subnet<'a>(intake: &mut Validator<'a>, spec: &VipSpec, known: &mut Primary<'a>) -> Option<Id> {
    let field = format!("{AT}.subnet");
    let found = intake.object(ReferenceKind::Subnet, spec.subnet.as_ref(), &field)?;
    if let ResolvedReference::Subnet { id, network_id, cidr } = found {
        known.subnet = Some((id, *cidr));
        known.network_id = Some(network_id);
        address_is_in_subnet(intake, known.address, *cidr, &format!("{AT}.address"));
    }
    found.id().map(str::to_owned)
}

fn network<'a>(intake: &mut Validator<'a>, spec: &VipSpec, known: &mut Primary<'a>) -> Option<Id> {
    let field = format!("{AT}.network");
    let found = intake.object(ReferenceKind::VipNetwork, spec.network.as_ref(), &field)?;
    if let ResolvedReference::VipNetwork { id, subnet_ids, cidrs } = found {
        known.network_id = Some(id);
        known.foreseen = foreseen(subnet_ids, cidrs);
        if subnet_ids.is_empty() {
            intake.unusable(field, format!("network {id} has no subnet for the address to come from: make one"));
        }
    }
    found.id().map(str::to_owned)
}

/// Octavia takes the first subnet of IPv4 with free addresses, else the first of any. It sees all subnets, also those
/// that the project does not see.
fn foreseen(subnet_ids: &[Id], cidrs: &[IpNet]) -> Option<Family> {
    if cidrs.iter().any(|cidr| cidr.addr().is_ipv4()) {
        return Some(Family::V4);
    }
    (!cidrs.is_empty() && cidrs.len() == subnet_ids.len()).then_some(Family::V6)
}

fn port<'a>(intake: &mut Validator<'a>, spec: &VipSpec, known: &mut Primary<'a>) -> Option<Id> {
    let field = format!("{AT}.port");
    let found = intake.object(ReferenceKind::Port, spec.port.as_ref(), &field)?;
    let ResolvedReference::Port { id, network_id, device_id, fixed_ips } = found else { return None };
    if !device_id.is_empty() && !device_id.starts_with(OCTAVIA_DEVICE) {
        intake.unusable(
            &field,
            format!("port {id} is used by device {device_id}: give the load balancer a port of its own"),
        );
    }
    known.network_id = Some(network_id);
    known.fixed_ips = Some(fixed_ips);
    let subnet = known.subnet.map(|(id, _)| id);
    let mut matching = fixed_ips
        .iter()
        .filter(|ip| subnet.is_none_or(|s| *s == ip.subnet_id) && known.address.is_none_or(|a| a == ip.address));
    match (matching.next(), matching.next()) {
        (None, _) => intake
            .unusable(&field, format!("port {id} has no such address: give it one, or correct subnet and address")),
        (Some(_), Some(_)) if known.address.is_none() => {
            intake.invalid(&field, format!("port {id} has several addresses: say which with address"));
        }
        (Some(ip), _) => known.address = Some(ip.address),
    }
    Some(id.clone())
}

fn address_is_in_subnet(intake: &mut Validator<'_>, address: Option<IpAddr>, subnet: IpNet, field: &str) {
    if let Some(address) = address.filter(|a| !subnet.contains(a)) {
        intake.invalid(
            field,
            format!("{address} is not in the subnet, which is {subnet}: choose an address of the subnet"),
        );
    }
}

fn additional<'a>(
    intake: &mut Validator<'a>,
    specs: &[AdditionalVipSpec],
    known: &Primary<'a>,
) -> Vec<(AdditionalVip, Option<IpNet>)> {
    if !specs.is_empty() {
        intake.needs(26, &format!("{AT}.additional"), "more than one address");
    }
    let mut taken: BTreeSet<&Id> = known.subnet.iter().map(|(id, _)| *id).collect();
    // Without a subnet in the spec, the port's address tells which one is taken.
    let of_port = known.fixed_ips.unwrap_or_default().iter().find(|ip| Some(ip.address) == known.address);
    taken.extend(of_port.map(|ip| &ip.subnet_id));
    let mut result = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let field = format!("{AT}.additional[{index}]");
        let address = spec.address.as_ref().and_then(|text| intake.address(text, &format!("{field}.address")));
        let found = intake.object(ReferenceKind::Subnet, Some(&spec.subnet), &format!("{field}.subnet"));
        let Some(ResolvedReference::Subnet { id, network_id, cidr }) = found else { continue };
        if !taken.insert(id) {
            intake.invalid(&field, format!("subnet {id} is used twice: each address needs a subnet of its own"));
        }
        if known.network_id.is_some_and(|n| n != network_id) {
            intake.invalid(
                &field,
                format!("subnet {id} belongs to another network: all addresses must be of one network"),
            );
        }
        address_is_in_subnet(intake, address, *cidr, &format!("{field}.address"));
        additional_is_on_port(intake, known, id, address, &field);
        let vip = AdditionalVip { subnet_id: id.clone(), address: address.map(|a| a.to_string()) };
        result.push((vip, Some(*cidr)));
    }
    result
}

fn additional_is_on_port(
    intake: &mut Validator<'_>,
    known: &Primary<'_>,
    subnet: &Id,
    address: Option<IpAddr>,
    field: &str,
) {
    let Some(fixed_ips) = known.fixed_ips else { return };
    if !fixed_ips.iter().any(|ip| ip.subnet_id == *subnet && address.is_none_or(|a| a == ip.address)) {
        intake.unusable(
            field,
            format!(
                "the port of the VIP has no such address in subnet {subnet}, and Octavia would make a load balancer that \
                 cannot be deleted: give the port that address"
            ),
        );
    }
}

fn families(known: &Primary<'_>, additional: &[(AdditionalVip, Option<IpNet>)]) -> Families {
    let others = additional.iter().filter_map(|(_, cidr)| cidr.map(|c| Family::of(c.addr())));
    let first = known.address.or(known.subnet.map(|(_, cidr)| cidr.addr())).map(Family::of);
    match (first, known.foreseen) {
        (Some(first), _) => Families::Known(others.chain([first]).collect()),
        (None, Some(first)) => Families::Foreseen(others.chain([first]).collect()),
        (None, None) => Families::Unknown,
    }
}
