//! VIPs of the model.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::calls::Octavia;
use super::fields::{Verdict, ensure, nested, without};
use evenkeel::model::*;

impl Octavia {
    /// Fills in the addresses that the body of a create leaves to the cloud, and the additional VIPs.
    pub(super) fn listen(&self, mut new: ObservedLoadBalancer, body: &Body) -> Result<ObservedLoadBalancer, String> {
        let given = [&new.vip_subnet_id, &new.vip_network_id, &new.vip_port_id];
        ensure(given.iter().any(|id| id.is_some()), || "400 no VIP".to_owned())?;
        let primary = new.vip_subnet_id.get_or_insert_with(|| "of-the-network".into()).clone();
        let address = |subnet: &Id| if self.v6_subnets.contains(subnet) { "2001:db8:1::10" } else { "10.1.0.10" };
        new.vip_address.get_or_insert_with(|| address(&primary).into());
        new.vip_network_id.get_or_insert_with(|| "network".into());
        new.vip_port_id.get_or_insert_with(|| "vip-port".into());
        let mut subnets = BTreeSet::from([primary]);
        for vip in nested(body, "additional_vips") {
            let of = |field: &str| vip.get(field).and_then(Value::as_str).map(str::to_owned);
            let subnet = of("subnet_id").ok_or("400 subnet_id is mandatory")?;
            ensure(without(&vip, &["subnet_id", "ip_address"]).is_empty(), || "400 unknown attribute".to_owned())?;
            ensure(subnets.insert(subnet.clone()), || "400 Duplicate VIP subnet(s) specified".to_owned())?;
            let ip_address = of("ip_address").unwrap_or_else(|| address(&subnet).into());
            let port_id = new.vip_port_id.clone();
            new.additional_vips.push(ObservedAdditionalVip {
                subnet_id: Some(subnet),
                ip_address: Some(ip_address),
                port_id,
            });
        }
        Ok(new)
    }

    /// True if the load balancer has an address of this IP version.
    pub fn listens_on(&self, v6: bool) -> bool {
        let Some(tree) = &self.tree else { return false };
        addresses(&tree.load_balancer).any(|address| address.is_ipv6() == v6)
    }

    /// Rejects a member of UDP or SCTP with an IP version that the load balancer does not have.
    pub(super) fn check_family(&self, protocol: &str, member: &str) -> Verdict {
        let crosses = matches!(protocol, "UDP" | "SCTP") && !self.listens_on(member.contains(':'));
        ensure(!crosses, || format!("501 member {member} in a {protocol} pool"))
    }
}

pub(super) fn addresses(load_balancer: &ObservedLoadBalancer) -> impl Iterator<Item = IpAddr> {
    let additional = load_balancer.additional_vips.iter().filter_map(|vip| vip.ip_address.as_deref());
    let all = load_balancer.vip_address.as_deref().into_iter().chain(additional);
    all.filter_map(|address| address.parse().ok())
}
