//! The end of the VIP that a floating IP leads to.

use std::net::Ipv4Addr;

use serde_json::json;

use crate::model::{Body, LoadBalancer, ObservedFloatingIp, ObservedLoadBalancer};
use crate::plan::diff::{add_some, object};

/// VIP port of a load balancer, with the one of its addresses that a floating IP leads to.
pub(super) struct VipTarget<'a> {
    pub port: &'a str,
    /// A floating IP leads to an IPv4 address. `None` where there is none, or the address is not known.
    pub address: Option<String>,
}

impl<'a> VipTarget<'a> {
    pub(super) fn of(load_balancer: &'a ObservedLoadBalancer) -> Option<Self> {
        let additional = load_balancer.additional_vips.iter().filter_map(|vip| vip.ip_address.as_deref());
        let mut addresses = load_balancer.vip_address.as_deref().into_iter().chain(additional);
        let address = addresses.find(|address| is_v4(address)).map(str::to_owned);
        Some(Self { port: load_balancer.vip_port_id.as_deref()?, address })
    }

    /// The VIP of a load balancer that does not exist yet: known only where the user names a port.
    pub(super) fn expected(load_balancer: &'a LoadBalancer) -> Option<Self> {
        let address = load_balancer.vip.address.clone().filter(|address| is_v4(address));
        Some(Self { port: load_balancer.vip.port_id.as_deref()?, address })
    }

    /// True if the floating IP leads here.
    pub(super) fn has(&self, floating_ip: &ObservedFloatingIp) -> bool {
        floating_ip.port_id.as_deref() == Some(self.port)
            && (floating_ip.fixed_ip_address.is_none()
                || self.address.is_none()
                || floating_ip.fixed_ip_address == self.address)
    }

    /// Fields of a request that associates a floating IP.
    pub(super) fn fields(&self) -> Body {
        let mut body = object([("port_id", json!(self.port))]);
        add_some(&mut body, [("fixed_ip_address", self.address.as_ref().map(|a| json!(a)))]);
        body
    }
}

fn is_v4(address: &str) -> bool {
    address.parse::<Ipv4Addr>().is_ok()
}
