//! Tests of the planner against a small pure model of Octavia.

mod drift;
mod octavia;
mod properties;
