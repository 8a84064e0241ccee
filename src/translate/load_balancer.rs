//! The load balancer itself, and its floating IP.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::api::{FloatingIpAllocation, LoadBalancerStackSpec, ReclaimPolicy};
use crate::model::{FloatingIp, FloatingSubnet, LoadBalancer, Reference, ReferenceKind, ResolvedReference, Selector};

use super::references::existing;
use super::text::Text;
use super::validator::Validator;
use super::{Families, Family, vip};

const AT: &str = "spec.loadBalancer";

/// Longest name that Octavia stores.
const MOST_NAME: usize = 255;

pub(super) fn load_balancer(
    intake: &mut Validator<'_>,
    spec: &LoadBalancerStackSpec,
    default_name: String,
) -> (LoadBalancer, Families) {
    let wanted = &spec.load_balancer;
    // Namespace and name together may be longer than Octavia takes; the name is no identity, so it may be cut.
    let default_name: String = default_name.chars().take(MOST_NAME).collect();
    let name = intake.display_name(wanted.name.as_ref(), &default_name, &format!("{AT}.name"));
    let description =
        intake.optional_text(Text::Description, wanted.description.as_ref(), &format!("{AT}.description"));
    let tags = intake.tags(&wanted.tags, &format!("{AT}.tags"));
    let provider = named(intake, ReferenceKind::Provider, wanted.provider.as_ref(), "provider");
    let flavor_id = intake.id(ReferenceKind::Flavor, wanted.flavor.as_ref(), &format!("{AT}.flavor"));
    if wanted.availability_zone.is_some() {
        intake.needs(14, &format!("{AT}.availabilityZone"), "availabilityZone");
    }
    let availability_zone =
        named(intake, ReferenceKind::AvailabilityZone, wanted.availability_zone.as_ref(), "availabilityZone");
    let (vip, families) = vip::vip(intake, &wanted.vip);
    let qos_policy_id =
        intake.id(ReferenceKind::QosPolicy, wanted.vip.qos_policy.as_ref(), &format!("{AT}.vip.qosPolicy"));
    let security_group_ids = wanted.vip.security_groups.as_ref().map(|groups| {
        let field = format!("{AT}.vip.securityGroups");
        intake.needs(29, &field, "securityGroups");
        let id = |(index, group)| intake.id(ReferenceKind::SecurityGroup, Some(group), &format!("{field}[{index}]"));
        groups.iter().enumerate().filter_map(id).collect()
    });
    let load_balancer = LoadBalancer {
        name,
        description,
        tags,
        admin_state_up: wanted.admin_state_up.unwrap_or(true),
        provider,
        flavor_id,
        availability_zone,
        vip,
        qos_policy_id,
        security_group_ids,
    };
    (load_balancer, families)
}

/// Providers and availability zones have no id.
fn named(intake: &mut Validator<'_>, kind: ReferenceKind, name: Option<&String>, field: &str) -> Option<String> {
    let name = name?;
    intake.look_up(Reference { kind, by: Selector::Name(name.clone()) }, &format!("{AT}.{field}"))?;
    Some(name.clone())
}

/// Whether an existing floating IP is in use elsewhere is not judged here: that changes too often to be remembered.
pub(super) fn floating_ip(
    intake: &mut Validator<'_>,
    spec: &LoadBalancerStackSpec,
    families: &Families,
) -> Option<FloatingIp> {
    let field = format!("{AT}.floatingIP");
    let wanted = spec.load_balancer.floating_ip.as_ref()?;
    intake.needs_family(families, Family::V4, &field, || {
        "a floating IP needs an IPv4 address to lead to, and the VIP has none".to_owned()
    });
    match (&wanted.allocate, &wanted.existing) {
        (Some(allocate), None) => allocation(intake, allocate, &format!("{field}.allocate")),
        (None, Some(wanted)) => {
            let Some(by) = existing(wanted) else {
                intake.invalid(format!("{field}.existing"), "exactly one of id and address is required");
                return None;
            };
            let reference = Reference { kind: ReferenceKind::FloatingIp, by };
            let id = intake.look_up(reference, &format!("{field}.existing"))?.id()?.to_owned();
            Some(FloatingIp::Existing { id })
        }
        _ => {
            intake.invalid(field, "exactly one of allocate and existing is required");
            None
        }
    }
}

fn allocation(intake: &mut Validator<'_>, wanted: &FloatingIpAllocation, field: &str) -> Option<FloatingIp> {
    let network_at = format!("{field}.network");
    let network = intake.object(ReferenceKind::Network, Some(&wanted.network), &network_at);
    if let Some(ResolvedReference::Network { id, external: false, .. }) = network {
        intake.unusable(
            network_at,
            format!("network {id} is not external: floating IPs come from external networks only"),
        );
    }
    let subnet = intake.object(ReferenceKind::Subnet, wanted.subnet.as_ref(), &format!("{field}.subnet"));
    let address = wanted.address.as_ref().and_then(|text| intake.address(text, &format!("{field}.address")));
    if let Some(address) = address.filter(IpAddr::is_ipv6) {
        intake.invalid(format!("{field}.address"), format!("{address} is IPv6: floating IPs are IPv4"));
    }
    if let Some(ResolvedReference::Subnet { id, cidr: IpNet::V6(cidr), .. }) = subnet {
        let message = format!("subnet {id} is IPv6 ({cidr}): floating IPs are IPv4");
        intake.unusable(format!("{field}.subnet"), message);
    }
    if let Some(ResolvedReference::Subnet { id, network_id, cidr }) = subnet {
        if network.is_some_and(|n| n.id() != Some(network_id)) {
            intake.unusable(format!("{field}.subnet"), format!("subnet {id} belongs to another network"));
        }
        if let Some(address) = address.filter(|a| !cidr.contains(a)) {
            intake.invalid(format!("{field}.address"), format!("{address} is not in the subnet, which is {cidr}"));
        }
    }
    let subnet = match subnet {
        Some(ResolvedReference::Subnet { id, cidr, .. }) => Some(FloatingSubnet { id: id.clone(), cidr: *cidr }),
        _ => None,
    };
    Some(FloatingIp::Allocate {
        network_id: network?.id()?.to_owned(),
        subnet,
        address: address.map(|a| a.to_string()),
        retain: wanted.reclaim_policy == ReclaimPolicy::Retain,
    })
}
