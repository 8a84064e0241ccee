//! `minMembers`: a pool with too few ready endpoints keeps members whose pods are not ready, and none whose pod is gone.

use evenkeel_simulators::cluster::{ClusterRequest, Effect, Fault as ClusterFault};
use evenkeel_simulators::rig::{NAMESPACE, condition, ready, text, unready};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams};
use tokio::time::sleep;

use super::sourced::*;
use super::*;

fn address(last: u8) -> String {
    format!("10.20.1.{last}")
}

fn pod_name(last: u8) -> String {
    format!("web-{last}")
}

/// A rig with three pods that are ready, and a stack that keeps two of them whatever their readiness.
async fn with_floor() -> Rig {
    let mut rig = Rig::new().await;
    rig.apply_service("web", json!({})).await;
    for last in 1..=3 {
        rig.apply_pod(&pod_name(last), &address(last)).await;
    }
    apply_endpoints(&rig, &[1, 2, 3], &[]).await;
    rig.start();
    let mut spec = sourced(json!([pods_of("web")]));
    spec["pools"][0]["minMembers"] = 2.into();
    rig.create("web", spec).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    sleep(MINUTE).await;
    rig
}

/// Applies the endpoints of Service `web`: of these pods some are ready and some are not.
async fn apply_endpoints(rig: &Rig, are_ready: &[u8], are_not: &[u8]) {
    let mut endpoints: Vec<Value> = are_ready.iter().map(|last| ready(&address(*last))).collect();
    for last in are_not {
        endpoints.push(unready(&address(*last), &pod(rig, *last)));
    }
    rig.apply_slice("web-a", "web", endpoints).await;
}

/// A pod as it is stored. No request reads it.
fn pod(rig: &Rig, last: u8) -> Pod {
    serde_json::from_value(rig.cluster.object("", "pods", NAMESPACE, &pod_name(last)).unwrap()).unwrap()
}

fn last_bytes(rig: &Rig) -> Vec<u8> {
    addresses_of(rig).iter().map(|address| address.rsplit('.').next().unwrap().parse().unwrap()).collect()
}

async fn until_members(rig: &Rig, expected: &[u8]) {
    rig.until("the members are right", MINUTE, |rig| last_bytes(rig) == expected).await;
}

fn pod_reads(rig: &Rig) -> usize {
    let is_read = |request: &&ClusterRequest| request.path.contains("/pods/") && request.verb == "get";
    rig.cluster.requests().iter().filter(is_read).count()
}

fn members_healthy(rig: &Rig) -> (String, String) {
    let stack = rig.stack("web");
    let condition = condition(&stack, "MembersHealthy");
    (text(condition, "reason").to_owned(), text(condition, "message").to_owned())
}

#[tokio::test(start_paused = true)]
async fn unready_members_stay_below_floor_and_are_reported() {
    let rig = with_floor().await;
    rig.cluster.forget_requests();
    apply_endpoints(&rig, &[2, 3], &[1]).await;
    until_members(&rig, &[2, 3]).await;
    assert_eq!(pod_reads(&rig), 0, "enough others are ready");
    apply_endpoints(&rig, &[], &[1, 2, 3]).await;
    rig.until("it is reported", MINUTE, |rig| members_healthy(rig).0 == "MembersHeldBack").await;
    sleep(5 * MINUTE).await;
    assert_eq!(last_bytes(&rig), [2, 3], "the pool is not emptied, and the one that had left does not come back");
    let (_, message) = members_healthy(&rig);
    assert!(message.contains("10.20.1.2:8080 of pool web, 10.20.1.3:8080 of pool web"), "{message}");
    assert!(rig.is_ready("web"));
    assert_eq!(rig.stack("web")["status"]["pools"][0]["members"]["sources"][0]["heldBack"], 2);
    apply_endpoints(&rig, &[1, 2], &[3]).await;
    until_members(&rig, &[1, 2]).await;
    rig.until("it is over", MINUTE, |rig| members_healthy(rig).0 == "NoMembersDown").await;
    assert!(rig.stack("web")["status"]["pools"][0]["members"]["sources"][0]["heldBack"].is_null());
}

#[tokio::test(start_paused = true)]
async fn member_whose_pod_is_gone_leaves_below_floor() {
    let rig = with_floor().await;
    let stale = pod(&rig, 3);
    rig.pods().delete(&pod_name(3), &DeleteParams::default()).await.unwrap();
    // The EndpointSlice still names it, and another pod has its name and address already.
    rig.apply_pod(&pod_name(3), &address(3)).await;
    rig.apply_slice("web-a", "web", vec![ready(&address(1)), unready(&address(3), &stale)]).await;
    until_members(&rig, &[1]).await;
    sleep(MINUTE).await;
    assert_eq!(last_bytes(&rig), [1]);
}

#[tokio::test(start_paused = true)]
async fn held_member_leaves_once_its_pod_ends_or_moves() {
    let rig = with_floor().await;
    apply_endpoints(&rig, &[], &[1, 2, 3]).await;
    rig.until("two are held back", MINUTE, |rig| last_bytes(rig).len() == 2).await;
    let held = last_bytes(&rig);
    // The EndpointSlice is out of date: only a read of the pods tells.
    let status = Patch::Merge(json!({"status": {"podIP": "10.20.1.99"}}));
    rig.pods().patch_status(&pod_name(held[0]), &PatchParams::default(), &status).await.unwrap();
    rig.until("it left", MINUTE, |rig| !last_bytes(rig).contains(&held[0])).await;
    assert!(last_bytes(&rig).contains(&held[1]));
    rig.pods().delete(&pod_name(held[1]), &DeleteParams::default()).await.unwrap();
    rig.until("it left too", MINUTE, |rig| !last_bytes(rig).contains(&held[1])).await;
}

#[tokio::test(start_paused = true)]
async fn pod_that_was_never_ready_does_not_join_below_floor() {
    let rig = with_floor().await;
    rig.apply_pod("web-4", &address(4)).await;
    apply_endpoints(&rig, &[1], &[4]).await;
    until_members(&rig, &[1]).await;
    sleep(2 * MINUTE).await;
    assert_eq!(last_bytes(&rig), [1]);
}

#[tokio::test(start_paused = true)]
async fn members_below_floor_stay_after_restart() {
    let mut rig = with_floor().await;
    apply_endpoints(&rig, &[1], &[2, 3]).await;
    rig.until("two are left", MINUTE, |rig| last_bytes(rig).len() == 2 && rig.is_ready("web")).await;
    let held = last_bytes(&rig);
    sleep(MINUTE).await;
    rig.kill().await;
    let writes = member_writes(&rig);
    rig.start();
    sleep(2 * MINUTE).await;
    assert_eq!((last_bytes(&rig), member_writes(&rig)), (held.clone(), writes));
    assert_eq!(members_healthy(&rig).0, "MembersHeldBack");
    // All turned while no controller ran: what the cloud has counts.
    rig.kill().await;
    apply_endpoints(&rig, &[], &[1, 2, 3]).await;
    rig.start();
    sleep(2 * MINUTE).await;
    assert_eq!((last_bytes(&rig), member_writes(&rig)), (held, writes));
}

#[tokio::test(start_paused = true)]
async fn unreadable_pod_keeps_members_and_names_missing_right() {
    let rig = with_floor().await;
    rig.cluster.inject(ClusterFault::next("get", "/pods/", Effect::Status(403)).times(1000));
    apply_endpoints(&rig, &[], &[1, 2, 3]).await;
    let resolved = |rig: &Rig| text(condition(&rig.stack("web"), "ResolvedRefs"), "message").to_owned();
    rig.until("it is reported", MINUTE, |rig| resolved(rig).contains("let the controller get pods")).await;
    sleep(5 * MINUTE).await;
    assert_eq!(last_bytes(&rig), [1, 2, 3]);
    rig.cluster.clear_faults();
    rig.until("two are kept", MINUTE, |rig| last_bytes(rig).len() == 2 && resolved(rig).is_empty()).await;
}

/// EndpointSlices of the two IP versions change one after the other.
#[tokio::test(start_paused = true)]
async fn members_stay_below_floor_in_either_order_of_ip_versions() {
    let v6 = |last: u8| format!("fd00:10:20:1::{last}");
    for ipv4_first in [true, false] {
        let rig = with_floor().await;
        for last in 1..=3 {
            let addresses = json!([{"ip": address(last)}, {"ip": v6(last)}]);
            let status = Patch::Merge(json!({"status": {"podIPs": addresses}}));
            rig.pods().patch_status(&pod_name(last), &PatchParams::default(), &status).await.unwrap();
        }
        let all_ready = (1..=3).map(|last| ready(&v6(last))).collect();
        let none_ready = (1..=3).map(|last| unready(&v6(last), &pod(&rig, last))).collect();
        rig.apply_slice_of("web-v6", "web", "IPv6", all_ready).await;
        sleep(MINUTE).await;
        if ipv4_first {
            apply_endpoints(&rig, &[], &[1, 2, 3]).await;
            sleep(MINUTE).await;
        }
        rig.apply_slice_of("web-v6", "web", "IPv6", none_ready).await;
        sleep(MINUTE).await;
        apply_endpoints(&rig, &[], &[1, 2, 3]).await;
        sleep(MINUTE).await;
        assert_eq!(last_bytes(&rig).len(), 2, "ipv4_first: {ipv4_first}");
        assert_eq!(members_healthy(&rig).0, "MembersHeldBack");
        assert_eq!(text(condition(&rig.stack("web"), "ResolvedRefs"), "status"), "True");
    }
}
