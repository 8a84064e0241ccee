//! Plain data: what a stack wants ([`Desired`]) and what the cloud has ([`Tree`]), in one vocabulary.
//!
//! No I/O, no clock, no Kubernetes. Names and values are Octavia's own.

mod claims;
mod collation;
mod desired;
mod observed;
mod references;
mod tags;
mod words;

pub use claims::*;
pub use collation::*;
pub use desired::*;
pub use observed::*;
pub use references::*;
pub use tags::*;
pub use words::*;

/// The id of an Octavia or Neutron object (a UUID, kept as text).
pub type Id = String;

/// The name of a listener, pool or policy within its stack: our identity for it.
pub type Key = String;
