//! The OpenStack client: Keystone, Octavia, and the parts of Neutron and Barbican that load balancers need. Knows nothing of
//! Kubernetes.
//!
//! Two seams serve tests: [`Transport`] carries every request (reqwest in production, a simulator's router in tests), and
//! [`Clock`](crate::clock::Clock) tells the time.
//!
//! | module | content |
//! |---|---|
//! | `cloud` | the public interface |
//! | `execute` | one step, one call: the only writer |
//! | `cache` | reads that many stacks share |
//! | `references` | resolution of names, ids and URLs |
//! | `quota` | limits and use |
//! | `octavia`, `neutron` | reads of the two services |
//! | `pagination` | lists, page by page |
//! | `session`, `keystone` | a valid token, and the requests that carry it |
//! | `settings`, `create_slots` | timeouts and hooks; concurrency of quota-taking writes |
//! | `clouds_yaml` | credentials |
//! | `collections` | the paths of the APIs |
//! | `http` | requests, responses, errors, transport |
//! | `text` | shortening of foreign texts |
//!
//! Each module imports only from the modules below it in this table.

mod cache;
mod cloud;
mod clouds_yaml;
mod collections;
mod create_slots;
mod execute;
mod http;
mod keystone;
mod neutron;
mod octavia;
mod pagination;
mod quota;
mod references;
mod session;
mod settings;
mod text;

pub use cloud::Cloud;
pub use clouds_yaml::{Credentials, CredentialsError};
pub use create_slots::{CreateSlot, CreateSlots};
pub use execute::Done;
pub use http::{
    CacertError, CloudError, ConnectError, Connector, ErrorClass, ErrorDetail, Request, ReqwestConnector, Response,
    TlsOptions, Transport, TransportError,
};
pub use keystone::Project;
pub use quota::QuotaUse;
pub use settings::{CallObserver, CloudSettings};

#[cfg(test)]
mod tests;
