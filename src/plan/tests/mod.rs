//! Tests of the planner against a small pure model of Octavia.

mod bodies;
mod drift;
mod found;
mod members;
mod octavia;
mod plans;
mod properties;
mod stack;
mod tags;
mod traffic;
mod traps;
mod width;
