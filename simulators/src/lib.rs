//! Simulators of OpenStack and Kubernetes, for tests and the demo. Not shipped.
#![forbid(unsafe_code)]

pub mod arbitrary;
pub mod cloud;
pub mod clouds_yaml_probe;
pub mod cluster;
pub mod demo;
pub mod random_cluster;
pub mod rig;
