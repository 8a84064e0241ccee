//! From an observed load balancer to the stack that describes it. Pure.
//!
//! The stack has `adopt` filled in: applied, it takes the load balancer, and the plan has nothing but tags. A value that
//! no stack can express is left out with a note.

mod certificates;
mod context;
mod keys;
mod listener;
mod load_balancer;
mod member;
mod owned;
mod policy;
mod pool;
mod stack;
mod values;

pub use stack::{ExportOptions, Exported, stack};
