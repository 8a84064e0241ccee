//! Creates the load balancer: the one call that must never be made twice.

use std::time::Duration;

use crate::model::{
    CertificateRef, Desired, Kind, ObservedLoadBalancer, ObservedSecrets, Step, attempt_name, attempt_of,
};
use crate::openstack::{CloudError, CreateSlot, Done, ErrorClass};
use crate::plan;

use super::addresses;
use super::execute::accepted;
use super::memory::{Memory, RejectedCreate};
use super::messages::delayed;
use super::outcome::{Observed, Outcome, Retry, StallReason, State, WaitReason};
use super::pending_create::{PendingCreate, PendingCreates};
use super::reconciliation::Reconciliation;
use super::settings::FIRST_POLL;
use super::stop::Stop;

/// Creates that may fail within Octavia before the next one is delayed: each may leave a VIP port behind.
const QUICK_RETRIES: u32 = 5;
const SLOW_RETRY: Duration = Duration::from_secs(600);

/// Rejected for the contents of the create, whatever its address.
const CONFLICT: u16 = 409;
/// Octavia's own failure. A proxy in front of it answers with other codes, or leaves the create in doubt.
const FAILURE: u16 = 500;

/// Delay of a create that found all slots of its project taken.
const SLOT_RETRY: Duration = Duration::from_secs(3);
/// Longest interval at which a create in doubt is looked for, and the first one.
const DOUBT_POLL: Duration = Duration::from_secs(2);
const FIRST_DOUBT_POLL: Duration = Duration::from_secs(1);

impl Reconciliation<'_> {
    /// Creates the load balancer, none of which is visible. Posts only when no earlier create can still appear.
    pub(super) async fn create(&self, desired: &Desired, memory: &mut Memory) -> Result<Outcome, Stop> {
        self.check_pending_create(memory)?;
        self.check_create_preconditions(desired, memory).await?;
        self.check_rejected_create(desired, memory)?;
        self.check_vip_port(desired).await?;
        self.check_quota(desired).await?;
        let secrets = self.secrets_before_create(desired).await;
        if let Some(outcome) = self.store_secrets(desired, &secrets, memory).await {
            return Ok(outcome);
        }
        // Before the create is recorded: one that has to wait would be recorded and cleared again and again.
        let slot = self.take_create_slot().await?;
        let attempt = self.record_attempt(memory).await?;
        Ok(self.post(desired, &secrets, &attempt, slot, memory).await)
    }

    /// Secrets that the stack has stored already. An earlier generation may have left some that this one does not want, and
    /// so may a certificate that is unknown now: the create carries the tag that leads to them. Any other stack without
    /// certificates of its own costs no call.
    async fn secrets_before_create(&self, desired: &Desired) -> ObservedSecrets {
        let is_unknown = |reference: &CertificateRef| *reference == CertificateRef::Unknown;
        let may_have_stored = self.generation > 1 || desired.certificates().any(is_unknown);
        if desired.tree_query().stores_secrets || !may_have_stored {
            return self.cloud.secrets(desired.tree_query()).await;
        }
        match self.leftover_secrets(self.owner, None).await {
            Ok(secrets) => ObservedSecrets::Known(secrets),
            Err(error) => ObservedSecrets::Unknown(error.to_string()),
        }
    }

    /// Stores the next secret that the create needs; `None` if it has all. Secrets come first, because the body of the
    /// create has their URLs. Storing one twice does no harm, so nothing is recorded before.
    async fn store_secrets(
        &self,
        desired: &Desired,
        secrets: &ObservedSecrets,
        memory: &mut Memory,
    ) -> Option<Outcome> {
        let plan = plan::create(desired, secrets, "");
        let step = plan.steps.first().filter(|step| step.kind == Kind::Secret)?.clone();
        Some(match memory.backoff.delay(&step) {
            Some(delay) => delayed(plan, delay, &memory.history),
            None => self.execute(step, plan, Observed::Nothing, memory).await,
        })
    }

    /// Stops while an earlier create may still appear: nothing is posted before the quiet period is over.
    pub(super) fn check_pending_create(&self, memory: &mut Memory) -> Result<(), Stop> {
        let newest = self.record.pending_creates.newest().filter(|newest| !memory.has_deleted(&newest.attempt));
        let Some(pending) = newest else { return Ok(()) };
        let waited = memory.attempt_age(&pending.attempt);
        if waited >= self.settings.quiet_period {
            return Ok(());
        }
        let left = self.settings.quiet_period - waited;
        let message = format!(
            "the response to the create of {} was lost, so the load balancer may still appear; no other one is created \
             until {} s have passed without it",
            pending.at,
            self.settings.quiet_period.as_secs()
        );
        Err(Outcome::waiting(WaitReason::CreateInDoubt, message, Retry::After(left.min(DOUBT_POLL))).into())
    }

    /// Stops a create that Octavia has rejected before. Octavia leaks the VIP port of a create that it rejects after
    /// parsing, so the same one is not sent again.
    fn check_rejected_create(&self, desired: &Desired, memory: &mut Memory) -> Result<(), Stop> {
        let credentials = self.cloud.credentials_fingerprint();
        match &memory.rejected_create {
            Some(rejected) if rejected.credentials == credentials && *rejected.desired == *desired => {
                let outcome = Outcome::stalled(StallReason::RequestRejected, rejected.message.clone());
                Err(Outcome { retry: Retry::SlowBackoff, ..outcome }.into())
            }
            _ => {
                memory.rejected_create = None;
                Ok(())
            }
        }
    }

    async fn take_create_slot(&self) -> Result<CreateSlot, Stop> {
        self.cloud.create_slot().await.map_err(|error| match error.class {
            ErrorClass::Locked => {
                Outcome::waiting(WaitReason::Queued, error.to_string(), Retry::After(SLOT_RETRY)).into()
            }
            _ => error.into(),
        })
    }

    /// Puts a new create on record, before it is posted.
    async fn record_attempt(&self, memory: &mut Memory) -> Result<String, Stop> {
        let attempt = attempt_name(&uuid::Uuid::new_v4().to_string(), self.generation);
        let before = self.record.pending_creates.without(memory.deleted_attempt.as_deref().unwrap_or_default());
        let pending = before.with(PendingCreate { attempt: attempt.clone(), at: self.now });
        match self.pending_create_store.write(pending).await {
            Ok(()) => {
                memory.attempt_age(&attempt);
                Ok(attempt)
            }
            Err(error) => Err(Outcome::waiting(WaitReason::ObjectChanged, error.to_string(), Retry::Backoff).into()),
        }
    }

    async fn post(
        &self,
        desired: &Desired,
        secrets: &ObservedSecrets,
        attempt: &str,
        slot: CreateSlot,
        memory: &mut Memory,
    ) -> Outcome {
        let (with_addresses, asked) = addresses::remembering(self.record, desired, &memory.address_conflicts);
        let plan = plan::create(&with_addresses, secrets, attempt);
        let Some(step) = plan.steps.into_iter().find(|step| step.kind == Kind::LoadBalancer) else {
            return Outcome::new(State::Progressing, Retry::Backoff);
        };
        tracing::info!(step = %step, "executing");
        match self.cloud.execute_in_slot(&step, slot).await {
            // The create stays on record until the id is there too: a crash in between must not look like "never made".
            Ok(done) => created(step, done, memory),
            Err(error) => {
                // Another address resolves no conflict about the rest.
                if error.class == ErrorClass::Rejected && (asked.is_empty() || error.status == Some(CONFLICT)) {
                    let (credentials, desired) =
                        (self.cloud.credentials_fingerprint(), Box::new(desired.without_contents()));
                    memory.rejected_create = Some(RejectedCreate { credentials, desired, message: error.to_string() });
                }
                self.create_failed(error, attempt, (&asked, &addresses::given(desired)), memory).await
            }
        }
    }

    /// `asked`: the remembered addresses in the create; `given`: those that the stack itself names.
    async fn create_failed(
        &self,
        error: CloudError,
        attempt: &str,
        (asked, given): (&[String], &[String]),
        memory: &mut Memory,
    ) -> Outcome {
        if error.in_doubt {
            let message = format!("{error}; the load balancer may have been made all the same and is looked for");
            return Outcome::waiting(WaitReason::CreateInDoubt, message, Retry::After(FIRST_DOUBT_POLL));
        }
        // A clear no: nothing will appear, and the next create need not wait. Failing to record that only delays it.
        if let Err(error) = self.pending_create_store.write(self.record.pending_creates.without(attempt)).await {
            tracing::warn!(%error, "the rejected create stays on record until the quiet period is over");
        }
        match error.class {
            ErrorClass::Conflict => memory.address_conflicts.count(asked, given, &error.message),
            // Rejected without the remembered addresses, too: they were not the cause.
            ErrorClass::Rejected if asked.is_empty() => memory.address_conflicts.forget(),
            // The subnet may have another range than it had; without that address the create may well be accepted.
            ErrorClass::Rejected if error.status != Some(CONFLICT) => {
                memory.address_conflicts.give_up(asked);
                return Outcome { retry: Retry::Backoff, ..Outcome::failed(error) };
            }
            // The quota had room a moment ago: Octavia counts otherwise, or Neutron has none.
            ErrorClass::Quota => return Outcome { retry: Retry::SlowBackoff, ..Outcome::failed(error) },
            // A reference that was resolved a while ago is gone.
            ErrorClass::NotFound => {
                self.cloud.forget_references();
                return Outcome { retry: Retry::SlowBackoff, ..Outcome::failed(error) };
            }
            ErrorClass::Transient(None) if error.status == Some(FAILURE) => {
                memory.failed_creates += 1;
                if memory.failed_creates > QUICK_RETRIES {
                    return Outcome { retry: Retry::After(SLOW_RETRY), ..Outcome::failed(error) };
                }
            }
            _ => {}
        }
        Outcome::failed(error)
    }

    /// Clears the record once the load balancer on record carries the tag of the newest create: that one is in doubt no
    /// more, and those before it were given up when it was begun.
    pub(super) async fn confirm_pending(&self, load_balancer: &ObservedLoadBalancer) {
        let newest = self.record.pending_creates.newest().map(|newest| newest.attempt.as_str());
        if self.record.names(load_balancer) && newest.is_some() && attempt_of(&load_balancer.tags) == newest {
            self.clear_pending().await;
        }
    }

    /// Clears the record of a load balancer that was seen ACTIVE: its create ended well. Not yet where another create
    /// was given up before, which may still appear.
    pub(super) async fn clear_outdated_pending(&self, load_balancer: &ObservedLoadBalancer) {
        let pending = &self.record.pending_creates;
        if self.record.names(load_balancer) && !pending.is_empty() && !pending.any_given_up() {
            self.clear_pending().await;
        }
    }

    /// Clears the record of creates. A failure costs one more read at the next reconcile.
    pub(super) async fn clear_pending(&self) {
        if let Err(error) = self.pending_create_store.write(PendingCreates::default()).await {
            tracing::debug!(%error, "the finished create stays on record for now");
        }
    }
}

fn created(step: Step, done: Done, memory: &mut Memory) -> Outcome {
    debug_assert_eq!(step.kind, Kind::LoadBalancer);
    accepted(&step, memory);
    let mut outcome = Outcome::new(State::Progressing, Retry::After(FIRST_POLL));
    outcome.executed = Some(step);
    if let Done::Created(tree) = done {
        memory.created_tree = Some((*tree).clone());
        memory.address_conflicts.forget();
        memory.failed_creates = 0;
        outcome.observed = Observed::Tree(tree);
    }
    outcome
}
