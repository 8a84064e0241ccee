//! Sharing of workers: a cloud that never responds must not delay the stacks of another.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel::api::{ConditionStatus, LoadBalancerStack};
use evenkeel::clock::Clock;
use evenkeel::controller::{self, ControllerOptions};
use evenkeel::engine::Settings;
use evenkeel::http_server::Readiness;
use evenkeel::metrics::Metrics;
use evenkeel::openstack::{
    CloudSettings, ConnectError, Connector, Request, Response, TlsOptions, Transport, TransportError,
};
use evenkeel_simulators::cloud::{CloudConfig, CloudSim};
use evenkeel_simulators::cluster::{ClusterSim, TokioClock};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

const WORKERS: u16 = 8;
const HUNG_STACKS: usize = 40;

/// A transport on which the host `hung` accepts every connection and never responds. All other requests go to the
/// simulated cloud.
#[derive(Clone)]
struct HangingTransport {
    open: Arc<dyn Transport>,
    /// Requests to `hung` that are in flight.
    hanging: Arc<AtomicUsize>,
}

struct HangingConnector(Arc<dyn Connector>, Arc<AtomicUsize>);

impl Connector for HangingConnector {
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError> {
        Ok(Arc::new(HangingTransport { open: self.0.connect(tls)?, hanging: Arc::clone(&self.1) }))
    }
}

impl Transport for HangingTransport {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>> {
        if request.uri().host() != Some("hung") {
            return self.open.send(request, timeout);
        }
        async move {
            self.hanging.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(timeout).await;
            self.hanging.fetch_sub(1, Ordering::SeqCst);
            Err(TransportError::NoAnswer { endpoint: "hung:80".into(), cause: "no answer in time".into() })
        }
        .boxed()
    }
}

struct Setup {
    client: Client,
    hanging: Arc<AtomicUsize>,
    cloud: CloudSim,
}

impl Setup {
    async fn start() -> Self {
        let cloud = CloudSim::new(CloudConfig::default());
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at("2026-11-23T10:00:00Z".parse().unwrap()));
        let cluster = ClusterSim::new(clock.clone());
        let client = cluster.client();
        let hanging = Arc::new(AtomicUsize::new(0));
        let definition: CustomResourceDefinition =
            read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/evenkeel.dev_loadbalancerstacks.yaml"));
        Api::all(client.clone()).create(&PostParams::default(), &definition).await.unwrap();
        let metrics = Metrics::new();
        let parts = ControllerOptions {
            client: client.clone(),
            connector: Arc::new(HangingConnector(cloud.transport(), Arc::clone(&hanging))),
            clock,
            readiness: Arc::new(Readiness::default()),
            cluster_id: None,
            cluster_resource_namespace: "evenkeel-system".to_owned(),
            max_concurrent_reconciles: WORKERS,
            settings: Settings::default(),
            cloud_settings: CloudSettings { observer: metrics.clone(), ..CloudSettings::default() },
            metrics,
            order: None,
        };
        tokio::spawn(controller::run(parts, std::future::pending()));
        Self { client, hanging, cloud }
    }

    /// Creates a namespace with credentials for this Keystone, under as many names as there are stacks.
    async fn tenant(&self, namespace: &str, auth_url: &str) {
        let how = PostParams::default();
        let object: Namespace = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        Api::all(self.client.clone()).create(&how, &object).await.unwrap();
        let clouds: Value = serde_saphyr::from_str(&self.cloud.clouds_yaml(auth_url)).unwrap();
        let entry = |n: usize| (entry_name(n), clouds["clouds"]["demo-appcred"].clone());
        let clouds = json!({"clouds": (0..HUNG_STACKS).map(entry).collect::<serde_json::Map<_, _>>()});
        let secret = json!({"metadata": {"name": "openstack"}, "stringData": {"clouds.yaml": clouds.to_string()}});
        let secret: Secret = serde_json::from_value(secret).unwrap();
        Api::namespaced(self.client.clone(), namespace).create(&how, &secret).await.unwrap();
    }

    fn stacks(&self, namespace: &str) -> Api<LoadBalancerStack> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn apply(&self, namespace: &str, name: &str, cloud: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut stack: LoadBalancerStack = read(&root.join("examples/tcp.yaml"));
        stack.metadata.name = Some(name.to_owned());
        stack.spec.cloud_credentials_ref.as_mut().unwrap().cloud_name = Some(cloud.to_owned());
        self.stacks(namespace).create(&PostParams::default(), &stack).await.unwrap();
    }
}

fn entry_name(n: usize) -> String {
    format!("cloud-{n}")
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn is_ready(stack: &LoadBalancerStack) -> bool {
    let conditions = stack.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| condition.kind == "Ready" && condition.status == ConditionStatus::True)
}

#[tokio::test(start_paused = true)]
async fn unresponsive_cloud_leaves_workers_to_other_stacks() {
    others_are_served(|_| entry_name(0)).await;
}

/// Each entry of a clouds.yaml once had a limit of its own.
#[tokio::test(start_paused = true)]
async fn unresponsive_cloud_under_many_names_leaves_workers() {
    others_are_served(entry_name).await;
}

/// Asserts that other stacks become Ready beside hung ones. `cloud` is the name of the cloud in the n-th hung stack.
async fn others_are_served(cloud: impl Fn(usize) -> String) {
    let setup = Setup::start().await;
    setup.tenant("hung", "http://hung/v3").await;
    setup.tenant("shop", CloudSim::AUTH_URL).await;
    for n in 0..HUNG_STACKS {
        setup.apply("hung", &format!("web-{n}"), &cloud(n)).await;
    }
    while setup.hanging.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for name in ["one", "two", "three"] {
        let applied = tokio::time::Instant::now();
        setup.apply("shop", name, &entry_name(0)).await;
        while !is_ready(&setup.stacks("shop").get(name).await.unwrap()) {
            assert!(applied.elapsed() < Duration::from_secs(15), "{name} waits for workers of an unresponsive cloud");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let hung_stacks = setup.stacks("hung").list(&Default::default()).await.unwrap();
    let without_status =
        hung_stacks.iter().filter(|stack| stack.status.as_ref().is_none_or(|s| s.conditions.is_empty()));
    assert!(without_status.count() >= HUNG_STACKS - 10, "a throttled stack has a status");
    assert!(hung_stacks.iter().all(|stack| stack.name_any().starts_with("web-")));
}
