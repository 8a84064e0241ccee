//! The clock of the simulated cloud, and the forms in which OpenStack's services write a time. The clock follows
//! tokio's, so tests can pause it.

use jiff::Timestamp;
use tokio::time::Instant;

/// Tokio's clock together with a time of day, which the simulation chooses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    time_of_day_at_start: Timestamp,
}

/// A point in time, on tokio's clock and as a time of day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub at: Instant,
    pub time_of_day: Timestamp,
}

impl Clock {
    /// A clock on which it is this time of day now.
    pub fn starting_at(time_of_day: Timestamp) -> Self {
        Self { start: Instant::now(), time_of_day_at_start: time_of_day }
    }

    pub fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    pub fn since_start(&self, at: Instant) -> std::time::Duration {
        at.saturating_duration_since(self.start)
    }

    /// An instant of tokio's clock with its time of day.
    pub fn moment(&self, at: Instant) -> Moment {
        let elapsed = jiff::SignedDuration::try_from(self.since_start(at)).unwrap_or_default();
        let time_of_day = self.time_of_day_at_start.checked_add(elapsed).unwrap_or(self.time_of_day_at_start);
        Moment { at, time_of_day }
    }
}

impl Moment {
    /// `2026-01-31T12:00:00`, the form of Octavia and Barbican: whole seconds without an offset, as MySQL's DATETIME
    /// stores them.
    pub fn without_offset(&self) -> String {
        self.time_of_day.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// `2026-01-31T12:00:00Z`, the form of Neutron: whole seconds in UTC.
    pub fn with_z(&self) -> String {
        self.time_of_day.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// `2026-01-31T12:00:00.000000Z`, the form of Keystone: UTC with microseconds, which are always 0 here.
    pub fn with_microseconds(&self) -> String {
        self.time_of_day.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
    }
}
