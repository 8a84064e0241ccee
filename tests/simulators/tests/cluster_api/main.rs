//! The simulated Kubernetes API, seen through kube-rs.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod objects;
mod rules;
mod support;
mod watches;
