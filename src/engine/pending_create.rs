//! What must survive a crash, kept by the caller on the stack object.

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::model::{AdditionalVip, Id};

/// The durable facts about one stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    pub load_balancer_id: Option<Id>,
    pub project_id: Option<String>,
    pub region: Option<String>,
    /// The address that the load balancer had when it was last seen.
    pub vip_address: Option<String>,
    /// Its further addresses then, each with its subnet.
    pub additional_vips: Vec<AdditionalVip>,
    pub pending_creates: PendingCreates,
}

/// Creates that were begun and not yet seen to end, newest first. Kept on the object as `<attempt>@<time>,…`.
///
/// A POST of Octavia is invisible until it commits, which may be long after its client is gone. So before a POST its
/// intent is written down; and while the newest intent is younger than the quiet period and nothing carries its tag,
/// nobody knows whether it will appear, and nothing is posted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PendingCreates(pub Vec<PendingCreate>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCreate {
    pub attempt: String,
    pub at: Timestamp,
}

/// Attempts that are remembered at most: a create that is lost more often is looked at by a person first.
pub(super) const REMEMBERED: usize = 5;

impl PendingCreates {
    /// Reads the annotation. What does not parse is dropped: it names no attempt that we ever tagged.
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

    /// Every attempt but the newest was given up before the next one was begun.
    pub fn gave_up(&self, attempt: &str) -> bool {
        self.0.iter().skip(1).any(|intent| intent.attempt == attempt)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn with(&self, intent: PendingCreate) -> Self {
        let mut all = vec![intent];
        all.extend(self.0.iter().take(REMEMBERED - 1).cloned());
        Self(all)
    }

    pub fn without(&self, attempt: &str) -> Self {
        Self(self.0.iter().filter(|intent| intent.attempt != attempt).cloned().collect())
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

/// Where intents are written down. Fails when what a create rests on (the spec, the load balancer and the intents on
/// record) has changed since it was read, so that of two writers, or of one with an outdated view, none posts.
pub trait PendingCreateStore: Send + Sync {
    fn write(&self, intents: PendingCreates) -> BoxFuture<'_, Result<(), PendingCreateStoreError>>;
}

#[derive(Debug, thiserror::Error)]
#[error("the intent to create could not be recorded on the stack: {0}")]
pub struct PendingCreateStoreError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(attempt: &str, at: &str) -> PendingCreate {
        PendingCreate { attempt: attempt.into(), at: at.parse().unwrap() }
    }

    #[test]
    fn intents_survive_their_annotation() {
        let intents = PendingCreates::default()
            .with(intent("a1", "2026-11-23T10:00:00Z"))
            .with(intent("a2", "2026-11-23T10:03:00Z"));
        assert_eq!(intents.to_string(), "a2@2026-11-23T10:03:00Z,a1@2026-11-23T10:00:00Z");
        assert_eq!(PendingCreates::parse(&intents.to_string()), intents);
        assert_eq!(intents.newest().unwrap().attempt, "a2");
    }

    #[test]
    fn only_older_attempts_were_given_up() {
        let intents = PendingCreates::parse("a2@2026-11-23T10:03:00Z,a1@2026-11-23T10:00:00Z");
        assert!(intents.gave_up("a1"));
        assert!(!intents.gave_up("a2") && !intents.gave_up("a3"));
    }

    #[test]
    fn a_mangled_annotation_is_no_intent() {
        assert!(PendingCreates::parse("").is_empty());
        assert!(PendingCreates::parse("nonsense, a@yesterday").is_empty());
    }

    #[test]
    fn a_refused_attempt_is_forgotten() {
        let intents = PendingCreates::default().with(intent("a1", "2026-11-23T10:00:00Z"));
        assert!(intents.without("a1").is_empty());
    }
}
