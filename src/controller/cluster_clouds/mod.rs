//! Clouds that namespaces share: the resource `ClusterOpenStackCloud`.
//!
//! | file | purpose |
//! |---|---|
//! | `cache`, `uses` | clouds, labels of namespaces, and the stacks that use them |
//! | `grant` | the namespaces that may use a cloud |
//! | `access` | the cloud of one stack, with the grant to its namespace |
//! | `room` | the number of load balancers that a namespace may have |
//! | `run` | the watches of clouds and namespaces |
//! | `reconcile`, `status` | finalizer and status of a cloud |

mod access;
mod cache;
mod grant;
mod reconcile;
mod room;
mod run;
mod status;
mod uses;

pub(super) use access::{AccessProblem, CloudAccess};
pub(super) use cache::{ClusterClouds, Concerned, MaybeCloud};
pub(super) use run::run;
pub(super) use uses::cluster_cloud_of;
