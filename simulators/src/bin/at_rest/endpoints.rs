//! Cost of members from Services: the time from a change of an EndpointSlice to the write.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use evenkeel::api::LoadBalancerStack;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{NAMESPACE, Simulators, read};

/// Endpoints of a slice, as the endpoint controller fills them.
pub(super) const EACH: usize = 100;
/// Number of measured changes.
const CHANGES: usize = 100;
/// Pause between two changes, longer than the simulated Octavia works on one.
const PAUSE: Duration = Duration::from_millis(300);

impl Simulators {
    /// Adds a stack with a member source, and changes its endpoints. The other stacks are at rest.
    pub(super) async fn endpoint_costs(&self, root: &Path, stacks: usize) -> anyhow::Result<Value> {
        self.apply_slice("web", "web", 3).await?;
        self.apply_sourced_stack(root, "0s").await?;
        self.until_all_ready(stacks + 1).await?;
        let mut times = Vec::new();
        for change in 0..CHANGES {
            sleep(PAUSE).await;
            times.push(self.time_of_change(3 + (change + 1) % 2).await?);
        }
        times.sort();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        Ok(json!({
            "changes": CHANGES,
            "median_ms": milliseconds(times[CHANGES / 2]),
            "worst_ms": milliseconds(times[CHANGES - 1]),
        }))
    }

    pub(super) async fn until_all_ready(&self, stacks: usize) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.all_ready(stacks) {
            ensure!(begun.elapsed() < super::TIME_LIMIT, "the stack with a member source is not Ready");
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Time from a change of the EndpointSlice to the write of the members in the cloud.
    async fn time_of_change(&self, endpoints: usize) -> anyhow::Result<Duration> {
        self.cloud.forget_requests();
        let begun = Instant::now();
        self.apply_slice("web", "web", endpoints).await?;
        loop {
            let is_write = |path: &str| path.contains("/members");
            if self.cloud.writes().iter().any(|request| is_write(&request.path)) {
                return Ok(begun.elapsed());
            }
            ensure!(begun.elapsed() < Duration::from_secs(30), "a change of endpoints has no effect");
            sleep(Duration::from_micros(500)).await;
        }
    }

    /// Applies Service `web`, and a stack whose members come from it.
    pub(super) async fn apply_sourced_stack(&self, root: &Path, window: &str) -> anyhow::Result<()> {
        let service: Service = serde_json::from_value(json!({
            "metadata": {"name": "web"}, "spec": {"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 80}]},
        }))?;
        let services: Api<Service> = Api::namespaced(self.client.clone(), NAMESPACE);
        services.create(&PostParams::default(), &service).await?;
        let mut stack: Value = read(&root.join("examples/reference.yaml"))?;
        stack["metadata"]["name"] = "sourced".into();
        stack["spec"]["resyncPeriod"] = "0s".into();
        let pool = &mut stack["spec"]["pools"][0];
        pool["members"] = json!([]);
        pool["memberWindow"] = window.into();
        pool["memberSources"] = json!([{"name": "web", "service": {"name": "web", "port": "http", "target": "PodIP"}}]);
        let stack: LoadBalancerStack = serde_json::from_value(stack)?;
        self.stacks().create(&PostParams::default(), &stack).await?;
        Ok(())
    }

    pub(super) async fn apply_slice(&self, name: &str, service: &str, endpoints: usize) -> anyhow::Result<()> {
        self.apply_endpoints(name, service, (0..endpoints).map(|n| endpoint(n, true)).collect()).await
    }

    pub(super) async fn apply_endpoints(&self, name: &str, service: &str, endpoints: Vec<Value>) -> anyhow::Result<()> {
        let slice = endpoint_slice(name, service, endpoints);
        let slices: Api<EndpointSlice> = Api::namespaced(self.client.clone(), NAMESPACE);
        slices.patch(name, &PatchParams::apply("bench").force(), &Patch::Apply(slice)).await?;
        Ok(())
    }
}

pub(super) fn endpoint_slice(name: &str, service: &str, endpoints: Vec<Value>) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}], "endpoints": endpoints,
    })
}

pub(super) fn endpoint(n: usize, is_ready: bool) -> Value {
    let address = format!("10.20.{}.{}", n / 250 + 1, n % 250 + 1);
    json!({"addresses": [address], "conditions": {"ready": is_ready}, "nodeName": "node-1"})
}
