//! Reads that all stacks of a session share, so that many stacks cost few calls.
//!
//! | file | content |
//! |---|---|
//! | `tree_cache` | trees at rest, from project lists and remembered members and rules |
//! | `latest_snapshot` | the latest lists of a project, and the read of the next ones |
//! | `project_snapshot` | the lists of a project, at one moment |
//! | `freshness` | the age that lists may have |
//! | `shared_poll` | load balancers in flight, polled together |
//! | `secret_cache` | secrets of stacks at rest, from one list |

mod freshness;
mod latest_snapshot;
mod project_snapshot;
mod secret_cache;
mod shared_poll;
mod tree_cache;

pub use freshness::Freshness;
pub(super) use secret_cache::SecretCache;
pub(super) use shared_poll::SharedPoll;
pub(super) use tree_cache::TreeCache;
