//! Leader election: one of several replicas is active, the others stand by.
//!
//! The decision is pure ([`decide`]); the rest reads and writes one `coordination.k8s.io/v1` Lease. A leader that
//! cannot renew it in time stops the program, and Kubernetes starts it again as a standby.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::{Api, Client, ResourceExt};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::conflict::is_conflict;
use super::names::posted_by_evenkeel;
use crate::clock::Clock;

/// Time without a renewal after which another replica takes over.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// Interval at which the leader renews, and a standby tries to acquire.
const RETRY_PERIOD: Duration = Duration::from_secs(3);
/// Time without a renewal after which the leader stops: before another replica may take over.
const RENEW_DEADLINE: Duration = Duration::from_secs(12);

#[derive(Debug, Clone)]
pub struct LeaderElectionOptions {
    pub namespace: String,
    pub name: String,
    /// Name of this replica, unique among them.
    pub identity: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// The lease is held by this replica or free: write it.
    Claim,
    /// Another replica leads.
    StandBy,
}

/// Result of a claim.
enum Claim {
    Ours,
    Others,
    /// Another client wrote between the read and the write.
    Contended,
}

/// `unchanged` is the time for which this replica has seen the lease as it is. The timestamps in it are not compared
/// with this clock: two clocks may be an hour apart.
fn decide(spec: Option<&LeaseSpec>, me: &str, unchanged: Duration) -> Decision {
    let Some(spec) = spec else { return Decision::Claim };
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    if holder == me || holder.is_empty() {
        return Decision::Claim;
    }
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let expired = unchanged > seconds.map_or(LEASE_DURATION, Duration::from_secs);
    if expired { Decision::Claim } else { Decision::StandBy }
}

/// The one lease of the controller, held or waited for.
pub struct LeaderElection {
    api: Api<Lease>,
    options: LeaderElectionOptions,
    clock: Arc<dyn Clock>,
    /// Resource version of the lease that was seen last, and the time since which it is known.
    seen: Mutex<Option<(String, Instant)>>,
}

#[derive(Debug, thiserror::Error)]
#[error("leadership was lost: {0}")]
pub struct LeadershipLost(String);

impl LeaderElection {
    pub fn new(client: Client, options: LeaderElectionOptions, clock: Arc<dyn Clock>) -> Self {
        Self { api: Api::namespaced(client, &options.namespace), options, clock, seen: Mutex::default() }
    }

    /// Returns when this replica leads.
    pub async fn acquire(&self) {
        loop {
            match self.claim().await {
                Ok(Claim::Ours) => return,
                Ok(Claim::Others | Claim::Contended) => tracing::debug!("another replica leads"),
                Err(error) => tracing::warn!(%error, "the lease cannot be claimed yet"),
            }
            tokio::time::sleep(RETRY_PERIOD).await;
        }
    }

    /// Renews the lease until the renew deadline passes.
    pub async fn renew_until_lost(&self) -> LeadershipLost {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(RETRY_PERIOD).await;
            let left = RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            let begun = Instant::now();
            let why = match tokio::time::timeout(left, self.claim()).await {
                Ok(Ok(Claim::Ours)) => {
                    // As other replicas count: from before it was written.
                    renewed = begun;
                    continue;
                }
                Ok(Ok(Claim::Others)) => return LeadershipLost("another replica took the lease".to_owned()),
                // A renewal whose answer was lost, or another client: the next try finds out.
                Ok(Ok(Claim::Contended)) => "it changed meanwhile".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "renewing took too long".to_owned(),
            };
            if renewed.elapsed() + RETRY_PERIOD > RENEW_DEADLINE {
                return LeadershipLost(why);
            }
            tracing::warn!(why, "the lease could not be renewed, trying again");
        }
    }

    /// Releases the lease, so that another replica leads at once.
    pub async fn release(&self) {
        let Ok(mut lease) = self.api.get(&self.options.name).await else { return };
        let is_holder =
            lease.spec.as_ref().is_some_and(|spec| spec.holder_identity.as_ref() == Some(&self.options.identity));
        if is_holder {
            lease.spec.get_or_insert_default().holder_identity = Some(String::new());
            if let Err(error) = self.api.replace(&self.options.name, &posted_by_evenkeel(), &lease).await {
                tracing::debug!(%error, "the lease expires by itself");
            }
        }
    }

    /// Claims the lease. The resource version fences: of two claimants one gets a conflict.
    async fn claim(&self) -> Result<Claim, kube::Error> {
        let now = self.clock.now();
        let found = self.api.get_opt(&self.options.name).await?;
        let unchanged = self.unchanged(found.as_ref());
        let spec = found.as_ref().and_then(|lease| lease.spec.as_ref());
        if decide(spec, &self.options.identity, unchanged) == Decision::StandBy {
            return Ok(Claim::Others);
        }
        let written = match found {
            None => self.api.create(&posted_by_evenkeel(), &self.fresh(now)).await,
            Some(mut lease) => {
                self.renew(lease.spec.get_or_insert_default(), now);
                self.api.replace(&self.options.name, &posted_by_evenkeel(), &lease).await
            }
        };
        match written {
            Ok(_) => Ok(Claim::Ours),
            Err(error) if is_conflict(&error) => Ok(Claim::Contended),
            Err(error) => Err(error),
        }
    }

    /// Time for which this replica has seen the lease unchanged.
    fn unchanged(&self, lease: Option<&Lease>) -> Duration {
        let version = lease.and_then(ResourceExt::resource_version).unwrap_or_default();
        let mut seen = self.seen.lock();
        match seen.as_ref() {
            Some((known, since)) if *known == version => since.elapsed(),
            _ => {
                *seen = Some((version, Instant::now()));
                Duration::ZERO
            }
        }
    }

    fn fresh(&self, now: Timestamp) -> Lease {
        let mut spec = LeaseSpec::default();
        self.renew(&mut spec, now);
        Lease {
            metadata: ObjectMeta {
                name: Some(self.options.name.clone()),
                namespace: Some(self.options.namespace.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
        }
    }

    fn renew(&self, spec: &mut LeaseSpec, now: Timestamp) {
        if spec.holder_identity.as_ref() != Some(&self.options.identity) {
            spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |n| n + 1));
            spec.acquire_time = Some(MicroTime(now));
            spec.holder_identity = Some(self.options.identity.clone());
        }
        spec.lease_duration_seconds = Some(LEASE_DURATION.as_secs() as i32);
        spec.renew_time = Some(MicroTime(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            // Written by a clock that is far off.
            renew_time: Some(MicroTime("1999-12-31T23:59:59Z".parse().unwrap())),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn free_or_own_lease_is_claimed() {
        assert_eq!(decide(None, "a", Duration::ZERO), Decision::Claim);
        assert_eq!(decide(Some(&held_by("a")), "a", Duration::ZERO), Decision::Claim);
        assert_eq!(decide(Some(&held_by("")), "a", Duration::ZERO), Decision::Claim);
    }

    #[test]
    fn lease_of_another_is_claimed_after_its_duration() {
        assert_eq!(decide(Some(&held_by("b")), "a", Duration::from_secs(15)), Decision::StandBy);
        assert_eq!(decide(Some(&held_by("b")), "a", Duration::from_secs(16)), Decision::Claim);
    }
}
