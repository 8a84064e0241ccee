//! Evenkeel keeps OpenStack Octavia load balancers on an even keel.
//!
//! One direction of data flow, one module a stage:
//!
//! ```text
//! api ──> intake ──> Desired ─┐
//!                              ├─> plan ──> Step ──> openstack::execute ──> outcome ──> controller::status
//! openstack ──> observe ──> Tree ─┘
//! ```
//!
//! Who may import whom is written down in `tests/layering.rs` and checked there.
#![forbid(unsafe_code)]

pub mod api;
pub mod clock;
pub mod controller;
pub mod engine;
pub mod failpoint;
pub mod http_server;
pub mod metrics;
pub mod model;
pub mod openstack;
pub mod plan;
pub mod translate;
