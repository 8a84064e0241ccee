//! The rig itself: both simulators, and the controllers between them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use evenkeel::api::LoadBalancerStack;
use evenkeel::clock::Clock;
use evenkeel::controller::{self, ControllerOptions};
use evenkeel::engine::Settings;
use evenkeel::http_server::Readiness;
use evenkeel::metrics::Metrics;
use evenkeel::openstack::{CloudSettings, Connector};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::cloud::{CloudConfig, CloudSim};
use crate::cluster::{ClusterSim, TokioClock};

/// The namespace of all stacks.
pub const NAMESPACE: &str = "shop";
pub const SECRET: &str = "openstack";

/// The namespace of the Secrets of ClusterOpenStackClouds.
pub const CLUSTER_NAMESPACE: &str = "evenkeel-system";

/// Interval between two checks of [`Rig::until`].
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Longer than any reconcile takes.
const STOP_LIMIT: Duration = Duration::from_secs(400);

/// Two simulators, and controllers between them that can be started, stopped and killed.
pub struct Rig {
    pub cloud: CloudSim,
    pub cluster: ClusterSim,
    /// The client of the users who apply stacks.
    pub client: Client,
    pub clock: Arc<dyn Clock>,
    /// The connection of the next controller to the cloud: [`CloudSim::transport`], unless a test replaces it.
    pub connector: Arc<dyn Connector>,
    pub settings: Settings,
    pub workers: u16,
    /// The metrics of the controller that was started last.
    pub metrics: Arc<Metrics>,
    controllers: Vec<Running>,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), kube::Error>>,
}

/// The time at which every simulation begins.
pub fn start_time() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time")
}

impl Rig {
    /// Both simulators, with the CRDs, a namespace and credentials, and without a controller.
    pub async fn new() -> Self {
        Self::with(CloudConfig::default()).await
    }

    pub async fn with(config: CloudConfig) -> Self {
        let seed = config.seed;
        let cloud = CloudSim::new(CloudConfig { starts_at: start_time(), ..config });
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(start_time()));
        let cluster = ClusterSim::with_seed(clock.clone(), seed);
        let rig = Self {
            connector: cloud.transport(),
            client: cluster.client(),
            cloud,
            cluster,
            clock,
            settings: Settings::default(),
            workers: 8,
            metrics: Metrics::new(),
            controllers: Vec::new(),
        };
        for definition in definitions() {
            Api::all(rig.client.clone()).create(&PostParams::default(), definition).await.expect("the definition");
        }
        let namespace: Namespace = read(json!({"metadata": {"name": NAMESPACE}}));
        Api::all(rig.client.clone()).create(&PostParams::default(), &namespace).await.expect("the namespace");
        let secret = rig.credentials("demo-appcred");
        rig.secrets().create(&PostParams::default(), &secret).await.expect("the Secret");
        rig
    }

    /// The Secret of all stacks, with the credentials of one entry of the cloud's own `clouds.yaml`.
    pub fn credentials(&self, cloud: &str) -> Secret {
        let clouds: Value = serde_saphyr::from_str(&self.cloud.clouds_yaml(CloudSim::AUTH_URL)).expect("a YAML");
        let clouds = json!({"clouds": {"openstack": clouds["clouds"][cloud]}});
        read(json!({"metadata": {"name": SECRET}, "stringData": {"clouds.yaml": clouds.to_string()}}))
    }

    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    pub fn stacks(&self) -> Api<LoadBalancerStack> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Starts a controller, beside those that run.
    pub fn start(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        self.metrics = Metrics::new();
        let parts = ControllerOptions {
            client: self.cluster.client(),
            connector: self.connector.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            readiness: Arc::new(Readiness::default()),
            cluster_id: None,
            cluster_resource_namespace: CLUSTER_NAMESPACE.to_owned(),
            max_concurrent_reconciles: self.workers,
            settings: self.settings.clone(),
            cloud_settings: CloudSettings { observer: self.metrics.clone(), ..CloudSettings::default() },
            order: Some(Arc::new(in_order)),
        };
        let task = tokio::spawn(controller::run(parts, async move {
            let _ = stopped.await;
        }));
        self.controllers.push(Running { stop, task });
    }

    /// Stops every controller gracefully.
    pub async fn stop(&mut self) {
        for Running { stop, task } in self.controllers.drain(..) {
            // Fails when the controller has ended by itself. The next line reports its error.
            let _ = stop.send(());
            let ended = timeout(STOP_LIMIT, task).await.expect("the controller does not stop");
            ended.expect("the controller panicked").expect("the controller ended");
        }
    }

    /// Kills every controller, as SIGKILL would. The cloud finishes the requests that it has begun.
    pub async fn kill(&mut self) {
        for Running { task, .. } in self.controllers.drain(..) {
            task.abort();
            // Always an error: the task is cancelled.
            let _ = task.await;
        }
    }

    /// The errors of controllers that ended by themselves. The others go on.
    pub async fn reap(&mut self) -> Vec<String> {
        let mut ends = Vec::new();
        let ended: Vec<usize> =
            (0..self.controllers.len()).filter(|&at| self.controllers[at].task.is_finished()).collect();
        for at in ended.into_iter().rev() {
            let ended = self.controllers.swap_remove(at).task.await.expect("the controller panicked");
            ends.push(ended.err().map_or_else(|| "without an error".to_owned(), |error| error.to_string()));
        }
        ends
    }

    pub fn is_running(&self) -> bool {
        !self.controllers.is_empty()
    }

    /// Lets time pass until `holds`, and fails when that takes longer than `limit`.
    pub async fn until(&self, what: &str, limit: Duration, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            let stacks = self.cluster.objects("evenkeel.dev", "loadbalancerstacks");
            assert!(begun.elapsed() < limit, "not within {limit:?}: {what}\n{stacks:#?}");
            sleep(CHECK_INTERVAL).await;
        }
    }
}
/// Orders simultaneous reconciles by the names of their stacks, so that a simulation repeats itself: kube-runtime starts
/// them in random order. Names of equal sums stay in any order, which is cheap and has been enough.
fn in_order(name: &str) -> BoxFuture<'static, ()> {
    let turns = name.bytes().map(usize::from).sum::<usize>() % 64;
    async move {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
    .boxed()
}

fn definitions() -> &'static [CustomResourceDefinition] {
    static DEFINITIONS: OnceLock<[CustomResourceDefinition; 2]> = OnceLock::new();
    DEFINITIONS.get_or_init(|| [evenkeel::api::crd(), evenkeel::api::cluster_cloud_crd()])
}

pub(super) fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}
