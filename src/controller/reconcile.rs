//! One reconcile of one stack: reads what it needs, runs the engine, and writes down the outcome.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};

use super::cluster_clouds::{AccessProblem, cluster_cloud_of};
use super::conditions::{self, ConditionInputs};
use super::context::Context;
use super::credentials::{self, CredentialsProblem, CredentialsSource, SecretFinalizer};
use super::member_sources::{self, Refreshed};
use super::pending_create_annotation::PendingCreateAnnotation;
use super::record::record_of;
use super::requeue::Requeue;
use super::stack_gauge::StackPhase;
use super::stack_state::{ReconcileTrigger, StackState};
use super::status::{self, CloudFacts};
use super::translator::Translator;
use super::{certificates, conflict, events, finalizer, remedies, source_members, telemetry};
use crate::api::{DeletionPolicy, LoadBalancerStack, ReclaimPolicy};
use crate::cluster::NamespacedName;
use crate::engine::{self, DeletionTimes, Goal, Outcome, Reconciliation, Record, Retry, State};
use crate::model::{ClusterContents, Owner, Source, SourcedCertificates};
use crate::openstack::Cloud;

/// Time limit of a reconcile: longer than the longest call (a create) with all its queueing.
const RECONCILE_TIMEOUT: Duration = Duration::from_secs(300);

/// Delay while objects that stacks refer to are being listed. The end of the list wakes the stack earlier.
const LIST_RETRY: Duration = Duration::from_secs(1);

/// Entry from kube's controller. Never fails and never panics: both become a requeue of this stack alone.
pub(super) async fn reconcile(stack: &LoadBalancerStack, context: &Context) -> Result<Action, Infallible> {
    let mut state = context.states.take(&stack.uid().unwrap_or_default());
    if state.has_ended() {
        return Ok(context.states.schedule(stack, state, Requeue::Ended));
    }
    context.states.gauge.count_first(&mut state.counted, stack);
    let guarded = AssertUnwindSafe(reconcile_if_due(stack, context, &mut state)).catch_unwind();
    let requeue = match tokio::time::timeout(RECONCILE_TIMEOUT, guarded).await {
        Ok(Ok(Ok(requeue))) => requeue,
        Ok(Ok(Err(error))) => {
            tracing::warn!(%error, "the Kubernetes API rejected a request");
            Requeue::Retry(Retry::Backoff)
        }
        Ok(Err(_)) => {
            tracing::error!("a bug: this reconcile panicked; the stack is reconciled again later");
            context.metrics.panics.inc();
            state.memory = engine::Memory::default();
            Requeue::Retry(Retry::Fixed)
        }
        Err(_) => {
            tracing::warn!("the reconcile took longer than {} s and was given up", RECONCILE_TIMEOUT.as_secs());
            Requeue::Retry(Retry::Backoff)
        }
    };
    Ok(context.states.schedule(stack, state, requeue))
}

/// Reconciles the stack if it is due or its credentials have changed.
async fn reconcile_if_due(
    stack: &LoadBalancerStack,
    context: &Context,
    state: &mut StackState,
) -> Result<Requeue, kube::Error> {
    let sources = member_sources::refresh(stack, context, &mut state.sources).await;
    if sources == Refreshed::NotListed {
        return Ok(Requeue::Rest(Some(LIST_RETRY)));
    }
    if sources == Refreshed::Changed {
        state.memory.change_members();
    }
    let access = context.cluster_clouds.access(stack);
    if access == Some(Err(AccessProblem::NotListed { has_failed: false })) {
        return Ok(Requeue::Rest(Some(LIST_RETRY)));
    }
    let access_changed = state.access_changed(access);
    let secret_changed = state.secret_changed(secret_version(stack, context));
    let certificates_due = state.certificates.take_due(&context.certificates);
    let sources_changed = sources == Refreshed::Changed;
    let is_due = state.is_due(ReconcileTrigger::of(stack)) || certificates_due || sources_changed || access_changed;
    if !is_due && (!secret_changed || has_same_credentials(stack, context, state).await) {
        return Ok(Requeue::Rest(state.remaining_delay()));
    }
    StackReconciler::new(stack, context, state).reconcile_stack().await
}

/// Version of the Secret that a stack refers to, as far as the watch has shown it.
fn secret_version(stack: &LoadBalancerStack, context: &Context) -> Option<String> {
    if cluster_cloud_of(stack).is_some() {
        return context.cluster_clouds.secret_version_of(stack);
    }
    let secret = NamespacedName::new(stack.namespace().unwrap_or_default(), credentials::secret_of(stack)?);
    context.secrets.version_of(&secret)
}

/// Tells whether the Secret holds the credentials of the last reconcile. Another client may have removed the finalizer
/// from it.
async fn has_same_credentials(stack: &LoadBalancerStack, context: &Context, state: &StackState) -> bool {
    let finalizer = match finalizer::has_finalizer(stack) {
        true => secret_finalizer(stack),
        false => SecretFinalizer::Leave,
    };
    let Ok(source) = context.clouds.source(stack) else { return false };
    let session = context.clouds.session(&source, finalizer).await;
    session.is_ok_and(|cloud| state.has_same_credentials(cloud.credentials_fingerprint()))
}

/// The Secret of a stack that may change its cloud gets a finalizer, as the stack does.
fn secret_finalizer(stack: &LoadBalancerStack) -> SecretFinalizer {
    if wants_finalizer(stack) { SecretFinalizer::Add } else { SecretFinalizer::Leave }
}

fn wants_finalizer(stack: &LoadBalancerStack) -> bool {
    stack.metadata.deletion_timestamp.is_none() && !stack.spec.observes_only()
}

/// One reconcile in progress.
struct StackReconciler<'a> {
    context: &'a Context,
    api: Api<LoadBalancerStack>,
    /// Copy of the stack, which the writes of this reconcile keep up to date.
    stack: LoadBalancerStack,
    state: &'a mut StackState,
    facts: CloudFacts,
    /// Endpoints and certificates that the stack takes from the cluster. Certificates are read once there is a session.
    contents: ClusterContents,
}

impl<'a> StackReconciler<'a> {
    fn new(stack: &LoadBalancerStack, context: &'a Context, state: &'a mut StackState) -> Self {
        let api = Api::namespaced(context.client.clone(), &stack.namespace().unwrap_or_default());
        let contents =
            ClusterContents { endpoints: state.sources.sourced(), certificates: SourcedCertificates::default() };
        Self { context, api, stack: stack.clone(), state, facts: CloudFacts::default(), contents }
    }

    /// Reconciles one stack: at most one write to OpenStack and one status update.
    async fn reconcile_stack(mut self) -> Result<Requeue, kube::Error> {
        if self.is_released() {
            return Ok(Requeue::Ended);
        }
        self.apply_last_written_status();
        if self.stack.spec.is_paused() {
            return self.report_paused().await;
        }
        self.sync_finalizers().await?;
        if self.is_released() {
            return Ok(Requeue::Ended);
        }
        let Some(_permit) = self.context.clouds.try_acquire(&self.stack) else { return Ok(Requeue::Throttled) };
        let outcome = self.run_engine().await?;
        self.report(outcome).await
    }

    fn is_deleting(&self) -> bool {
        self.stack.metadata.deletion_timestamp.is_some()
    }

    /// Tells whether the object may go: it is being deleted, and its finalizer is removed.
    fn is_released(&self) -> bool {
        self.is_deleting() && !finalizer::has_finalizer(&self.stack)
    }

    /// Lays a status that this process wrote over an older view of the stack.
    fn apply_last_written_status(&mut self) {
        self.state.reported = self.state.reported.take().and_then(|last| status::apply_if_newer(last, &mut self.stack));
    }

    async fn report_paused(mut self) -> Result<Requeue, kube::Error> {
        let status = status::paused(&self.stack, self.context.clock.now());
        self.write_status(status).await?;
        Ok(Requeue::Retry(Retry::Never))
    }

    /// Removes the finalizers of a stack that is only observed: nothing in its cloud would be deleted.
    async fn sync_finalizers(&mut self) -> Result<(), kube::Error> {
        if self.stack.spec.observes_only() && finalizer::has_finalizer(&self.stack) {
            self.remove_finalizers().await?;
        }
        Ok(())
    }

    /// Runs the engine in the cloud of the stack; without a session the outcome is the reason for that.
    async fn run_engine(&mut self) -> Result<Outcome, kube::Error> {
        let source = self.context.clouds.source(&self.stack);
        // A stack that may not use a shared cloud must not keep it from being deleted.
        if wants_finalizer(&self.stack) && (source.is_ok() || cluster_cloud_of(&self.stack).is_none()) {
            finalizer::add(&self.api, &mut self.stack).await?;
        }
        let record = record_of(&self.stack, self.state);
        self.state.memory.track_pending(&record);
        let outcome = match self.session(source).await {
            Ok(cloud) => self.reconcile_in(&cloud, &record).await,
            // Other clients write to the Secret without a pause: the next reconcile tries again, and nothing is
            // reported.
            Err(CredentialsProblem::Kube(error)) if conflict::is_conflict(&error) => return Err(*error),
            Err(problem) => problem.at("spec.cloudCredentialsRef"),
        };
        let times = self.deletion_times();
        let outcome = outcome.with_orphan_policy(self.goal(), &record, times);
        Ok(remedies::explained(outcome, cluster_cloud_of(&self.stack)))
    }

    async fn session(
        &self,
        source: Result<CredentialsSource, CredentialsProblem>,
    ) -> Result<Cloud, CredentialsProblem> {
        self.context.clouds.session(&source?, secret_finalizer(&self.stack)).await
    }

    async fn reconcile_in(&mut self, cloud: &Cloud, record: &Record) -> Outcome {
        self.state.record_credentials(cloud.credentials_fingerprint());
        let owner = self.owner();
        let store = PendingCreateAnnotation::new(self.api.clone(), &self.stack, record.pending_creates.clone());
        self.read_certificates(&owner).await;
        let access = self.context.cluster_clouds.access(&self.stack).and_then(Result::ok);
        let translator = Translator {
            stack: &self.stack,
            owner: &owner,
            access: access.as_ref(),
            contents: &self.contents,
            context: self.context,
        };
        let source = Source {
            references: translator.references(),
            validate: &|resolutions, version| translator.desired(resolutions, version),
        };
        let reconciliation = Reconciliation {
            cloud,
            source: &source,
            owner: &owner,
            generation: self.stack.metadata.generation.unwrap_or_default(),
            record,
            pending_create_store: &store,
            settings: &self.context.settings,
            now: self.context.clock.now(),
        };
        let outcome = engine::reconcile(reconciliation, self.goal(), &mut self.state.memory).await;
        self.state.pending_creates = store.written().or_else(|| self.state.pending_creates.take());
        // The session remembers both: no calls here.
        self.facts = CloudFacts { project: cloud.project().await.ok(), version: cloud.api_version().await.ok() };
        outcome
    }

    /// Reads the certificates of the stack. One that is being deleted needs none.
    async fn read_certificates(&mut self, owner: &Owner) {
        if !self.is_deleting() {
            let state = &mut self.state.certificates;
            self.contents.certificates = certificates::read(&self.stack, owner, self.context, state).await;
        }
    }

    fn owner(&self) -> Owner {
        Owner {
            uid: self.stack.uid().unwrap_or_default(),
            cluster: self.context.cluster.clone(),
            namespace: self.stack.namespace().unwrap_or_default(),
            name: self.stack.name_any(),
        }
    }

    /// An observed stack never deletes anything, even where another client puts its finalizer back at once.
    fn goal(&self) -> Goal {
        if self.stack.spec.observes_only() {
            return Goal::Observe;
        }
        if self.is_deleting() {
            return match self.stack.deletion_policy() {
                DeletionPolicy::Delete => Goal::Delete { retain_floating_ip: retains_floating_ip(&self.stack) },
                DeletionPolicy::Orphan => Goal::Orphan,
            };
        }
        Goal::Converge
    }

    /// Age of the deletion. A process that has never seen the stack alive waits for requests of the one before it.
    fn deletion_times(&mut self) -> DeletionTimes {
        if !self.is_deleting() {
            self.state.seen_alive = true;
            return DeletionTimes::default();
        }
        let in_flight = if self.state.seen_alive { Duration::ZERO } else { self.context.settings.quiet_period };
        DeletionTimes { waited: self.state.deletion_age(), in_flight }
    }

    /// Reports the outcome in status, Event, metrics and log, and removes the finalizers of a stack that has ended.
    async fn report(mut self, outcome: Outcome) -> Result<Requeue, kube::Error> {
        if let Some(tree) = outcome.tree() {
            self.state.sources.learn_members(tree);
        }
        let now = self.context.clock.now();
        let generation = self.stack.metadata.generation.unwrap_or_default();
        let previous = self.stack.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
        let held_back = source_members::held_back(&self.contents.endpoints);
        let deleting = self.is_deleting();
        let inputs = ConditionInputs { previous: &previous, generation, deleting, held_back: &held_back, now };
        self.state.announced.watch(&outcome, generation, self.context.settings.stuck_after);
        let event = events::event_for(&outcome, inputs, &self.state.announced);
        telemetry::measure(&self.context.metrics, self.state, &outcome, inputs);
        telemetry::log(&outcome, inputs);
        let has_ended = matches!(outcome.state, State::Deleted | State::Orphaned { .. });
        if has_ended {
            self.remove_finalizers().await?;
        } else {
            let conditions = conditions::conditions(&outcome, inputs);
            self.write_status(status::build(&self.stack, &outcome, &self.facts, &self.contents.endpoints, conditions))
                .await?;
        }
        self.state.announced.remember(&outcome, generation, event.as_ref());
        if let Some(event) = event {
            events::publish(&self.context.client, now, &self.stack.object_ref(&()), event).await;
        }
        for event in self.state.certificates.take_notices(now) {
            events::publish(&self.context.client, now, &self.stack.object_ref(&()), event).await;
        }
        Ok(if has_ended { Requeue::Ended } else { Requeue::Retry(outcome.retry) })
    }

    async fn write_status(&mut self, status: crate::api::LoadBalancerStackStatus) -> Result<(), kube::Error> {
        let phase = StackPhase::of(&status.conditions, self.is_deleting());
        self.context.states.gauge.count(&mut self.state.counted, phase);
        let written = status::write(&self.api, &self.stack, status).await?;
        self.state.remember_status(written);
        Ok(())
    }

    /// Removes the finalizer of the stack and, when no other stack needs it, that of its Secret.
    async fn remove_finalizers(&mut self) -> Result<(), kube::Error> {
        finalizer::remove(&self.api, &mut self.stack).await?;
        let Some(secret) = credentials::secret_of(&self.stack) else { return Ok(()) };
        let secret = NamespacedName::new(self.stack.namespace().unwrap_or_default(), secret);
        if let Err(error) = self.context.clouds.release_unused(&secret, self.stack.uid().as_deref()).await {
            tracing::debug!(%error, %secret, "the Secret is released later");
        }
        Ok(())
    }
}

fn retains_floating_ip(stack: &LoadBalancerStack) -> bool {
    let allocate = stack.spec.load_balancer.floating_ip.as_ref().and_then(|wanted| wanted.allocate.as_ref());
    allocate.is_some_and(|allocate| allocate.reclaim_policy == ReclaimPolicy::Retain)
}
