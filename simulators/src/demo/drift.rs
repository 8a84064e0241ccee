//! Drift: the changes that the demo makes behind the controller's back, and the check that they are corrected.

use std::time::Duration;

use anyhow::{bail, ensure};
use http::Method;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::cloud::{CloudSim, Kind, Service};

/// The listener that is deleted.
const LISTENER: (&str, i64) = ("api", 8080);
const MEMBER: &str = "10.20.0.12";
const WRONG_WEIGHT: i64 = 9;

/// Causes drift in the stack `reference` through the cloud's own API, as another client would.
///
/// # Errors
/// The cloud rejects a change, or stays locked.
pub async fn cause_drift(cloud: &CloudSim) -> anyhow::Result<Vec<String>> {
    let (load_balancer, tree) =
        reference(cloud).ok_or_else(|| anyhow::anyhow!("there is no load balancer to break"))?;
    let Some(listener) = listener(&tree) else { bail!("the stack has no listener {}", LISTENER.0) };
    let Some((pool, member)) = member(&tree) else { bail!("the stack has no member {MEMBER}") };
    let path = format!("/v2/lbaas/listeners/{listener}");
    change(cloud, &load_balancer, Method::DELETE, &path, None).await?;
    let path = format!("/v2/lbaas/pools/{pool}/members/{}", member["id"].as_str().unwrap_or_default());
    let weight = json!({"member": {"weight": WRONG_WEIGHT}});
    change(cloud, &load_balancer, Method::PUT, &path, Some(weight)).await?;
    Ok(vec![
        format!("listener {} is deleted", LISTENER.0),
        format!("member {MEMBER} gets weight {WRONG_WEIGHT} instead of {}", member["weight"]),
    ])
}

/// True when the listener is back, the member has its weight again, and no change is in flight.
pub fn is_corrected(cloud: &CloudSim) -> bool {
    let Some((_, tree)) = reference(cloud) else { return false };
    tree["provisioning_status"] == "ACTIVE"
        && listener(&tree).is_some()
        && member(&tree).is_some_and(|(_, member)| member["weight"] == 1)
}

fn reference(cloud: &CloudSim) -> Option<(String, Map<String, Value>)> {
    let all = cloud.objects(Kind::LoadBalancer);
    let tagged =
        |lb: &&Map<String, Value>| lb["tags"].as_array().is_some_and(|tags| tags.contains(&"stack=reference".into()));
    let id = all.iter().find(tagged)?["id"].as_str()?.to_owned();
    let tree = cloud.tree(&id)?;
    Some((id, tree))
}

fn listener(tree: &Map<String, Value>) -> Option<String> {
    let wanted = |listener: &&Value| listener["name"] == LISTENER.0 && listener["protocol_port"] == LISTENER.1;
    Some(tree["listeners"].as_array()?.iter().find(wanted)?["id"].as_str()?.to_owned())
}

fn member(tree: &Map<String, Value>) -> Option<(String, Value)> {
    tree["pools"].as_array()?.iter().find_map(|pool| {
        let member = pool["members"].as_array()?.iter().find(|member| member["address"] == MEMBER)?;
        Some((pool["id"].as_str()?.to_owned(), member.clone()))
    })
}

/// Makes one change as another client, and repeats it while the load balancer is locked.
async fn change(
    cloud: &CloudSim,
    load_balancer: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> anyhow::Result<()> {
    for _ in 0..100 {
        let (code, response) =
            cloud.request_as("demo", method.clone(), Service::LoadBalancer, path, body.clone()).await;
        if code != 409 {
            ensure!(code < 300, "{method} {path} on load balancer {load_balancer}: {code} {response}");
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("the load balancer {load_balancer} stays locked")
}
