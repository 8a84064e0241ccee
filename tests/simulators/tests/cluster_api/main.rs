//! The simulated Kubernetes API, seen through kube-rs.

mod objects;
mod support;
mod watches;
