//! A simulated OpenStack: Keystone v3, Octavia v2, and the parts of Neutron and Barbican that load balancers need.
//!
//! The state is a value (`world::World`) that one request changes at one moment. Time is simulated around it: a request
//! takes a while, a POST is invisible until it commits, a change is PENDING until it is due. The clock is tokio's, so
//! tests may pause it.
//!
//! Responses, errors, defaults, orders and quirks are those measured on Octavia 19, Neutron 29 and Keystone 30.
//! `tests/cloud_conformance` holds this cloud and a genuine one to the same expectations.

mod barbican;
mod call;
mod clock;
mod config;
mod controls;
mod faults;
mod ids;
mod keystone;
mod neutron;
mod octavia;
mod reply;
mod request_log;
mod server;
mod sim;
mod tag_filters;
mod transport;
mod views;
mod world;

pub use call::Service;
pub use config::{CloudConfig, Prefixes, Timing};
pub use faults::{Fault, Match, ProviderFault, Verb, WorkerEffect};
pub use octavia::{Health, Kind, Operating, Provisioning};
pub use request_log::CloudRequest;
pub use server::Served;
pub use sim::CloudSim;
