//! Reads that all stacks of a session share, so that many stacks cost few calls.
//!
//! | file | content |
//! |---|---|
//! | `tree_cache` | trees at rest, from project lists and remembered members and rules |
//! | `project_snapshot` | the lists of a project, at one moment |
//! | `shared_poll` | load balancers in flight, polled together |
//! | `secret_cache` | secrets of stacks at rest, from one list |

mod project_snapshot;
mod secret_cache;
mod shared_poll;
mod tree_cache;

pub(super) use secret_cache::SecretCache;
pub(super) use shared_poll::SharedPoll;
pub(super) use tree_cache::TreeCache;
