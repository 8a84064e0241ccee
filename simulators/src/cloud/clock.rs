//! The cloud's clock. It follows tokio's clock, so that tests may pause it.

use jiff::Timestamp;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    wall: Timestamp,
}

/// A point in time, on tokio's clock and as a time of day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub at: Instant,
    pub wall: Timestamp,
}

impl Clock {
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { started: Instant::now(), wall }
    }

    pub fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    pub fn since_start(&self, at: Instant) -> std::time::Duration {
        at.saturating_duration_since(self.started)
    }

    pub fn moment(&self, at: Instant) -> Moment {
        let elapsed = jiff::SignedDuration::try_from(at.saturating_duration_since(self.started)).unwrap_or_default();
        Moment { at, wall: self.wall.checked_add(elapsed).unwrap_or(self.wall) }
    }
}

impl Moment {
    /// The form of Octavia and Barbican: no zone, whole seconds (MySQL's DATETIME).
    pub fn naive(&self) -> String {
        self.wall.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// The form of Neutron.
    pub fn zulu(&self) -> String {
        self.wall.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The form of Keystone.
    pub fn micros(&self) -> String {
        self.wall.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
    }
}
