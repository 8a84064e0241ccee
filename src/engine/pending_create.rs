//! Durable facts about a stack: everything that must survive a crash, kept by the caller of the engine.

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::model::{AdditionalVip, Id, ObservedLoadBalancer};

/// The durable facts about one stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    pub load_balancer_id: Option<Id>,
    pub project_id: Option<String>,
    pub region: Option<String>,
    /// Address of the load balancer when it was last seen.
    pub vip_address: Option<String>,
    /// Its additional addresses then, each with its subnet.
    pub additional_vips: Vec<AdditionalVip>,
    pub pending_creates: PendingCreates,
}

impl Record {
    /// Tells whether the id of this load balancer is on record.
    pub(super) fn names(&self, load_balancer: &ObservedLoadBalancer) -> bool {
        self.load_balancer_id.as_ref() == Some(&load_balancer.id)
    }
}

/// Creates that were begun and not yet seen to end, newest first. Written as `<attempt>@<time>,…`.
///
/// A POST of Octavia is invisible until it commits, which may be long after its client is gone. So a create is put on
/// record before it is posted. While the newest one is younger than the quiet period and no load balancer carries its
/// tag, it is in doubt, and nothing is posted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PendingCreates(pub Vec<PendingCreate>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCreate {
    pub attempt: String,
    pub at: Timestamp,
}

/// Most creates that are kept: a person looks first at a stack whose creates are lost more often.
pub(super) const REMEMBERED: usize = 5;

impl PendingCreates {
    /// Reads the written form. A part that does not parse is dropped: no load balancer was ever tagged with it.
    pub fn parse(text: &str) -> Self {
        let parse_one = |part: &str| {
            let (attempt, at) = part.trim().split_once('@')?;
            Some(PendingCreate { attempt: attempt.to_owned(), at: at.parse().ok()? })
        };
        Self(text.split(',').filter_map(parse_one).collect())
    }

    pub fn newest(&self) -> Option<&PendingCreate> {
        self.0.first()
    }

    /// Tells whether a create was given up: every one but the newest was, before the next one was begun.
    pub fn gave_up(&self, attempt: &str) -> bool {
        self.0.iter().skip(1).any(|pending| pending.attempt == attempt)
    }

    /// Tells whether an earlier create was given up: it may still appear.
    pub fn any_given_up(&self) -> bool {
        self.0.len() > 1
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn with(&self, newest: PendingCreate) -> Self {
        let mut all = vec![newest];
        all.extend(self.0.iter().take(REMEMBERED - 1).cloned());
        Self(all)
    }

    pub fn without(&self, attempt: &str) -> Self {
        Self(self.0.iter().filter(|pending| pending.attempt != attempt).cloned().collect())
    }
}

impl std::fmt::Display for PendingCreates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, PendingCreate { attempt, at }) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{attempt}@{at}")?;
        }
        Ok(())
    }
}

/// Durable store of pending creates. A write fails when anything that the create rests on (the spec, the load balancer
/// and the creates on record) has changed since it was read, so that of two writers, or of one with an outdated view,
/// none posts.
pub trait PendingCreateStore: Send + Sync {
    fn write(&self, pending: PendingCreates) -> BoxFuture<'_, Result<(), PendingCreateStoreError>>;

    /// Reads the stack again; fails if it is gone, or if anything that a create rests on has changed.
    fn check_unchanged(&self) -> BoxFuture<'_, Result<(), PendingCreateStoreError>>;
}

#[derive(Debug, thiserror::Error)]
#[error("the stack could not be read or written: {0}")]
pub struct PendingCreateStoreError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(attempt: &str, at: &str) -> PendingCreate {
        PendingCreate { attempt: attempt.into(), at: at.parse().unwrap() }
    }

    #[test]
    fn pending_creates_survive_their_written_form() {
        let creates = PendingCreates::default()
            .with(pending("a1", "2026-11-23T10:00:00Z"))
            .with(pending("a2", "2026-11-23T10:03:00Z"));
        assert_eq!(creates.to_string(), "a2@2026-11-23T10:03:00Z,a1@2026-11-23T10:00:00Z");
        assert_eq!(PendingCreates::parse(&creates.to_string()), creates);
        assert_eq!(creates.newest().unwrap().attempt, "a2");
    }

    #[test]
    fn only_older_creates_were_given_up() {
        let creates = PendingCreates::parse("a2@2026-11-23T10:03:00Z,a1@2026-11-23T10:00:00Z");
        assert!(creates.gave_up("a1"));
        assert!(!creates.gave_up("a2") && !creates.gave_up("a3"));
    }

    #[test]
    fn malformed_record_holds_no_create() {
        assert!(PendingCreates::parse("").is_empty());
        assert!(PendingCreates::parse("nonsense, a@yesterday").is_empty());
    }

    #[test]
    fn rejected_create_is_removed() {
        let creates = PendingCreates::default().with(pending("a1", "2026-11-23T10:00:00Z"));
        assert!(creates.without("a1").is_empty());
    }
}
