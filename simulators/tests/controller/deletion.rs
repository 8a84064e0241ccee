//! Deletion of stacks: it is always possible.

use evenkeel_simulators::cloud::{Fault, ProviderFault, Provisioning, Verb};
use evenkeel_simulators::cluster::{Effect, Fault as ClusterFault};
use evenkeel_simulators::rig::{SECRET, condition, small, text};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::sleep;

use super::*;

#[tokio::test(start_paused = true)]
async fn load_balancer_in_error_is_deleted() {
    let rig = with_ready(&[("web", small())]).await;
    let lb = id(&rig.load_balancers()[0]);
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("the stack reports it", SOON, |rig| rig.reason("web") == "LoadBalancerError").await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

/// A stack that is gone is seen by the controller until the watch says so, and the release of its Secret wakes it.
#[tokio::test(start_paused = true)]
async fn end_of_stack_is_reported_once_while_watch_is_late() {
    let rig = with_ready(&[("web", small())]).await;
    rig.delete("web").await;
    rig.until("the delete is sent", SOON, |rig| rig.cloud.writes().iter().any(|write| write.method == Method::DELETE))
        .await;
    rig.cluster.inject(ClusterFault::next("watch", "/loadbalancerstacks", Effect::Status(500)).times(1000));
    rig.cluster.inject(ClusterFault::next("list", "/loadbalancerstacks", Effect::Status(500)).times(1000));
    rig.cluster.cut_watches();
    until_gone(&rig, "web", SOON).await;
    for cloud in ["demo-demo2", "demo-appcred"] {
        rig.replace_credentials(cloud).await;
        sleep(MINUTE).await;
    }
    let ends = rig.events("web").into_iter().filter(|(reason, _)| reason == "Deleted").count();
    assert_eq!(ends, 1);
}

#[tokio::test(start_paused = true)]
async fn stack_is_deleted_with_full_quota() {
    let rig = with_ready(&[("web", small())]).await;
    for kind in [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::Member, Kind::HealthMonitor] {
        rig.cloud.set_quota("demo", kind, 0);
    }
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn stack_is_deleted_when_half_or_all_is_missing() {
    for kind in [Kind::Member, Kind::Listener, Kind::Pool, Kind::LoadBalancer] {
        let rig = with_ready(&[("web", small())]).await;
        let lb = id(&rig.load_balancers()[0]);
        if kind == Kind::LoadBalancer {
            let path = format!("/v2/lbaas/loadbalancers/{lb}?cascade=true");
            let (code, _) = rig.cloud.request_as("demo", Method::DELETE, Service::LoadBalancer, &path, None).await;
            assert_eq!(code, 204);
        } else {
            rig.cloud.vanish(kind, &id(&rig.cloud.objects(kind)[0]));
        }
        rig.delete("web").await;
        until_gone(&rig, "web", SOON).await;
        assert_nothing_left(&rig);
    }
}

/// Deletes the Secret that stacks need: its finalizer was removed while no controller ran.
async fn lose_credentials(rig: &mut Rig) {
    rig.stop().await;
    let unheld = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    rig.secrets().patch(SECRET, &PatchParams::default(), &unheld).await.unwrap();
    rig.secrets().delete(SECRET, &DeleteParams::default()).await.unwrap();
    rig.start();
}

#[tokio::test(start_paused = true)]
async fn deletion_without_credentials_waits_and_names_orphan() {
    let mut rig = with_ready(&[("web", small())]).await;
    lose_credentials(&mut rig).await;
    rig.delete("web").await;
    rig.until("the stack reports it", SOON, |rig| rig.message("web").contains("evenkeel.dev/deletion-policy=Orphan"))
        .await;
    tokio::time::sleep(10 * MINUTE).await;
    assert!(!rig.stack("web").is_null(), "the stack was deleted before its load balancer");

    rig.patch("web", json!({"metadata": {"annotations": {"evenkeel.dev/deletion-policy": "Orphan"}}})).await;
    until_gone(&rig, "web", SOON).await;
    let left = rig.load_balancers();
    assert_eq!(left.len(), 1);
    let last = rig.events("web").pop().unwrap();
    assert!(last.0 == "CleanupSkipped" && last.1.contains("stays") && last.1.contains(&id(&left[0])), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn deletion_without_credentials_ends_when_they_return() {
    let mut rig = with_ready(&[("web", small())]).await;
    lose_credentials(&mut rig).await;
    rig.delete("web").await;
    rig.until("the stack waits", SOON, |rig| rig.message("web").contains("does not exist")).await;
    rig.secrets().create(&Default::default(), &rig.credentials("demo-appcred")).await.unwrap();
    until_gone(&rig, "web", 2 * MINUTE).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn stack_without_create_is_deleted_without_credentials() {
    let mut rig = Rig::new().await;
    lose_credentials(&mut rig).await;
    rig.create("web", small()).await;
    rig.until("they are missed", SOON, |rig| rig.reason("web") == "CredentialsMissing").await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn failing_octavia_delete_names_orphan() {
    let rig = with_ready(&[("web", small())]).await;
    let rejection = octavia(501, "Provider 'x' does not support a requested action");
    rig.cloud.fail_always(Match::service(Service::LoadBalancer).method(Method::DELETE), rejection);
    rig.delete("web").await;
    let stalled = |rig: &Rig| text(condition(&rig.stack("web"), "Stalled"), "reason") == "ProviderCannotDelete";
    rig.until("the stack reports it", SOON, stalled).await;
    assert!(rig.message("web").contains("evenkeel.dev/deletion-policy=Orphan"), "{}", rig.message("web"));
    rig.patch("web", json!({"metadata": {"annotations": {"evenkeel.dev/deletion-policy": "Orphan"}}})).await;
    until_gone(&rig, "web", SOON).await;
    let tags = rig.load_balancers()[0]["tags"].to_string();
    assert!(!tags.contains("evenkeel:"), "{tags}");
}

/// Octavia accepts the DELETE, its worker fails, and the load balancer is in ERROR again.
#[tokio::test(start_paused = true)]
async fn ineffective_delete_backs_off_and_names_orphan() {
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.fail_provider(ProviderFault::fails(Kind::LoadBalancer, Verb::Delete));
    rig.delete("web").await;
    rig.until("the stack reports it", 2 * MINUTE, |rig| {
        rig.message("web").contains("evenkeel.dev/deletion-policy=Orphan")
    })
    .await;
    tokio::time::sleep(60 * MINUTE).await;
    let deletes = rig.cloud.requests().iter().filter(|request| request.method == Method::DELETE).count();
    assert!((5..=16).contains(&deletes), "{deletes} deletes in an hour");
    assert_eq!(rig.events("web").iter().filter(|(reason, _)| reason == "Deleting").count(), 1);
    rig.cloud.clear_faults();
    until_gone(&rig, "web", 11 * MINUTE).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn orphan_with_stuck_tags_is_released() {
    let rig = with_ready(&[("web", small())]).await;
    let rejection = octavia(501, "Provider 'x' is not enabled.");
    rig.cloud.fail_always(Match::service(Service::LoadBalancer).method(Method::PUT), rejection);
    rig.patch("web", json!({"spec": {"deletionPolicy": "Orphan"}})).await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    let last = rig.events("web").pop().unwrap();
    assert!(last.0 == "CleanupSkipped" && last.1.contains("not enabled"), "{last:?}");
    assert_eq!(rig.load_balancers().len(), 1);
}

/// Octavia rejects the removal of tags in ERROR, so a stack of the same name will take the load balancer over. Its
/// floating IP goes along.
#[tokio::test(start_paused = true)]
async fn orphan_in_error_keeps_floating_ip_and_reports() {
    let spec = with_floating_ip();
    let rig = with_ready(&[("web", spec.clone())]).await;
    let (lb, before) = (id(&rig.load_balancers()[0]), rig.cloud.floating_ips());
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    delete_as_orphan(&rig).await;
    until_gone(&rig, "web", SOON).await;
    assert_eq!(rig.cloud.floating_ips(), before);
    let (reason, note) = rig.events("web").pop().unwrap();
    let address = before[0]["floating_ip_address"].as_str().unwrap();
    assert!(reason == "CleanupSkipped" && note.contains(&lb) && note.contains(address), "{reason}: {note}");

    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Active), None);
    rig.create("web", spec).await;
    rig.until("the next stack is Ready", SOON, |rig| rig.is_ready("web")).await;
    let after = rig.cloud.floating_ips();
    assert_eq!((rig.load_balancers().len(), after.len()), (1, 1));
    assert_eq!(after[0]["id"], before[0]["id"]);
}

/// The next stack must find load balancer and floating IP both with their owner tags, or both without: a floating IP
/// without tags would be another owner's, and in the way.
#[tokio::test(start_paused = true)]
async fn partial_orphan_does_not_block_takeover() {
    for done in 0..=2 {
        let spec = with_floating_ip();
        let rig = with_ready(&[("web", spec.clone())]).await;
        let second = Fault::ProxyResponse { status: 403, body: "{}".into(), retry_after: None };
        rig.cloud.fail_always(Match::all().method(Method::PUT).skip(done), second);
        rig.cloud.forget_requests();
        delete_as_orphan(&rig).await;
        until_gone(&rig, "web", SOON).await;
        rig.cloud.clear_faults();
        rig.create("web", spec).await;
        rig.until("the next stack is Ready", 5 * MINUTE, |rig| rig.is_ready("web")).await;
    }
}

/// A stack that is orphaned before it took over the resources of an earlier stack removes the earlier stack's tags too.
#[tokio::test(start_paused = true)]
async fn orphan_loses_tags_of_earlier_stack_too() {
    let mut spec = with_floating_ip();
    spec["deletionPolicy"] = json!("Orphan");
    let mut rig = with_ready(&[("web", spec.clone())]).await;
    let rejection = Fault::ProxyResponse { status: 403, body: "{}".into(), retry_after: None };
    rig.cloud.fail_always(Match::all().method(Method::PUT), rejection);
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    rig.create("web", spec).await;
    rig.until("it cannot take it over", SOON, |rig| rig.reason("web") == "CredentialsInvalid").await;
    rig.stop().await;
    rig.cloud.clear_faults();
    rig.delete("web").await;
    rig.start();
    until_gone(&rig, "web", SOON).await;
    let (lb, floating) = (rig.load_balancers().remove(0), rig.cloud.floating_ips());
    assert!(!lb["tags"].to_string().contains("evenkeel:"), "{lb:?}");
    assert_eq!((floating.len(), &floating[0]["description"]), (1, &json!("")));
}

/// The write that removes the tags arrives after its controller died, when the stack could be gone already.
#[tokio::test(start_paused = true)]
async fn orphan_waits_for_write_of_crashed_controller() {
    let mut rig = with_ready(&[("web", small())]).await;
    let tags = Match::service(Service::LoadBalancer).method(Method::PUT);
    rig.cloud.fail(tags, Fault::SlowStart(Duration::from_secs(20)), 1);
    delete_as_orphan(&rig).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    rig.kill().await;
    let write = async |rig: &Rig, yaml: &str| {
        let secret = Patch::Merge(json!({"stringData": {"clouds.yaml": yaml}}));
        rig.secrets().patch(SECRET, &PatchParams::default(), &secret).await.unwrap();
    };
    write(&rig, "clouds: [").await;
    rig.start();
    rig.until("the stack waits", SOON, |rig| rig.message("web").contains("in flight")).await;
    until_gone(&rig, "web", 3 * MINUTE).await;
    let good = rig.credentials("demo-appcred").string_data.unwrap()["clouds.yaml"].clone();
    write(&rig, &good).await;
    rig.create("web", small()).await;
    rig.until("the next stack is Ready", SOON, |rig| rig.is_ready("web")).await;
    tokio::time::sleep(20 * MINUTE).await;
    assert!(rig.is_ready("web"), "{}", rig.message("web"));
    let owned = rig.load_balancers().iter().filter(|lb| lb["tags"].to_string().contains("evenkeel:uid")).count();
    assert_eq!((rig.load_balancers().len(), owned), (2, 1), "the tags were taken off the first");
}

#[tokio::test(start_paused = true)]
async fn orphan_in_lasting_pending_state_is_released() {
    let rig = with_ready(&[("web", small())]).await;
    rig.patch("web", json!({"spec": {"deletionPolicy": "Orphan"}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    let lb = id(&rig.load_balancers()[0]);
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::PendingUpdate), None);
    rig.delete("web").await;
    tokio::time::sleep(10 * MINUTE).await;
    assert!(!rig.stack("web").is_null(), "Octavia may still finish");
    until_gone(&rig, "web", 10 * MINUTE).await;
    let last = rig.events("web").pop().unwrap();
    assert!(last.0 == "CleanupSkipped" && last.1.contains(&lb), "{last:?}");
}

async fn delete_as_orphan(rig: &Rig) {
    rig.patch("web", json!({"metadata": {"annotations": {"evenkeel.dev/deletion-policy": "Orphan"}}})).await;
    rig.delete("web").await;
}

#[tokio::test(start_paused = true)]
async fn pending_load_balancer_is_orphaned_once_active() {
    let rig = with_ready(&[("web", small())]).await;
    let before = rig.load_balancers().remove(0);
    let set = |state| rig.cloud.set_statuses(Kind::LoadBalancer, &id(&before), Some(state), None);
    set(Provisioning::PendingUpdate);
    rig.cloud.forget_requests();
    delete_as_orphan(&rig).await;
    rig.until("the stack waits", SOON, |rig| rig.message("web").contains("PENDING_UPDATE")).await;
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(rig.reason("web"), "Deleting");
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
    set(Provisioning::Active);
    until_gone(&rig, "web", SOON).await;
    assert_eq!(rig.cloud.writes().len(), 1, "{:?}", rig.cloud.writes());
    let after = rig.load_balancers().remove(0);
    assert_eq!((&after["id"], after["tags"].to_string().contains("evenkeel:")), (&before["id"], false), "{after:?}");
}

/// Octavia rejects any change in ERROR, so the owner tags stay.
#[tokio::test(start_paused = true)]
async fn load_balancer_in_error_is_orphaned_and_reported() {
    let rig = with_ready(&[("web", small())]).await;
    let lb = id(&rig.load_balancers()[0]);
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    rig.cloud.forget_requests();
    let before = rig.cloud.tree(&lb);
    delete_as_orphan(&rig).await;
    until_gone(&rig, "web", SOON).await;
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
    assert_eq!(rig.cloud.tree(&lb), before);
    let (reason, note) = rig.events("web").pop().unwrap();
    assert!(reason == "CleanupSkipped" && note.contains(&lb) && note.contains("ERROR"), "{reason}: {note}");
}

#[tokio::test(start_paused = true)]
async fn orphaned_load_balancer_is_named_in_event() {
    let rig = with_ready(&[("web", small())]).await;
    rig.patch("web", json!({"spec": {"deletionPolicy": "Orphan"}})).await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    let (reason, note) = rig.events("web").pop().unwrap();
    assert!(reason == "Orphaned" && note.contains(&id(&rig.load_balancers()[0])), "{reason}: {note}");
}

/// An earlier create was lost and given up. The next one succeeded, so nothing is in doubt.
#[tokio::test(start_paused = true)]
async fn create_after_lost_one_does_not_delay_deletion() {
    let rig = ready_after_one(Fault::LostBefore).await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_eq!(rig.events("web").iter().filter(|(reason, _)| reason == "CreateInDoubt").count(), 1);
    assert_nothing_left(&rig);
}
