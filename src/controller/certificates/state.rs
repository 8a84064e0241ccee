//! Facts about the certificates of one stack between reconciles. No content is among them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::expiry::Lifetime;
use super::index::{CertificateIndex, Versions};
use crate::cluster::CertificateObject;
use crate::controller::events::EventDraft;

/// Time that a half-done update of an object may take before it is reported.
const HALF_DONE: Duration = Duration::from_secs(10);

/// Longest wait without a look at the dates.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Facts about the certificates of one stack. Losing them repeats Events, nothing more.
#[derive(Debug, Default)]
pub(crate) struct StackCertificates {
    /// Versions of the objects by the watches, at the last read.
    watched: Versions,
    /// Versions that the last read has shown.
    read: Versions,
    /// Fields whose object is perhaps half updated, with the time of the first sight.
    half_done: BTreeMap<String, Instant>,
    /// Dates by field.
    dates: BTreeMap<String, ContentDate>,
    /// Warnings that were logged.
    warned: BTreeSet<String>,
    /// Events that were published about dates.
    noticed: BTreeSet<Notice>,
    wake_at: Option<Instant>,
}

/// Event about a date in an object, so many days before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Notice {
    object: CertificateObject,
    not_after: Timestamp,
    days: i64,
}

/// Facts that a read has found.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadFacts {
    /// Dates by field.
    pub(super) dates: BTreeMap<String, ContentDate>,
    /// Fields whose object is perhaps half updated.
    pub(super) half_done: BTreeSet<String>,
    /// Warnings about contents that are used.
    pub(super) warned: BTreeSet<String>,
}

/// Date from which on a content is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContentDate {
    pub(super) object: CertificateObject,
    pub(super) lifetime: Lifetime,
    pub(super) not_after: Timestamp,
}

impl StackCertificates {
    /// Tells whether an object has changed since the last read, or a date has come. The time of a date counts once.
    pub(crate) fn take_due(&mut self, index: &CertificateIndex) -> bool {
        let has_come = self.wake_at.is_some_and(|time| time <= Instant::now());
        if has_come {
            self.wake_at = None;
        }
        has_come || self.watched.iter().any(|(object, known)| self.is_outdated(object, known.as_ref(), index))
    }

    fn is_outdated(&self, object: &CertificateObject, known: Option<&String>, index: &CertificateIndex) -> bool {
        let Some(version) = index.version_of(object) else { return false };
        let read = self.read.get(object).and_then(Option::as_ref);
        Some(&version) != known && Some(&version) != read
    }

    /// Time of the next reconcile that a date asks for.
    pub(crate) const fn wake_at(&self) -> Option<Instant> {
        self.wake_at
    }

    /// Begins a read. `watched` are the versions by the watches before it.
    pub(super) fn begin_read(&mut self, watched: Versions, read: Versions) {
        self.watched = watched;
        self.read = read;
        self.wake_at = None;
    }

    /// Tells whether a field that may be half updated has been so for too long.
    pub(super) fn is_overdue(&mut self, field: &str) -> bool {
        let since = *self.half_done.entry(field.to_owned()).or_insert_with(Instant::now);
        let left = HALF_DONE.saturating_sub(since.elapsed());
        if !left.is_zero() {
            self.wake_in(left);
        }
        left.is_zero()
    }

    /// Ends a read.
    pub(super) fn end_read(&mut self, facts: ReadFacts, now: Timestamp) {
        self.half_done.retain(|field, _| facts.half_done.contains(field));
        for date in facts.dates.values() {
            if let Some(time) = date.lifetime.next_time(date.not_after, now) {
                self.wake_at_time(time, now);
            }
        }
        self.dates = facts.dates;
        self.warned = facts.warned;
    }

    /// Asks for a reconcile once a time of day has come.
    pub(super) fn wake_at_time(&mut self, time: Timestamp, now: Timestamp) {
        // A second more: the times of certificates are whole seconds.
        let left = Duration::try_from(time.duration_since(now)).unwrap_or_default() + Duration::from_secs(1);
        self.wake_in(left.min(LONGEST_WAIT));
    }

    pub(super) fn wake_in(&mut self, delay: Duration) {
        let time = Instant::now() + delay;
        self.wake_at = Some(self.wake_at.map_or(time, |known| known.min(time)));
    }

    /// Events about dates that come near: one for each object and number of days.
    pub(crate) fn take_notices(&mut self, now: Timestamp) -> Vec<EventDraft> {
        let mut events = Vec::new();
        for ContentDate { object, lifetime, not_after } in self.dates.values() {
            let Some(days) = lifetime.due_notice(*not_after, now) else { continue };
            if self.noticed.insert(Notice { object: object.clone(), not_after: *not_after, days }) {
                events.push(event(object, *lifetime, *not_after, now));
            }
        }
        let is_known =
            |notice: &Notice, date: &ContentDate| (&notice.object, notice.not_after) == (&date.object, date.not_after);
        self.noticed.retain(|notice| self.dates.values().any(|date| is_known(notice, date)));
        events
    }

    pub(super) const fn warned(&self) -> &BTreeSet<String> {
        &self.warned
    }

    pub(super) const fn dates(&self) -> &BTreeMap<String, ContentDate> {
        &self.dates
    }
}

fn event(object: &CertificateObject, lifetime: Lifetime, not_after: Timestamp, now: Timestamp) -> EventDraft {
    let content = match lifetime {
        Lifetime::Certificate => "a certificate",
        Lifetime::RevocationList => "a revocation list",
    };
    let verb = if not_after < now { "expired" } else { "expires" };
    let note = format!("{content} in {object} {verb} on {not_after}: renew it");
    EventDraft { warning: true, reason: "CertificateExpires", note }
}
