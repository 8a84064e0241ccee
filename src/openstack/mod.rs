//! OpenStack over HTTP: Keystone, Octavia, and the little of Neutron and Barbican we use. No Kubernetes.
//!
//! Two seams: [`Transport`] carries every request (reqwest in production, a simulator's router in tests), and time comes
//! from [`Clock`](crate::clock::Clock).
//!
//! | file | what |
//! |---|---|
//! | `clouds` | an entry of `clouds.yaml` |
//! | `trust` | its `cacert`, and faults of the certificates that servers show |
//! | `keystone`, `session` | a token that is always good, calls that carry it |
//! | `density`, `classify` | which answers are not read; from the others to what to do about them |
//! | `lists`, `records`, `neutron`, `barbican` | lists page by page; records as they arrive |
//! | `observe` | one tree, read now |
//! | `inventory`, `leaves`, `polls`, `flight` | what many stacks share |
//! | `resolve`, `scope` | what references lead to, and which objects a name may lead to |
//! | `quota` | limits and uses, and the turns in which quota is taken |
//! | `execute` | one step, one call |
//! | `cloud` | the door to all of it |

mod barbican;
mod classify;
mod cloud;
mod clouds_yaml;
mod error;
mod execute;
mod keystone;
mod neutron;
mod observe;
mod pagination;
mod project_snapshot;
mod quota;
mod records;
mod reqwest_transport;
mod resolve;
mod response_limits;
mod scope;
mod session;
mod shared_poll;
mod single_flight;
mod transport;
mod tree_cache;
mod trust;

pub use cloud::{CallObserver, Cloud, CloudSettings};
pub use clouds_yaml::{Credentials, CredentialsError};
pub use error::*;
pub use execute::Done;
pub use keystone::Project;
pub use quota::{CreateSlot, CreateSlots, QuotaUse};
pub use reqwest_transport::ReqwestConnector;
pub use transport::*;

#[cfg(test)]
mod tests;
