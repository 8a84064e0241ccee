//! Reads of Neutron: floating IPs, VIP ports, and the objects that a name may lead to.

mod floating_ips;
mod ports;
mod scope;

pub(super) use floating_ips::is_relevant;
pub(super) use ports::unwatched_port;
