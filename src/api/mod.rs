//! The resource `LoadBalancerStack`: its fields, what the API server refuses, and the CRD that says so.
//!
//! Rules of validation sit at the smallest subtree that holds what they compare. A rule that an object stored earlier
//! breaks refuses every write to the changed part of the object; at the root it would refuse status writes and the
//! removal of the finalizer, so only transition rules over `oldSelf.status` are there (`immutable`). All of this is a
//! courtesy to people who write stacks: `intake` is the authority.

mod amphora;
mod ciphers;
mod crd;
pub mod duration;
mod immutable;
mod l7;
mod listener;
mod load_balancer;
pub mod patterns;
mod pool;
mod schema;
mod stack;
mod status;

pub use crd::{crd, crd_yaml};
pub use l7::*;
pub use listener::*;
pub use load_balancer::*;
pub use pool::*;
pub use stack::*;
pub use status::*;
