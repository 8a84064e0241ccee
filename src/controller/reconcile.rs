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

use super::conditions::{self, Frame};
use super::credentials::{self, Clouds, CredentialsProblem};
use super::ledger::{AnnotationLedger, intents_of};
use super::status::CloudFacts;
use super::{events, finalizer, prepare, status, way_out};
use crate::api::{DELETION_POLICY_ANNOTATION, DeletionPolicy, LoadBalancerStack, ReclaimPolicy};
use crate::clock::Clock;
use crate::engine::{self, Goal, Intents, Outcome, Pass, Record, Retry, Settings, StallReason, State, WaitReason};
use crate::metrics::{Metrics, ResultLabel, StepLabel};
use crate::model::Owner;
use crate::openstack::Cloud;

/// How long a pass may take: longer than the longest call (a create) with all its queueing.
const PASS_LIMIT: Duration = Duration::from_secs(300);
/// Retries that nothing but a person makes succeed.
pub const SLOWLY: Duration = Duration::from_secs(60);
/// On average, for a stack whose session is crowded: spread, so that not all of them come back at once.
const CROWDED: Duration = Duration::from_secs(2);
const BACKOFF_CAP: Duration = Duration::from_secs(60);
const RARELY_CAP: Duration = Duration::from_secs(3600);
/// As good as never.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What all reconciles share.
pub struct Context {
    pub client: Client,
    pub clouds: Clouds,
    pub cluster: String,
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// The resource version of each Secret that stacks refer to, by namespace and name: a change wakes them.
    pub secrets: Mutex<HashMap<(String, String), String>>,
    pub entries: Mutex<HashMap<String, Entry>>,
    /// A pass has begun: the stacks are known.
    pub begun: AtomicBool,
}

/// What is remembered of a stack between passes. Losing it costs calls and repeats Events, nothing more.
#[derive(Default)]
pub struct Entry {
    memory: engine::Memory,
    /// Intents that this process wrote and its view of the cluster may not show yet.
    intents: Option<Intents>,
    /// Likewise a status.
    reported: Option<status::Reported>,
    failures: u32,
    /// Nothing needs doing before this time, as long as the stack looks the same.
    due: Option<Instant>,
    face: Option<Face>,
    told: events::Told,
    /// The generation, and since when we know of it; not when it once was Ready.
    generation_since: Option<(i64, Option<Instant>)>,
    deleting_since: Option<Instant>,
    /// The generation of which it was told that it cannot be read.
    unreadable: Option<Option<i64>>,
}

/// What of a stack makes another pass worthwhile. Our own writes of status are not among it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Face {
    generation: Option<i64>,
    deleting: bool,
    finalizers: Vec<String>,
    deletion_policy: Option<String>,
    has_status: bool,
    secret: Option<String>,
}

impl Entry {
    fn remember(&mut self, written: Option<status::Reported>) {
        if written.is_some() {
            self.reported = written;
        }
    }

    /// How long a generation took, told once: getting well again is something else.
    fn time_to_ready(&mut self, generation: i64, ready: bool) -> Option<Duration> {
        let since = match self.generation_since {
            Some((known, since)) if known == generation => since,
            _ => Some(Instant::now()),
        };
        self.generation_since = Some((generation, since.filter(|_| !ready)));
        since.filter(|_| ready).map(|since| since.elapsed())
    }
}

impl Context {
    fn take(&self, uid: &str) -> Entry {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(uid).unwrap_or_default()
    }

    fn put(&self, uid: String, entry: Entry) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(uid, entry);
        self.metrics.stacks.set(entries.len() as i64);
    }

    /// The first time that this generation of a stack is said to be unreadable.
    pub fn is_news(&self, uid: &str, generation: Option<i64>) -> bool {
        let mut entry = self.take(uid);
        let news = entry.unreadable.replace(generation) != Some(generation);
        self.put(uid.to_owned(), entry);
        news
    }

    /// Forgets stacks that are gone without a last pass.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|uid, _| is_there(uid));
        self.metrics.stacks.set(entries.len() as i64);
    }

    fn forget(&self) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        self.metrics.stacks.set(entries.len() as i64);
    }

    fn face(&self, stack: &LoadBalancerStack) -> Face {
        let secret = credentials::secret_of(stack).unwrap_or_default().to_owned();
        let key = (stack.namespace().unwrap_or_default(), secret);
        Face {
            generation: stack.metadata.generation,
            deleting: stack.metadata.deletion_timestamp.is_some(),
            finalizers: stack.finalizers().to_vec(),
            deletion_policy: stack.annotations().get(DELETION_POLICY_ANNOTATION).cloned(),
            has_status: stack.status.as_ref().is_some_and(|status| !status.conditions.is_empty()),
            secret: self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned(),
        }
    }
}

/// What kube's controller calls. Never fails and never panics: both become a later look at this stack alone.
pub async fn reconcile(stack: &LoadBalancerStack, context: &Context) -> Result<Action, std::convert::Infallible> {
    let uid = stack.uid().unwrap_or_default();
    let mut entry = context.take(&uid);
    let face = context.face(stack);
    if entry.face.as_ref() == Some(&face) {
        let left = entry.due.map(|due| due.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero());
        if let Some(left) = left {
            context.put(uid, entry);
            return Ok(Action::requeue(left));
        }
    } else if entry.face.is_some() {
        entry.memory.disturb();
        entry.failures = 0;
    }
    entry.face = Some(face);
    entry.unreadable = None;
    let guarded = AssertUnwindSafe(run(stack, context, &mut entry)).catch_unwind();
    let next = match tokio::time::timeout(PASS_LIMIT, guarded).await {
        Ok(Ok(Ok(next))) => next,
        Ok(Ok(Err(error))) => {
            tracing::warn!(%error, "the Kubernetes API refused");
            Next::Retry(Retry::Backoff)
        }
        Ok(Err(_)) => {
            tracing::error!("a bug: this pass panicked; the stack is looked at again later");
            context.metrics.panics.inc();
            entry.memory = engine::Memory::default();
            Next::Retry(Retry::Slowly)
        }
        Err(_) => {
            tracing::warn!("the pass took longer than {} s and was given up", PASS_LIMIT.as_secs());
            Next::Retry(Retry::Backoff)
        }
    };
    Ok(schedule(stack, context, uid, entry, next))
}

enum Next {
    Retry(Retry),
    /// Too many stacks of the same session are worked on: nothing was looked at, nothing is reported.
    TurnedAway,
    /// The object is none of our business any more.
    Forget,
}

fn schedule(stack: &LoadBalancerStack, context: &Context, uid: String, mut entry: Entry, next: Next) -> Action {
    let retry = match next {
        Next::Forget => {
            context.forget();
            return Action::await_change();
        }
        Next::TurnedAway => Retry::After(CROWDED.mul_f64(0.5 + fastrand::f64())),
        Next::Retry(retry) => {
            let grows = matches!(retry, Retry::Backoff | Retry::Rarely);
            entry.failures = if grows { entry.failures.saturating_add(1) } else { 0 };
            retry
        }
    };
    let delay = match retry {
        Retry::After(delay) => Some(delay),
        Retry::Backoff => Some(growing(Duration::from_secs(1), BACKOFF_CAP, entry.failures)),
        Retry::Slowly => Some(jittered(SLOWLY)),
        Retry::Rarely => Some(growing(SLOWLY, RARELY_CAP, entry.failures)),
        Retry::Resync => stack.spec.resync_period().map(jittered),
        Retry::Never => None,
    };
    entry.due = Some(Instant::now() + delay.unwrap_or(FAR));
    context.put(uid, entry);
    delay.map_or_else(Action::await_change, Action::requeue)
}

/// Doubled with each failure up to a cap, less up to a quarter.
fn growing(first: Duration, cap: Duration, failures: u32) -> Duration {
    let full = first.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(cap);
    full.mul_f64(1.0 - fastrand::f64() / 4.0)
}

/// Spread by a tenth, so that stacks applied together do not look together for ever.
fn jittered(period: Duration) -> Duration {
    period.mul_f64(0.9 + fastrand::f64() / 5.0)
}

async fn run(stack: &LoadBalancerStack, context: &Context, entry: &mut Entry) -> Result<Next, kube::Error> {
    let mut stack = stack.clone();
    let namespace = stack.namespace().unwrap_or_default();
    let api = Api::<LoadBalancerStack>::namespaced(context.client.clone(), &namespace);
    let deleting = stack.metadata.deletion_timestamp.is_some();
    let held = finalizer::is_held(&stack);
    if deleting && !held {
        return Ok(Next::Forget);
    }
    entry.reported = entry.reported.take().and_then(|reported| reported.overlay(&mut stack));
    if stack.spec.is_paused() {
        let status = status::paused(&stack, context.clock.now());
        entry.remember(status::write(&api, &stack, status).await?);
        return Ok(Next::Retry(Retry::Never));
    }
    if stack.spec.observes_only() && held {
        let_go(&api, context, &mut stack).await?;
        if deleting {
            return Ok(Next::Forget);
        }
    }
    let Some(_admission) = context.clouds.admit(&stack) else { return Ok(Next::TurnedAway) };
    let mut cloud = CloudFacts::default();
    let outcome = look(&api, &mut stack, context, entry, &mut cloud).await?;
    report(&api, &mut stack, context, entry, outcome, &cloud).await
}

/// Runs the engine, or says why it cannot be run.
async fn look(
    api: &Api<LoadBalancerStack>,
    stack: &mut LoadBalancerStack,
    context: &Context,
    entry: &mut Entry,
    known: &mut CloudFacts,
) -> Result<Outcome, kube::Error> {
    let deleting = stack.metadata.deletion_timestamp.is_some();
    let managed = !stack.spec.observes_only();
    if managed && !deleting {
        finalizer::hold(api, stack).await?;
    }
    let record = record_of(stack, entry);
    entry.memory.notice(&record);
    let outcome = match context.clouds.session(stack, managed && !deleting).await {
        Ok(cloud) => {
            let outcome = pass(api, stack, context, entry, &record, &cloud).await;
            // Both are remembered by the session: no calls here.
            *known = CloudFacts { project: cloud.project().await.ok(), version: cloud.api_version().await.ok() };
            outcome
        }
        Err(problem) => without_credentials(problem, stack, deleting),
    };
    if !deleting {
        return Ok(outcome);
    }
    let waited = entry.deleting_since.get_or_insert_with(Instant::now).elapsed();
    Ok(way_out::way_out(outcome, &record, stack.deletion_policy(), waited))
}

async fn pass(
    api: &Api<LoadBalancerStack>,
    stack: &LoadBalancerStack,
    context: &Context,
    entry: &mut Entry,
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
    let ledger = AnnotationLedger::new(api.clone(), stack);
    let pass =
        Pass { cloud, owner: &owner, record, ledger: &ledger, settings: &context.settings, now: context.clock.now() };
    if let Some(outcome) = pass.enter().await {
        return outcome;
    }
    let outcome = if deleting {
        let goal = match stack.deletion_policy() {
            DeletionPolicy::Delete => Goal::Delete { retain_floating_ip: retains(stack) },
            DeletionPolicy::Orphan => Goal::Release,
        };
        pass.run(goal, &mut entry.memory).await
    } else {
        match prepare::prepare(&stack.spec, &owner, cloud).await {
            Err(outcome) => *outcome,
            Ok(desired) => {
                let goal = if stack.spec.observes_only() { Goal::Observe(&desired) } else { Goal::Hold(&desired) };
                pass.run(goal, &mut entry.memory).await
            }
        }
    };
    entry.intents = ledger.written().or_else(|| entry.intents.take());
    outcome
}

/// What is on record, in status and annotation. Intents that we wrote ourselves count even if our view of the cluster
/// does not show them yet.
fn record_of(stack: &LoadBalancerStack, entry: &mut Entry) -> Record {
    let on_object = intents_of(stack);
    if entry.intents.as_ref() == Some(&on_object) {
        entry.intents = None;
    }
    let seen = stack.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let filled = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    Record {
        load_balancer_id: filled(seen.and_then(|lb| lb.id.as_ref())),
        region: filled(seen.and_then(|lb| lb.region.as_ref())),
        project_id: filled(seen.and_then(|lb| lb.project_id.as_ref())),
        vip_address: filled(seen.and_then(|lb| lb.vip_address.as_ref())),
        intents: entry.intents.clone().unwrap_or(on_object),
    }
}

fn retains(stack: &LoadBalancerStack) -> bool {
    let allocate = stack.spec.load_balancer.floating_ip.as_ref().and_then(|wanted| wanted.allocate.as_ref());
    allocate.is_some_and(|allocate| allocate.reclaim == ReclaimPolicy::Retain)
}

fn without_credentials(problem: CredentialsProblem, stack: &LoadBalancerStack, deleting: bool) -> Outcome {
    let message = format!("spec.cloudCredentialsRef: {problem}");
    match problem {
        CredentialsProblem::Kube(_) => Outcome::waiting(WaitReason::CredentialsUnreadable, message, Retry::Backoff),
        _ if deleting && stack.deletion_policy() == DeletionPolicy::Orphan => {
            Outcome::new(State::LetGo { left_behind: Some(message) }, Retry::Never)
        }
        CredentialsProblem::NoReference | CredentialsProblem::NoSecret(_) | CredentialsProblem::Leaving(_) => {
            Outcome::stalled(StallReason::CredentialsMissing, message)
        }
        CredentialsProblem::NoKey(_) | CredentialsProblem::Unusable { .. } => {
            Outcome::stalled(StallReason::CredentialsInvalid, message)
        }
    }
}

/// Takes our entries off the stack and, when nobody else needs it, off its Secret.
async fn let_go(
    api: &Api<LoadBalancerStack>,
    context: &Context,
    stack: &mut LoadBalancerStack,
) -> Result<(), kube::Error> {
    finalizer::release(api, stack).await?;
    let namespace = stack.namespace().unwrap_or_default();
    if let Some(secret) = credentials::secret_of(stack)
        && let Err(error) = context.clouds.release_unused(&namespace, secret, stack.uid().as_deref()).await
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
    entry: &mut Entry,
    outcome: Outcome,
    cloud: &CloudFacts,
) -> Result<Next, kube::Error> {
    let now = context.clock.now();
    let generation = stack.metadata.generation.unwrap_or_default();
    let previous = stack.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    let deleting = stack.metadata.deletion_timestamp.is_some();
    let frame = Frame { previous: &previous, generation, deleting, now };
    let notice = events::notable(&outcome, frame, &entry.told);
    measure(context, entry, &outcome, frame);
    log(&outcome);
    let over = matches!(outcome.state, State::Gone | State::LetGo { .. });
    if over {
        let_go(api, context, stack).await?;
    } else {
        let status = status::project(stack, &outcome, cloud, conditions::conditions(&outcome, frame));
        entry.remember(status::write(api, stack, status).await?);
    }
    entry.told.remember(&outcome, generation, notice.as_ref());
    if let Some(notice) = notice {
        events::publish(&context.client, now, &stack.object_ref(&()), notice).await;
    }
    Ok(if over { Next::Forget } else { Next::Retry(outcome.retry) })
}

fn measure(context: &Context, entry: &mut Entry, outcome: &Outcome, frame: Frame<'_>) {
    let metrics = &context.metrics;
    metrics.reconciles.get_or_create(&ResultLabel { result: label(&outcome.state).to_owned() }).inc();
    if let Some(step) = &outcome.executed {
        let label = StepLabel { kind: step.kind.noun().to_owned(), verb: step.call.verb().to_owned() };
        metrics.steps.get_or_create(&label).inc();
        let drift = !frame.deleting && conditions::was_ready(frame.previous, frame.generation);
        if drift && !entry.told.drifting {
            entry.told.drifting = true;
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
        State::InSync => "InSync",
        State::Working => "Working",
        State::Waiting { reason, .. } => reason.as_str(),
        State::Held { .. } => "DisruptionForbidden",
        State::Stalled { reason, .. } => reason.as_str(),
        State::Observed { .. } => "Observed",
        State::Gone => "Gone",
        State::LetGo { .. } => "LetGo",
    }
}

fn log(outcome: &Outcome) {
    let result = label(&outcome.state);
    match &outcome.state {
        State::Waiting { reason: WaitReason::Locked, message } => tracing::debug!(result, message),
        State::Waiting { message, .. } | State::Held { message } => tracing::info!(result, message),
        State::Stalled { message, .. } => tracing::warn!(result, message),
        State::InSync | State::Observed { .. } => tracing::debug!(result),
        State::Working | State::Gone | State::LetGo { .. } => tracing::info!(result),
    }
}
