//! The demo: a simulated cloud, a simulated cluster and the controller in one process.
//!
//! It applies the examples, shows how they become Ready, causes drift and shows its correction. All output goes to one
//! writer: a terminal gets lines that change in place, anything else plain lines.

mod drift;
mod environment;
mod screen;
mod show;
mod tree;

pub use environment::Wiring;
pub use show::{Options, run};
