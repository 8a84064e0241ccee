//! Comparison of the desired state with the cloud's own records. It shares no code with the planner.

mod listeners;
mod pools;
mod records;
mod report;
mod stack;

pub use records::key;
pub use stack::differences;
