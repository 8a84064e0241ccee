//! Memory of endpoints in the cache.
//!
//! One controller is measured twice, with endpoints as the only difference. The endpoints before the first measurement
//! fill the memory that the start has left free, so that all later ones count.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::endpoints::{EACH, endpoint, endpoint_slice};
use super::{Cli, Controller, NAMESPACE, Simulators};

/// Slices before the first measurement, and those between both.
const BEFORE: usize = 200;
const MEASURED: usize = 1000;
/// Time for the controller to take in all slices, and for its allocator to give free memory back.
const SETTLED: Duration = Duration::from_secs(20);

/// Measures endpoints of a Service that no stack uses, in a controller with one stack.
pub(super) async fn measure(root: &Path, cli: &Cli) -> anyhow::Result<Value> {
    let simulators = Simulators::start(root).await?;
    simulators.apply(root, 0).await?;
    // EndpointSlices are watched only for a stack that uses some.
    simulators.apply_slice("web", "web", 3).await?;
    simulators.apply_sourced_stack(root, "0s").await?;
    let controller = simulators.controller(&cli.controller)?;
    simulators.until_all_ready(1).await?;
    let before = simulators.memory_with_slices(&controller, 0..BEFORE).await?;
    let after = simulators.memory_with_slices(&controller, BEFORE..BEFORE + MEASURED).await?;
    let kib_per_1000 = after.saturating_sub(before) * 1000 / (MEASURED * EACH) as u64;
    Ok(json!({"endpoint_memory": {
        "endpoints": MEASURED * EACH,
        "rss_kib_before": before,
        "rss_kib": after,
        "kib_per_1000_endpoints": kib_per_1000,
    }}))
}

impl Simulators {
    /// Adds slices, and returns the resident memory of the controller in KiB after that.
    async fn memory_with_slices(
        &self,
        controller: &Controller,
        slices: impl Iterator<Item = usize>,
    ) -> anyhow::Result<u64> {
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), NAMESPACE);
        for slice in slices {
            let endpoints = (slice * EACH..(slice + 1) * EACH).map(endpoint_of_pod).collect();
            let slice = serde_json::from_value(endpoint_slice(&format!("other-{slice}"), "other", endpoints))?;
            api.create(&PostParams::default(), &slice).await?;
        }
        sleep(SETTLED).await;
        controller.resident_kib()
    }
}

/// An endpoint as the endpoint controller writes it, with its pod.
fn endpoint_of_pod(n: usize) -> Value {
    let mut endpoint = endpoint(n % 50_000, true);
    let uid = uuid::Uuid::new_v4().to_string();
    endpoint["targetRef"] = json!({"kind": "Pod", "namespace": NAMESPACE, "name": format!("other-{n}"), "uid": uid});
    endpoint
}
