//! The wall clock as a trait, so that simulations can bring their own. Nothing else reads the time of the system.

use jiff::Timestamp;

/// Source of the time of day. Production uses [`SystemClock`].
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// Clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the only place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
