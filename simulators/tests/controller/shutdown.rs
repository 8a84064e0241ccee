//! Graceful shutdown of the controller.

use evenkeel_simulators::cluster::{Effect, Fault};
use evenkeel_simulators::rig::small;
use kube::api::{Patch, PatchParams};
use tokio::time::timeout;

use super::tenants::{clouds, with_cloud};
use super::*;

#[tokio::test(start_paused = true)]
async fn controller_stopped_before_first_list_stops() {
    let mut rig = Rig::new().await;
    let slow = Effect::SlowResponse(Duration::from_secs(10));
    // The first of the two lists asks whether the CRD exists at all.
    rig.cluster.inject(Fault::next("list", "/loadbalancerstacks", slow).times(2));
    rig.start();
    let lists = |rig: &Rig| rig.cluster.requests().iter().filter(|request| request.verb == "list").count();
    rig.until("the stacks are listed", SOON, |rig| lists(rig) >= 3).await;
    timeout(MINUTE, rig.stop()).await.expect("the controller stops");
}

#[tokio::test(start_paused = true)]
async fn stopped_controller_finishes_running_reconcile() {
    let mut rig = Rig::new().await;
    rig.start();
    rig.create("web", small()).await;
    rig.until("the create is sent", SOON, |rig| !rig.creates().is_empty()).await;
    timeout(MINUTE, rig.stop()).await.expect("the controller stops");
    assert!(
        !rig.stack("web")["status"]["loadBalancer"]["id"].is_null(),
        "the controller did not wait for the response"
    );
}

/// Every task of a controller ends with it: one that went on alone would act on a view of the cluster that nothing updates.
#[tokio::test(start_paused = true)]
async fn killed_controller_sends_no_more_requests() {
    let mut rig = with_cloud(json!({})).await;
    rig.until("the cloud is looked at", MINUTE, |rig| {
        rig.cluster.requests().iter().any(|request| request.path.ends_with("/prod/status"))
    })
    .await;
    rig.kill().await;
    rig.cluster.forget_requests();
    let relabelled = json!({"metadata": {"labels": {"team": "shop"}}});
    clouds(&rig).patch("prod", &PatchParams::default(), &Patch::Merge(relabelled)).await.unwrap();
    tokio::time::sleep(MINUTE).await;
    let of_test = rig.cluster.requests().into_iter().filter(|request| request.verb == "patch").count();
    assert_eq!(rig.cluster.requests().len(), of_test, "{:?}", rig.cluster.requests());
}
