//! Random stacks over the whole width of the vocabulary, and random edits of them, for property tests.
//!
//! A stack is drawn freely from a small set of names, so that two of them share keys, and then repaired into one that
//! validation accepts. An edit takes some parts from another random stack, so that every field can change to every
//! value, alone or with all others. Then it moves and renames objects.

mod edits;
mod listeners;
mod moves;
mod policies;
mod pools;
mod stacks;
mod values;
mod world;

pub use edits::stack_and_edit;
pub use policies::rule;
pub use world::{CandidateVip, Families, World};
