//! Isolation of stacks: trouble of one does not affect another, and many stable stacks cost no more requests than one.

use std::sync::Arc;

use evenkeel_simulators::cloud::CloudConfig;
use evenkeel_simulators::rig::{Interception, Interceptor, small};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::*;

#[tokio::test(start_paused = true)]
async fn panicking_reconcile_stops_no_other_stack() {
    let mut rig = Rig::new().await;
    let panics = |request: &evenkeel::openstack::Request| {
        let breaks = request.body().windows(4).any(|bytes| bytes == b"boom");
        if breaks { Interception::Panic } else { Interception::Forward }
    };
    rig.connector = Arc::new(Interceptor::new(rig.cloud.transport(), panics));
    rig.start();
    let mut broken = small();
    broken["loadBalancer"]["description"] = "boom".into();
    rig.create("broken", broken).await;
    rig.until("it panicked", SOON, |rig| rig.metrics.panics.get() > 0).await;
    rig.create("web", small()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    let panics = rig.metrics.panics.get();
    sleep(10 * MINUTE).await;
    assert!((panics..panics + 12).contains(&rig.metrics.panics.get()), "{} panics", rig.metrics.panics.get());
    rig.patch("broken", json!({"spec": {"loadBalancer": {"description": "mended"}}})).await;
    rig.until("the drift is corrected", AFTER_DOUBT, |rig| rig.is_ready("broken")).await;
    assert_eq!(rig.load_balancers().len(), 2);
}

/// The largest allowed stack, full of texts that break careless programs.
fn hostile() -> Value {
    let mut spec = small();
    let name: String = "ü\"'<{".chars().cycle().take(255).collect();
    spec["loadBalancer"]["name"] = name.clone().into();
    spec["loadBalancer"]["description"] = "${jndi:x} %s %n \u{202e}".into();
    let listener = |n: u16| json!({"name": format!("l{n}"), "displayName": name, "protocol": "HTTP", "port": 10_000 + n, "defaultPool": "web"});
    spec["listeners"] = (0..64).map(listener).collect();
    let member =
        |n: u16| json!({"address": format!("10.20.{}.{}", 1 + n / 250, 1 + n % 250), "port": 8080, "name": name});
    spec["pools"][0]["members"] = (0..1024).map(member).collect();
    spec
}

/// The time that two small stacks take to become Ready, beside this one.
async fn neighbours_beside(other: Option<Value>) -> Duration {
    let mut rig = Rig::new().await;
    rig.start();
    if let Some(spec) = &other {
        rig.create("hostile", spec.clone()).await;
        rig.until("the create has begun", SOON, |rig| !rig.creates().is_empty()).await;
    }
    let begun = Instant::now();
    for name in ["web", "api"] {
        rig.create(name, small()).await;
    }
    for name in ["web", "api"] {
        rig.until("its neighbours are Ready", SOON, |rig| rig.is_ready(name)).await;
    }
    let took = begun.elapsed();
    if other.is_some() {
        rig.until("it is Ready too", 5 * MINUTE, |rig| rig.is_ready("hostile")).await;
        assert_eq!(rig.cloud.objects(Kind::Member).len(), 1024 + 4);
    }
    took
}

#[tokio::test(start_paused = true)]
async fn hostile_stack_delays_no_other_stack() {
    let (alone, beside) = (neighbours_beside(None).await, neighbours_beside(Some(hostile())).await);
    assert!(beside < alone + Duration::from_millis(500), "{beside:?} beside it, {alone:?} without it");
}

/// Requests in ten resync periods of so many stable stacks: lists, and reads of members and rules.
async fn at_rest(stacks: usize) -> (usize, usize) {
    let healthy_after = Some(Duration::from_millis(500));
    let mut rig = Rig::with(CloudConfig { healthy_after, ..CloudConfig::default() }).await;
    rig.start();
    let mut spec = small();
    spec["resyncPeriod"] = "60s".into();
    for n in 0..stacks {
        rig.create(&format!("web-{n}"), spec.clone()).await;
    }
    rig.until("all are Ready", 10 * MINUTE, |rig| (0..stacks).all(|n| rig.is_ready(&format!("web-{n}")))).await;
    sleep(5 * MINUTE).await;
    rig.cloud.forget_requests();
    sleep(10 * MINUTE).await;
    let requests = rig.cloud.requests();
    assert!(rig.cloud.writes().is_empty(), "a resync writes: {:?}", rig.cloud.writes());
    let leaves = requests.iter().filter(|entry| entry.path.ends_with("/members") || entry.path.ends_with("/rules"));
    let leaves = leaves.count();
    (requests.len() - leaves, leaves)
}

#[tokio::test(start_paused = true)]
async fn resync_requests_do_not_grow_with_stacks() {
    let (few, leaves_of_few) = at_rest(10).await;
    // With more than fifty VIP ports, ports are no longer read by id.
    let (many, leaves_of_many) = at_rest(60).await;
    // Lists are shared for 20 s: three rounds a minute of seven lists each, and the renewal of the token.
    let most = 10 * 3 * 7 + 10;
    assert!(few <= most && many <= most, "{few} requests for 10 stacks, {many} for 60, {most} expected at most");
    assert_eq!((leaves_of_few, leaves_of_many), (0, 0), "members of stable trees are read again");
}

/// A restarted controller has no memory of any stack, and yet reads stable stacks by way of the shared lists.
#[tokio::test(start_paused = true)]
async fn restart_with_stable_stacks_reads_lists_not_trees() {
    const STACKS: usize = 12;
    let names: Vec<String> = (0..STACKS).map(|n| format!("s{n}")).collect();
    let mut rig = with_ready(&names.iter().map(|name| (name.as_str(), small())).collect::<Vec<_>>()).await;
    rig.stop().await;
    sleep(MINUTE).await;
    rig.cloud.forget_requests();
    rig.start();
    sleep(MINUTE).await;
    let requests = rig.cloud.requests();
    let of_pools = requests.iter().filter(|request| request.path.ends_with("/members")).count();
    assert_eq!(of_pools, STACKS, "every stack was reconciled once");
    let others = requests.len() - of_pools;
    assert!(others <= 15, "{others} calls: {:?}", requests.iter().map(|r| r.path.clone()).collect::<Vec<_>>());
    assert!(names.iter().all(|name| rig.is_ready(name)));
}
