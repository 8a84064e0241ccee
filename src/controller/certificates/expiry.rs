//! Dates of certificates: Events before one expires, and the metric.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::metrics::{DaysLeftLabel, Metrics};

/// Days before the expiry of a certificate at which an Event says so.
const CERTIFICATE_NOTICES: [i64; 2] = [14, 3];

/// The same for revocation lists, which are issued anew every few days.
const LIST_NOTICES: [i64; 1] = [1];

/// Kind of a content, by the time that it usually lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    Certificate,
    RevocationList,
}

impl Lifetime {
    const fn notices(self) -> &'static [i64] {
        match self {
            Self::Certificate => &CERTIFICATE_NOTICES,
            Self::RevocationList => &LIST_NOTICES,
        }
    }

    /// The notice that is due: the last one whose time has come.
    pub(super) fn due_notice(self, not_after: Timestamp, now: Timestamp) -> Option<i64> {
        let left = not_after.duration_since(now);
        self.notices().iter().copied().filter(|notice| left <= days(*notice)).min()
    }

    /// The next time at which a notice is due, or the content expires.
    pub(super) fn next_time(self, not_after: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let times = self.notices().iter().filter_map(|notice| not_after.checked_sub(days(*notice)).ok());
        times.chain([not_after]).filter(|time| *time > now).min()
    }
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// Range of the metric, up to a number of days left.
struct Range {
    below: i64,
    label: &'static str,
}

const RANGES: [Range; 5] = [
    Range { below: 0, label: "expired" },
    Range { below: 3, label: "0-3" },
    Range { below: 14, label: "3-14" },
    Range { below: 30, label: "14-30" },
    Range { below: 90, label: "30-90" },
];

/// Label of everything longer.
const LONGEST: &str = "90+";

fn label_of(not_after: Timestamp, now: Timestamp) -> &'static str {
    let left = not_after.duration_since(now);
    RANGES.iter().find(|range| left < days(range.below)).map_or(LONGEST, |range| range.label)
}

/// Dates of the certificates of all stacks, by the UID of the stack.
#[derive(Default)]
pub(crate) struct ExpiryGauge(Mutex<HashMap<String, Vec<Timestamp>>>);

impl ExpiryGauge {
    pub(super) fn record(&self, uid: &str, dates: Vec<Timestamp>) {
        let mut all = self.0.lock();
        if dates.is_empty() {
            all.remove(uid);
        } else {
            all.insert(uid.to_owned(), dates);
        }
    }

    /// Forgets stacks that are gone.
    pub(crate) fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.0.lock().retain(|uid, _| exists(uid));
    }

    /// Sets the metric.
    pub(crate) fn measure(&self, metrics: &Metrics, now: Timestamp) {
        let mut counts: HashMap<&str, i64> = HashMap::new();
        for date in self.0.lock().values().flatten() {
            *counts.entry(label_of(*date, now)).or_default() += 1;
        }
        for days_left in RANGES.iter().map(|range| range.label).chain([LONGEST]) {
            let label = DaysLeftLabel { days_left: days_left.to_owned() };
            metrics.certificates.get_or_create(&label).set(counts.get(days_left).copied().unwrap_or_default());
        }
    }
}
