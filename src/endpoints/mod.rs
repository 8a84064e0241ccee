//! Endpoints of Services and Nodes: the addresses that stand for a member source. Pure.
//!
//! The records hold the parts of Kubernetes objects that matter here, so that a cache of them is small. The rules are
//! those of kube-proxy and of the cloud controllers for load balancers:
//!
//! * Endpoints that are ready, or, if a Service has none, those that still serve while they terminate (KEP-1669). Never
//!   one that does not serve.
//! * The port of a Service is found by its name; its number is that of each EndpointSlice.
//! * A node leaves only when it is being deleted, excluded by its label, or about to be removed by an autoscaler; never
//!   because it is cordoned or not Ready (KEP-3458).

mod node;
mod node_ports;
mod pods;
mod problem;
mod records;
mod service;
mod slice;
mod source;
#[cfg(test)]
mod tests;

pub use node::NodeRecord;
pub use problem::SourceProblem;
pub use records::{Endpoints, SourceRecords, UnreadyPods};
pub use service::{ServicePortRecord, ServiceRecord};
pub use slice::{EndpointRecord, EndpointState, PodRef, SERVICE_LABEL, SliceRecord};
pub use source::{endpoints, unready_endpoints};
