//! Requests that Octavia rejects, and the retries.

use evenkeel_simulators::cloud::{CloudConfig, Kind, ProviderFault, Provisioning, Verb};
use evenkeel_simulators::rig::{condition, small, text};
use serde_json::json;
use tokio::time::sleep;

use super::*;

#[tokio::test(start_paused = true)]
async fn immutable_load_balancer_requeues_without_error_backoff() {
    let rig = with_ready(&[("web", small())]).await;
    let locked = octavia(409, "Load Balancer 1 is immutable and cannot be updated.");
    rig.cloud.fail(Match::service(Service::LoadBalancer).method(Method::PUT), locked, 8);
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("the load balancer is locked", SOON, |rig| rig.reason("web") == "Locked").await;
    assert!(condition(&rig.stack("web"), "Stalled").is_null());
    // Eight errors would back off for more than two minutes.
    rig.until("web is Ready again", Duration::from_secs(20), |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
}

/// Octavia leaks the VIP port of a create whose children it rejects.
#[tokio::test(start_paused = true)]
async fn create_over_quota_is_never_sent() {
    for kind in [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::Member] {
        let mut rig = Rig::new().await;
        rig.cloud.set_quota("demo", kind, 0);
        rig.start();
        rig.create("web", small()).await;
        rig.until("the quota blocks the create", SOON, |rig| rig.reason("web") == "QuotaExceeded").await;
        assert!(rig.creates().is_empty(), "{:?}", rig.creates());
    }
}

/// Neutron has no address left, or Octavia counts otherwise than its lists do: Evenkeel's own check finds room.
#[tokio::test(start_paused = true)]
async fn create_rejected_for_hidden_quota_is_repeated_rarely() {
    let mut rig = Rig::new().await;
    let full = octavia(403, "Quota has been met for resources: Load Balancer");
    rig.cloud.fail_always(create(), full);
    rig.start();
    rig.create("web", small()).await;
    rig.until("the quota blocks the create", SOON, |rig| rig.reason("web") == "QuotaExceeded").await;
    sleep(30 * MINUTE).await;
    assert!((3..=7).contains(&rig.creates().len()), "{} creates in half an hour", rig.creates().len());
}

/// One edit needs room for a member in a pool and frees it in another.
#[tokio::test(start_paused = true)]
async fn step_that_frees_quota_runs_past_step_over_quota() {
    let mut spec = small();
    let two = json!([{"address": "192.0.2.1", "port": 80}, {"address": "192.0.2.2", "port": 80}]);
    spec["pools"] = json!([
        {"name": "a", "protocol": "HTTP", "algorithm": "ROUND_ROBIN", "members": two},
        {"name": "b", "protocol": "HTTP", "algorithm": "ROUND_ROBIN", "members": two},
    ]);
    spec["listeners"][0]["defaultPool"] = json!("a");
    let rig = with_ready(&[("web", spec.clone())]).await;
    rig.cloud.set_quota("demo", Kind::Member, 4);
    spec["pools"][0]["members"].as_array_mut().unwrap().push(json!({"address": "192.0.2.3", "port": 80}));
    spec["pools"][1]["members"].as_array_mut().unwrap().pop();
    rig.patch("web", json!({"spec": spec})).await;
    rig.until("there is no room", SOON, |rig| rig.cloud.objects(Kind::Member).len() == 3).await;
    rig.until("web is Ready again", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.cloud.objects(Kind::Member).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn rejected_step_blocks_no_members_and_stays_reported() {
    let rig = with_ready(&[("web", small())]).await;
    let listener = Match::service(Service::LoadBalancer).method(Method::PUT).path("/listeners/");
    let rejection = "Validation failure: the moon is in the wrong phase";
    rig.cloud.fail_always(listener, octavia(400, rejection));
    let mut spec = rig.stack("web")["spec"].take();
    spec["listeners"][0]["connectionLimit"] = json!(5);
    spec["pools"][0]["members"][0]["weight"] = json!(7);
    rig.patch("web", json!({"spec": spec})).await;
    rig.until("the weight is set", SOON, |rig| rig.cloud.objects(Kind::Member).iter().any(|m| m["weight"] == 7)).await;
    rig.until("the stack reports the rejection", SOON, |rig| rig.message("web").contains(rejection)).await;
    rig.cloud.forget_requests();
    sleep(30 * MINUTE).await;
    assert_eq!(rig.reason("web"), "RequestRejected");
    let writes = rig.cloud.requests().iter().filter(|request| request.method == Method::PUT).count();
    assert!((2..=6).contains(&writes), "{writes} writes in half an hour");
    assert_eq!(rig.events("web").iter().filter(|(reason, _)| reason == "RequestRejected").count(), 1);
}

/// The network was recreated with another range while the load balancer was gone.
#[tokio::test(start_paused = true)]
async fn rejected_remembered_address_is_dropped() {
    let rig = with_ready(&[("web", small())]).await;
    let lb = id(&rig.load_balancers()[0]);
    let path = format!("/v2/lbaas/loadbalancers/{lb}?cascade=true");
    let rejection = "Supplied network does not contain a subnet for VIP address specified.";
    rig.cloud.fail(create(), octavia(400, rejection), 1);
    let (code, _) = rig.cloud.request_as("demo", Method::DELETE, Service::LoadBalancer, &path, None).await;
    assert_eq!(code, 204);
    let another =
        |rig: &Rig| rig.load_balancers().iter().any(|seen| id(seen) != lb && seen["provisioning_status"] == "ACTIVE");
    rig.until("the load balancer is created again", 20 * MINUTE, another).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers().len(), 1);
}

/// Octavia rejects the create with the address and without it, so the cause is another one.
#[tokio::test(start_paused = true)]
async fn address_of_create_rejected_for_other_cause_is_kept() {
    let rig = with_ready(&[("web", small())]).await;
    let lb = rig.load_balancers().remove(0);
    rig.cloud.fail(create(), octavia(400, "This flavor is out of order."), 2);
    let path = format!("/v2/lbaas/loadbalancers/{}?cascade=true", id(&lb));
    let (code, _) = rig.cloud.request_as("demo", Method::DELETE, Service::LoadBalancer, &path, None).await;
    assert_eq!(code, 204);
    rig.until("the create is rejected", 20 * MINUTE, |rig| rig.creates().len() == 3).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "RequestRejected").await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers()[0]["vip_address"], lb["vip_address"]);
}

#[tokio::test(start_paused = true)]
async fn exceeded_quota_is_polled_rarely_and_shown_with_numbers() {
    let mut rig = Rig::new().await;
    rig.cloud.set_quota("demo", Kind::Listener, 0);
    rig.start();
    rig.create("web", small()).await;
    rig.until("the quota blocks the create", SOON, |rig| {
        rig.message("web").contains("listener 0 of 0 used, 1 more needed")
    })
    .await;
    assert_eq!(rig.reason("web"), "QuotaExceeded");
    assert!(condition(&rig.stack("web"), "Stalled").is_null());
    rig.cloud.forget_requests();
    sleep(10 * MINUTE).await;
    assert!(rig.creates().is_empty(), "a create that cannot succeed leaks a port each time");
    assert!(rig.cloud.requests().len() < 120, "{} requests in ten minutes", rig.cloud.requests().len());
    rig.cloud.set_quota("demo", Kind::Listener, 5);
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rejected_create_waits_for_spec_change() {
    let mut rig = Rig::new().await;
    let rejection = "Validation failure: the moon is in the wrong phase";
    rig.cloud.fail_always(create(), octavia(400, rejection));
    rig.start();
    rig.create("web", small()).await;
    rig.until("the create is rejected", SOON, |rig| rig.reason("web") == "RequestRejected").await;
    let stack = rig.stack("web");
    assert_eq!(condition(&stack, "Stalled")["status"], "True");
    assert!(text(condition(&stack, "Ready"), "message").contains(rejection), "{stack:#}");
    sleep(60 * MINUTE).await;
    rig.cluster.cut_watches();
    sleep(10 * MINUTE).await;
    let creates = rig.creates();
    assert_eq!(creates.len(), 1, "{creates:?}");

    rig.cloud.clear_faults();
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (2, 1));
}

/// Octavia accepts the change (200) and its data plane does not apply it. A retry every few seconds would reload the
/// data plane each time.
#[tokio::test(start_paused = true)]
async fn ineffective_step_backs_off_without_blocking_plan() {
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.fail_provider(ProviderFault::fails(Kind::Pool, Verb::Update));
    let mut spec = rig.stack("web")["spec"].take();
    spec["pools"][0]["algorithm"] = json!("SOURCE_IP");
    spec["loadBalancer"]["description"] = json!("edited");
    rig.patch("web", json!({"spec": spec})).await;
    rig.until("the change has no effect", 5 * MINUTE, |rig| rig.reason("web") == "ProvisioningFailed").await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
    let message = rig.message("web");
    assert!(message.contains("pool web") && message.contains("does not take effect"), "{message}");
    rig.cloud.forget_requests();
    sleep(60 * MINUTE).await;
    let writes = rig.cloud.requests().iter().filter(|request| request.method == Method::PUT).count();
    assert!((4..=14).contains(&writes), "{writes} writes in an hour");
    assert_eq!(rig.events("web").iter().filter(|(reason, _)| reason == "ProvisioningFailed").count(), 1);

    rig.cloud.clear_faults();
    rig.until("web is Ready by itself", 11 * MINUTE, |rig| rig.is_ready("web")).await;
}

/// Octavia itself has such a state: a member whose subnet does not exist stays in PENDING_CREATE.
#[tokio::test(start_paused = true)]
async fn child_pending_forever_is_reported() {
    let rig = with_ready(&[("web", small())]).await;
    let member = id(&rig.cloud.objects(Kind::Member)[0]);
    rig.cloud.set_statuses(Kind::Member, &member, Some(Provisioning::PendingCreate), None);
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.cloud.forget_requests();
    rig.until("the stack reports it", 16 * MINUTE, |rig| rig.reason("web") == "StuckPending").await;
    assert!(rig.message("web").contains("member 10.20.0.1"), "{}", rig.message("web"));
    assert!(rig.cloud.requests().len() < 1500, "{} requests in 15 minutes", rig.cloud.requests().len());
}

fn assert_too_old(rig: &Rig) {
    let stack = rig.stack("web");
    assert_eq!(text(condition(&stack, "Stalled"), "reason"), "OctaviaTooOld", "{stack:#}");
    let message = rig.message("web");
    assert!(message.contains("2.12") && message.contains("2.13"), "{message}");
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
}

#[tokio::test(start_paused = true)]
async fn too_old_octavia_gets_no_create() {
    let mut rig = Rig::with(CloudConfig { api_minor: 12, ..CloudConfig::default() }).await;
    rig.start();
    rig.create("web", small()).await;
    rig.until("the create is rejected", SOON, |rig| rig.reason("web") == "OctaviaTooOld").await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    sleep(30 * MINUTE).await;
    assert_too_old(&rig);
    assert!(
        rig.stack("web")["metadata"]["annotations"]["evenkeel.dev/create-pending"].is_null(),
        "a create is on record"
    );
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn octavia_that_became_too_old_gets_no_write() {
    let mut rig = with_ready(&[("web", small())]).await;
    rig.stop().await;
    rig.cloud.configure(|config| config.api_minor = 12);
    rig.cloud.forget_requests();
    rig.start();
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("the create is rejected", SOON, |rig| rig.reason("web") == "OctaviaTooOld").await;
    sleep(30 * MINUTE).await;
    assert_too_old(&rig);
    rig.delete("web").await;
    rig.until("the stack reports it", SOON, |rig| rig.message("web").contains("evenkeel.dev/deletion-policy=Orphan"))
        .await;
    assert_too_old(&rig);
}
