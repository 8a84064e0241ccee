//! One stack, once: read what it needs, run one pass of the engine, write down what came of it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use kube::runtime::controller::Action;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::time::Instant;

use super::conditions::{self, ConditionInputs};
use super::credentials::{self, Clouds, CredentialsProblem};
use super::pending_create_annotation::{PendingCreateAnnotation, pending_creates_of};
use super::stack_state::{ReconcileTrigger, Requeue, StackState, StackStates};
use super::status::CloudFacts;
use super::{conflict, events, finalizer, prepare, status, way_out};
use crate::api::{AdditionalVipStatus, DeletionPolicy, LoadBalancerStack, ReclaimPolicy};
use crate::clock::Clock;
use crate::engine::{self, Goal, Outcome, Reconciliation, Record, Retry, Settings, StallReason, State, WaitReason};
use crate::metrics::{Metrics, ResultLabel, StepLabel};
use crate::model::{AdditionalVip, Owner};
use crate::openstack::Cloud;

/// How long a pass may take: longer than the longest call (a create) with all its queueing.
const RECONCILE_TIMEOUT: Duration = Duration::from_secs(300);

/// What all reconciles share.
pub struct Context {
    pub client: Client,
    pub sessions: Clouds,
    pub cluster: String,
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// The resource version of each Secret that stacks refer to, by namespace and name. Another one makes them read it.
    pub secrets: Mutex<HashMap<(String, String), String>>,
    pub states: StackStates,
    /// A pass has begun: the stacks are known.
    pub begun: AtomicBool,
}

impl Context {
    /// The version of the Secret that a stack refers to, as far as the watch has told it.
    fn secret_version(&self, stack: &LoadBalancerStack) -> Option<String> {
        let secret = credentials::secret_of(stack).unwrap_or_default().to_owned();
        let key = (stack.namespace().unwrap_or_default(), secret);
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }
}

/// What kube's controller calls. Never fails and never panics: both become a later look at this stack alone.
pub async fn reconcile(stack: &LoadBalancerStack, context: &Context) -> Result<Action, std::convert::Infallible> {
    let mut entry = context.states.take(&stack.uid().unwrap_or_default());
    let guarded = AssertUnwindSafe(reconcile_if_due(stack, context, &mut entry)).catch_unwind();
    let next = match tokio::time::timeout(RECONCILE_TIMEOUT, guarded).await {
        Ok(Ok(Ok(next))) => next,
        Ok(Ok(Err(error))) => {
            tracing::warn!(%error, "the Kubernetes API refused");
            Requeue::Retry(Retry::Backoff)
        }
        Ok(Err(_)) => {
            tracing::error!("a bug: this pass panicked; the stack is looked at again later");
            context.metrics.panics.inc();
            entry.memory = engine::Memory::default();
            Requeue::Retry(Retry::Fixed)
        }
        Err(_) => {
            tracing::warn!("the pass took longer than {} s and was given up", RECONCILE_TIMEOUT.as_secs());
            Requeue::Retry(Retry::Backoff)
        }
    };
    Ok(context.states.schedule(stack, entry, next))
}

/// A pass, if one is due or the credentials are others.
async fn reconcile_if_due(
    stack: &LoadBalancerStack,
    context: &Context,
    entry: &mut StackState,
) -> Result<Requeue, kube::Error> {
    let written = entry.secret_changed(context.secret_version(stack));
    match entry.remaining_delay(ReconcileTrigger::of(stack)) {
        Some(left) if !written || has_same_credentials(stack, context, entry).await => Ok(Requeue::Rest(left)),
        _ => reconcile_stack(stack, context, entry).await,
    }
}

/// Whether the Secret holds the credentials of the last pass. Somebody may have taken our entry off it.
async fn has_same_credentials(stack: &LoadBalancerStack, context: &Context, entry: &StackState) -> bool {
    let hold = wants_finalizer(stack) && finalizer::has_finalizer(stack);
    context
        .sessions
        .session(stack, hold)
        .await
        .is_ok_and(|cloud| entry.has_same_credentials(cloud.credentials_fingerprint()))
}

/// Whether stack and Secret are to carry our entry.
fn wants_finalizer(stack: &LoadBalancerStack) -> bool {
    stack.metadata.deletion_timestamp.is_none() && !stack.spec.observes_only()
}

async fn reconcile_stack(
    stack: &LoadBalancerStack,
    context: &Context,
    entry: &mut StackState,
) -> Result<Requeue, kube::Error> {
    let mut stack = stack.clone();
    let namespace = stack.namespace().unwrap_or_default();
    let api = Api::<LoadBalancerStack>::namespaced(context.client.clone(), &namespace);
    let deleting = stack.metadata.deletion_timestamp.is_some();
    let held = finalizer::has_finalizer(&stack);
    if deleting && !held {
        return Ok(Requeue::Forget);
    }
    entry.reported = entry.reported.take().and_then(|reported| reported.apply_if_newer(&mut stack));
    if stack.spec.is_paused() {
        let status = status::paused(&stack, context.clock.now());
        entry.remember(status::write(&api, &stack, status).await?);
        return Ok(Requeue::Retry(Retry::Never));
    }
    if stack.spec.observes_only() && held {
        remove_finalizers(&api, context, &mut stack).await?;
        if deleting {
            return Ok(Requeue::Forget);
        }
    }
    let Some(_admission) = context.sessions.try_acquire(&stack) else { return Ok(Requeue::Throttled) };
    let mut cloud = CloudFacts::default();
    let outcome = run_engine(&api, &mut stack, context, entry, &mut cloud).await?;
    report(&api, &mut stack, context, entry, outcome, &cloud).await
}

/// Runs the engine, or says why it cannot be run.
async fn run_engine(
    api: &Api<LoadBalancerStack>,
    stack: &mut LoadBalancerStack,
    context: &Context,
    entry: &mut StackState,
    known: &mut CloudFacts,
) -> Result<Outcome, kube::Error> {
    let deleting = stack.metadata.deletion_timestamp.is_some();
    if wants_finalizer(stack) {
        finalizer::add(api, stack).await?;
    }
    let record = record_of(stack, entry);
    entry.memory.track_pending(&record);
    let outcome = match context.sessions.session(stack, wants_finalizer(stack)).await {
        Ok(cloud) => {
            entry.record_credentials(cloud.credentials_fingerprint());
            let outcome = pass(api, stack, context, entry, &record, &cloud).await;
            // Both are remembered by the session: no calls here.
            *known = CloudFacts { project: cloud.project().await.ok(), version: cloud.api_version().await.ok() };
            outcome
        }
        // Others write to the Secret without a pause: the next pass tries again, and nothing is told.
        Err(CredentialsProblem::Kube(error)) if conflict::is_conflict(&error) => return Err(*error),
        Err(problem) => credentials_outcome(problem),
    };
    if !deleting {
        entry.seen_alive = true;
        return Ok(outcome);
    }
    let waited = entry.deleting_since.get_or_insert_with(Instant::now).elapsed();
    let on_its_way = if entry.seen_alive { Duration::ZERO } else { context.settings.quiet_period };
    Ok(way_out::way_out(outcome, &record, stack.deletion_policy(), waited, on_its_way))
}

async fn pass(
    api: &Api<LoadBalancerStack>,
    stack: &LoadBalancerStack,
    context: &Context,
    entry: &mut StackState,
    record: &Record,
    cloud: &Cloud,
) -> Outcome {
    let deleting = stack.metadata.deletion_timestamp.is_some();
    let owner = Owner {
        uid: stack.uid().unwrap_or_default(),
        cluster: context.cluster.clone(),
        namespace: stack.namespace().unwrap_or_default(),
        name: stack.name_any(),
    };
    let ledger = PendingCreateAnnotation::new(api.clone(), stack, record.pending_creates.clone());
    let pass = Reconciliation {
        cloud,
        owner: &owner,
        record,
        generation: stack.metadata.generation.unwrap_or_default(),
        pending_create_store: &ledger,
        settings: &context.settings,
        now: context.clock.now(),
    };
    if let Some(outcome) = pass.check_preconditions().await {
        return outcome;
    }
    let outcome = if deleting {
        let goal = match stack.deletion_policy() {
            DeletionPolicy::Delete => Goal::Delete { retain_floating_ip: retains_floating_ip(stack) },
            DeletionPolicy::Orphan => Goal::Orphan,
        };
        pass.run(goal, &mut entry.memory).await
    } else {
        match prepare::prepare(&stack.spec, &owner, cloud).await {
            Err(outcome) => *outcome,
            Ok(desired) => {
                let goal = if stack.spec.observes_only() { Goal::Observe(&desired) } else { Goal::Converge(&desired) };
                pass.run(goal, &mut entry.memory).await
            }
        }
    };
    entry.pending_creates = ledger.written().or_else(|| entry.pending_creates.take());
    outcome
}

/// What is on record, in status and annotation. Intents that we wrote ourselves count even if our view of the cluster
/// does not show them yet.
fn record_of(stack: &LoadBalancerStack, entry: &mut StackState) -> Record {
    let on_object = pending_creates_of(stack);
    if entry.pending_creates.as_ref() == Some(&on_object) {
        entry.pending_creates = None;
    }
    let seen = stack.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let filled = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    Record {
        load_balancer_id: filled(seen.and_then(|lb| lb.id.as_ref())),
        region: filled(seen.and_then(|lb| lb.region.as_ref())),
        project_id: filled(seen.and_then(|lb| lb.project_id.as_ref())),
        vip_address: filled(seen.and_then(|lb| lb.vip_address.as_ref())),
        additional_vips: seen.map(|lb| lb.additional_vips.iter().map(remembered).collect()).unwrap_or_default(),
        pending_creates: entry.pending_creates.clone().unwrap_or(on_object),
    }
}

fn remembered(vip: &AdditionalVipStatus) -> AdditionalVip {
    AdditionalVip { subnet_id: vip.subnet_id.clone(), address: vip.address.clone() }
}

fn retains_floating_ip(stack: &LoadBalancerStack) -> bool {
    let allocate = stack.spec.load_balancer.floating_ip.as_ref().and_then(|wanted| wanted.allocate.as_ref());
    allocate.is_some_and(|allocate| allocate.reclaim_policy == ReclaimPolicy::Retain)
}

fn credentials_outcome(problem: CredentialsProblem) -> Outcome {
    let message = format!("spec.cloudCredentialsRef: {problem}");
    match problem {
        CredentialsProblem::Kube(_) => Outcome::waiting(WaitReason::CredentialsInaccessible, message, Retry::Backoff),
        CredentialsProblem::NoReference | CredentialsProblem::NoSecret(_) | CredentialsProblem::Leaving(_) => {
            Outcome::stalled(StallReason::CredentialsMissing, message)
        }
        CredentialsProblem::NoKey(_) | CredentialsProblem::Unusable { .. } => {
            Outcome::stalled(StallReason::CredentialsInvalid, message)
        }
    }
}

/// Takes our entries off the stack and, when nobody else needs it, off its Secret.
async fn remove_finalizers(
    api: &Api<LoadBalancerStack>,
    context: &Context,
    stack: &mut LoadBalancerStack,
) -> Result<(), kube::Error> {
    finalizer::remove(api, stack).await?;
    let namespace = stack.namespace().unwrap_or_default();
    if let Some(secret) = credentials::secret_of(stack)
        && let Err(error) = context.sessions.release_unused(&namespace, secret, stack.uid().as_deref()).await
    {
        tracing::debug!(%error, "the Secret is released later");
    }
    Ok(())
}

/// Status, Events, metrics; and the end of the stack, when it has come.
async fn report(
    api: &Api<LoadBalancerStack>,
    stack: &mut LoadBalancerStack,
    context: &Context,
    entry: &mut StackState,
    outcome: Outcome,
    cloud: &CloudFacts,
) -> Result<Requeue, kube::Error> {
    let now = context.clock.now();
    let generation = stack.metadata.generation.unwrap_or_default();
    let previous = stack.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    let deleting = stack.metadata.deletion_timestamp.is_some();
    let frame = ConditionInputs { previous: &previous, generation, deleting, now };
    entry.announced.watch(&outcome, generation, context.settings.stuck_after);
    let notice = events::event_for(&outcome, frame, &entry.announced);
    measure(context, entry, &outcome, frame);
    log(&outcome, frame);
    let over = matches!(outcome.state, State::Deleted | State::Orphaned { .. });
    if over {
        remove_finalizers(api, context, stack).await?;
    } else {
        let status = status::project(stack, &outcome, cloud, conditions::conditions(&outcome, frame));
        entry.remember(status::write(api, stack, status).await?);
    }
    entry.announced.remember(&outcome, generation, notice.as_ref());
    if let Some(notice) = notice {
        events::publish(&context.client, now, &stack.object_ref(&()), notice).await;
    }
    Ok(if over { Requeue::Forget } else { Requeue::Retry(outcome.retry) })
}

fn measure(context: &Context, entry: &mut StackState, outcome: &Outcome, frame: ConditionInputs<'_>) {
    let metrics = &context.metrics;
    metrics.reconciles.get_or_create(&ResultLabel { result: label(&outcome.state).to_owned() }).inc();
    if let Some(step) = &outcome.executed {
        let label =
            StepLabel { kind: step.kind.noun().to_lowercase().replace(' ', "_"), verb: step.call.verb().to_owned() };
        metrics.steps.get_or_create(&label).inc();
        let drift = !frame.deleting && conditions::was_ready(frame.previous, frame.generation);
        if drift && !entry.announced.drifting {
            entry.announced.drifting = true;
            metrics.drift.inc();
        }
    }
    if matches!(outcome.state, State::Waiting { reason: WaitReason::Locked | WaitReason::StuckPending, .. }) {
        metrics.lock_waits.inc();
    }
    if let Some(took) = entry.time_to_ready(frame.generation, outcome.state == State::InSync)
        && !conditions::was_ready(frame.previous, frame.generation)
    {
        metrics.time_to_ready.observe(took.as_secs_f64());
    }
}

fn label(state: &State) -> &'static str {
    match state {
        State::InSync | State::Observed { differs: false } => "InSync",
        State::Progressing => "Progressing",
        State::Waiting { reason, .. } => reason.as_str(),
        State::Blocked { .. } => "Blocked",
        State::Stalled { reason, .. } => reason.as_str(),
        State::Observed { differs: true } => "OutOfSync",
        State::Deleted => "Deleted",
        State::Orphaned { .. } => "Orphaned",
    }
}

fn log(outcome: &Outcome, frame: ConditionInputs<'_>) {
    let result = label(&outcome.state);
    // One that waits for a floating IP is looked at every few seconds.
    let often = matches!(outcome.retry, Retry::After(_));
    match &outcome.state {
        State::Stalled { reason, message }
            if often && conditions::is_reported(frame.previous, frame.generation, reason.as_str()) =>
        {
            tracing::debug!(result, message);
        }
        State::Waiting { reason: WaitReason::Locked, message } => tracing::debug!(result, message),
        State::Waiting { message, .. } | State::Blocked { message } => tracing::info!(result, message),
        State::Stalled { message, .. } => tracing::warn!(result, message),
        State::InSync | State::Observed { .. } => tracing::debug!(result),
        State::Progressing | State::Deleted | State::Orphaned { .. } => tracing::info!(result),
    }
}
