//! The part of Neutron that load balancers need: networks, subnets, ports, floating IPs, security groups, QoS policies.
//!
//! One router, which the API does not show, connects every subnet with all networks of floating IPs. Exceptions are the
//! subnets that a test detaches, and the subnets of those external networks.

mod addresses;
mod floating_ips;
mod list;
mod network;
mod ports;
mod rbac;
mod resource;

pub(crate) use network::Neutron;
pub(crate) use ports::{NewPort, fixed_ips};
pub(crate) use resource::{RequestContext, Resource, text};
