//! Members from Services and Nodes: they follow the cluster, and stay where it cannot be read.

use evenkeel_simulators::cluster::{Effect, Fault as ClusterFault};
use evenkeel_simulators::rig::{condition, ready, terminating, text};
use tokio::time::sleep;

use super::sourced::*;

use super::*;

fn resolved_refs(rig: &Rig) -> (String, String) {
    let stack = rig.stack("web");
    let condition = condition(&stack, "ResolvedRefs");
    (text(condition, "reason").to_owned(), text(condition, "message").to_owned())
}

#[tokio::test(start_paused = true)]
async fn members_follow_endpoints_with_one_write_for_each_window() {
    let rig = with_service().await;
    let writes = member_writes(&rig);
    for last in 4..=30 {
        rig.apply_slice("web-a", "web", addresses(last - 2, last)).await;
        sleep(Duration::from_millis(100)).await;
    }
    let expected = ["10.20.1.28", "10.20.1.29", "10.20.1.30"];
    rig.until("the members are right", SOON, |rig| addresses_of(rig) == expected).await;
    let written = member_writes(&rig) - writes;
    assert!((2..=3).contains(&written), "{written} writes for 27 changes in 2.7 s");
}

#[tokio::test(start_paused = true)]
async fn first_change_reaches_cloud_at_once() {
    let rig = with_service().await;
    rig.apply_slice("web-b", "web", addresses(9, 9)).await;
    rig.until("the member is there", Duration::from_millis(500), |rig| members(rig).len() == 4).await;
}

#[tokio::test(start_paused = true)]
async fn event_without_effect_on_endpoints_costs_no_call() {
    let rig = with_service().await;
    rig.cloud.forget_requests();
    rig.apply_service("web", json!({"selector": {"app": "web"}})).await;
    rig.apply_service("other", json!({})).await;
    rig.apply_slice("other-a", "other", addresses(50, 60)).await;
    let mut moved = addresses(1, 3);
    moved.push(terminating("10.20.1.7"));
    rig.apply_slice("web-a", "web", moved).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(rig.cloud.requests().len(), 0, "{:?}", rig.cloud.requests());
}

#[tokio::test(start_paused = true)]
async fn missing_service_is_reported_and_rest_of_stack_goes_on() {
    let mut rig = Rig::new().await;
    rig.start();
    rig.create("web", sourced(json!([pods_of("web")]))).await;
    rig.until("the stack reports it", SOON, |rig| rig.reason("web") == "ReferenceNotFound").await;
    let (reason, message) = resolved_refs(&rig);
    assert_eq!(reason, "ReferenceNotFound");
    assert!(message.starts_with("spec.pools[web].memberSources[web]: Service web does not exist"), "{message}");
    assert_eq!(rig.cloud.objects(Kind::Listener).len(), 1, "the load balancer is there");
    rig.apply_slice("web-a", "web", addresses(1, 1)).await;
    rig.apply_service("web", json!({})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(members(&rig), ["10.20.1.1:8080 x1"]);
    assert_eq!(resolved_refs(&rig), ("ResolvedRefs".to_owned(), String::new()));
}

#[tokio::test(start_paused = true)]
async fn members_of_deleted_service_stay() {
    let rig = with_service().await;
    rig.delete_service("web").await;
    rig.slices().delete("web-a", &Default::default()).await.unwrap();
    rig.until("the stack reports it", SOON, |rig| rig.reason("web") == "ReferenceNotFound").await;
    sleep(2 * MINUTE).await;
    assert_eq!(members(&rig).len(), 3);
    rig.patch("web", json!({"spec": {"pools": [small()["pools"][0]]}})).await;
    let expected = ["10.20.0.11", "10.20.0.12"];
    rig.until("the source left the spec", SOON, |rig| addresses_of(rig) == expected && rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn service_without_endpoints_empties_pool_after_two_reads() {
    let rig = with_service().await;
    rig.cluster.forget_requests();
    rig.apply_slice("web-a", "web", vec![]).await;
    sleep(Duration::from_millis(1900)).await;
    assert_eq!(members(&rig).len(), 3, "one read is not enough");
    rig.until("the pool is empty", SOON, |rig| members(rig).is_empty()).await;
    let lists =
        |r: &&evenkeel_simulators::cluster::ClusterRequest| r.verb == "list" && r.path.ends_with("/endpointslices");
    let requests = rig.cluster.requests();
    let lists: Vec<_> = requests.iter().filter(lists).collect();
    assert_eq!(lists.len(), 2, "{lists:?}");
    assert!(lists.iter().all(|list| !list.query.contains("resourceVersion")), "{lists:?}");
    rig.until("an empty pool is what the stack wants", SOON, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn endpoints_of_terminating_pods_serve_until_others_are_ready() {
    let rig = with_service().await;
    rig.apply_slice("web-a", "web", vec![terminating("10.20.1.1"), terminating("10.20.1.2")]).await;
    rig.until("they serve", SOON, |rig| addresses_of(rig) == ["10.20.1.1", "10.20.1.2"]).await;
    rig.apply_slice("web-a", "web", vec![terminating("10.20.1.1"), ready("10.20.1.9")]).await;
    rig.until("the new one serves alone", SOON, |rig| addresses_of(rig) == ["10.20.1.9"]).await;
}

#[tokio::test(start_paused = true)]
async fn unreadable_endpoints_are_unknown_and_never_empty() {
    let mut rig = with_service().await;
    rig.stop().await;
    // The rights of the controller were withdrawn while it did not run.
    rig.cluster.inject(ClusterFault::next("list", "/endpointslices", Effect::Status(403)).times(1000));
    rig.start();
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "changed"}}})).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "ReferenceUnusable").await;
    let (_, message) = resolved_refs(&rig);
    assert!(message.contains("let the controller get, list and watch services, endpointslices and nodes"), "{message}");
    assert_eq!(rig.load_balancers()[0]["description"], "changed", "the rest of the stack goes on");
    assert_eq!(members(&rig).len(), 3);
    rig.cluster.clear_faults();
    rig.apply_slice("web-a", "web", addresses(2, 2)).await;
    rig.until("the members follow again", 2 * MINUTE, |rig| addresses_of(rig) == ["10.20.1.2"] && rig.is_ready("web"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn zero_that_cannot_be_confirmed_keeps_members() {
    let rig = with_service().await;
    rig.cluster.inject(ClusterFault::next("list", "/endpointslices", Effect::Status(503)).times(1000));
    rig.apply_slice("web-a", "web", vec![]).await;
    sleep(5 * MINUTE).await;
    assert_eq!(members(&rig).len(), 3);
    rig.cluster.clear_faults();
    rig.until("the pool is empty", 2 * MINUTE, |rig| members(rig).is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn restart_and_lost_watches_keep_members_right() {
    let mut rig = with_service().await;
    let writes = member_writes(&rig);
    rig.kill().await;
    rig.start();
    sleep(MINUTE).await;
    assert_eq!(member_writes(&rig), writes, "nothing has changed");
    rig.cluster.limit_history(0);
    rig.cluster.cut_watches();
    rig.apply_slice("web-a", "web", addresses(3, 4)).await;
    rig.until("the members are right", 2 * MINUTE, |rig| addresses_of(rig) == ["10.20.1.3", "10.20.1.4"]).await;
}

#[tokio::test(start_paused = true)]
async fn weights_of_two_services_are_spread_beside_static_member() {
    let mut rig = Rig::new().await;
    for (service, first, last) in [("web", 1, 7), ("canary", 11, 13)] {
        rig.apply_service(service, json!({})).await;
        rig.apply_slice(service, service, addresses(first, last)).await;
    }
    rig.start();
    let weighted = |service: &str, weight: i32| {
        let mut source = pods_of(service);
        source["weight"] = weight.into();
        source
    };
    let mut spec = sourced(json!([weighted("web", 70), weighted("canary", 30)]));
    spec["pools"][0]["members"] = json!([{"address": "10.20.1.7", "port": 8080, "weight": 5}]);
    rig.create("web", spec).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    let all = members(&rig);
    assert_eq!(all.len(), 10, "an address that is listed twice is one member: {all:?}");
    // 70 over six members, since the seventh is static, 30 over three, and 5 for the static one.
    for (address, weight) in [("10.20.1.1", 256), ("10.20.1.13", 219), ("10.20.1.7", 110)] {
        assert!(all.contains(&format!("{address}:8080 x{weight}")), "{address} x{weight}: {all:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn node_ports_follow_nodes_and_their_labels() {
    let mut rig = Rig::new().await;
    rig.apply_service("web", json!({"ports": [{"name": "http", "port": 80, "nodePort": 30080}]})).await;
    for last in 1..=3 {
        rig.apply_node(&format!("node-{last}"), &format!("10.20.2.{last}"), json!({"role": "edge"})).await;
    }
    rig.start();
    let service = json!({"name": "web", "port": "http", "target": "NodePort"});
    let edge = json!({"port": 9000, "selector": {"matchLabels": {"role": "edge"}}});
    rig.create("web", sourced(json!([{"name": "a", "service": service}, {"name": "b", "nodes": edge}]))).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(members(&rig).len(), 6);
    rig.apply_node("node-3", "10.20.2.3", json!({"role": "db"})).await;
    rig.until("the node left one source", SOON, |rig| members(rig).len() == 5).await;
    rig.nodes().delete("node-1", &Default::default()).await.unwrap();
    rig.until("the node left both", SOON, |rig| members(rig).len() == 3).await;
}

#[tokio::test(start_paused = true)]
async fn member_that_left_drains_before_it_is_removed() {
    let mut rig = Rig::new().await;
    rig.apply_service("web", json!({})).await;
    rig.apply_slice("web-a", "web", addresses(1, 2)).await;
    rig.start();
    let mut spec = sourced(json!([pods_of("web")]));
    spec["pools"][0]["drain"] = "30s".into();
    rig.create("web", spec).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    sleep(MINUTE).await;
    rig.apply_slice("web-a", "web", addresses(1, 1)).await;
    rig.until("it drains", SOON, |rig| members(rig) == ["10.20.1.1:8080 x1", "10.20.1.2:8080 x0"]).await;
    sleep(Duration::from_secs(25)).await;
    assert_eq!(members(&rig).len(), 2);
    rig.until("it is removed", SOON, |rig| members(rig) == ["10.20.1.1:8080 x1"]).await;
}

#[tokio::test(start_paused = true)]
async fn status_counts_members_of_each_source() {
    let mut rig = Rig::new().await;
    for (service, first, last) in [("web", 1, 3), ("canary", 3, 4)] {
        rig.apply_service(service, json!({})).await;
        rig.apply_slice(service, service, addresses(first, last)).await;
    }
    rig.start();
    rig.create("web", sourced(json!([pods_of("web"), pods_of("canary")]))).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    let members = &rig.stack("web")["status"]["pools"][0]["members"];
    assert_eq!(members["total"], 4);
    let totals = |source: usize| (&members["sources"][source]["name"], &members["sources"][source]["total"]);
    assert_eq!((totals(0), totals(1)), ((&json!("web"), &json!(3)), (&json!("canary"), &json!(1))));
}
