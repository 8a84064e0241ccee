//! The simulated Kubernetes API, seen through kube-rs.

mod objects;
mod rules;
mod support;
mod watches;
