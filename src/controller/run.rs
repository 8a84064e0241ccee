//! Runs the controller: puts its parts together, and watches stacks and Secrets.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::api::PartialObjectMeta;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::Store;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::certificates::{CertificateIndex, ExpiryGauge, watch_config_maps};
use super::cluster_clouds::{self, ClusterClouds};
use super::context::{Context, ReconcileOrder};
use super::credentials::{Clouds, ConcurrencyLimits, SessionCache};
use super::member_sources::{ClusterCache, watch_sources};
use super::secret_index::SecretIndex;
use super::secret_watch::{release_unused_secrets, stacks_using_secret, wake_clouds};
use super::stack_gauge::StackGauge;
use super::stack_state::StackStates;
use super::startup::{kube_system_uid, wait_for_crd};
use super::watch::{MaybeStack, watch_events};
use super::{invalid_object, reconcile};
use crate::clock::Clock;
use crate::engine::Settings;
use crate::http_server::Readiness;
use crate::metrics::Metrics;
use crate::openstack::{CloudSettings, Connector};

/// Everything that a controller is made of.
pub struct ControllerOptions {
    pub client: Client,
    pub connector: Arc<dyn Connector>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub readiness: Arc<Readiness>,
    /// Written on every load balancer; the UID of kube-system when not given.
    pub cluster_id: Option<String>,
    /// Namespace of the Secrets of ClusterOpenStackClouds.
    pub cluster_resource_namespace: String,
    /// Stacks that are reconciled at the same time.
    pub max_concurrent_reconciles: u16,
    pub settings: Settings,
    pub cloud_settings: CloudSettings,
    /// Order of simultaneous reconciles, for simulations; production leaves it out.
    pub order: Option<ReconcileOrder>,
}

/// Runs until `stop` resolves and the reconciles in progress are done.
pub async fn run(
    options: ControllerOptions,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) -> Result<(), kube::Error> {
    let client = options.client.clone();
    let (readiness, concurrency) = (options.readiness.clone(), options.max_concurrent_reconciles);
    let stop = stop.shared();
    tokio::select! {
        () = wait_for_crd(&client, &readiness) => {}
        () = stop.clone() => return Ok(()),
    }
    let cluster = match &options.cluster_id {
        Some(id) => id.clone(),
        None => kube_system_uid(&client).await?,
    };
    tracing::info!(cluster, "the controller starts");
    // The stacks could be listed. Waiting for the store as well would take its one waker away from the controller,
    // which waits for it too (kube-runtime 5.0, `DelayedInit`): then one of the two sleeps for ever.
    readiness.set_ready();
    let (store, events) = watch_events(client.clone());
    let context = Arc::new(context(options, cluster, store.clone()));
    let (wake_cloud, woken_clouds) = mpsc::unbounded_channel();
    let (seen, wake) = (context.clone(), wake_cloud.clone());
    let stacks = events.inspect_ok(move |event| {
        seen.secrets.observe(event);
        seen.sources.observe_stack(event);
        seen.certificates.observe_stack(event);
        wake_clouds(&wake, seen.cluster_clouds.observe_stack(event));
    });
    let stacks = stacks.applied_objects();
    let (wake_stack, mut woken) = mpsc::unbounded_channel();
    // They end with this future, also when it is dropped.
    let mut beside = JoinSet::new();
    beside.spawn(watch_sources(client.clone(), context.sources.clone(), wake_stack.clone()));
    beside.spawn(watch_config_maps(client.clone(), context.certificates.clone(), wake_stack.clone()));
    beside.spawn(cluster_clouds::run(context.clone(), wake_stack, woken_clouds));
    let (with_finalizer, to_release) = mpsc::unbounded_channel();
    beside.spawn(release_unused_secrets(store.clone(), context.clone(), to_release));
    let wake = stacks_using_secret(context.clone(), with_finalizer, wake_cloud);
    let secrets = Api::<PartialObjectMeta<Secret>>::all(client);
    let running = Controller::for_stream(stacks, store)
        .with_config(Config::default().concurrency(concurrency))
        .watches_with(secrets, (), watcher::Config::default(), wake)
        .reconcile_on(stream::poll_fn(move |task| woken.poll_recv(task)))
        .graceful_shutdown_on(stop.clone())
        .run(reconcile_traced, |_, infallible, _| match *infallible {}, context.clone())
        .for_each(async |_| {});
    tokio::select! {
        () = running => {}
        () = stopped_before_first_reconcile(stop, &context) => {}
    }
    Ok(())
}

fn context(options: ControllerOptions, cluster: String, stacks: Store<MaybeStack>) -> Context {
    let sessions = SessionCache::new(options.connector, options.clock.clone(), options.cloud_settings);
    let limits = ConcurrencyLimits::of(options.max_concurrent_reconciles);
    let cluster_clouds = Arc::new(ClusterClouds::new(options.cluster_resource_namespace));
    Context {
        clouds: Clouds::new(options.client.clone(), stacks, cluster_clouds.clone(), sessions, limits),
        client: options.client,
        cluster_clouds,
        cluster,
        settings: options.settings,
        clock: options.clock,
        states: StackStates::new(StackGauge::new(options.metrics.stacks.clone())),
        metrics: options.metrics,
        secrets: Arc::new(SecretIndex::default()),
        sources: Arc::new(ClusterCache::default()),
        certificates: Arc::new(CertificateIndex::default()),
        expiries: ExpiryGauge::default(),
        order: options.order,
        begun: Default::default(),
    }
}

/// Resolves when the controller is told to stop before its first reconcile: kube-runtime (5.0) would wait for its first
/// list for ever, and there is nothing to wait for.
async fn stopped_before_first_reconcile(stop: impl Future<Output = ()>, context: &Context) {
    stop.await;
    if context.begun.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

/// Reconciles with namespace and name of the stack on every line that is logged: a filter that shows errors alone shows
/// this span with them. No field is called `name`: in JSON that is the span's own.
async fn reconcile_traced(stored: Arc<MaybeStack>, context: Arc<Context>) -> Result<Action, Infallible> {
    let namespace = stored.namespace().unwrap_or_default();
    let span = tracing::error_span!("reconcile", namespace, stack = stored.name_any());
    context.begun.store(true, Ordering::Relaxed);
    if let Some(order) = &context.order {
        order(&stored.name_any()).await;
    }
    match &stored.0 {
        Ok(stack) => reconcile::reconcile(stack, &context).instrument(span).await,
        Err(problem) => invalid_object::report(problem, &stored.object_ref(&()), &context).instrument(span).await,
    }
}
