//! The behaviour of the whole controller, case by case, between a simulated cloud and a simulated cluster. There are no
//! sockets, and paused time advances whenever nothing runs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod addresses;
mod adoption;
mod annotated_secrets;
mod certificates;
mod cluster_cloud_permissions;
mod cluster_clouds;
mod cluster_conflicts;
mod concurrency;
mod conflicts;
mod create_preconditions;
mod credentials;
mod deletion;
mod failed_creates;
mod failure_reports;
mod field_managers;
mod floating_ip_routes;
mod floating_ips;
mod identity;
mod isolation;
mod logging;
mod lost_responses;
mod many_endpoints;
mod member_sources;
mod metrics;
mod min_members;
mod policies;
mod quiet_stacks;
mod rejections;
mod rights;
mod secrets;
mod shutdown;
mod sourced;
mod tenants;
mod transport;
mod two_controllers;
mod vip_ports;
mod without_effect;

use std::time::Duration;

use evenkeel_simulators::cloud::{Fault, Kind, Match, Service};
use evenkeel_simulators::rig::{Rig, small};
use http::Method;
use serde_json::{Map, Value, json};

/// Longer than any unobstructed operation takes.
const SOON: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);
/// Longer than a create is in doubt, with the steps that follow.
const AFTER_DOUBT: Duration = Duration::from_secs(200);

/// The one request that must never be sent twice.
fn create() -> Match {
    Match::service(Service::LoadBalancer).method(Method::POST).path("/loadbalancers")
}

fn with_floating_ip() -> Value {
    let mut spec = small();
    spec["loadBalancer"]["floatingIP"] = json!({"allocate": {"network": {"name": "public"}}});
    spec
}

fn uid(stack: &Value) -> String {
    stack["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn id(object: &Map<String, Value>) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// A rig with a controller and these stacks, all Ready.
async fn with_ready(stacks: &[(&str, Value)]) -> Rig {
    let mut rig = Rig::new().await;
    rig.start();
    for (name, spec) in stacks {
        rig.create(name, spec.clone()).await;
    }
    for (name, _) in stacks {
        rig.until("everything is Ready", MINUTE, |rig| rig.is_ready(name)).await;
    }
    rig
}

/// An error in Octavia's own form.
fn octavia(status: u16, faultstring: &str) -> Fault {
    let faultcode = if status < 500 { "Client" } else { "Server" };
    let body = json!({"faultcode": faultcode, "faultstring": faultstring, "debuginfo": null});
    Fault::ProxyResponse { status, body: body.to_string(), retry_after: None }
}

/// A rig whose first create met this fault, and whose stack is Ready all the same.
async fn ready_after_one(fault: Fault) -> Rig {
    let mut rig = Rig::new().await;
    rig.cloud.fail(create(), fault, 1);
    rig.start();
    rig.create("web", small()).await;
    rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
    rig
}

/// Asserts that nothing of Evenkeel is left: no object of Octavia, no port, no stack.
fn assert_nothing_left(rig: &Rig) {
    for kind in Kind::ALL {
        assert!(rig.cloud.objects(kind).is_empty(), "left: {:?}", rig.cloud.objects(kind));
    }
    let vip = |port: &Map<String, Value>| port["name"].as_str().is_some_and(|name| name.starts_with("octavia-lb"));
    assert!(!rig.cloud.ports().iter().any(vip), "left: {:?}", rig.cloud.ports());
    let stacks = rig.cluster.objects("evenkeel.dev", "loadbalancerstacks");
    assert!(stacks.is_empty(), "left: {stacks:?}");
}

async fn until_gone(rig: &Rig, name: &str, limit: Duration) {
    rig.until("the stack is gone", limit, |rig| rig.stack(name).is_null()).await;
}
