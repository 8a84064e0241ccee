//! Cost of a restart: a new controller has to look at every stack once.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Controller, Simulators, TIME_LIMIT};

/// Pools of the reference stack. The first look at a stack reads the members of each.
const POOLS: usize = 3;
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

impl Simulators {
    /// Waits until a new controller has looked at every stack. After the limit the measurement goes on all the same, with
    /// the number that it has looked at.
    pub(super) async fn restart_costs(&self, controller: &Controller, stacks: usize) -> anyhow::Result<Value> {
        let begun = Instant::now();
        while self.looked_at() < stacks && begun.elapsed() < TIME_LIMIT {
            sleep(CHECK_INTERVAL).await;
        }
        Ok(json!({
            "looked_at": self.looked_at(),
            "seconds": begun.elapsed().as_secs_f64(),
            "cpu_seconds": controller.processor_time()?.as_secs_f64(),
            "rss_at_most_kib": controller.most_resident_kib()?,
        }))
    }

    /// Stacks that were looked at since the requests were forgotten.
    fn looked_at(&self) -> usize {
        let pools = self.cloud.in_requests(|requests| {
            let of_pools = requests.filter(|request| request.path.ends_with("/members"));
            of_pools.map(|request| request.path.clone()).collect::<HashSet<_>>().len()
        });
        pools / POOLS
    }
}
