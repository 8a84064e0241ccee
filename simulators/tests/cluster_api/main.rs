//! The simulated API server, used through kube-rs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod objects;
mod rules;
mod support;
mod watches;
