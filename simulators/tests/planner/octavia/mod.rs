//! A small pure model of Octavia, and of Neutron's floating IPs.
//!
//! It applies one call to a tree at once, rejects what Octavia rejects, and normalises what Octavia normalises. It has
//! no PENDING states: those are the engine's affair.

mod calls;
mod fields;
mod l7;
mod neutron;
mod pools;
mod serving;
mod vips;

pub use calls::Octavia;
