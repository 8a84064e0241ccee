//! Stacks at rest are judged by lists that they share, also where a list takes long.

use evenkeel_simulators::rig::ready;
use tokio::time::{Instant, sleep};

use super::*;

/// Stacks in one project, far more than are reconciled at the same time.
const STACKS: usize = 16;
/// Duration of one of the lists, longer than lists may be old in a small project.
const SLOW_LIST: Duration = Duration::from_secs(25);

fn names() -> Vec<String> {
    (0..STACKS).map(|n| format!("web-{n}")).collect()
}

/// A list that only the shared snapshot needs: no stack of these has an L7 policy.
fn shared_list() -> Match {
    Match::service(Service::LoadBalancer).method(Method::GET).path("/l7policies")
}

/// A rig with a new controller and stacks that the one before has left at rest, in a cloud with a slow list.
async fn restarted_with_slow_lists() -> Rig {
    let mut spec = small();
    spec["resyncPeriod"] = "60s".into();
    let names = names();
    let stacks: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), spec.clone())).collect();
    let mut rig = with_ready(&stacks).await;
    rig.stop().await;
    sleep(MINUTE).await;
    rig.cloud.forget_requests();
    rig.cloud.fail_always(shared_list(), Fault::SlowResponse(SLOW_LIST));
    rig.start();
    rig
}

/// Stacks that were looked at: the first look at a stack reads the members of its pool.
fn looked_at(rig: &Rig) -> usize {
    rig.cloud.requests().iter().filter(|request| request.path.ends_with("/members")).count()
}

/// Lets time pass until `holds`, with fewer checks than the rig makes, since minutes pass.
async fn eventually(rig: &Rig, what: &str, limit: Duration, holds: impl Fn(&Rig) -> bool) {
    let begun = Instant::now();
    while !holds(rig) {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        sleep(Duration::from_secs(3)).await;
    }
}

fn snapshots(rig: &Rig) -> usize {
    rig.cloud.requests().iter().filter(|request| request.path.ends_with("/l7policies")).count()
}

fn weights(rig: &Rig) -> Vec<String> {
    rig.cloud.objects(Kind::Member).iter().map(|member| member["weight"].to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn slow_lists_serve_all_stacks_after_restart() {
    let rig = restarted_with_slow_lists().await;
    eventually(&rig, "all were looked at", 2 * MINUTE, |rig| looked_at(rig) == STACKS).await;
    assert_eq!(snapshots(&rig), 1, "one snapshot serves them all");
}

#[tokio::test(start_paused = true)]
async fn slow_lists_take_a_fifth_of_the_time() {
    let rig = restarted_with_slow_lists().await;
    sleep(2 * MINUTE).await;
    rig.cloud.forget_requests();
    sleep(10 * MINUTE).await;
    let snapshots = snapshots(&rig);
    assert!((4..=5).contains(&snapshots), "{snapshots} snapshots in 10 minutes, each of which takes 25 s");
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
}

#[tokio::test(start_paused = true)]
async fn drift_is_corrected_where_lists_are_slow() {
    let rig = restarted_with_slow_lists().await;
    eventually(&rig, "all were looked at", 2 * MINUTE, |rig| looked_at(rig) == STACKS).await;
    for round in 0..2 {
        sleep(Duration::from_secs(37)).await;
        let member = id(&rig.cloud.objects(Kind::Member)[7 * round]);
        rig.cloud.edit(Kind::Member, &member, |fields| drop(fields.insert("weight".to_owned(), json!(7))));
        // A resync period, the time for which a snapshot is used, and its read.
        let limit = Duration::from_secs(66) + 7 * SLOW_LIST;
        eventually(&rig, "the weight is back", limit, |rig| weights(rig).iter().all(|weight| weight == "1")).await;
    }
}

/// Octavia's worker hangs: the stack says so, although the lists that all share are old.
#[tokio::test(start_paused = true)]
async fn locked_load_balancer_is_noticed_where_lists_are_slow() {
    let rig = restarted_with_slow_lists().await;
    eventually(&rig, "all were looked at", 2 * MINUTE, |rig| looked_at(rig) == STACKS).await;
    let locked = id(&rig.load_balancers()[5]);
    let pending = evenkeel_simulators::cloud::Provisioning::PendingUpdate;
    rig.cloud.set_statuses(Kind::LoadBalancer, &locked, Some(pending), None);
    let polls = |rig: &Rig| rig.cloud.requests().iter().filter(|request| request.path.ends_with(&locked)).count();
    assert_eq!(polls(&rig), 0);
    // Again a resync period, the time for which a snapshot is used, and its read.
    eventually(&rig, "its stack polls it", Duration::from_secs(66) + 7 * SLOW_LIST, |rig| polls(rig) > 3).await;
    let stuck = |rig: &Rig| names().iter().filter(|name| rig.reason(name) == "StuckPending").count();
    eventually(&rig, "its stack says so", 16 * MINUTE, |rig| stuck(rig) == 1).await;
}

/// The lists that stacks at rest share show a change of the members before the last one, which was this process's own.
#[tokio::test(start_paused = true)]
async fn lists_before_own_write_do_not_hide_the_next_change() {
    let mut rig = Rig::new().await;
    rig.apply_service("web", json!({})).await;
    rig.apply_slice("web-a", "web", vec![ready("10.20.1.1")]).await;
    let mut spec = small();
    spec["resyncPeriod"] = "60s".into();
    spec["pools"][0]["members"] = json!([]);
    spec["pools"][0]["memberSources"] =
        json!([{"name": "web", "service": {"name": "web", "port": "http", "target": "PodIP"}}]);
    rig.start();
    rig.create("web", spec).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    sleep(MINUTE).await;
    rig.cloud.forget_requests();
    rig.until("lists were read", 2 * MINUTE, |rig| snapshots(rig) > 0).await;
    for address in ["10.20.1.2", "10.20.1.1"] {
        sleep(Duration::from_secs(5)).await;
        rig.apply_slice("web-a", "web", vec![ready(address)]).await;
        let is_there = |rig: &Rig| rig.cloud.objects(Kind::Member).iter().any(|member| member["address"] == address);
        rig.until(&format!("{address} is a member"), Duration::from_secs(5), is_there).await;
    }
}
