//! The floating IP of the load balancer. Whether an existing one is used elsewhere is checked before a create: that
//! changes too often to be part of a translation.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::api::{FloatingIpAllocation, LoadBalancerStackSpec, ReclaimPolicy};
use crate::model::{FloatingIp, FloatingSubnet, IpFamily, Reference, ReferenceKind, ResolvedReference};
use crate::translate::ip_family::{FamilyCondition, IpFamilies};
use crate::translate::selectors;
use crate::translate::validator::Validator;

const PATH: &str = "spec.loadBalancer.floatingIP";

pub(super) fn floating_ip(
    validator: &mut Validator<'_>,
    stack: &LoadBalancerStackSpec,
    families: &IpFamilies,
) -> Option<FloatingIp> {
    let spec = stack.load_balancer.floating_ip.as_ref()?;
    validator.check_family(families, FamilyCondition::Needs(IpFamily::IPv4), PATH, || {
        "a floating IP needs an IPv4 address to lead to, and the VIP has none".to_owned()
    });
    match (&spec.allocate, &spec.existing) {
        (Some(allocation), None) => allocate(validator, allocation, &format!("{PATH}.allocate")),
        (None, Some(existing)) => {
            let path = format!("{PATH}.existing");
            let Some(by) = selectors::floating_ip(existing) else {
                validator.invalid(path, "exactly one of id and address is required");
                return None;
            };
            let reference = Reference { kind: ReferenceKind::FloatingIp, by };
            let id = validator.look_up(reference, &path)?.id()?.to_owned();
            Some(FloatingIp::Existing { id })
        }
        _ => {
            validator.invalid(PATH, "exactly one of allocate and existing is required");
            None
        }
    }
}

fn allocate(validator: &mut Validator<'_>, spec: &FloatingIpAllocation, path: &str) -> Option<FloatingIp> {
    let network_path = format!("{path}.network");
    let network = validator.object(ReferenceKind::Network, Some(&spec.network), &network_path);
    if let Some(ResolvedReference::Network { id, external: false, .. }) = network {
        validator.unusable(
            network_path,
            format!("network {id} is not external: floating IPs come from external networks only"),
        );
    }
    let subnet = validator.object(ReferenceKind::Subnet, spec.subnet.as_ref(), &format!("{path}.subnet"));
    let address = spec.address.as_ref().and_then(|text| validator.address(text, &format!("{path}.address")));
    if let Some(address) = address.filter(IpAddr::is_ipv6) {
        validator.invalid(format!("{path}.address"), format!("{address} is IPv6: floating IPs are IPv4"));
    }
    if let Some(ResolvedReference::Subnet { id, network_id, cidr }) = subnet {
        if let IpNet::V6(cidr) = cidr {
            let message = format!("subnet {id} is IPv6 ({cidr}): floating IPs are IPv4");
            validator.unusable(format!("{path}.subnet"), message);
        }
        if network.is_some_and(|n| n.id() != Some(network_id)) {
            validator.unusable(format!("{path}.subnet"), format!("subnet {id} belongs to another network"));
        }
        if let Some(address) = address.filter(|a| !cidr.contains(a)) {
            validator.invalid(format!("{path}.address"), format!("{address} is not in the subnet, which is {cidr}"));
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
        retain: spec.reclaim_policy == ReclaimPolicy::Retain,
    })
}
