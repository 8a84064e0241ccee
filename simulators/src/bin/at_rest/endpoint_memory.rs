//! Memory of the cache of endpoints.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::endpoints::endpoint;
use super::{Cli, Simulators};

/// Endpoints of a slice, as the endpoint controller fills them.
const EACH: usize = 100;
const SLICES: usize = 1000;
const THOUSANDS: u64 = (SLICES * EACH / 1000) as u64;
/// Time in which a controller has read what has changed.
const SETTLED: Duration = Duration::from_secs(5);

/// Measures a controller without stacks, while EndpointSlices come. They come one by one to a new process: what a list or
/// earlier work would leave free would hide their memory.
pub(super) async fn measure(root: &Path, cli: &Cli) -> anyhow::Result<Value> {
    let simulators = Simulators::start(root).await?;
    simulators.apply(root, 0).await?;
    let controller = simulators.controller(&cli.controller)?;
    sleep(SETTLED).await;
    let before = controller.resident_kib()?;
    for slice in 0..SLICES {
        let endpoints = (0..EACH).map(|n| endpoint(n, true)).collect();
        simulators.apply_endpoints(&format!("other-{slice}"), "other", endpoints).await?;
    }
    sleep(SETTLED).await;
    let grown = controller.resident_kib()?.saturating_sub(before);
    Ok(json!({"endpoint_memory": {"endpoints": SLICES * EACH, "kib_per_1000": grown / THOUSANDS}}))
}
