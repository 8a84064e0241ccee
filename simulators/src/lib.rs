//! Simulators of OpenStack and Kubernetes, for tests and the demo. Not shipped.
#![forbid(unsafe_code)]

pub mod cloud;
pub mod cluster;
pub mod demo;
pub mod reading;
pub mod rig;
