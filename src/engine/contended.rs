//! Waits for a floating IP that another client uses.
//!
//! Nothing announces that it is free, so it is polled every few seconds, later every 20: one short list, and nothing
//! else while it looks the same. Once a minute everything is read again, as for any other stall.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Desired, ObservedFloatingIp, Problem};

use super::outcome::{Outcome, Retry};
use super::reconciliation::Reconciliation;
use super::stop::Stop;

/// A wait that has lasted longer is no hand-over in progress.
const HANDOVER: Duration = Duration::from_secs(600);
const SLOW_POLL: Duration = Duration::from_secs(20);
const FASTEST_POLL: Duration = Duration::from_secs(1);
const SLOWEST_POLL: Duration = Duration::from_secs(5);

/// Age at which the outcome of a whole reconcile is not repeated any more.
const WHOLE_RECONCILE: Duration = Duration::from_secs(60);

/// The outcome of the last whole reconcile, and the floating IP that it was about.
#[derive(Debug)]
pub(super) struct Contended {
    desired: Box<Desired>,
    floating_ip: ObservedFloatingIp,
    outcome: Box<Outcome>,
    since: Instant,
    reconciled: Instant,
}

impl Contended {
    /// The contention that stalls a reconcile; `last` is the one before it. `None` where the problem is about no
    /// floating IP that was read.
    pub(super) fn new(
        last: Option<Self>,
        desired: &Desired,
        problem: &Problem,
        floating_ips: &[ObservedFloatingIp],
        outcome: &Outcome,
    ) -> Option<Self> {
        let id = problem.floating_ip.as_deref();
        let found = floating_ips.iter().find(|found| Some(found.id.as_str()) == id)?;
        let since = last.filter(|last| last.floating_ip.id == found.id).map_or_else(Instant::now, |last| last.since);
        Some(Self {
            desired: Box::new(desired.without_contents()),
            floating_ip: ObservedFloatingIp { holder: None, ..found.clone() },
            outcome: Box::new(outcome.clone().without_contents()),
            since,
            reconciled: Instant::now(),
        })
    }

    /// Short at first, because a hand-over is often in progress.
    pub(super) fn retry(&self) -> Retry {
        let waited = self.since.elapsed();
        let soon = (waited / 12).clamp(FASTEST_POLL, SLOWEST_POLL);
        Retry::After(if waited >= HANDOVER { SLOW_POLL } else { soon })
    }
}

impl Reconciliation<'_> {
    /// Stops with the same outcome as before, as long as the floating IP has not changed.
    pub(super) async fn check_contended(&self, desired: &Desired, contended: Option<&Contended>) -> Result<(), Stop> {
        let Some(contended) = contended else { return Ok(()) };
        if contended.reconciled.elapsed() >= WHOLE_RECONCILE || *contended.desired != *desired {
            return Ok(());
        }
        if self.cloud.floating_ip(&contended.floating_ip.id).await?.as_ref() != Some(&contended.floating_ip) {
            return Ok(());
        }
        Err(Outcome { retry: contended.retry(), ..(*contended.outcome).clone() }.into())
    }
}
