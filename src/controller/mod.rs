//! The Kubernetes shell around the engine: watches, finalizers, credentials, status, Events.
//!
//! Thin on purpose. Only `status` writes status; only `openstack::execute` changes the cloud.

mod conditions;
mod conflict;
mod credentials;
mod events;
mod finalizer;
mod invalid_object;
mod leader_election;
mod pending_create_annotation;
mod prepare;
mod reconcile;
mod sessions;
mod shares;
mod stack_state;
mod status;
mod watch;
mod way_out;

pub use finalizer::FINALIZER;
pub use leader_election::{LeaderElection, LeaderElectionOptions, LeadershipLost};
pub use watch::watch_stacks;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ListParams, PartialObjectMeta};
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Config, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::api::LoadBalancerStack;
use crate::clock::Clock;
use crate::engine::Settings;
use crate::http_server::Readiness;
use crate::metrics::Metrics;
use crate::openstack::{CloudSettings, Connector};

/// Our name as a writer of objects and Events.
pub const MANAGER: &str = "evenkeel";

/// How often Secrets that hold our entry are checked for stacks that still need them. As long as our view of the cluster
/// has one, that costs no call.
const SWEEP: Duration = Duration::from_secs(5);

/// Everything that a controller is made of.
pub struct ControllerOptions {
    pub client: Client,
    pub connector: Arc<dyn Connector>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub readiness: Arc<Readiness>,
    /// Written on every load balancer; the kube-system UID when not given.
    pub cluster_id: Option<String>,
    /// Stacks that are worked on at the same time.
    pub workers: u16,
    pub settings: Settings,
    pub cloud_settings: CloudSettings,
}

/// Runs until `stop` resolves and the passes under way are done.
pub async fn run(
    parts: ControllerOptions,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) -> Result<(), kube::Error> {
    let ControllerOptions {
        client,
        connector,
        clock,
        metrics,
        readiness,
        cluster_id,
        workers,
        settings,
        cloud_settings,
    } = parts;
    let stop = stop.shared();
    tokio::select! {
        () = wait_for_crd(&client, &readiness) => {}
        () = stop.clone() => return Ok(()),
    }
    let cluster = match cluster_id {
        Some(id) => id,
        None => kube_system_uid(&client).await?,
    };
    tracing::info!(cluster, "the controller starts");
    // The stacks could be listed. Waiting for the store as well would take its one waker away from the controller, which
    // waits for it too (kube-runtime 5.0, `DelayedInit`): then one of the two sleeps for ever.
    readiness.set_ready();
    let (store, stacks) = watch_stacks(client.clone());
    let context = Arc::new(reconcile::Context {
        sessions: credentials::Clouds::new(
            client.clone(),
            store.clone(),
            sessions::SessionCache::new(connector, clock.clone(), cloud_settings),
            shares::ConcurrencyLimits::of(workers),
        ),
        client: client.clone(),
        cluster,
        settings,
        clock,
        states: stack_state::StackStates::new(metrics.stacks.clone()),
        metrics,
        secrets: Default::default(),
        begun: Default::default(),
    });
    let (unused, to_sweep) = mpsc::unbounded_channel();
    let sweeper = tokio::spawn(release_unused_secrets(store.clone(), context.clone(), to_sweep));
    let wake = stacks_using_secret(store.clone(), context.clone(), unused);
    let secrets = Api::<PartialObjectMeta<Secret>>::all(client);
    let running = Controller::for_stream(stacks, store)
        .with_config(Config::default().concurrency(workers))
        .watches_with(secrets, (), watcher::Config::default(), wake)
        .graceful_shutdown_on(stop.clone())
        .run(reconcile_traced, |_, infallible, _| match *infallible {}, context.clone())
        .for_each(async |_| {});
    tokio::select! {
        () = running => {}
        () = stopped_before_it_began(stop, &context) => {}
    }
    sweeper.abort();
    Ok(())
}

/// Told to stop before its first list is there, kube-runtime (5.0) waits for that list for ever. As long as no pass has
/// begun there is nothing to wait for.
async fn stopped_before_it_began(stop: impl Future<Output = ()>, context: &reconcile::Context) {
    stop.await;
    if context.begun.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

/// A stack as it is stored: one that cannot be read must not keep the others from being read.
pub type MaybeStack = DeserializeGuard<LoadBalancerStack>;

/// Namespace and name on every line that a pass logs, whatever is logged: a filter that shows errors alone shows this span
/// with them. No field is called `name`: in JSON that is the span's own.
async fn reconcile_traced(
    stored: Arc<MaybeStack>,
    context: Arc<reconcile::Context>,
) -> Result<kube::runtime::controller::Action, std::convert::Infallible> {
    let namespace = stored.namespace().unwrap_or_default();
    let span = tracing::error_span!("pass", namespace, stack = stored.name_any());
    context.begun.store(true, Ordering::Relaxed);
    give_way(&stored.name_any()).await;
    match &stored.0 {
        Ok(stack) => reconcile::reconcile(stack, &context).instrument(span).await,
        Err(problem) => invalid_object::report(problem, &stored.object_ref(&()), &context).instrument(span).await,
    }
}

/// Of stacks that wake at the same moment, kube-runtime's hash sets begin with any. Here their names decide, as far as
/// they can at next to no price, so that a simulation repeats itself.
async fn give_way(name: &str) {
    for _ in 0..name.bytes().map(usize::from).sum::<usize>() % 64 {
        tokio::task::yield_now().await;
    }
}

/// A missing CustomResourceDefinition is waited for, and shown by readiness.
async fn wait_for_crd(client: &Client, readiness: &Readiness) {
    let api = Api::<MaybeStack>::all(client.clone());
    loop {
        match api.list(&ListParams::default().limit(1)).await {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if status.code == 404 => {
                readiness
                    .set_not_ready("the CustomResourceDefinition loadbalancerstacks.evenkeel.dev is not installed");
            }
            Err(error) => {
                tracing::warn!(%error, "the Kubernetes API cannot be used yet");
                readiness.set_not_ready(format!("the Kubernetes API: {error}"));
            }
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn kube_system_uid(client: &Client) -> Result<String, kube::Error> {
    let namespace = Api::<Namespace>::all(client.clone()).get("kube-system").await?;
    Ok(namespace.uid().unwrap_or_default())
}

/// A Secret that changed wakes the stacks that refer to it. One that holds our entry is handed to the sweeper.
fn stacks_using_secret(
    store: Store<MaybeStack>,
    context: Arc<reconcile::Context>,
    held: mpsc::UnboundedSender<(String, String)>,
) -> impl Fn(PartialObjectMeta<Secret>) -> Vec<ObjectRef<MaybeStack>> {
    move |secret| {
        let key = (secret.namespace().unwrap_or_default(), secret.name_any());
        if credentials::has_finalizer(&secret) {
            // The receiver lives as long as the controller; at shutdown nobody sweeps any more.
            let _ = held.send(key.clone());
        }
        // Runs for every Secret of the cluster: what is compared first is cheap.
        let refers = |stored: &MaybeStack| reference_of(stored) == Some((key.0.as_str(), key.1.as_str()));
        let woken: Vec<_> =
            store.state_filter(refers).iter().map(|stored| ObjectRef::from_obj(stored.as_ref())).collect();
        let mut secrets = context.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if woken.is_empty() {
            secrets.remove(&key);
        } else {
            secrets.insert(key, secret.resource_version().unwrap_or_default());
        }
        drop(secrets);
        woken
    }
}

/// Namespace and name of the Secret that a stack refers to.
fn reference_of(stored: &MaybeStack) -> Option<(&str, &str)> {
    Some((stored.meta().namespace.as_deref()?, credentials::secret_of(stored.0.as_ref().ok()?)?))
}

/// A Secret may go before its stacks do: then nothing is heard of it when the last of them goes.
fn forget_unreferred(versions: &mut HashMap<(String, String), String>, stacks: &[Arc<MaybeStack>]) {
    let referred: HashSet<(&str, &str)> = stacks.iter().filter_map(|stored| reference_of(stored)).collect();
    versions.retain(|(namespace, name), _| referred.contains(&(namespace.as_str(), name.as_str())));
}

/// Forgets stacks that are gone, and takes our entry off Secrets that no stack refers to any more: a stack may have
/// changed its reference while nobody looked.
async fn release_unused_secrets(
    store: Store<MaybeStack>,
    context: Arc<reconcile::Context>,
    mut held: mpsc::UnboundedReceiver<(String, String)>,
) {
    let mut known = BTreeSet::new();
    let mut tick = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            biased;
            received = held.recv() => match received {
                Some(key) => { known.insert(key); }
                None => return,
            },
            _ = tick.tick() => {
                let stacks = store.state();
                let uids: HashSet<String> = stacks.iter().filter_map(|stored| stored.uid()).collect();
                context.states.retain(|uid| uids.contains(uid));
                forget_unreferred(&mut context.secrets.lock().unwrap_or_else(PoisonError::into_inner), &stacks);
                drop(stacks);
                for (namespace, name) in std::mem::take(&mut known) {
                    match context.sessions.release_unused(&namespace, &name, None).await {
                        Ok(true) => {}
                        Ok(false) => { known.insert((namespace, name)); }
                        Err(error) => {
                            tracing::debug!(%error, namespace, secret = name, "not swept yet");
                            known.insert((namespace, name));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stack(namespace: &str, secret: &str) -> Arc<MaybeStack> {
        let stack = json!({
            "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "cloudCredentialsRef": {"secretName": secret, "cloudName": "openstack"},
                "loadBalancer": {"vip": {"subnet": {"name": "s"}}},
            },
        });
        let stored: MaybeStack = serde_json::from_value(stack).unwrap();
        assert!(stored.0.is_ok());
        Arc::new(stored)
    }

    #[test]
    fn the_version_of_a_secret_is_kept_as_long_as_a_stack_refers_to_it() {
        let key = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
        let keys = [key("shop", "a"), key("shop", "b"), key("other", "a")];
        let mut versions: HashMap<_, _> = keys.into_iter().map(|key| (key, "1".to_owned())).collect();
        forget_unreferred(&mut versions, &[stack("shop", "a"), stack("shop", "c")]);
        assert_eq!(versions.into_keys().collect::<Vec<_>>(), [key("shop", "a")]);
    }
}
