//! The age that shared lists may have for the look at one stack.

use std::time::Duration;

use tokio::time::Instant;

/// Requirements for shared lists. Lists that took long may be older than `max_age`, or they would be outdated before all
/// stacks are compared with them.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// The age, counted from the end of the read, up to which lists are used in any case.
    pub max_age: Duration,
    /// The end of the last reconcile that wrote or read the tree itself: lists that began earlier may show the tree as it
    /// was before.
    pub not_before: Option<Instant>,
}

impl Freshness {
    pub(super) fn allows(self, began: Instant) -> bool {
        self.not_before.is_none_or(|not_before| began >= not_before)
    }
}

impl From<Duration> for Freshness {
    fn from(max_age: Duration) -> Self {
        Self { max_age, not_before: None }
    }
}
