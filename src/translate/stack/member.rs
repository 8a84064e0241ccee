//! Members of pools.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::api::{MemberSpec, PoolSpec};
use crate::model::{IpFamily, Member, MemberKey, ReferenceKind};
use crate::translate::ip_family::{FamilyCondition, IpFamilies};
use crate::translate::validator::Validator;

use super::member_settings::{MemberSettings, member_path};

pub(super) const WEIGHT_MAX: u16 = 256;

/// Address of the cloud's metadata service (Octavia's `reserved_ips`).
const METADATA_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

pub(super) fn members(
    validator: &mut Validator<'_>,
    pool: &PoolSpec,
    pool_path: &str,
    families: &IpFamilies,
) -> BTreeMap<MemberKey, Member> {
    let mut result = BTreeMap::new();
    for spec in &pool.members {
        let path = member_path(pool_path, spec);
        let address_path = format!("{path}.address");
        let port = validator.port(spec.port, &format!("{path}.port"));
        let Some(address) = validator.address(&spec.address, &address_path) else { continue };
        check_reachable(validator, address, &address_path);
        // The driver answers 501 to its own call, and the single call makes a load balancer that does not work.
        if pool.protocol.is_datagram() {
            let family = IpFamily::of(address);
            validator.check_family(families, FamilyCondition::Needs(family), &address_path, || {
                let protocol = pool.protocol;
                format!(
                    "{address} is {family}, and no address of the load balancer is: {protocol} traffic is not translated \
                     between IP versions"
                )
            });
        }
        if pool.health_monitor.is_none() {
            MemberSettings::of_member(spec, pool_path).reject_monitor_fields(validator);
        }
        let member = member(validator, spec, &path);
        if result.insert(MemberKey { address, port }, member).is_some() {
            validator.invalid(path, "another member has this address and port: remove one");
        }
    }
    result
}

fn check_reachable(validator: &mut Validator<'_>, address: IpAddr, field: &str) {
    if let Some(message) = unreachable(address) {
        validator.invalid(field, message);
    }
}

/// Reason against an address that no single machine in a network of the cloud can have. A server with address 0.0.0.0 or
/// :: is worse: haproxy then connects to the address that the client asked for, so that a request comes back to the
/// listener.
pub(super) fn unreachable(address: IpAddr) -> Option<String> {
    if address == METADATA_ADDRESS {
        return Some(format!("{address} is reserved for the cloud's metadata service: choose another address"));
    }
    let is_broadcast = address == Ipv4Addr::BROADCAST;
    let is_unreachable = address.is_unspecified() || address.is_loopback() || address.is_multicast() || is_broadcast;
    is_unreachable.then(|| format!("{address} is not the address of one machine that the load balancer can reach"))
}

/// The address that is checked in place of the member's own.
pub(super) fn monitor_address(validator: &mut Validator<'_>, text: Option<&String>, path: &str) -> Option<IpAddr> {
    let field = format!("{path}.monitorAddress");
    let address = validator.address(text?, &field)?;
    check_reachable(validator, address, &field);
    Some(address)
}

fn member(validator: &mut Validator<'_>, spec: &MemberSpec, path: &str) -> Member {
    let monitor_address = monitor_address(validator, spec.monitor_address.as_ref(), path);
    Member {
        name: validator.display_name(spec.name.as_ref(), "", &format!("{path}.name")),
        weight: spec.weight.map_or(1, |weight| validator.number(weight, 0, WEIGHT_MAX, &format!("{path}.weight"))),
        backup: spec.backup.unwrap_or_default(),
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        subnet_id: validator.id(ReferenceKind::Subnet, spec.subnet.as_ref(), &format!("{path}.subnet")),
        monitor_address,
        monitor_port: spec.monitor_port.map(|port| validator.port(port, &format!("{path}.monitorPort"))),
        tags: validator.tags(&spec.tags, &format!("{path}.tags")),
    }
}
