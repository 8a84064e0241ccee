//! Reports of failures: the message names the object, its fields and the remedy, and lasting conflicts have an Event.

use evenkeel_simulators::cloud::{ProviderFault, Provisioning, Verb};
use evenkeel_simulators::rig::small;
use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn error_after_change_names_change_and_no_failover() {
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.fail_provider(ProviderFault::fails(Kind::LoadBalancer, Verb::Update));
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "changed"}}})).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "LoadBalancerError").await;
    let message = rig.message("web");
    for part in ["description", "changed", "listener http", "correct the spec"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for part in ["loadbalancer failover", "delete the stack"] {
        assert!(!message.contains(part), "{part}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn error_without_preceding_change_asks_for_failover_only() {
    let rig = with_ready(&[("web", small())]).await;
    let lb = id(&rig.load_balancers()[0]);
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    rig.until("the stack reports it", 20 * MINUTE, |rig| rig.reason("web") == "LoadBalancerError").await;
    let message = rig.message("web");
    assert!(message.contains(&format!("openstack loadbalancer failover {lb}")), "{message}");
    assert!(!message.contains("delete the stack"), "{message}");
}

/// The stack is never in sync, because another stack has its floating IP.
#[tokio::test(start_paused = true)]
async fn error_long_after_change_is_not_blamed_on_it() {
    let rig = with_ready(&[("blue", small()), ("green", small())]).await;
    let wanted = json!({"floatingip": {"floating_network_id": rig.cloud.network_id("public")}});
    let post = (Method::POST, Service::Network, "/v2.0/floatingips");
    let (code, made) = rig.cloud.request_as("demo", post.0, post.1, post.2, Some(wanted)).await;
    assert_eq!(code, 201, "{made}");
    let floating_ip = json!({"existing": {"id": made["floatingip"]["id"]}});
    rig.patch("blue", json!({"spec": {"loadBalancer": {"floatingIP": floating_ip}}})).await;
    rig.until("blue is Ready", SOON, |rig| rig.is_ready("blue")).await;
    let change = json!({"floatingIP": floating_ip, "description": "changed"});
    rig.patch("green", json!({"spec": {"loadBalancer": change}})).await;
    rig.until("green names the owner", SOON, |rig| rig.message("green").contains("shop/blue")).await;
    tokio::time::sleep(5 * MINUTE).await;
    let lb = rig.stack("green")["status"]["loadBalancer"]["id"].as_str().unwrap().to_owned();
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    rig.until("the stack reports it", 20 * MINUTE, |rig| rig.reason("green") == "LoadBalancerError").await;
    let message = rig.message("green");
    assert!(message.contains("without a change by Evenkeel"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn failed_change_names_object_and_fields_in_plan_too() {
    let mut rig = with_ready(&[("web", small())]).await;
    rig.cloud.fail_provider(ProviderFault::fails(Kind::Pool, Verb::Update));
    rig.patch("web", json!({"spec": {"pools": [{"name": "web", "protocol": "HTTP", "algorithm": "SOURCE_IP"}]}})).await;
    rig.until("the stack reports it", 2 * MINUTE, |rig| rig.reason("web") == "ProvisioningFailed").await;
    let message = rig.message("web");
    for part in ["pool web", "in ERROR", "lb_algorithm ROUND_ROBIN -> SOURCE_IP", "does not take effect"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("(heal)"), "{message}");
    let steps = rig.stack("web")["status"]["plan"]["steps"].to_string();
    assert!(steps.contains("lb_algorithm ROUND_ROBIN -> SOURCE_IP"), "{steps}");

    // A change of another field must not erase the memory of the failed one.
    rig.patch("web", json!({"spec": {"resyncPeriod": "11m"}})).await;
    let generation = rig.stack("web")["metadata"]["generation"].clone();
    let reported = |rig: &Rig| {
        rig.reason("web") == "ProvisioningFailed" && rig.stack("web")["status"]["observedGeneration"] == generation
    };
    rig.until("the stack reports it again", 2 * MINUTE, reported).await;
    assert!(rig.message("web").contains("lb_algorithm ROUND_ROBIN -> SOURCE_IP"), "{}", rig.message("web"));

    rig.kill().await;
    rig.start();
    tokio::time::sleep(5 * MINUTE).await;
    let message = rig.message("web");
    assert_eq!(rig.reason("web"), "ProvisioningFailed");
    assert!(message.contains("pool web is in ERROR") && !message.contains("(heal)"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn failed_listener_create_is_named_to_siblings() {
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.fail_provider(ProviderFault {
        kind: Some(Kind::Listener),
        verb: None,
        ..ProviderFault::fails(Kind::Listener, Verb::Update)
    });
    let listeners = json!([
        {"name": "http", "protocol": "HTTP", "port": 80, "defaultPool": "web"},
        {"name": "new", "protocol": "HTTP", "port": 81, "defaultPool": "web"},
    ]);
    rig.patch("web", json!({"spec": {"listeners": listeners}})).await;
    rig.until("the stack reports it", 3 * MINUTE, |rig| rig.reason("web") == "ProvisioningFailed").await;
    let message = rig.message("web");
    assert!(message.contains("listener new") && !message.contains("(heal)"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn lasting_conflict_has_one_event() {
    let mut rig = Rig::new().await;
    let in_use = "The VIP IP address is already in use: IP address 10.10.0.9 already allocated in subnet 1";
    rig.cloud.fail_always(
        Match::service(Service::LoadBalancer).method(Method::POST).path("/loadbalancers"),
        octavia(409, in_use),
    );
    rig.start();
    rig.create("web", small()).await;
    rig.until("the stack waits", MINUTE, |rig| rig.reason("web") == "Conflict").await;
    let reported = |rig: &Rig| rig.events("web").iter().filter(|(reason, _)| reason == "Conflict").count();
    tokio::time::sleep(MINUTE).await;
    assert_eq!(reported(&rig), 0, "a passing conflict has no Event");
    tokio::time::sleep(7 * MINUTE).await;
    assert_eq!(reported(&rig), 1);
    let events = rig.events("web");
    assert!(events.iter().any(|(reason, note)| reason == "Conflict" && note.contains("10.10.0.9")), "{events:?}");
    tokio::time::sleep(60 * MINUTE).await;
    assert_eq!(reported(&rig), 1);
    rig.cloud.clear_faults();
    rig.until("web is Ready", 30 * MINUTE, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn passing_conflict_has_no_event() {
    let rig = with_ready(&[("web", small())]).await;
    let put = Match::service(Service::LoadBalancer).method(Method::PUT).path("/pools");
    rig.cloud.fail(put, octavia(409, "Pool is in use by another client"), 3);
    rig.patch("web", json!({"spec": {"pools": [{"name": "web", "protocol": "HTTP", "algorithm": "SOURCE_IP"}]}})).await;
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    tokio::time::sleep(20 * MINUTE).await;
    assert!(!rig.events("web").iter().any(|(reason, _)| reason == "Conflict"), "{:?}", rig.events("web"));
}
