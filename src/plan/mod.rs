//! The planner: computes the ordered API calls that turn observed state into desired state.
//!
//! It is pure: no async, no clock, no I/O. Its result, a [`Plan`](crate::model::Plan), is a value. Only the first step
//! of a plan is ever executed; then the cloud is observed again and a new plan is made.
//!
//! # Changed in place, replaced, held back
//!
//! [`Impact`](crate::model::Impact) says what a step does to present traffic, intended or not: deleting a listener
//! interrupts, and so does switching one off. But only a *detour* is held back while the stack forbids interruptions:
//! the deletion of an object that has to be created again at once, because Octavia cannot change it in place (a
//! listener's protocol on the same port; another floating IP on the same address). Changes that the stack itself asks
//! for, such as a listener removed or switched off, run.
//!
//! A detour that is held back leaves the old object in service, and the members of its pool are kept up to date.

mod adoption;
mod certificates;
mod create;
mod diff;
mod floating_ip;
mod foreign;
mod heal;
mod health_monitor;
mod l7_policy;
mod l7_rule;
mod limits;
mod listener;
mod load_balancer;
mod matching;
mod member;
mod natural_keys;
mod ownership;
mod policy_order;
mod pool;
mod problems;
mod secrets;
mod step;
mod tls;
mod update;

pub use adoption::{adopt, adoption_problems};
pub use create::create;
pub use floating_ip::{RETAIN, floating_ip_in_use};
pub use foreign::foreign_children;
pub use limits::MAX_BODY;
pub use ownership::{delete, orphan, take_over};
pub use update::update;
