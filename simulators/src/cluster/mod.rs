//! A simulated Kubernetes API server with the features that kube-rs and everyday kubectl need for Evenkeel's own
//! resources.
//!
//! It serves Namespaces, Secrets, ConfigMaps, Events, Leases and CustomResourceDefinitions, and instances of each
//! defined kind, by the rules of the genuine server: revisions, uids, generations, finalizers, server-side apply with
//! ownership, schemas with defaults and CEL. It has no users and no roles. Its only controllers empty a namespace or a
//! definition that is being deleted; owned objects are not garbage-collected.
//!
//! `tests/cluster_conformance` puts the same requests to this and to a genuine API server.

mod apply;
mod built_in;
mod cel;
mod client;
mod clock;
mod convert;
mod discovery;
mod faults;
mod fields;
mod handler;
mod inner;
mod jsonpath;
mod kinds;
mod list;
mod managed_fields;
mod object;
mod openapi;
mod ordered_notify;
mod patch;
mod protobuf;
mod query;
mod representation;
mod route;
mod schema;
mod selector;
mod server;
mod sim;
mod state;
mod status;
mod store;
mod table;
mod validation;
mod watch;
mod write;
mod write_checks;
mod write_options;

pub use clock::TokioClock;
pub use faults::{ClusterRequest, Effect, Fault};
pub use server::Served;
pub use sim::ClusterSim;
