//! Concurrent writes: one writer per load balancer, at most two requests that take quota per project, and other clients
//! that write to the stack.

use std::sync::Arc;

use evenkeel::api::LoadBalancerStack;
use evenkeel_simulators::cloud::{CloudConfig, Timing};
use evenkeel_simulators::rig::{Interception, Interceptor, small};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::*;

/// A rig whose connector counts the writes in flight.
async fn counted(timing: Timing) -> (Rig, Interceptor) {
    let mut rig = Rig::with(CloudConfig { timing, ..CloudConfig::default() }).await;
    let wire = Interceptor::new(rig.cloud.transport(), |_| Interception::Forward);
    rig.connector = Arc::new(wire.clone());
    rig.workers = 32;
    rig.start();
    (rig, wire)
}

#[tokio::test(start_paused = true)]
async fn project_has_at_most_two_quota_requests_in_flight() {
    let timing = Timing { commit_load_balancer: Duration::from_secs(2), ..Timing::default() };
    let (rig, wire) = counted(timing).await;
    let names: Vec<String> = (0..6).map(|n| format!("web-{n}")).collect();
    for name in &names {
        rig.create(name, small()).await;
    }
    for name in &names {
        rig.until("all are Ready", 3 * MINUTE, |rig| rig.is_ready(name)).await;
    }
    assert_eq!(wire.most_writes(), 2);
    assert_eq!(rig.load_balancers().len(), names.len());
}

#[tokio::test(start_paused = true)]
async fn load_balancer_has_one_writer_that_never_meets_its_lock() {
    let timing = Timing { change: Duration::from_secs(3), write: Duration::from_secs(1), ..Timing::default() };
    let (rig, wire) = counted(timing).await;
    rig.create("web", small()).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    for port in 8001..8013 {
        let listeners = json!([
            {"name": "http", "protocol": "HTTP", "port": 80, "defaultPool": "web"},
            {"name": format!("extra-{port}"), "protocol": "HTTP", "port": port, "defaultPool": "web"},
        ]);
        rig.patch("web", json!({"spec": {"listeners": listeners}})).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    rig.until("web is Ready again", 5 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(wire.most_writes(), 1);
    let rejected: Vec<_> = rig.cloud.writes().into_iter().filter(|entry| !entry.is_accepted()).collect();
    assert!(rejected.is_empty(), "{rejected:?}");
}

#[tokio::test(start_paused = true)]
async fn busy_project_requeues() {
    let mut rig = Rig::new().await;
    let busy = octavia(503, "Project busy.  Unable to lock the project.  Please try again.");
    rig.cloud.fail(create(), busy, 3);
    rig.start();
    rig.create("web", small()).await;
    rig.until("three were rejected", SOON, |rig| rig.creates().len() == 3).await;
    let stalled = rig.stack("web")["status"]["conditions"].to_string().contains("Stalled");
    assert!(!stalled, "{:#}", rig.stack("web"));
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (4, 1));
}

/// A rig with a stack just before its create: the last search for a load balancer of the stack takes this long.
async fn with_slow_search(takes: Duration) -> Rig {
    let mut rig = Rig::new().await;
    let search = Match::service(Service::LoadBalancer).method(Method::GET).path("/loadbalancers");
    rig.cloud.fail_always(search, Fault::SlowResponse(takes));
    rig.start();
    rig.create("web", small()).await;
    rig
}

/// Writes to the stack as another client, twenty times a second, until it is gone.
async fn hammer(stacks: Api<LoadBalancerStack>) {
    for number in 0.. {
        let annotation = Patch::Merge(json!({"metadata": {"annotations": {"counter": number.to_string()}}}));
        if stacks.patch("web", &PatchParams::default(), &annotation).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn constant_writes_of_others_do_not_delay_create() {
    let rig = with_slow_search(Duration::from_millis(500)).await;
    tokio::spawn(hammer(rig.stacks()));
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn constant_writes_of_others_do_not_delay_deletion() {
    let rig = with_slow_search(Duration::from_millis(500)).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    tokio::spawn(hammer(rig.stacks()));
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn second_controller_about_to_create_does_not() {
    let rig = with_slow_search(Duration::from_secs(5)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    rig.patch("web", json!({"metadata": {"annotations": {"evenkeel.dev/create-pending": "a1@2026-11-23T10:00:00Z"}}}))
        .await;
    rig.until("the pending create of the first is visible", MINUTE, |rig| rig.reason("web") == "CreateInDoubt").await;
    assert_eq!(rig.creates().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn stack_changed_just_before_create_is_created_as_changed() {
    let rig = with_slow_search(Duration::from_secs(5)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "new"}}})).await;
    rig.until("web is Ready", 3 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers()[0]["description"], "new");
    assert_eq!(rig.cloud.writes().len(), 1, "{:?}", rig.cloud.writes());
}
