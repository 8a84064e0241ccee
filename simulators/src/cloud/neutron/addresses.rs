//! Allocation of IP addresses from subnets, for ports and floating IPs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::network::{Neutron, Subnet};
use super::resource::{NeutronError, error};

/// The gateway that Neutron gives a subnet without `gateway_ip`: the first address after that of the network.
pub(super) fn gateway(cidr: &IpNet) -> IpAddr {
    address_at(cidr, 1)
}

/// The address at this distance from that of the network.
fn address_at(cidr: &IpNet, offset: u32) -> IpAddr {
    match cidr.network() {
        IpAddr::V4(first) => IpAddr::V4(Ipv4Addr::from_bits(first.to_bits().saturating_add(offset))),
        IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(first.to_bits().saturating_add(u128::from(offset)))),
    }
}

impl Neutron {
    /// Allocates the wanted address, or the next free one when `wanted` is empty.
    pub(super) fn take_address(&mut self, subnet_id: &str, wanted: &str) -> Result<String, NeutronError> {
        let Some(subnet) = self.subnets.get(subnet_id).cloned() else {
            return Err(super::Resource::Subnet.not_found(subnet_id));
        };
        let address =
            if wanted.is_empty() { self.free_address(&subnet)? } else { self.wanted_address(&subnet, wanted)? };
        self.taken.entry(subnet.id).or_default().insert(address);
        Ok(address.to_string())
    }

    /// The wanted address, if the subnet has it and nothing else uses it.
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

    /// The next free address after the last one that was allocated here, so that a released address is not reused at
    /// once. The search goes on at the start of the subnet when it reaches the end.
    ///
    /// Offsets 0 and 1, the network and its gateway, are not allocated, nor is the last address, the broadcast address
    /// of IPv4.
    fn free_address(&mut self, subnet: &Subnet) -> Result<IpAddr, NeutronError> {
        let taken = self.taken.get(&subnet.id);
        let broadcast = subnet.cidr.broadcast();
        let is_free = |address: &IpAddr| *address != broadcast && !taken.is_some_and(|taken| taken.contains(address));
        let start = self.next_offsets.get(&subnet.id).copied().unwrap_or(2);
        let candidate = |offset: u32| (offset, address_at(&subnet.cidr, offset));
        let inside = |(_, address): &(u32, IpAddr)| subnet.cidr.contains(address);
        let after = (start..u32::MAX).map(candidate).take_while(inside).find(|(_, address)| is_free(address));
        let found =
            after.or_else(|| (2..start).map(candidate).take_while(inside).find(|(_, address)| is_free(address)));
        let Some((offset, address)) = found else {
            let text = format!("No more IP addresses available on network {}.", subnet.network);
            return Err(error(409, "IpAddressGenerationFailure", text));
        };
        self.next_offsets.insert(subnet.id.clone(), offset.saturating_add(1));
        Ok(address)
    }

    /// Releases an address.
    pub(super) fn free(&mut self, subnet: &str, address: &str) {
        if let (Some(taken), Ok(address)) = (self.taken.get_mut(subnet), address.parse()) {
            taken.remove(&address);
        }
    }
}
