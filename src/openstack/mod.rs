//! OpenStack over HTTP: Keystone, Octavia, and the little of Neutron and Barbican we use. No Kubernetes.
//!
//! Two seams: [`Transport`] carries every request (reqwest in production, a simulator's router in tests), and time comes
//! from [`Clock`](crate::clock::Clock).

mod error;
mod transport;

pub use error::*;
pub use transport::*;
