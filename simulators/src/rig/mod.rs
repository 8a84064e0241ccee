//! The test rig: the whole controller between the two simulators, in one process without sockets. It runs in tokio's
//! time, which tests pause.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod endpoints;
mod harness;
mod interceptor;
mod log;
mod user_actions;
mod views;

pub use endpoints::{ready, terminating, unready};
pub use harness::{CLUSTER_NAMESPACE, NAMESPACE, Rig, SECRET, start_time};
pub use interceptor::{Interception, Interceptor};
pub use log::{Format, Log};
pub use user_actions::small;
pub use views::{condition, is_ready, reason, text};
