//! Time of the next reconcile of a stack.

use std::time::Duration;

use crate::engine::Retry;

/// Delay of retries that only a person makes succeed.
pub(super) const FIXED_RETRY: Duration = Duration::from_secs(60);
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
const SLOW_BACKOFF_MAX: Duration = Duration::from_secs(3600);

/// End of a reconcile, for the queue.
pub(super) enum Requeue {
    /// No reconcile ran: none is due before this time, or before the stack changes.
    Rest(Option<Duration>),
    Retry(Retry),
    /// Too many stacks with the same credentials are being reconciled: nothing was read, nothing is reported.
    Throttled,
    /// The stack has ended: none is due, whatever this process still sees of it.
    Ended,
}

/// Tells whether repeated failures make the delay grow.
pub(super) const fn grows(retry: Retry) -> bool {
    matches!(retry, Retry::Backoff | Retry::SlowBackoff)
}

/// Delay before the next reconcile; `None`: not before the stack changes.
pub(super) fn delay(retry: Retry, failures: u32, resync_period: Option<Duration>) -> Option<Duration> {
    match retry {
        Retry::After(delay) => Some(delay),
        Retry::Backoff => Some(exponential(BACKOFF_MIN, BACKOFF_MAX, failures)),
        Retry::Fixed => Some(jittered(FIXED_RETRY)),
        Retry::SlowBackoff => Some(exponential(FIXED_RETRY, SLOW_BACKOFF_MAX, failures)),
        Retry::Resync => resync_period.map(jittered),
        Retry::Never => None,
    }
}

/// Doubled with each failure up to a cap, less up to a quarter.
fn exponential(first: Duration, cap: Duration, failures: u32) -> Duration {
    let full = first.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(cap);
    full.mul_f64(1.0 - fastrand::f64() / 4.0)
}

/// Spread by a tenth, so that stacks applied together do not stay together for ever.
fn jittered(period: Duration) -> Duration {
    period.mul_f64(0.9 + fastrand::f64() / 5.0)
}
