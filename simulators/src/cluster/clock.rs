//! A clock of the time of day that follows tokio's clock, so that paused time stops it too.

use evenkeel::clock::Clock;
use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that starts at a given time of day and advances with tokio's clock.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    base: Timestamp,
    started: Instant,
}

impl TokioClock {
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, started: Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.base.saturating_add(self.started.elapsed()).unwrap_or(Timestamp::MAX)
    }
}
