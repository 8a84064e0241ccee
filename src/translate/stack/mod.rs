//! Translator of a `LoadBalancerStack`: one file for each kind of object below it.

mod adoption;
mod certificate;
mod desired;
mod floating_ip;
mod health_monitor;
mod l7;
mod listener;
mod load_balancer;
mod member;
mod member_settings;
mod member_source_checks;
mod member_sources;
mod member_weights;
mod permissions;
mod permitted_objects;
mod pool;
mod provider_capabilities;
mod references;
#[cfg(test)]
mod tests;
mod tls;
mod vip;

pub use desired::desired;
pub use permissions::{Permissions, permitted, permitted_references};
pub use references::references;
