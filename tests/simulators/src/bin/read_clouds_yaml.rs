//! Prints what Evenkeel makes of the cloud `openstack` of each file, as one JSON object: its reading, or a text.

use std::collections::BTreeMap;

use evenkeel_simulators::reading;
use serde_json::Value;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut readings = BTreeMap::new();
    for path in std::env::args().skip(1) {
        let reading = reading::read(&std::fs::read(&path)?, "openstack").await;
        readings.insert(path, reading.unwrap_or_else(Value::String));
    }
    println!("{}", serde_json::to_string_pretty(&readings)?);
    Ok(())
}
