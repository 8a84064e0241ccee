//! A small pure model of Octavia, of Neutron's floating IPs and of Barbican's secrets.
//!
//! It applies one call to a tree at once, rejects what Octavia rejects, and normalises what Octavia normalises. It has
//! no PENDING states: those are the engine's affair.

mod calls;
mod fields;
mod l7;
mod neutron;
mod pools;
mod secrets;
mod serving;
mod vips;

pub use calls::Octavia;
