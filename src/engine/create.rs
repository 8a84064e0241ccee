//! The one call that must never be made twice.

use std::time::Duration;

use crate::model::{Desired, Kind, ObservedLoadBalancer, Provisioning, attempt_name, attempt_of};
use crate::openstack::{CloudError, Done, ErrorClass, QuotaUse};
use crate::plan;

use super::preconditions::BlockedCreate;
use super::*;

/// How often a create that fails within Octavia is sent again soon. Each may leave a VIP port behind.
const SOON_AGAIN: u32 = 5;
const LATER: Duration = Duration::from_secs(600);

/// Refused for what is in the create, whatever its address.
const CONFLICT: u16 = 409;
/// Octavia's own failure; what stands before it has other codes, or leaves doubt.
const FAILURE: u16 = 500;

/// When a create that found the queue of its project full asks again.
const TURN_AGAIN: Duration = Duration::from_secs(3);

impl Reconciliation<'_> {
    /// Nothing of ours is visible. Posts only when no earlier POST can still appear.
    pub(super) async fn create(&self, desired: &Desired, memory: &mut Memory) -> Result<Outcome, CloudError> {
        if let Some(outcome) = self.pending_outcome(memory) {
            return Ok(outcome);
        }
        if let Some(BlockedCreate { outcome, in_use }) = self.check_create_preconditions(desired).await? {
            return Ok(match in_use {
                Some((refusal, seen)) => memory.contend(desired, &refusal, &seen, outcome),
                None => outcome,
            });
        }
        // Octavia leaks the VIP port of a create that it refuses after parsing, so the same one is not sent again.
        match &memory.rejected_create {
            Some(refused)
                if refused.session == self.cloud.credentials_fingerprint() && *refused.desired == *desired =>
            {
                let outcome = Outcome::stalled(StallReason::RequestRejected, refused.message.clone());
                return Ok(Outcome { retry: Retry::SlowBackoff, ..outcome });
            }
            _ => memory.rejected_create = None,
        }
        if let Some(outcome) = self.port_in_use(desired).await? {
            return Ok(outcome);
        }
        if let Some(outcome) = self.over_quota(desired).await? {
            return Ok(outcome);
        }
        // Before the intent is written down: one that has to wait would be written and taken back again and again.
        let turn = match self.cloud.create_slot().await {
            Ok(turn) => turn,
            Err(error) if error.class == ErrorClass::Locked => {
                return Ok(Outcome::waiting(WaitReason::Queued, error.to_string(), Retry::After(TURN_AGAIN)));
            }
            Err(error) => return Err(error),
        };
        let attempt = attempt_name(&uuid::Uuid::new_v4().to_string(), self.generation);
        let before = self.record.pending_creates.without(memory.deleted_attempt.as_deref().unwrap_or_default());
        let intents = before.with(PendingCreate { attempt: attempt.clone(), at: self.now });
        if let Err(error) = self.pending_create_store.write(intents).await {
            return Ok(Outcome::waiting(WaitReason::ObjectChanged, error.to_string(), Retry::Backoff));
        }
        let (asking, asked) = addresses::remembering(self.record, desired, &memory.address_conflicts);
        let step = plan::create(&asking, &attempt);
        memory.attempt_age(&attempt);
        tracing::info!(step = %step, "executing");
        match self.cloud.execute_in_slot(&step, turn).await {
            // The intent stays on record until the id is there too: a crash in between must not look like "never made".
            Ok(done) => Ok(created(self.performed(step, done, memory), memory)),
            Err(error) => {
                // Another address mends no conflict of the rest.
                if error.class == ErrorClass::Rejected && (asked.is_empty() || error.status == Some(CONFLICT)) {
                    let (session, desired) = (self.cloud.credentials_fingerprint(), Box::new(desired.clone()));
                    memory.rejected_create = Some(RejectedCreate { session, desired, message: error.to_string() });
                }
                Ok(self.create_failed(error, &attempt, (&asked, &addresses::given(desired)), memory).await)
            }
        }
    }

    /// Octavia lets two load balancers have one port as their VIP, and both become ACTIVE.
    async fn port_in_use(&self, desired: &Desired) -> Result<Option<Outcome>, CloudError> {
        let Some(port) = &desired.load_balancer.vip.port_id else { return Ok(None) };
        Ok(self.cloud.on_port(port).await?.first().map(|other| {
            let message = format!(
                "spec.loadBalancer.vip.port: port {port} is the VIP of load balancer {} ({}) already: name another port",
                other.name, other.id
            );
            Outcome::stalled(StallReason::ReferenceUnusable, message)
        }))
    }

    /// A load balancer on record that carries the tag of a create on record: that one is in doubt no more, and those
    /// before it were given up when it was begun.
    pub(super) async fn confirm_pending(&self, load_balancer: &ObservedLoadBalancer) {
        let is_recorded = self.record.load_balancer_id.as_ref() == Some(&load_balancer.id);
        let newest = self.record.pending_creates.newest().map(|intent| intent.attempt.as_str());
        if is_recorded && newest.is_some() && attempt_of(&load_balancer.tags) == newest {
            self.clear_pending().await;
        }
    }

    /// The load balancer was seen ACTIVE: its create ended well. Not yet where another one was given up before, which
    /// may still appear.
    pub(super) async fn clear_outdated_pending(&self, load_balancer: &ObservedLoadBalancer) {
        let is_recorded = self.record.load_balancer_id.as_ref() == Some(&load_balancer.id);
        if is_recorded && self.record.pending_creates.0.len() == 1 {
            self.clear_pending().await;
        }
    }

    /// A create that may still appear: nothing is posted until the quiet period is over.
    pub(super) fn pending_outcome(&self, memory: &mut Memory) -> Option<Outcome> {
        let intent = self
            .record
            .pending_creates
            .newest()
            .filter(|intent| memory.deleted_attempt.as_ref() != Some(&intent.attempt))?;
        let waited = memory.attempt_age(&intent.attempt);
        if waited >= self.settings.quiet_period {
            return None;
        }
        let left = self.settings.quiet_period - waited;
        let message = format!(
            "the answer to the create of {} was lost; it may still appear, so nothing is made until it has been looked for \
             in vain for {} s",
            intent.at,
            self.settings.quiet_period.as_secs()
        );
        let retry = Retry::After(left.min(Duration::from_secs(2)));
        Some(Outcome::waiting(WaitReason::CreateInDoubt, message, retry))
    }

    /// `asked`: the remembered addresses in the create; `given`: those of the stack itself.
    async fn create_failed(
        &self,
        error: CloudError,
        attempt: &str,
        (asked, given): (&[String], &[String]),
        memory: &mut Memory,
    ) -> Outcome {
        if error.in_doubt {
            let message = format!("{error}; the load balancer may have been made all the same and is looked for");
            return Outcome::waiting(WaitReason::CreateInDoubt, message, Retry::After(Duration::from_secs(1)));
        }
        // A clear no: nothing will appear, and the next attempt need not wait. Failing to write that down only delays it.
        if let Err(problem) = self.pending_create_store.write(self.record.pending_creates.without(attempt)).await {
            tracing::warn!(%problem, "the refused attempt stays on record until the quiet period is over");
        }
        match error.class {
            ErrorClass::Conflict => memory.address_conflicts.count(asked, given, &error.message),
            // Refused without the remembered addresses, too: they were not the cause.
            ErrorClass::Rejected if asked.is_empty() => memory.address_conflicts.forget(),
            // The subnet may have another range than it had; without that address the create may well be accepted.
            ErrorClass::Rejected if error.status != Some(CONFLICT) => {
                memory.address_conflicts.give_up(asked);
                return Outcome { retry: Retry::Backoff, ..Outcome::failed(error) };
            }
            // There was room a moment ago: Octavia counts otherwise, or Neutron has none.
            ErrorClass::Quota => return Outcome { retry: Retry::SlowBackoff, ..Outcome::failed(error) },
            // Something that was looked up a while ago has gone.
            ErrorClass::NotFound => {
                self.cloud.forget_references();
                return Outcome { retry: Retry::SlowBackoff, ..Outcome::failed(error) };
            }
            ErrorClass::Transient(None) if error.status == Some(FAILURE) => {
                memory.failed_creates += 1;
                if memory.failed_creates > SOON_AGAIN {
                    return Outcome { retry: Retry::After(LATER), ..Outcome::failed(error) };
                }
            }
            _ => {}
        }
        Outcome::failed(error)
    }

    /// What the quota lacks, with numbers. Asked before every create: Octavia leaks a VIP port, with its address, each
    /// time that it refuses the children of one.
    async fn over_quota(&self, desired: &Desired) -> Result<Option<Outcome>, CloudError> {
        let uses = match self.cloud.quota_uses().await {
            Ok(uses) => uses,
            // The policy of this cloud hides quotas: the create will tell.
            Err(error)
                if matches!(error.class, ErrorClass::Credentials | ErrorClass::Rejected | ErrorClass::NotFound) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let missing: Vec<String> = uses
            .into_iter()
            .map(|QuotaUse { kind, used, limit }| (kind, used, limit, needed(desired, kind)))
            .filter(|(_, used, limit, needs)| used + needs > *limit)
            .map(|(kind, used, limit, needs)| format!("{} {used} of {limit} used, {needs} more needed", kind.noun()))
            .collect();
        if missing.is_empty() {
            return Ok(None);
        }
        let message = format!(
            "the quota of the project has no room: {}; delete something or ask the operator of the cloud to raise it",
            missing.join("; ")
        );
        Ok(Some(Outcome::waiting(WaitReason::QuotaExceeded, message, Retry::After(Duration::from_secs(60)))))
    }

    /// Other load balancers that carry our tags. One that comes of an attempt we gave up, and that never had our
    /// floating IP, is deleted; any other is reported.
    pub(super) async fn delete_duplicates(
        &self,
        kept: &str,
        report: &mut Vec<String>,
    ) -> Result<Option<Step>, CloudError> {
        for other in self.cloud.find(self.owner).await? {
            if other.id == kept || !self.owner.owns(&other.tags) {
                continue;
            }
            let given_up = attempt_of(&other.tags).is_some_and(|attempt| self.record.pending_creates.gave_up(attempt));
            let floating = self.cloud.floating_ips(self.owner, other.vip_port_id.as_deref()).await?;
            let used = floating.iter().any(|ip| ip.port_id.is_some() && ip.port_id == other.vip_port_id);
            let deletable = matches!(other.provisioning_status, Provisioning::Active | Provisioning::Error);
            if given_up && !used {
                if deletable {
                    return Ok(plan::delete(self.owner, true, Some(&other), &[]).steps.into_iter().next());
                }
                continue;
            }
            report.push(other.id);
        }
        Ok(None)
    }

    /// The create ended well and can be forgotten. Failing to do so costs a look at the next pass.
    pub(super) async fn clear_pending(&self) {
        if let Err(problem) = self.pending_create_store.write(PendingCreates::default()).await {
            tracing::debug!(%problem, "the finished create stays on record for now");
        }
    }
}

/// How many objects of a kind the stack is made of.
fn needed(desired: &Desired, kind: Kind) -> i64 {
    let pools = desired.pools.values();
    let count = match kind {
        Kind::LoadBalancer => 1,
        Kind::Listener => desired.listeners.len(),
        Kind::Pool => desired.pools.len(),
        Kind::Member => pools.filter_map(|pool| pool.members.known()).map(|members| members.len()).sum(),
        Kind::HealthMonitor => pools.filter(|pool| pool.monitor.is_some()).count(),
        Kind::L7Policy | Kind::L7Rule | Kind::FloatingIp => 0,
    };
    count as i64
}

fn created(performed: Performed, memory: &mut Memory) -> Outcome {
    let mut outcome = Outcome::new(State::Progressing, Retry::After(poll_interval(Duration::ZERO)));
    debug_assert_eq!(performed.step.kind, Kind::LoadBalancer);
    outcome.executed = Some(performed.step);
    if let Done::Created(tree) = performed.done {
        memory.created_tree = Some((*tree).clone());
        memory.address_conflicts.forget();
        memory.failed_creates = 0;
        outcome.seen = Seen::Tree(tree);
    }
    outcome
}
