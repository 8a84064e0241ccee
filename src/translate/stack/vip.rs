//! The VIP: the addresses on which the load balancer listens.
//!
//! The rules are those of Octavia (`_validate_vip_request_object` and its callees in
//! `octavia/api/v2/controllers/load_balancer.py`), and one that Octavia lacks: additional subnets without an address on
//! the given port make a load balancer that is in ERROR and cannot be deleted.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::api::{AdditionalVipSpec, VipSpec};
use crate::model::{AdditionalVip, FixedIp, Id, IpFamily, ReferenceKind, ResolvedReference, Vip};
use crate::translate::api_features;
use crate::translate::ip_family::IpFamilies;
use crate::translate::validator::Validator;

const PATH: &str = "spec.loadBalancer.vip";

/// Prefix of the device of a port that Octavia uses itself; with any other device another client uses the port.
const OCTAVIA_DEVICE: &str = "lb-";

/// Facts about the first address.
#[derive(Default)]
struct Primary<'a> {
    subnet: Option<(&'a Id, IpNet)>,
    network_id: Option<&'a Id>,
    /// IP version that Octavia will choose from a network.
    predicted: Option<IpFamily>,
    /// Addresses of the port, if the spec names a port.
    fixed_ips: Option<&'a [FixedIp]>,
    address: Option<IpAddr>,
}

/// One more address, and the network of its subnet.
struct Additional {
    vip: AdditionalVip,
    cidr: IpNet,
}

/// The VIP with its ids, and the IP versions that it listens on.
pub(super) fn vip(validator: &mut Validator<'_>, spec: &VipSpec) -> (Vip, IpFamilies) {
    match (&spec.subnet, &spec.network, &spec.port) {
        (None, None, None) => validator.invalid(PATH, "one of subnet, network and port is required"),
        (Some(_), Some(_), _) | (_, Some(_), Some(_)) => {
            validator
                .invalid(format!("{PATH}.network"), "stands alone: subnet and port each name their network already");
        }
        _ => {}
    }
    let address_path = format!("{PATH}.address");
    let mut primary = Primary {
        address: spec.address.as_ref().and_then(|text| validator.address(text, &address_path)),
        ..Primary::default()
    };
    let subnet_id = subnet(validator, spec, &mut primary);
    let network_id = network(validator, spec, &mut primary);
    let port_id = port(validator, spec, &mut primary);
    let additional = additional(validator, &spec.additional, &primary);
    let families = families(&primary, &additional);
    let vip = Vip {
        subnet_id,
        network_id,
        port_id,
        address: primary.address.filter(|_| spec.address.is_some()).map(|a| a.to_string()),
        additional: additional.into_iter().map(|additional| additional.vip).collect(),
    };
    (vip, families)
}

fn subnet<'a>(validator: &mut Validator<'a>, spec: &VipSpec, primary: &mut Primary<'a>) -> Option<Id> {
    let path = format!("{PATH}.subnet");
    let found = validator.object(ReferenceKind::Subnet, spec.subnet.as_ref(), &path)?;
    if let ResolvedReference::Subnet { id, network_id, cidr } = found {
        primary.subnet = Some((id, *cidr));
        primary.network_id = Some(network_id);
        address_is_in_subnet(validator, primary.address, *cidr, &format!("{PATH}.address"));
    }
    found.id().map(str::to_owned)
}

fn network<'a>(validator: &mut Validator<'a>, spec: &VipSpec, primary: &mut Primary<'a>) -> Option<Id> {
    let path = format!("{PATH}.network");
    let found = validator.object(ReferenceKind::VipNetwork, spec.network.as_ref(), &path)?;
    if let ResolvedReference::VipNetwork { id, subnet_ids, cidrs } = found {
        primary.network_id = Some(id);
        primary.predicted = predicted(subnet_ids, cidrs);
        if subnet_ids.is_empty() {
            validator.unusable(path, format!("network {id} has no subnet for the address to come from: make one"));
        }
    }
    found.id().map(str::to_owned)
}

/// The IP version of the subnet that Octavia will choose: the first IPv4 subnet with free addresses, else the first of
/// any version. Octavia sees all subnets, including those that the project does not see.
fn predicted(subnet_ids: &[Id], cidrs: &[IpNet]) -> Option<IpFamily> {
    if cidrs.iter().any(|cidr| cidr.addr().is_ipv4()) {
        return Some(IpFamily::IPv4);
    }
    (!cidrs.is_empty() && cidrs.len() == subnet_ids.len()).then_some(IpFamily::IPv6)
}

fn port<'a>(validator: &mut Validator<'a>, spec: &VipSpec, primary: &mut Primary<'a>) -> Option<Id> {
    let path = format!("{PATH}.port");
    let found = validator.object(ReferenceKind::Port, spec.port.as_ref(), &path)?;
    let ResolvedReference::Port { id, network_id, device_id, fixed_ips } = found else { return None };
    if !device_id.is_empty() && !device_id.starts_with(OCTAVIA_DEVICE) {
        validator.unusable(
            &path,
            format!("port {id} is used by device {device_id}: give the load balancer a port of its own"),
        );
    }
    primary.network_id = Some(network_id);
    primary.fixed_ips = Some(fixed_ips);
    let subnet = primary.subnet.map(|(id, _)| id);
    let mut matching = fixed_ips
        .iter()
        .filter(|ip| subnet.is_none_or(|s| *s == ip.subnet_id) && primary.address.is_none_or(|a| a == ip.address));
    match (matching.next(), matching.next()) {
        (None, _) => validator
            .unusable(&path, format!("port {id} has no such address: give it one, or correct subnet and address")),
        (Some(_), Some(_)) if primary.address.is_none() => {
            validator.invalid(&path, format!("port {id} has several addresses: choose one with address"));
        }
        (Some(ip), _) => primary.address = Some(ip.address),
    }
    Some(id.clone())
}

fn address_is_in_subnet(validator: &mut Validator<'_>, address: Option<IpAddr>, subnet: IpNet, field: &str) {
    if let Some(address) = address.filter(|a| !subnet.contains(a)) {
        validator.invalid(
            field,
            format!("{address} is not in the subnet, which is {subnet}: choose an address of the subnet"),
        );
    }
}

fn additional<'a>(
    validator: &mut Validator<'a>,
    specs: &[AdditionalVipSpec],
    primary: &Primary<'a>,
) -> Vec<Additional> {
    if !specs.is_empty() {
        validator.needs_api(api_features::ADDITIONAL_VIPS, &format!("{PATH}.additional"));
    }
    let mut used_subnets: BTreeSet<&Id> = primary.subnet.iter().map(|(id, _)| *id).collect();
    // Without a subnet in the spec, the address of the port tells which subnet is used.
    let of_port = primary.fixed_ips.unwrap_or_default().iter().find(|ip| Some(ip.address) == primary.address);
    used_subnets.extend(of_port.map(|ip| &ip.subnet_id));
    let mut result = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let path = format!("{PATH}.additional[{index}]");
        let address = spec.address.as_ref().and_then(|text| validator.address(text, &format!("{path}.address")));
        let found = validator.object(ReferenceKind::Subnet, Some(&spec.subnet), &format!("{path}.subnet"));
        let Some(ResolvedReference::Subnet { id, network_id, cidr }) = found else { continue };
        if !used_subnets.insert(id) {
            validator.invalid(&path, format!("subnet {id} is used twice: each address needs a subnet of its own"));
        }
        if primary.network_id.is_some_and(|n| n != network_id) {
            validator.invalid(
                &path,
                format!("subnet {id} belongs to another network: all addresses must be of one network"),
            );
        }
        address_is_in_subnet(validator, address, *cidr, &format!("{path}.address"));
        additional_is_on_port(validator, primary, id, address, &path);
        let vip = AdditionalVip { subnet_id: id.clone(), address: address.map(|a| a.to_string()) };
        result.push(Additional { vip, cidr: *cidr });
    }
    result
}

fn additional_is_on_port(
    validator: &mut Validator<'_>,
    primary: &Primary<'_>,
    subnet: &Id,
    address: Option<IpAddr>,
    path: &str,
) {
    let Some(fixed_ips) = primary.fixed_ips else { return };
    if !fixed_ips.iter().any(|ip| ip.subnet_id == *subnet && address.is_none_or(|a| a == ip.address)) {
        validator.unusable(
            path,
            format!(
                "the port of the VIP has no such address in subnet {subnet}, and Octavia would make a load balancer that \
                 cannot be deleted: give the port that address"
            ),
        );
    }
}

fn families(primary: &Primary<'_>, additional: &[Additional]) -> IpFamilies {
    let others = additional.iter().map(|additional| IpFamily::of(additional.cidr.addr()));
    let first = primary.address.or(primary.subnet.map(|(_, cidr)| cidr.addr())).map(IpFamily::of);
    match (first, primary.predicted) {
        (Some(first), _) => IpFamilies::Known(others.chain([first]).collect()),
        (None, Some(first)) => IpFamilies::Predicted(others.chain([first]).collect()),
        (None, None) => IpFamilies::Unknown,
    }
}
