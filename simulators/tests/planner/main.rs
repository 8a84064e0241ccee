//! The planner against a small pure model of Octavia: whole plans, single calls, and laws over random stacks.
//!
//! `EVENKEEL_SEED` chooses other random cases, and `EVENKEEL_TIMES` multiplies their number.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod adoption;
mod bodies;
mod drift;
mod floating_ips;
mod found;
mod members;
mod octavia;
mod plans;
mod properties;
mod prune;
mod secrets;
mod stack;
mod tags;
mod traffic;
mod traps;
mod width;
