//! What is remembered of each stack between passes, and when it is looked at next.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action;
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

use super::{events, status};
use crate::api::{DELETION_POLICY_ANNOTATION, LoadBalancerStack};
use crate::engine::{self, PendingCreates, Retry};

/// Retries that nothing but a person makes succeed.
pub const FIXED_RETRY: Duration = Duration::from_secs(60);
/// On average, for a stack whose session is crowded: spread, so that not all of them come back at once.
const THROTTLE_DELAY: Duration = Duration::from_secs(2);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
const SLOW_BACKOFF_MAX: Duration = Duration::from_secs(3600);
/// As good as never.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What is remembered of all stacks, by UID.
pub struct StackStates {
    entries: Mutex<HashMap<String, StackState>>,
    /// How many there are, for metrics.
    count: Gauge,
}

/// What is remembered of one stack. Losing it costs calls and repeats Events, nothing more.
#[derive(Default)]
pub struct StackState {
    pub memory: engine::Memory,
    /// Intents that this process wrote and its view of the cluster may not show yet.
    pub pending_creates: Option<PendingCreates>,
    /// Likewise a status.
    pub reported: Option<status::LastWrittenStatus>,
    pub announced: events::Announced,
    /// This process knew the stack before somebody deleted it.
    pub seen_alive: bool,
    pub deleting_since: Option<Instant>,
    failures: u32,
    /// Nothing needs doing before this time, as long as the stack looks the same.
    due: Option<Instant>,
    trigger: Option<ReconcileTrigger>,
    /// The version of the Secret when the stack was last looked at.
    secret: Option<String>,
    /// The number of the credentials of the last pass that had some.
    credentials: Option<u64>,
    /// The generation, and since when we know of it; not when it once was Ready.
    generation_since: Option<(i64, Option<Instant>)>,
    /// The generation of which it was told that it cannot be read.
    unreadable: Option<Option<i64>>,
}

/// What of a stack makes another pass worthwhile. Our own writes of status are not among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileTrigger {
    generation: Option<i64>,
    deleting: bool,
    finalizers: Vec<String>,
    deletion_policy: Option<String>,
    has_status: bool,
}

/// What comes next.
pub enum Requeue {
    /// There was no pass: none is due before so long.
    Rest(Duration),
    Retry(Retry),
    /// Too many stacks of the same session are worked on: nothing was looked at, nothing is reported.
    Throttled,
    /// The object is none of our business any more.
    Forget,
}

impl ReconcileTrigger {
    pub fn of(stack: &LoadBalancerStack) -> Self {
        Self {
            generation: stack.metadata.generation,
            deleting: stack.metadata.deletion_timestamp.is_some(),
            finalizers: stack.finalizers().to_vec(),
            deletion_policy: stack.annotations().get(DELETION_POLICY_ANNOTATION).cloned(),
            has_status: stack.status.as_ref().is_some_and(|status| !status.conditions.is_empty()),
        }
    }
}

impl StackStates {
    pub fn new(count: Gauge) -> Self {
        Self { entries: Mutex::default(), count }
    }

    /// What is remembered of a stack, for the time of a pass over it.
    pub fn take(&self, uid: &str) -> StackState {
        self.lock().remove(uid).unwrap_or_default()
    }

    pub fn put(&self, uid: String, entry: StackState) {
        let mut entries = self.lock();
        entries.insert(uid, entry);
        self.count.set(entries.len() as i64);
    }

    /// Puts back what is remembered of a stack, and says when it is looked at again.
    pub fn schedule(&self, stack: &LoadBalancerStack, mut entry: StackState, next: Requeue) -> Action {
        let retry = match next {
            Requeue::Forget => return Action::await_change(),
            Requeue::Rest(left) => {
                self.put(stack.uid().unwrap_or_default(), entry);
                return Action::requeue(left);
            }
            Requeue::Throttled => Retry::After(THROTTLE_DELAY.mul_f64(0.5 + fastrand::f64())),
            Requeue::Retry(retry) => {
                entry.count_failure(retry);
                retry
            }
        };
        let delay = entry.delay(retry, stack.spec.resync_period());
        entry.due = Some(Instant::now() + delay.unwrap_or(FAR));
        self.put(stack.uid().unwrap_or_default(), entry);
        delay.map_or_else(Action::await_change, Action::requeue)
    }

    /// The first time that this generation of a stack is said to be unreadable.
    pub fn is_news(&self, uid: &str, generation: Option<i64>) -> bool {
        let mut entry = self.take(uid);
        let news = entry.unreadable.replace(generation) != Some(generation);
        self.put(uid.to_owned(), entry);
        news
    }

    /// Forgets stacks that are gone.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        let mut entries = self.lock();
        entries.retain(|uid, _| is_there(uid));
        self.count.set(entries.len() as i64);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, StackState>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StackState {
    /// For how long a stack that looks like this may be left alone; `None`: a pass is due. With another look everything
    /// begins anew.
    pub fn remaining_delay(&mut self, face: ReconcileTrigger) -> Option<Duration> {
        self.unreadable = None;
        if self.trigger.as_ref() == Some(&face) {
            let left = self.due?.saturating_duration_since(Instant::now());
            return (!left.is_zero()).then_some(left);
        }
        if self.trigger.replace(face).is_some() {
            self.reset();
        }
        None
    }

    /// Whether the Secret is of another version than at the last look. That says nothing yet of what it holds: a tool that
    /// annotates it makes a new version too.
    pub fn secret_changed(&mut self, version: Option<String>) -> bool {
        let written = self.secret != version;
        self.secret = version;
        written
    }

    pub fn has_same_credentials(&self, credentials: u64) -> bool {
        self.credentials == Some(credentials)
    }

    /// To be told of the credentials of every pass: with other ones everything begins anew.
    pub fn record_credentials(&mut self, credentials: u64) {
        if self.credentials.replace(credentials).is_some_and(|last| last != credentials) {
            self.reset();
        }
    }

    fn reset(&mut self) {
        self.memory.invalidate();
        self.failures = 0;
    }

    pub fn remember(&mut self, written: Option<status::LastWrittenStatus>) {
        if written.is_some() {
            self.reported = written;
        }
    }

    /// How long a generation took, told once: getting well again is something else.
    pub fn time_to_ready(&mut self, generation: i64, ready: bool) -> Option<Duration> {
        let since = match self.generation_since {
            Some((known, since)) if known == generation => since,
            _ => Some(Instant::now()),
        };
        self.generation_since = Some((generation, since.filter(|_| !ready)));
        since.filter(|_| ready).map(|since| since.elapsed())
    }

    fn count_failure(&mut self, retry: Retry) {
        let grows = matches!(retry, Retry::Backoff | Retry::SlowBackoff);
        self.failures = if grows { self.failures.saturating_add(1) } else { 0 };
    }

    /// `None`: not before something changes.
    fn delay(&self, retry: Retry, resync_period: Option<Duration>) -> Option<Duration> {
        match retry {
            Retry::After(delay) => Some(delay),
            Retry::Backoff => Some(exponential(Duration::from_secs(1), BACKOFF_MAX, self.failures)),
            Retry::Fixed => Some(jittered(FIXED_RETRY)),
            Retry::SlowBackoff => Some(exponential(FIXED_RETRY, SLOW_BACKOFF_MAX, self.failures)),
            Retry::Resync => resync_period.map(jittered),
            Retry::Never => None,
        }
    }
}

/// Doubled with each failure up to a cap, less up to a quarter.
fn exponential(first: Duration, cap: Duration, failures: u32) -> Duration {
    let full = first.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(cap);
    full.mul_f64(1.0 - fastrand::f64() / 4.0)
}

/// Spread by a tenth, so that stacks applied together do not look together for ever.
fn jittered(period: Duration) -> Duration {
    period.mul_f64(0.9 + fastrand::f64() / 5.0)
}
