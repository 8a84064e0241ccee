//! Tests of the planner against a small pure model of Octavia.

mod octavia;
mod properties;
