//! The pure heart: from what is wanted and what is there to the ordered list of calls that Octavia will accept.
//!
//! No async, no clock, no I/O. A [`Plan`] is a value that prints (for people) and serialises (for machines). A
//! [`Step`] holds every id and every value: executing it needs no look-up and no choice. Only the first step of a plan
//! is ever executed; then the cloud is looked at again and a new plan is made. So a later step may speak of an object
//! that an earlier one makes; its body then says `"<pool web>"` where the id will be, and [`Step::waits`] is set.
//!
//! # What is done in place, what is replaced, what is held back
//!
//! [`Impact`] says what a step does to traffic that flows now, wanted or not: deleting a listener interrupts, and so
//! does switching one off. But only a *detour* is held back while the stack forbids interruptions: deleting something
//! that has to be made again at once, because Octavia cannot change it where it stands (a listener's protocol on the
//! same port; another floating IP on the same address). What the stack itself asks for, a listener gone or switched
//! off, is the goal and runs.
//!
//! What is held back leaves the old object in service, and its pool's members go on being kept as the stack says.

mod create;
mod diff;
mod floating_ip;
mod heal;
mod health_monitor;
mod l7_policy;
mod l7_rule;
mod limits;
mod listener;
mod load_balancer;
mod matching;
mod member;
mod ownership;
mod pool;
mod step;
mod tls;
mod update;

pub use create::create;
use diff::Patch;
pub use floating_ip::{RETAIN, floating_ip_in_use};
pub use limits::MAX_BODY;
pub use ownership::{delete, orphan, take_over};
pub use update::update;
