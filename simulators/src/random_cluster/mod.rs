//! Random clusters for property tests: Services with EndpointSlices, Nodes, Secrets and ConfigMaps; stacks that refer to
//! them; edits of both; and an oracle of its own for the members and certificates that follow.
//!
//! | file | purpose |
//! |---|---|
//! | `dice` | choices that follow from a seed |
//! | `cluster` | the objects of one cluster, and their changes |
//! | `services`, `nodes`, `certificates` | random objects |
//! | `fixtures` | certificates with their keys, and authorities |
//! | `edits` | random edits of a cluster |
//! | `spec`, `spec_sources`, `spec_tls` | random stacks that refer to such a cluster |
//! | `oracle` | members and certificates of a stack by its spec and the objects; it shares no code with Evenkeel |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod certificates;
mod cluster;
mod dice;
mod edits;
pub mod fixtures;
mod nodes;
pub mod oracle;
mod services;
mod spec;
mod spec_sources;
mod spec_tls;

pub use cluster::{ClusterChange, ObjectKind, ObjectName, RandomCluster};
pub use dice::Dice;
pub use spec::{CLUSTER_CLOUD, Shape, draw as draw_spec};
