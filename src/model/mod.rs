//! Plain data: what a stack wants ([`Desired`]) and what the cloud has ([`Tree`]), in one vocabulary.
//!
//! No I/O, no clock, no Kubernetes. Names and values are Octavia's own.

mod collation;
mod desired;
mod floating_ip_ownership;
mod observed;
mod octavia_enums;
mod ownership;
mod plan;
mod plan_display;
mod problem;
mod references;
mod source;

pub use collation::*;
pub use desired::*;
pub use floating_ip_ownership::*;
pub use observed::*;
pub use octavia_enums::*;
pub use ownership::*;
pub use plan::*;
pub use problem::*;
pub use references::*;
pub use source::{Source, Validate};

/// The id of an Octavia or Neutron object (a UUID, kept as text).
pub type Id = String;

/// The name of a listener, pool or policy within its stack: our identity for it.
pub type Key = String;
