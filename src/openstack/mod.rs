//! The OpenStack client: Keystone, Octavia, and the parts of Neutron and Barbican that load balancers need. Knows
//! nothing of Kubernetes.
//!
//! Tests replace two parts: [`Transport`], which carries every request (reqwest in production, the simulated cloud in
//! tests), and [`Clock`](crate::clock::Clock), which tells the time.
//!
//! | module | content |
//! |---|---|
//! | `cloud` | the public interface to one project of one cloud |
//! | `execute` | the only writes to the cloud: each step of a plan is one HTTP call |
//! | `cache` | reads that many stacks of a project share |
//! | `references` | look-up of the objects that a stack refers to by name, id or URL |
//! | `inventory` | everything that a project may use in its cloud |
//! | `quota` | limits and use of the project's Octavia quota |
//! | `octavia`, `neutron` | reads of the two services |
//! | `secrets` | secrets of stacks in Barbican |
//! | `pagination` | lists, page by page, within a memory budget |
//! | `session`, `keystone` | a valid token, and the requests that carry it |
//! | `settings`, `create_slots` | timeouts and the metrics hook; the limit on concurrent writes that take quota |
//! | `clouds_yaml` | credentials, from the `clouds.yaml` of a Secret |
//! | `collections` | the paths of the APIs |
//! | `http` | requests, responses, errors, transport |
//! | `text` | shortening of texts from servers, for messages |
//!
//! Each module imports only from the modules below it in this table.

mod cache;
mod cloud;
mod clouds_yaml;
mod collections;
mod create_slots;
mod execute;
mod http;
mod inventory;
mod keystone;
mod neutron;
mod octavia;
mod pagination;
mod quota;
mod references;
mod secrets;
mod session;
mod settings;
mod text;

pub use cache::Freshness;
pub use cloud::Cloud;
pub use clouds_yaml::{CloudsYaml, Credentials, CredentialsError};
pub use create_slots::{CreateSlot, CreateSlots};
pub use execute::Done;
pub use http::{
    CacertError, CloudError, ConnectError, Connector, ErrorClass, ErrorDetail, Request, ReqwestConnector, Response,
    TlsOptions, Transport, TransportError,
};
pub use inventory::{Choice, Extension, Inventory, Network, Subnet};
pub use keystone::Project;
pub use quota::QuotaUse;
pub use settings::{CallObserver, CloudSettings};

#[cfg(test)]
mod tests;
