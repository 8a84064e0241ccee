//! Waiting for a floating IP that somebody else has.
//!
//! Nothing tells when it is free, so it is looked at every few seconds, later every 20: one short list, and nothing else
//! while it looks the same. Once a minute everything is looked at again, as for any other stall.

use std::time::Duration;

use crate::model::{Desired, ObservedFloatingIp, Problem};
use crate::openstack::CloudError;

use super::*;

/// Whoever waits for longer waits for no hand-over that is under way.
const LONG: Duration = Duration::from_secs(600);
const SELDOM: Duration = Duration::from_secs(20);

/// A whole pass is due by then.
const WHOLE_PASS: Duration = Duration::from_secs(60);

/// The answer of the last whole pass, and the floating IP that it was about.
#[derive(Debug)]
pub(super) struct Contended {
    desired: Box<Desired>,
    seen: ObservedFloatingIp,
    outcome: Box<Outcome>,
    since: Instant,
    looked: Instant,
}

impl Contended {
    /// Short at first, because a hand-over is often under way.
    fn retry(&self) -> Retry {
        let waited = self.since.elapsed();
        let soon = (waited / 12).clamp(Duration::from_secs(1), Duration::from_secs(5));
        Retry::After(if waited >= LONG { SELDOM } else { soon })
    }
}

impl Reconciliation<'_> {
    /// The same answer as before, as long as the floating IP has not changed.
    pub(super) async fn still_contended(
        &self,
        desired: &Desired,
        memory: &Memory,
    ) -> Result<Option<Outcome>, CloudError> {
        let Some(contended) = &memory.contended else { return Ok(None) };
        if contended.looked.elapsed() >= WHOLE_PASS || *contended.desired != *desired {
            return Ok(None);
        }
        let now = self.cloud.floating_ip(&contended.seen.id).await?;
        let same = now.as_ref() == Some(&contended.seen);
        Ok(same.then(|| Outcome { retry: contended.retry(), ..(*contended.outcome).clone() }))
    }
}

impl Memory {
    /// The outcome of a whole pass that a floating IP stalls, with the time of the next look.
    pub(super) fn contend(
        &mut self,
        desired: &Desired,
        problem: &Problem,
        floating_ips: &[ObservedFloatingIp],
        outcome: Outcome,
    ) -> Outcome {
        let last = self.contended.take();
        let id = problem.floating_ip.as_deref();
        let Some(seen) = floating_ips.iter().find(|seen| Some(seen.id.as_str()) == id) else { return outcome };
        let since = last.filter(|last| last.seen.id == seen.id).map_or_else(Instant::now, |last| last.since);
        let contended = Contended {
            desired: Box::new(desired.clone()),
            seen: ObservedFloatingIp { holder: None, ..seen.clone() },
            outcome: Box::new(outcome.clone()),
            since,
            looked: Instant::now(),
        };
        let outcome = Outcome { retry: contended.retry(), ..outcome };
        self.contended = Some(contended);
        outcome
    }
}
