//! Measures an idle controller: its memory, its requests per resync period, and the cost of endpoints that change.
//!
//! The simulated cloud and cluster run in this process and serve on sockets. The controller is a process of its own, so
//! that its memory can be measured. Prints one line of JSON for each number of stacks, one for the memory of endpoints, and
//! one for endpoints that flap.

mod churn;
mod endpoint_memory;
mod endpoints;
mod process;
mod restart;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;
use evenkeel::api::LoadBalancerStack;
use evenkeel::clock::{Clock, SystemClock};
use evenkeel_simulators::cloud::{self, CloudConfig, CloudSim, Kind, Service, Timing};
use evenkeel_simulators::cluster::{self, ClusterSim, TokioClock};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use process::Controller;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const NAMESPACE: &str = "at-rest";
/// Limit for the stacks to become Ready, and to be looked at after a restart.
const TIME_LIMIT: Duration = Duration::from_secs(1800);
/// Number of resync periods over which requests are counted.
const PERIODS: u32 = 2;

#[derive(Parser)]
#[command(name = "at_rest")]
struct Cli {
    /// The controller binary to measure.
    #[arg(long)]
    controller: PathBuf,
    /// Numbers of stacks.
    #[arg(long, value_delimiter = ',', default_value = "0,100,1000")]
    stacks: Vec<usize>,
    /// The resync period in seconds.
    #[arg(long, default_value_t = 60)]
    period: u64,
    /// Leaves out the requests at rest, which take minutes: only the cost of endpoints is measured.
    #[arg(long)]
    endpoints_only: bool,
    /// Leaves out the cost of endpoints: only restart and rest are measured.
    #[arg(long, conflicts_with = "endpoints_only")]
    without_endpoints: bool,
    /// Number of endpoints that flap.
    #[arg(long, default_value_t = 1000)]
    flapping: usize,
    /// Seconds for which they flap.
    #[arg(long, default_value_t = 120)]
    churn: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure_all(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("at_rest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure_all(cli: &Cli) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for &number in &cli.stacks {
        println!("{}", measure(&root, cli, number).await?);
    }
    if !cli.without_endpoints {
        println!("{}", endpoint_memory::measure(&root, cli).await?);
        println!("{}", churn::measure(&root, cli).await?);
    }
    Ok(())
}

/// Measures one number of stacks. A first controller creates them. A second one, started when all are Ready, is
/// measured.
async fn measure(root: &Path, cli: &Cli, number: usize) -> anyhow::Result<Value> {
    let period = Duration::from_secs(cli.period);
    let simulators = Simulators::start(root).await?;
    simulators.apply(root, number).await?;
    let mut maker = simulators.controller(&cli.controller)?;
    simulators.until_ready(&mut maker, number).await?;
    if cli.endpoints_only {
        let endpoints = simulators.endpoint_costs(root, number).await?;
        return Ok(json!({"stacks": number, "endpoints": endpoints}));
    }
    let until_ready = simulators.calls(1);
    drop(maker);
    simulators.set_period(number, cli.period).await?;
    simulators.cloud.forget_requests();
    let controller = simulators.controller(&cli.controller)?;
    let restart = simulators.restart_costs(&controller, number).await?;
    simulators.until_at_rest(period).await;
    simulators.cloud.forget_requests();
    let before = controller.processor_time()?;
    sleep(period * PERIODS).await;
    let cpu = controller.processor_time()?.saturating_sub(before) / PERIODS;
    let writes = simulators.cloud.writes().len();
    ensure!(writes == 0, "{writes} writes at rest");
    let (memory, calls) = (controller.resident_kib()?, simulators.calls(PERIODS));
    let endpoints = match cli.without_endpoints {
        true => Value::Null,
        false => simulators.endpoint_costs(root, number).await?,
    };
    Ok(json!({
        "stacks": number,
        "rss_kib": memory,
        "restart": restart,
        "cpu_seconds": cpu.as_secs_f64(),
        "period_seconds": cli.period,
        "calls": calls,
        "calls_until_ready": until_ready,
        "endpoints": endpoints,
    }))
}

/// Both simulators and their servers.
struct Simulators {
    cloud: CloudSim,
    cluster: ClusterSim,
    client: Client,
    cloud_served: cloud::Served,
    cluster_served: cluster::Served,
}

impl Simulators {
    async fn start(root: &Path) -> anyhow::Result<Self> {
        let healthy_after = Some(Duration::ZERO);
        let cloud = CloudSim::new(CloudConfig { timing: Timing::instant(), healthy_after, ..CloudConfig::default() });
        for kind in [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::Member, Kind::HealthMonitor] {
            cloud.set_quota("demo", kind, -1);
        }
        let cloud_served = cloud.serve().await?;
        cloud.configure(|config| config.catalog_base = Some(format!("http://{}", cloud_served.address)));
        let cluster = ClusterSim::new(Arc::new(TokioClock::starting_at(SystemClock.now())));
        let cluster_served = cluster.serve().await?;
        let client = cluster.client();
        let how = PostParams::default();
        for kind in ["loadbalancerstacks", "clusteropenstackclouds"] {
            let definition: CustomResourceDefinition = read(&root.join(format!("crds/evenkeel.dev_{kind}.yaml")))?;
            Api::all(client.clone()).create(&how, &definition).await?;
        }
        for name in [NAMESPACE, "evenkeel-system"] {
            let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
            Api::all(client.clone()).create(&how, &namespace).await?;
        }
        Ok(Self { cloud, cluster, client, cloud_served, cluster_served })
    }

    /// Applies `number` copies of the reference stack, without resync.
    async fn apply(&self, root: &Path, number: usize) -> anyhow::Result<()> {
        let how = PostParams::default();
        let clouds: Value = serde_saphyr::from_str(&self.cloud.clouds_yaml(&self.cloud_served.auth_url))?;
        let clouds = json!({"clouds": {"openstack": clouds["clouds"]["demo-appcred"]}}).to_string();
        let secret = json!({"metadata": {"name": "openstack"}, "stringData": {"clouds.yaml": clouds}});
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        secrets.create(&how, &serde_json::from_value(secret)?).await?;
        let mut stack: Value = read(&root.join("examples/reference.yaml"))?;
        stack["spec"]["resyncPeriod"] = "0s".into();
        for n in 0..number {
            stack["metadata"]["name"] = name_of(n).into();
            self.stacks().create(&how, &serde_json::from_value(stack.clone())?).await?;
        }
        Ok(())
    }

    /// Sets the resync period of all stacks, while no controller runs.
    async fn set_period(&self, number: usize, seconds: u64) -> anyhow::Result<()> {
        let patch = Patch::Merge(json!({"spec": {"resyncPeriod": format!("{seconds}s")}}));
        for n in 0..number {
            self.stacks().patch(&name_of(n), &PatchParams::default(), &patch).await?;
        }
        Ok(())
    }

    fn stacks(&self) -> Api<LoadBalancerStack> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    fn controller(&self, binary: &Path) -> anyhow::Result<Controller> {
        Controller::start(binary, &self.cluster_served.kubeconfig(NAMESPACE))
    }

    async fn until_ready(&self, controller: &mut Controller, number: usize) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.all_ready(number) {
            ensure!(controller.is_running()?, "the controller ended by itself");
            ensure!(begun.elapsed() < TIME_LIMIT, "the stacks are not Ready within {TIME_LIMIT:?}");
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// Waits until every stack has been read once: only the first read of a stack asks for members. After the limit the
    /// measurement goes on all the same.
    async fn until_at_rest(&self, period: Duration) {
        for _ in 0..TIME_LIMIT.as_secs() / period.as_secs() {
            self.cloud.forget_requests();
            sleep(period).await;
            if !self.cloud.requests().iter().any(|request| request.path.ends_with("/members")) {
                return;
            }
        }
    }

    fn all_ready(&self, number: usize) -> bool {
        let ready = |stack: &Value| {
            let conditions = stack["status"]["conditions"].as_array();
            conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
        };
        self.cluster.count("evenkeel.dev", "loadbalancerstacks", ready) == number
    }

    /// Requests per resync period by what they ask for. `members` stands for the list of any pool.
    fn calls(&self, periods: u32) -> BTreeMap<String, f64> {
        let mut calls = BTreeMap::new();
        for request in self.cloud.requests() {
            // The last segment that is no id.
            let collection = request.path.rsplit('/').find(|part| !part.contains('-')).unwrap_or_default();
            let name = match (request.service, request.is_write()) {
                (Service::Identity, _) => "logins".to_owned(),
                (_, true) => format!("{} {collection}", request.method),
                (_, false) => collection.to_owned(),
            };
            *calls.entry(name).or_insert(0.0) += 1.0 / f64::from(periods);
        }
        calls
    }
}

fn name_of(n: usize) -> String {
    format!("stack-{n}")
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{} is malformed", path.display()))
}
