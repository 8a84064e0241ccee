//! The load balancer itself, with its addresses and its floating IP.

use super::context::Context;
use super::owned::Owned;
use super::values::{address, by_id, tags, unless_empty, unless_up};
use crate::api::{AdditionalVipSpec, ExistingFloatingIp, FloatingIpSpec, LoadBalancerSpec, VipSpec};
use crate::model::{ObservedLoadBalancer, ObservedTree};

pub(super) fn load_balancer(tree: &ObservedTree, context: &mut Context) -> LoadBalancerSpec {
    let observed = &tree.load_balancer;
    LoadBalancerSpec {
        name: unless_empty(&observed.name),
        description: Owned::of(&observed.tags).description(&observed.description),
        tags: tags(&observed.tags, "load balancer", context),
        admin_state_up: unless_up(observed.admin_state_up),
        provider: unless_empty(&observed.provider),
        flavor: observed.flavor_id.as_deref().map(by_id),
        availability_zone: observed.availability_zone.clone(),
        vip: vip(observed),
        floating_ip: floating_ip(tree, context),
    }
}

/// The VIP by its subnet and address, so that a plan shows any difference from the load balancer.
fn vip(observed: &ObservedLoadBalancer) -> VipSpec {
    let has_groups = !observed.vip_sg_ids.is_empty() || Owned::of(&observed.tags).has("vip_sg_ids");
    let additional = observed.additional_vips.iter().filter_map(|vip| {
        let subnet = by_id(vip.subnet_id.as_deref()?);
        Some(AdditionalVipSpec { subnet, address: vip.ip_address.as_deref().map(address) })
    });
    VipSpec {
        subnet: observed.vip_subnet_id.as_deref().map(by_id),
        network: observed.vip_network_id.as_deref().filter(|_| observed.vip_subnet_id.is_none()).map(by_id),
        port: None,
        address: observed.vip_address.as_deref().map(address),
        qos_policy: observed.vip_qos_policy_id.as_deref().map(by_id),
        security_groups: has_groups.then(|| observed.vip_sg_ids.iter().map(|id| by_id(id)).collect()),
        additional: additional.collect(),
    }
}

/// The floating IP on the VIP, which the stack uses and never releases.
fn floating_ip(tree: &ObservedTree, context: &mut Context) -> Option<FloatingIpSpec> {
    let port = tree.load_balancer.vip_port_id.as_deref()?;
    let mut on_vip: Vec<_> = tree.floating_ips.iter().filter(|one| one.port_id.as_deref() == Some(port)).collect();
    on_vip.sort_by(|a, b| a.id.cmp(&b.id));
    for other in on_vip.iter().skip(1) {
        context.add("load balancer", format_args!("floating IP {} stays as it is", other.floating_ip_address));
    }
    let existing = ExistingFloatingIp { id: Some(on_vip.first()?.id.clone()), address: None };
    Some(FloatingIpSpec { allocate: None, existing: Some(existing) })
}
