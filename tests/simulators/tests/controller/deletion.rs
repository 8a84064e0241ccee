//! Deleting is always possible.

use evenkeel_simulators::cloud::{Fault, Provisioning};
use evenkeel_simulators::rig::{SECRET, condition, small, text};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_load_balancer_in_error_is_deleted() {
    let rig = with_ready(&[("web", small())]).await;
    let lb = id(&rig.load_balancers()[0]);
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("it is seen", SOON, |rig| rig.reason("web") == "LoadBalancerError").await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_deleted_when_the_quota_is_full() {
    let rig = with_ready(&[("web", small())]).await;
    for kind in [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::Member, Kind::HealthMonitor] {
        rig.cloud.set_quota("demo", kind, 0);
    }
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_deleted_when_half_or_all_of_it_is_gone() {
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

/// The Secret goes although stacks need it: somebody took our entry off it while no controller looked.
async fn lose_credentials(rig: &mut Rig) {
    rig.stop().await;
    let unheld = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    rig.secrets().patch(SECRET, &PatchParams::default(), &unheld).await.unwrap();
    rig.secrets().delete(SECRET, &DeleteParams::default()).await.unwrap();
    rig.start();
}

#[tokio::test(start_paused = true)]
async fn without_credentials_a_stack_waits_and_names_the_way_out() {
    let mut rig = with_ready(&[("web", small())]).await;
    lose_credentials(&mut rig).await;
    rig.delete("web").await;
    rig.until("it is told", SOON, |rig| rig.message("web").contains("evenkeel.dev/deletion-policy=Orphan")).await;
    tokio::time::sleep(10 * MINUTE).await;
    assert!(!rig.stack("web").is_null(), "it went although its load balancer is still there");

    rig.patch("web", json!({"metadata": {"annotations": {"evenkeel.dev/deletion-policy": "Orphan"}}})).await;
    until_gone(&rig, "web", SOON).await;
    assert_eq!(rig.load_balancers().len(), 1);
    let last = rig.events("web").pop().unwrap();
    assert!(last.0 == "LetGo" && last.1.contains("stays"), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_waits_for_credentials_to_go_goes_when_they_come_back() {
    let mut rig = with_ready(&[("web", small())]).await;
    lose_credentials(&mut rig).await;
    rig.delete("web").await;
    rig.until("it waits", SOON, |rig| rig.message("web").contains("does not exist")).await;
    rig.secrets().create(&Default::default(), &rig.credentials("demo-appcred")).await.unwrap();
    until_gone(&rig, "web", 2 * MINUTE).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_never_made_anything_goes_without_credentials() {
    let mut rig = Rig::new().await;
    lose_credentials(&mut rig).await;
    rig.create("web", small()).await;
    rig.until("they are missed", SOON, |rig| rig.reason("web") == "CredentialsMissing").await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn where_octavia_itself_cannot_delete_the_way_out_is_named() {
    let rig = with_ready(&[("web", small())]).await;
    let body = json!({"faultcode": "Server", "faultstring": "Provider 'x' does not support a requested action", "debuginfo": null});
    let refusal = Fault::Answer { status: 501, body: body.to_string(), retry_after: None };
    rig.cloud.fail_always(Match::service(Service::LoadBalancer).method(Method::DELETE), refusal);
    rig.delete("web").await;
    let stalled = |rig: &Rig| text(condition(&rig.stack("web"), "Stalled"), "reason") == "ProviderCannotDelete";
    rig.until("it is told", SOON, stalled).await;
    assert!(rig.message("web").contains("evenkeel.dev/deletion-policy=Orphan"), "{}", rig.message("web"));
    rig.patch("web", json!({"metadata": {"annotations": {"evenkeel.dev/deletion-policy": "Orphan"}}})).await;
    until_gone(&rig, "web", SOON).await;
    let tags = rig.load_balancers()[0]["tags"].to_string();
    assert!(!tags.contains("evenkeel:"), "{tags}");
}
