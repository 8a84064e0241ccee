//! Load balancers that went into ERROR in their own create: recreated when the spec changes, and never if they may have
//! served.

use evenkeel_simulators::cloud::{ProviderFault, Provisioning, Verb};
use evenkeel_simulators::rig::small;
use serde_json::json;

use super::*;

/// A rig whose stack has a load balancer that failed in its create. The worker works again.
async fn with_failed_create(spec: Value) -> Rig {
    let mut rig = Rig::new().await;
    rig.cloud.fail_provider(ProviderFault::fails(Kind::LoadBalancer, Verb::Create));
    rig.start();
    rig.create("web", spec).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "LoadBalancerError").await;
    rig.cloud.clear_faults();
    rig
}

fn deletes(rig: &Rig) -> usize {
    rig.cloud.writes().iter().filter(|entry| entry.method == Method::DELETE).count()
}

async fn edit(rig: &Rig, description: &str) {
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": description}}})).await;
}

#[tokio::test(start_paused = true)]
async fn failed_create_is_recreated_on_spec_change() {
    let rig = with_failed_create(small()).await;
    let failed = rig.load_balancers().remove(0);
    edit(&rig, "corrected").await;
    // Not after the quiet period: nothing is in doubt.
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    let made = rig.load_balancers();
    assert_eq!((made.len(), rig.creates().len(), deletes(&rig)), (1, 2, 1));
    assert_eq!(made[0]["description"], "corrected");
    assert_ne!(made[0]["id"], failed["id"]);
    assert_eq!(made[0]["vip_address"], failed["vip_address"], "it asks for the address again");
    let annotations = rig.stack("web")["metadata"]["annotations"].to_string();
    assert!(!annotations.contains("evenkeel.dev/create-pending"), "{annotations}");
}

#[tokio::test(start_paused = true)]
async fn failed_create_of_unchanged_spec_is_left_alone() {
    let rig = with_failed_create(small()).await;
    tokio::time::sleep(60 * MINUTE).await;
    assert_eq!((rig.creates().len(), deletes(&rig)), (1, 0));
    rig.patch("web", json!({"metadata": {"labels": {"a": "b"}}})).await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!((rig.creates().len(), deletes(&rig)), (1, 0), "labels are not the spec");
}

#[tokio::test(start_paused = true)]
async fn failed_create_is_recreated_after_restart() {
    let mut rig = with_failed_create(small()).await;
    rig.kill().await;
    edit(&rig, "corrected while the controller was down").await;
    rig.start();
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn spec_change_during_failing_create_is_recreated() {
    let mut rig = Rig::new().await;
    let slow = ProviderFault::fails(Kind::LoadBalancer, Verb::Create);
    rig.cloud.fail_provider(ProviderFault { times: Some(1), ..slow });
    rig.start();
    rig.create("web", small()).await;
    rig.until("the load balancer is being created", SOON, |rig| rig.creates().len() == 1).await;
    edit(&rig, "corrected at once").await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn repeated_failed_create_is_sent_once_per_spec_change() {
    let rig = with_failed_create(small()).await;
    rig.cloud.fail_provider(ProviderFault::fails(Kind::LoadBalancer, Verb::Create));
    edit(&rig, "still wrong").await;
    rig.until("the create failed again", MINUTE, |rig| rig.creates().len() == 2).await;
    tokio::time::sleep(30 * MINUTE).await;
    assert_eq!((rig.creates().len(), deletes(&rig), rig.load_balancers().len()), (2, 1, 1));
    rig.cloud.clear_faults();
    edit(&rig, "right").await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (3, 1));
}

/// The deletion of the failed load balancer is carried out, its response is lost, and the process dies.
#[tokio::test(start_paused = true)]
async fn crash_between_delete_and_recreate_creates_one() {
    let mut rig = with_failed_create(small()).await;
    rig.cloud.fail_always(create(), Fault::Refused);
    edit(&rig, "corrected").await;
    rig.until("the old one is deleted", SOON, |rig| rig.load_balancers().is_empty()).await;
    rig.kill().await;
    rig.cloud.clear_faults();
    rig.start();
    rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn immutable_fields_of_failed_create_can_change() {
    let rig = with_failed_create(small()).await;
    assert_eq!(rig.stack("web")["status"]["loadBalancer"]["neverServed"], true);
    rig.patch("web", json!({"spec": {"loadBalancer": {"vip": {"subnet": {"name": "tenant-v6"}}}}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers()[0]["vip_subnet_id"], rig.cloud.subnet_id("tenant-v6"));
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (2, 1));
    assert!(rig.stack("web")["status"]["loadBalancer"]["neverServed"].is_null());
}

#[tokio::test(start_paused = true)]
async fn failed_create_is_kept_by_observe_and_invalid_spec() {
    let rig = with_failed_create(small()).await;
    let failed = id(&rig.load_balancers()[0]);
    rig.patch("web", json!({"spec": {"managementPolicy": "Observe"}})).await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(id(&rig.load_balancers()[0]), failed);
    rig.patch(
        "web",
        json!({"spec": {"managementPolicy": "Managed", "loadBalancer": {"vip": {"qosPolicy": {"name": "none"}}}}}),
    )
    .await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(rig.reason("web"), "ReferenceNotFound");
    assert_eq!(id(&rig.load_balancers()[0]), failed);
    rig.patch("web", json!({"spec": {"paused": true, "loadBalancer": {"vip": {"qosPolicy": null}}}})).await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(id(&rig.load_balancers()[0]), failed);
    rig.patch("web", json!({"spec": {"paused": false}})).await;
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn load_balancer_that_served_outlives_error() {
    let mut rig = with_ready(&[("web", small())]).await;
    let lb = id(&rig.load_balancers()[0]);
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    for kind in [Kind::Listener, Kind::Pool] {
        rig.cloud.set_statuses(kind, &id(&rig.cloud.objects(kind)[0]), Some(Provisioning::Error), None);
    }
    edit(&rig, "changed").await;
    rig.until("the stack reports it", SOON, |rig| rig.reason("web") == "LoadBalancerError").await;
    tokio::time::sleep(10 * MINUTE).await;
    rig.kill().await;
    rig.start();
    edit(&rig, "changed again").await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!((id(&rig.load_balancers()[0]), deletes(&rig)), (lb.clone(), 0));
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Active), None);
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
}

/// The load balancer became ACTIVE, and then ERROR, while no controller ran.
#[tokio::test(start_paused = true)]
async fn load_balancer_that_served_unseen_outlives_error() {
    let mut rig = Rig::new().await;
    rig.start();
    rig.create("web", small()).await;
    rig.until("the create is sent", SOON, |rig| rig.creates().len() == 1 && rig.load_balancers().len() == 1).await;
    rig.kill().await;
    rig.until("it serves", MINUTE, |rig| rig.load_balancers()[0]["provisioning_status"] == "ACTIVE").await;
    let lb = id(&rig.load_balancers()[0]);
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    edit(&rig, "changed").await;
    rig.start();
    rig.until("the stack reports it", AFTER_DOUBT, |rig| rig.reason("web") == "LoadBalancerError").await;
    edit(&rig, "changed again").await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!((id(&rig.load_balancers()[0]), deletes(&rig)), (lb, 0));
}

/// Sets the states that Octavia sets when the data plane rejects the configuration of a create: the listeners are in
/// ERROR (`ListenersUpdate.revert`).
fn break_listeners(rig: &Rig) {
    for listener in rig.cloud.objects(Kind::Listener) {
        rig.cloud.set_statuses(Kind::Listener, &id(&listener), Some(Provisioning::Error), None);
    }
}

#[tokio::test(start_paused = true)]
async fn failed_create_with_error_listeners_is_recreated() {
    let mut rig = with_failed_create(small()).await;
    break_listeners(&rig);
    rig.kill().await;
    edit(&rig, "corrected").await;
    rig.start();
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (2, 1));
}

/// With nothing but listeners, the states alone are no proof. Only the process that observed the failed create has it.
#[tokio::test(start_paused = true)]
async fn unproven_failed_create_counts_only_for_its_observer() {
    let mut spec = small();
    spec["pools"] = json!([]);
    spec["listeners"] = json!([{"name": "tcp", "protocol": "TCP", "port": 80}]);
    for restarted in [false, true] {
        let mut rig = with_failed_create(spec.clone()).await;
        break_listeners(&rig);
        if restarted {
            rig.kill().await;
            rig.start();
        }
        edit(&rig, "corrected").await;
        tokio::time::sleep(MINUTE).await;
        assert_eq!((rig.is_ready("web"), rig.creates().len()), if restarted { (false, 1) } else { (true, 2) });
    }
}

#[tokio::test(start_paused = true)]
async fn failed_create_reports_objects_and_no_failover() {
    let rig = with_failed_create(small()).await;
    let message = rig.message("web");
    for part in ["its own create", "listener http", "pool web", "ask the operator", "recreated"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for part in ["failover", "delete the stack", "correct the spec"] {
        assert!(!message.contains(part), "{part}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn rejected_create_configuration_asks_for_spec_change() {
    let mut rig = with_failed_create(small()).await;
    rig.kill().await;
    break_listeners(&rig);
    rig.start();
    rig.until("the stack reports it", MINUTE, |rig| rig.message("web").contains("correct the spec")).await;
    assert!(rig.message("web").contains("recreated"), "{}", rig.message("web"));
}

#[tokio::test(start_paused = true)]
async fn observe_does_not_promise_recreate_of_failed_create() {
    let rig = with_failed_create(small()).await;
    rig.patch("web", json!({"spec": {"managementPolicy": "Observe"}})).await;
    rig.until("the stack reports it", MINUTE, |rig| !rig.message("web").contains("recreated")).await;
    assert!(rig.message("web").contains("never served"), "{}", rig.message("web"));
}
