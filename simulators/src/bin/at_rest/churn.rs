//! Cost of endpoints that flap: many of them change their readiness all the time, and the pool follows within its window.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use evenkeel_simulators::cloud::{CloudRequest, Kind};
use evenkeel_simulators::cluster::ClusterRequest;
use serde_json::{Value, json};
use tokio::time::{Instant, interval, sleep};

use super::endpoints::{EACH, endpoint};
use super::{Cli, Simulators};

/// Interval between two changes, each of one slice.
const TURN: Duration = Duration::from_millis(100);

/// Measures one stack whose endpoints flap, and fails if its pool was ever empty.
pub(super) async fn measure(root: &Path, cli: &Cli) -> anyhow::Result<Value> {
    let simulators = Simulators::start(root).await?;
    simulators.apply(root, 0).await?;
    let churn = Churn { simulators, slices: cli.flapping.div_ceil(EACH) };
    for slice in 0..churn.slices {
        churn.turn(slice, 0).await?;
    }
    churn.simulators.apply_sourced_stack(root, "2s").await?;
    let controller = churn.simulators.controller(&cli.controller)?;
    churn.simulators.until_all_ready(1).await?;
    sleep(Duration::from_secs(5)).await;
    churn.simulators.cloud.forget_requests();
    churn.simulators.cluster.forget_requests();
    let (before, memory) = (controller.processor_time()?, controller.resident_kib()?);
    let begun = Instant::now();
    let fewest = churn.run(Duration::from_secs(cli.churn)).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let used = controller.processor_time()?.saturating_sub(before);
    let is_write = |request: &&CloudRequest| request.is_write() && request.path.contains("/members");
    let requests = churn.simulators.cloud.requests();
    let from_controller = |request: &&ClusterRequest| !request.path.contains("/endpointslices");
    ensure!(fewest > 0, "the pool was empty");
    Ok(json!({"churn": {
        "endpoints": churn.slices * EACH,
        "seconds": seconds,
        "changes_of_slices": (seconds / TURN.as_secs_f64()) as u64,
        "writes": requests.iter().filter(is_write).count(),
        "calls": requests.len(),
        "kubernetes_calls": churn.simulators.cluster.requests().iter().filter(from_controller).count(),
        "cpu_seconds": used.as_secs_f64(),
        "fewest_members": fewest,
        "rss_kib_before": memory,
        "rss_kib": controller.resident_kib()?,
    }}))
}

struct Churn {
    simulators: Simulators,
    slices: usize,
}

impl Churn {
    /// Changes slice after slice for this time. Returns the smallest number of members that the pool had.
    async fn run(&self, time: Duration) -> anyhow::Result<usize> {
        let (begun, mut turns) = (Instant::now(), interval(TURN));
        let mut fewest = usize::MAX;
        for turn in 1.. {
            turns.tick().await;
            if begun.elapsed() > time {
                break;
            }
            self.turn(turn % self.slices, turn).await?;
            fewest = fewest.min(self.members());
        }
        Ok(fewest)
    }

    /// Rewrites a slice: seven of ten endpoints are ready, others each time.
    async fn turn(&self, slice: usize, turn: usize) -> anyhow::Result<()> {
        let round = turn / self.slices;
        let endpoints = (slice * EACH..(slice + 1) * EACH).map(|n| endpoint(n, (n * 7 + round * 3) % 10 >= 3));
        self.simulators.apply_endpoints(&format!("web-{slice}"), "web", endpoints.collect()).await
    }

    /// Members of the pool that takes them from the Service.
    fn members(&self) -> usize {
        let members = self.simulators.cloud.objects(Kind::Member);
        members.iter().filter(|member| member["protocol_port"] == 8080).count()
    }
}
