//! Lost responses to creates: they never lead to a second load balancer.

use std::sync::Arc;

use evenkeel_simulators::cloud::{CloudConfig, Fault, Timing};
use evenkeel_simulators::cluster::{self, Effect};
use evenkeel_simulators::rig::{Interception, Interceptor, small, start_time};
use jiff::Timestamp;
use serde_json::json;

use super::*;

const QUIET: Duration = Duration::from_secs(150);

/// Asserts that there is exactly one load balancer, which belongs to the stack.
fn assert_only_one(rig: &Rig, name: &str) {
    let all: Vec<String> = rig.load_balancers().iter().map(id).collect();
    assert_eq!(rig.load_balancers_of(&uid(&rig.stack(name))).iter().map(id).collect::<Vec<_>>(), all);
    assert_eq!(all.len(), 1, "{all:?}");
}

/// Start of the newest pending create in the annotation, counted from the beginning of the simulation.
fn pending_create_start(rig: &Rig, name: &str) -> Option<Duration> {
    let stack = rig.stack(name);
    let text = stack["metadata"]["annotations"]["evenkeel.dev/create-pending"].as_str()?;
    let at: Timestamp = text.split(',').next()?.split_once('@')?.1.parse().ok()?;
    at.duration_since(start_time()).try_into().ok()
}

#[tokio::test(start_paused = true)]
async fn create_with_lost_response_is_found() {
    let slow = Fault::SlowResponse(Duration::from_secs(300));
    for fault in [Fault::LostAfter, Fault::HalfBody, slow] {
        let mut rig = Rig::new().await;
        rig.cloud.fail(create(), fault.clone(), 1);
        rig.start();
        rig.create("web", small()).await;
        rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
        assert_eq!(rig.creates().len(), 1, "{fault:?}");
        assert_only_one(&rig, "web");
        rig.until("nothing is in doubt any more", SOON, |rig| pending_create_start(rig, "web").is_none()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_create_is_repeated_only_after_quiet_period() {
    let page = Fault::ProxyResponse { status: 502, body: "<html>Bad Gateway</html>".into(), retry_after: None };
    for fault in [Fault::LostBefore, page] {
        let mut rig = Rig::new().await;
        rig.cloud.fail(create(), fault.clone(), 1);
        rig.start();
        rig.create("web", small()).await;
        rig.until("the create is in doubt", SOON, |rig| rig.reason("web") == "CreateInDoubt").await;
        rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
        let creates = rig.creates();
        assert_eq!(creates.len(), 2, "{fault:?}");
        // Counted from the annotation, which was written a moment before the create was sent.
        let waited = creates[1].at - creates[0].at + Duration::from_millis(100);
        assert!(waited >= QUIET, "{fault:?}: {creates:?}");
        assert_only_one(&rig, "web");
    }
}

#[tokio::test(start_paused = true)]
async fn settled_create_is_not_in_doubt_after_rejection() {
    let mut rig = Rig::new().await;
    rig.cloud.fail(create(), Fault::LostBefore, 1);
    rig.cloud.fail(create(), octavia(409, "The VIP IP address is already in use."), 2);
    rig.start();
    rig.create("web", small()).await;
    rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.creates().len(), 4);
    assert_only_one(&rig, "web");
}

#[tokio::test(start_paused = true)]
async fn unsent_create_is_repeated_at_once() {
    let mut rig = Rig::new().await;
    rig.cloud.fail(create(), Fault::Refused, 1);
    rig.start();
    rig.create("web", small()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_only_one(&rig, "web");
}

#[tokio::test(start_paused = true)]
async fn crash_before_create_waits_for_quiet_period() {
    let mut rig = Rig::new().await;
    let posts = |request: &evenkeel::openstack::Request| {
        request.method() == Method::POST && request.uri().path().ends_with("/loadbalancers")
    };
    let hold = move |request: &_| if posts(request) { Interception::Withhold } else { Interception::Forward };
    rig.connector = Arc::new(Interceptor::new(rig.cloud.transport(), hold));
    rig.start();
    rig.create("web", small()).await;
    rig.until("the pending create is recorded", SOON, |rig| pending_create_start(rig, "web").is_some()).await;
    rig.kill().await;
    let start = pending_create_start(&rig, "web").unwrap();
    assert!(rig.creates().is_empty());

    rig.connector = rig.cloud.transport();
    rig.start();
    rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.creates().len(), 1);
    assert!(rig.creates()[0].at >= start + QUIET, "{:?} after {start:?}", rig.creates()[0].at);
    assert_only_one(&rig, "web");
}

#[tokio::test(start_paused = true)]
async fn create_committed_after_crash_is_found() {
    let timing = Timing { commit_load_balancer: Duration::from_secs(9), ..Timing::default() };
    let mut rig = Rig::with(CloudConfig { timing, ..CloudConfig::default() }).await;
    rig.start();
    rig.create("web", small()).await;
    rig.until("the create is sent", SOON, |rig| !rig.creates().is_empty()).await;
    rig.kill().await;
    assert!(rig.load_balancers().is_empty(), "nothing is visible before it commits");
    rig.start();
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.creates().len(), 1);
    assert_only_one(&rig, "web");
}

#[tokio::test(start_paused = true)]
async fn crash_between_create_and_status_finds_create_again() {
    let mut rig = Rig::new().await;
    rig.cloud.fail(create(), Fault::SlowResponse(Duration::from_secs(20)), 1);
    rig.start();
    rig.create("web", small()).await;
    rig.until("the load balancer is created", SOON, |rig| !rig.load_balancers().is_empty()).await;
    rig.kill().await;
    assert!(rig.stack("web")["status"]["loadBalancer"].is_null());
    rig.start();
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.creates().len(), 1);
    assert_only_one(&rig, "web");
}

#[tokio::test(start_paused = true)]
async fn lost_api_server_responses_cause_no_duplicate() {
    for effect in [Effect::LoseResponse, Effect::Drop, Effect::Conflict, Effect::Status(500)] {
        let mut rig = Rig::new().await;
        let fault = cluster::Fault::next("patch", "/loadbalancerstacks/web", effect.clone()).times(3);
        rig.cluster.inject(fault);
        rig.start();
        rig.create("web", small()).await;
        rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
        assert_eq!(rig.creates().len(), 1, "{effect:?}");
        assert_only_one(&rig, "web");
    }
}

/// Ids of the load balancers that were deleted.
fn deleted(rig: &Rig) -> Vec<String> {
    let mut deletes = rig.cloud.writes();
    deletes.retain(|write| write.method == Method::DELETE);
    deletes.iter().filter_map(|write| Some(write.path.rsplit_once('/')?.1.to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn late_create_given_up_before_is_deleted() {
    let rig = ready_after_one(Fault::SlowStart(Duration::from_secs(200))).await;
    let kept = id(&rig.load_balancers()[0]);
    rig.until("the other appears", 2 * MINUTE, |rig| rig.load_balancers().len() == 2).await;
    let mut all: Vec<String> = rig.load_balancers_of(&uid(&rig.stack("web"))).iter().map(id).collect();
    all.retain(|id| *id != kept);
    rig.until("only one is left", 2 * MINUTE, |rig| rig.load_balancers().len() == 1).await;
    assert_eq!(deleted(&rig), all);
    assert_only_one(&rig, "web");
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(rig.stack("web")["status"]["loadBalancer"]["id"], *kept);
    assert!(rig.is_ready("web") && pending_create_start(&rig, "web").is_none(), "{:#}", rig.stack("web"));
    assert_eq!((rig.creates().len(), deleted(&rig).len()), (2, 1));
}

/// The last list before the end of the quiet period is answered after it, with what it saw before.
#[tokio::test(start_paused = true)]
async fn create_seen_after_last_list_began_is_not_repeated() {
    let mut rig = Rig::new().await;
    rig.cloud.fail(create(), Fault::SlowStart(QUIET - Duration::from_millis(1500)), 1);
    rig.start();
    rig.create("web", small()).await;
    rig.until("the create is recorded", SOON, |rig| pending_create_start(rig, "web").is_some()).await;
    tokio::time::sleep(QUIET - Duration::from_secs(5)).await;
    assert!(rig.load_balancers().is_empty());
    let lists = Match::service(Service::LoadBalancer).method(Method::GET).path("/loadbalancers");
    rig.cloud.fail_always(lists, Fault::SlowResponse(Duration::from_secs(6)));
    rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.creates().len(), 1, "{:?}", rig.creates());
    assert_only_one(&rig, "web");
}

/// A create that was given up commits just before the watch for duplicates is over, and its amphora boots for a minute.
#[tokio::test(start_paused = true)]
async fn duplicate_pending_at_end_of_watch_is_deleted() {
    let timing = Timing { create_load_balancer: MINUTE, ..Timing::default() };
    let mut rig = Rig::with(CloudConfig { timing, ..CloudConfig::default() }).await;
    rig.cloud.fail(create(), Fault::SlowStart(3 * QUIET - Duration::from_secs(5)), 1);
    rig.start();
    rig.create("web", small()).await;
    rig.until("web is Ready", AFTER_DOUBT + MINUTE, |rig| rig.is_ready("web")).await;
    let kept = id(&rig.load_balancers()[0]);
    rig.until("the other appears", 2 * QUIET, |rig| rig.load_balancers().len() == 2).await;
    rig.until("only one is left", 5 * MINUTE, |rig| rig.load_balancers().len() == 1).await;
    assert_eq!(id(&rig.load_balancers()[0]), kept);
    rig.until("nothing is in doubt any more", MINUTE, |rig| pending_create_start(rig, "web").is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_unknown_attempt_is_reported_and_untouched() {
    let rig = ready_after_one(Fault::LostBefore).await;
    let kept = rig.load_balancers().remove(0);
    let tags = kept["tags"].as_array().unwrap().iter().filter_map(|tag| tag.as_str());
    let attempt = "evenkeel:attempt=";
    let tags = tags.filter(|tag| !tag.starts_with(attempt)).map(str::to_owned).chain([format!("{attempt}another")]);
    let duplicate = rig.make_load_balancer(json!({"tags": tags.collect::<Vec<_>>()})).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.message("web").contains(&duplicate)).await;
    assert!(rig.message("web").contains("delete it by hand"), "{}", rig.message("web"));
    assert!(rig.is_ready("web"));
    tokio::time::sleep(30 * MINUTE).await;
    assert_eq!((deleted(&rig), rig.load_balancers().len()), (Vec::new(), 2));
    assert_eq!(rig.stack("web")["status"]["loadBalancer"]["id"], kept["id"]);
}

#[tokio::test(start_paused = true)]
async fn two_concurrent_controllers_create_once() {
    let timing = Timing { commit_load_balancer: Duration::from_secs(3), ..Timing::default() };
    let mut rig = Rig::with(CloudConfig { timing, ..CloudConfig::default() }).await;
    rig.start();
    rig.start();
    for name in ["web", "api", "mail"] {
        rig.create(name, small()).await;
    }
    for name in ["web", "api", "mail"] {
        rig.until("all are Ready", AFTER_DOUBT, |rig| rig.is_ready(name)).await;
        assert_eq!(rig.load_balancers_of(&uid(&rig.stack(name))).len(), 1);
    }
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn deletion_during_create_in_doubt_leaves_nothing() {
    let mut rig = Rig::new().await;
    rig.cloud.fail(create(), Fault::SlowStart(Duration::from_secs(100)), 1);
    rig.start();
    rig.create("web", small()).await;
    rig.until("the create is sent", SOON, |rig| !rig.creates().is_empty()).await;
    rig.kill().await;
    rig.delete("web").await;
    rig.start();
    until_gone(&rig, "web", AFTER_DOUBT).await;
    assert_eq!(rig.creates().len(), 1);
    tokio::time::sleep(QUIET).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn deletion_before_create_reaches_status_leaves_nothing() {
    let mut rig = Rig::new().await;
    let status = cluster::Fault::next("patch", "/loadbalancerstacks/web/status", Effect::Status(500));
    rig.cluster.inject(status.times(1000));
    rig.start();
    rig.create("web", small()).await;
    rig.until("the load balancer is created", SOON, |rig| !rig.load_balancers().is_empty()).await;
    rig.kill().await;
    assert!(rig.stack("web")["status"]["loadBalancer"].is_null());
    // Only the annotation records the create, and the cloud does not respond when the stack is deleted.
    rig.cloud.fail_always(Match::all(), Fault::Refused);
    rig.delete("web").await;
    rig.start();
    tokio::time::sleep(3 * MINUTE).await;
    rig.cloud.clear_faults();
    rig.cluster.clear_faults();
    until_gone(&rig, "web", AFTER_DOUBT + MINUTE).await;
    assert_nothing_left(&rig);
}
