//! Allocation of addresses from subnets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::network::{Network, Subnet};
use super::resource::{NeutronError, error};

/// The first host of a range: the gateway of a subnet that was created without `gateway_ip`.
pub(super) fn gateway(cidr: &IpNet) -> IpAddr {
    nth(cidr, 1)
}

fn nth(cidr: &IpNet, offset: u32) -> IpAddr {
    match cidr.network() {
        IpAddr::V4(first) => IpAddr::V4(Ipv4Addr::from_bits(first.to_bits().saturating_add(offset))),
        IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(first.to_bits().saturating_add(u128::from(offset)))),
    }
}

impl Network {
    /// Allocates the wanted address, or any free one when `wanted` is empty.
    pub(super) fn take_address(&mut self, subnet_id: &str, wanted: &str) -> Result<String, NeutronError> {
        let Some(subnet) = self.subnets.get(subnet_id).cloned() else {
            return Err(super::Resource::Subnet.not_found(subnet_id));
        };
        let address =
            if wanted.is_empty() { self.free_address(&subnet)? } else { self.wanted_address(&subnet, wanted)? };
        self.taken.entry(subnet.id).or_default().insert(address);
        Ok(address.to_string())
    }

    fn wanted_address(&self, subnet: &Subnet, wanted: &str) -> Result<IpAddr, NeutronError> {
        let address = wanted.parse::<IpAddr>().ok().filter(|address| subnet.cidr.contains(address));
        let Some(address) = address else {
            let text = format!("IP address {wanted} is not a valid IP for the specified subnet.");
            return Err(error(400, "InvalidIpForSubnet", text));
        };
        if self.taken.get(&subnet.id).is_some_and(|taken| taken.contains(&address)) {
            let text = format!("IP address {wanted} already allocated in subnet {}", subnet.id);
            return Err(error(409, "IpAddressAlreadyAllocated", text));
        }
        Ok(address)
    }

    /// The next free address after the last one that was allocated, so that a released address is not reused at once.
    /// Never the broadcast address.
    fn free_address(&mut self, subnet: &Subnet) -> Result<IpAddr, NeutronError> {
        let taken = self.taken.get(&subnet.id);
        let last = subnet.cidr.broadcast();
        let free = |address: &IpAddr| *address != last && !taken.is_some_and(|taken| taken.contains(address));
        let from = self.next_offsets.get(&subnet.id).copied().unwrap_or(2);
        let host = |offset: u32| (offset, nth(&subnet.cidr, offset));
        let inside = |found: &(u32, IpAddr)| subnet.cidr.contains(&found.1);
        let after = (from..u32::MAX).map(host).take_while(inside).find(|(_, address)| free(address));
        let found = after.or_else(|| (2..from).map(host).take_while(inside).find(|(_, address)| free(address)));
        let Some((offset, address)) = found else {
            let text = format!("No more IP addresses available on network {}.", subnet.network);
            return Err(error(409, "IpAddressGenerationFailure", text));
        };
        self.next_offsets.insert(subnet.id.clone(), offset.saturating_add(1));
        Ok(address)
    }

    pub(super) fn free(&mut self, subnet: &str, address: &str) {
        if let (Some(taken), Ok(address)) = (self.taken.get_mut(subnet), address.parse()) {
            taken.remove(&address);
        }
    }
}
