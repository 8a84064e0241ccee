//! Failures of Octavia's worker.

use std::time::Duration;

use evenkeel_simulators::cloud::{Kind, ProviderFault, Service, Verb, WorkerEffect};
use http::Method;
use serde_json::json;

use super::tenant::{Tenant, login};

fn fails(kind: Kind, verb: Verb) -> ProviderFault {
    ProviderFault { times: Some(1), ..ProviderFault::fails(kind, verb) }
}

#[tokio::test(start_paused = true)]
async fn failed_create_leaves_children_pending() {
    let tenant = Tenant::quick().await;
    tenant.sim.fail_provider(fails(Kind::LoadBalancer, Verb::Create));
    let tree = tenant.settled_tree().await;
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "ERROR/OFFLINE");
    assert_eq!(tenant.status(&format!("listeners/{}", tree.listener)).await, "PENDING_CREATE/OFFLINE");
    assert_eq!(tenant.status(&format!("healthmonitors/{}", tree.monitor)).await, "PENDING_CREATE/OFFLINE");
    let (code, body) = tenant.put(&format!("loadbalancers/{}", tree.lb), json!({"loadbalancer": {}})).await;
    assert_eq!(
        (code, body["faultstring"].as_str()),
        (409, Some(&*format!("Invalid state ERROR of loadbalancer resource {}", tree.lb)))
    );
    assert_eq!(tenant.delete(&format!("loadbalancers/{}?cascade=true", tree.lb)).await, 204);
    tenant.settle().await;
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "gone/gone");
    assert!(tenant.sim.ports().is_empty(), "the VIP port went with it");
}

#[tokio::test(start_paused = true)]
async fn failed_child_keeps_new_values_and_load_balancer_active() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(fails(Kind::Pool, Verb::Update));
    let path = format!("pools/{}", tree.pool);
    tenant.put(&path, json!({"pool": {"lb_algorithm": "SOURCE_IP"}})).await;
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ERROR/OFFLINE");
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "ACTIVE/OFFLINE");
    assert_eq!(tenant.get(&path).await["pool"]["lb_algorithm"], "SOURCE_IP");
    let (code, _) = tenant.put(&format!("{path}/members"), json!({"members": []})).await;
    assert_eq!(code, 409, "members of a pool in ERROR cannot be changed");
    assert_eq!(tenant.put(&path, json!({"pool": {}})).await.0, 200);
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ACTIVE/OFFLINE");
}

#[tokio::test(start_paused = true)]
async fn failed_listener_create_fails_its_siblings() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(fails(Kind::Listener, Verb::Create));
    let body = json!({"listener": {"loadbalancer_id": tree.lb, "protocol": "TCP", "protocol_port": 81}});
    tenant.post("listeners", body).await;
    tenant.settle().await;
    let listeners = tenant.get("listeners?fields=provisioning_status").await;
    assert_eq!(listeners["listeners"], json!([{"provisioning_status": "ERROR"}, {"provisioning_status": "ERROR"}]));
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "ACTIVE/OFFLINE");
}

#[tokio::test(start_paused = true)]
async fn failed_delete_leaves_error_and_can_be_repeated() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(fails(Kind::Listener, Verb::Delete));
    let path = format!("listeners/{}", tree.listener);
    assert_eq!(tenant.delete(&path).await, 204);
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ERROR/OFFLINE");
    assert_eq!(tenant.delete(&path).await, 204);
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "gone/gone");
}

#[tokio::test(start_paused = true)]
async fn failed_update_freezes_load_balancer_with_new_values() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(fails(Kind::LoadBalancer, Verb::Update));
    let path = format!("loadbalancers/{}", tree.lb);
    tenant.put(&path, json!({"loadbalancer": {"tags": ["new"]}})).await;
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ERROR/OFFLINE");
    assert_eq!(tenant.get(&path).await["loadbalancer"]["tags"], json!(["new"]));
    let failover = format!("/v2/lbaas/loadbalancers/{}/failover", tree.lb);
    let (code, _) = tenant.sim.request_as("admin", Method::PUT, Service::LoadBalancer, &failover, None).await;
    assert_eq!(code, 202);
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ACTIVE/OFFLINE");
}

#[tokio::test(start_paused = true)]
async fn hung_worker_leaves_change_pending() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(ProviderFault { effect: WorkerEffect::Hangs, ..fails(Kind::Listener, Verb::Update) });
    tenant.put(&format!("listeners/{}", tree.listener), json!({"listener": {}})).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let tenant = Tenant { token: login(&tenant.sim).await, ..tenant };
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "PENDING_UPDATE/OFFLINE");
    assert_eq!(tenant.delete(&format!("loadbalancers/{}?cascade=true", tree.lb)).await, 409);
}
