//! The environment of the demo: the two simulators, the controller, and the examples.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use evenkeel::api::LoadBalancerStack;
use evenkeel::clock::{Clock, SystemClock};
use evenkeel::controller::{self, ControllerOptions};
use evenkeel::engine::Settings;
use evenkeel::http_server::Readiness;
use evenkeel::metrics::Metrics;
use evenkeel::openstack::{CloudSettings, Connector, ReqwestConnector};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::tree;
use crate::cloud::{self, CloudConfig, CloudSim, Kind, Timing};
use crate::cluster::{self, ClusterSim, TokioClock};

pub const NAMESPACE: &str = "demo";
/// The resync period of all stacks. It is the shortest that the API allows, so that the drift is corrected soon.
pub const RESYNC_PERIOD: &str = "10s";

/// The connection between controller and cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wiring {
    /// HTTP over the loopback interface, as in production.
    Sockets,
    /// In process, so that tests may pause time.
    InProcess,
}

pub struct DemoEnvironment {
    pub cloud: CloudSim,
    pub cluster: ClusterSim,
    client: Client,
    cloud_served: cloud::Served,
    wiring: Wiring,
    controller: JoinHandle<Result<(), kube::Error>>,
    stop_controller: Option<oneshot::Sender<()>>,
    files: TemporaryFiles,
    _cluster_served: cluster::Served,
}

/// A folder with files for further use by hand, removed at the end.
struct TemporaryFiles(PathBuf);

impl TemporaryFiles {
    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.0.join(name);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

impl Drop for TemporaryFiles {
    fn drop(&mut self) {
        // A folder that cannot be removed stays.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl DemoEnvironment {
    pub async fn start(wiring: Wiring) -> anyhow::Result<Self> {
        // Fails when a test has installed a provider before. One is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let timing = Timing { create_load_balancer: Duration::from_secs(2), ..Timing::default() };
        let healthy_after = Some(Duration::from_millis(500));
        let cloud = CloudSim::new(CloudConfig { timing, healthy_after, ..CloudConfig::default() });
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(SystemClock.now()));
        let cluster = ClusterSim::new(clock.clone());
        let cloud_served = cloud.serve().await?;
        let cluster_served = cluster.serve().await?;
        let connector: Arc<dyn Connector> = match wiring {
            Wiring::Sockets => {
                let base = format!("http://{}", cloud_served.address);
                cloud.configure(|config| config.catalog_base = Some(base));
                Arc::new(ReqwestConnector)
            }
            Wiring::InProcess => cloud.transport(),
        };
        let folder = std::env::temp_dir().join(format!("evenkeel-demo-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let files = TemporaryFiles(folder);
        files.write("kubeconfig", &cluster_served.kubeconfig(NAMESPACE))?;
        files.write("clouds.yaml", &cloud.clouds_yaml(&cloud_served.auth_url))?;
        let client = cluster.client();
        let (stop_controller, stopped) = oneshot::channel::<()>();
        let controller = tokio::spawn(controller::run(options(client.clone(), connector, clock), async move {
            let _ = stopped.await;
        }));
        Ok(Self {
            cloud,
            cluster,
            client,
            cloud_served,
            wiring,
            controller,
            stop_controller: Some(stop_controller),
            files,
            _cluster_served: cluster_served,
        })
    }

    /// Applies the CRDs, a namespace, credentials and every example. Returns the number of stacks.
    pub async fn apply_examples(&self) -> anyhow::Result<usize> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let how = PostParams::default();
        for kind in ["loadbalancerstacks", "clusteropenstackclouds"] {
            let definition: CustomResourceDefinition = read(&root.join(format!("crds/evenkeel.dev_{kind}.yaml")))?;
            Api::all(self.client.clone()).create(&how, &definition).await?;
        }
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
        Api::all(self.client.clone()).create(&how, &namespace).await?;
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        secrets.create(&how, &self.credentials()?).await?;

        let stacks: Api<LoadBalancerStack> = Api::namespaced(self.client.clone(), NAMESPACE);
        let mut paths: Vec<PathBuf> = std::fs::read_dir(root.join("examples"))
            .context("examples/ cannot be read")?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        paths.sort();
        let mut count = 0;
        for path in paths {
            let mut example: Value = read(&path)?;
            if example["kind"] != "LoadBalancerStack" {
                continue;
            }
            self.use_certificates(&mut example, &mut ["cert", "cert-b"].into_iter().cycle());
            example["spec"]["resyncPeriod"] = RESYNC_PERIOD.into();
            let stack: LoadBalancerStack = serde_json::from_value(example)?;
            stacks.create(&how, &stack).await.with_context(|| format!("{} is rejected", path.display()))?;
            count += 1;
        }
        Ok(count)
    }

    /// The Secret that the examples refer to, with the simulated cloud's application credential in it.
    fn credentials(&self) -> anyhow::Result<Secret> {
        let auth_url = match self.wiring {
            Wiring::Sockets => &self.cloud_served.auth_url,
            Wiring::InProcess => CloudSim::AUTH_URL,
        };
        let clouds: Value = serde_saphyr::from_str(&self.cloud.clouds_yaml(auth_url))?;
        let clouds = json!({"clouds": {"openstack": clouds["clouds"]["demo-appcred"]}});
        let secret = json!({
            "metadata": {"name": "openstack"},
            "stringData": {"clouds.yaml": clouds.to_string()},
        });
        Ok(serde_json::from_value(secret)?)
    }

    /// Replaces the certificates of the examples by those of the simulated cloud.
    fn use_certificates(&self, value: &mut Value, names: &mut impl Iterator<Item = &'static str>) {
        match value {
            Value::Object(map) => {
                for (key, child) in map {
                    match names.next().filter(|_| key == "barbicanRef") {
                        Some(name) => *child = self.cloud.certificate_ref(name).into(),
                        None => self.use_certificates(child, names),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.use_certificates(item, names)),
            _ => {}
        }
    }

    fn stacks(&self) -> Vec<Value> {
        self.cluster.objects("evenkeel.dev", "loadbalancerstacks")
    }

    pub fn all_ready(&self) -> bool {
        let stacks = self.stacks();
        !stacks.is_empty() && stacks.iter().all(tree::is_ready)
    }

    /// True when all data planes serve. Their heartbeats come a moment after Octavia says ACTIVE.
    pub fn all_serve(&self) -> bool {
        let (load_balancers, listeners) = (Kind::LoadBalancer, Kind::Listener);
        let mut objects = self.cloud.objects(load_balancers).into_iter().chain(self.cloud.objects(listeners));
        objects.all(|object| object["operating_status"] == "ONLINE")
    }

    /// Name and state of each stack.
    pub fn lines(&self) -> Vec<(String, String)> {
        self.stacks().iter().map(|stack| (tree::name(stack).to_owned(), tree::state(stack))).collect()
    }

    pub fn trees(&self) -> Vec<String> {
        self.stacks().iter().flat_map(|stack| tree::lines(stack, &self.cloud)).collect()
    }

    pub fn trees_of(&self, name: &str) -> Vec<String> {
        let stacks = self.stacks();
        stacks.iter().filter(|stack| tree::name(stack) == name).flat_map(|s| tree::lines(s, &self.cloud)).collect()
    }

    /// The Events of a stack, oldest first.
    pub fn events(&self, name: &str) -> Vec<String> {
        let mut events = self.cluster.objects("", "events");
        events.retain(|event| event["involvedObject"]["name"] == name);
        events.sort_by_key(|event| event["eventTime"].to_string());
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        events.iter().map(|e| format!("{}  {}: {}", text(e, "type"), text(e, "reason"), text(e, "message"))).collect()
    }

    /// Fails when the controller ended by itself.
    pub async fn check_controller(&mut self) -> anyhow::Result<()> {
        if !self.controller.is_finished() {
            return Ok(());
        }
        self.wait().await?;
        bail!("the controller ended by itself");
    }

    /// Waits for the end of the controller.
    pub async fn wait(&mut self) -> anyhow::Result<()> {
        let ended = (&mut self.controller).await.map_err(|error| anyhow!("the controller broke: {error}"))?;
        ended.context("the controller ended")
    }

    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(stop) = self.stop_controller.take() {
            // Fails when the controller has ended by itself.
            let _ = stop.send(());
        }
        self.wait().await
    }

    /// The commands for further use by hand.
    pub fn next_steps(&self) -> String {
        let kubectl = format!("kubectl --kubeconfig {}", self.files.0.join("kubeconfig").display());
        let clouds = self.files.0.join("clouds.yaml");
        format!(
            "\nGo on by hand:\n  {kubectl} get lbstack -o wide -w\n  {kubectl} describe lbstack reference\n  \
             {kubectl} edit lbstack http-l7\n  {kubectl} explain lbstack.spec.pools.members\n  \
             {kubectl} delete lbstack tcp\n  \
             OS_CLIENT_CONFIG_FILE={} openstack --os-cloud demo loadbalancer list\n\
             All of it is gone with Ctrl-C.",
            clouds.display()
        )
    }
}

fn options(client: Client, connector: Arc<dyn Connector>, clock: Arc<dyn Clock>) -> ControllerOptions {
    let metrics = Metrics::new();
    ControllerOptions {
        client,
        connector,
        clock,
        readiness: Arc::new(Readiness::default()),
        cluster_id: None,
        cluster_resource_namespace: "evenkeel-system".to_owned(),
        max_concurrent_reconciles: 8,
        // A short cache age, so that the next resync sees the drift.
        settings: Settings { shared_age: Duration::from_secs(1), ..Settings::default() },
        cloud_settings: CloudSettings { observer: metrics.clone(), ..CloudSettings::default() },
        metrics,
        order: None,
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{} is malformed", path.display()))
}
