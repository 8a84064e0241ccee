//! Durations that an operator may set, and the delays that follow from them.

use std::time::Duration;

use crate::model::ApiVersion;

/// The oldest Octavia API that the engine drives (Train; `SOURCE_IP_PORT`). With an older one nothing is written.
pub const OLDEST_API: ApiVersion = ApiVersion { minor: 13 };

/// Delay before the first poll of a locked load balancer: most changes take a second or two.
pub(super) const FIRST_POLL: Duration = Duration::from_millis(400);
const SLOWEST_POLL: Duration = Duration::from_secs(10);

/// Delay while a quota is exhausted: anybody may free some at any time, and nothing announces it.
pub(super) const QUOTA_RETRY: Duration = Duration::from_secs(60);

/// Durations that an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time for which a create whose response was lost may still become visible. Longer than the time-out of the POST.
    pub quiet_period: Duration,
    /// Time after which a locked load balancer is reported as stuck.
    pub stuck_after: Duration,
    /// Age up to which the shared lists are used from which a stack at rest is judged. Lists that took long are used for
    /// longer.
    pub shared_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quiet_period: Duration::from_secs(150),
            stuck_after: Duration::from_secs(900),
            shared_age: Duration::from_secs(20),
        }
    }
}

impl Settings {
    /// Time after the last create for which a duplicate of it is looked for.
    pub(super) fn duplicate_watch(&self) -> Duration {
        self.quiet_period * 2
    }

    /// Interval at which a duplicate is looked for.
    pub(super) fn duplicate_interval(&self) -> Duration {
        self.quiet_period / 4
    }
}

/// Delay before the next poll of a load balancer that has been locked for `waited`: a twelfth of that, so that polling
/// adds less than a tenth to the time that a change takes.
pub(super) fn poll_interval(waited: Duration) -> Duration {
    (waited / 12).clamp(FIRST_POLL, SLOWEST_POLL)
}
