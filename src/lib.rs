//! Evenkeel keeps OpenStack Octavia load balancers on an even keel.
//!
//! Data flows in one direction, and each stage is a module:
//!
//! ```text
//! api ──> translate ──> Source ─┐
//!                               ├─> engine: resolve, validate, observe, plan, execute one step ──> Outcome
//! openstack ──> Resolutions, ───┘                                                                    │
//!               ObservedTree                                          controller::status, cli <──────┘
//! ```
//!
//! `tests/layering.rs` holds and checks which module may import which.
#![warn(unreachable_pub)]
#![forbid(unsafe_code)]

pub mod api;
pub mod certificates;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod controller;
pub mod endpoints;
pub mod engine;
pub mod export;
pub mod failpoint;
pub mod http_server;
pub mod metrics;
pub mod model;
pub mod openstack;
pub mod plan;
pub mod translate;
