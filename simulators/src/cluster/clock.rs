//! The time of day as tokio counts it, so that paused time moves it too.

use evenkeel::clock::Clock;
use jiff::Timestamp;
use tokio::time::Instant;

/// Starts at a given time of day and goes on with tokio's clock.
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
