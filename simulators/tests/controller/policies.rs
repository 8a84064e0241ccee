//! The policies of a stack (pause, observe), and credentials that lead to another project or region.

use evenkeel_simulators::cloud::{Kind, Provisioning};
use evenkeel_simulators::rig::{condition, small};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::sleep;

use super::*;

#[tokio::test(start_paused = true)]
async fn paused_stack_sends_no_request() {
    let rig = with_ready(&[("web", small())]).await;
    rig.patch("web", json!({"spec": {"paused": true}})).await;
    rig.until("the stack reports it", SOON, |rig| condition(&rig.stack("web"), "Paused")["status"] == "True").await;
    rig.cloud.forget_requests();
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    sleep(60 * MINUTE).await;
    rig.delete("web").await;
    sleep(60 * MINUTE).await;
    assert!(rig.cloud.requests().is_empty(), "{:?}", rig.cloud.requests());
    assert!(!rig.stack("web").is_null(), "the deletion waits as well");
    rig.patch("web", json!({"spec": {"paused": false}})).await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

/// kstatus, and with it Flux and Helm, waits until `status.observedGeneration` is the generation. A stack that is paused
/// through Git must not block the pipeline that paused it.
#[tokio::test(start_paused = true)]
async fn paused_stack_observes_generation_its_conditions_do_not() {
    let rig = with_ready(&[("web", small())]).await;
    let before = condition(&rig.stack("web"), "Ready").clone();
    rig.patch("web", json!({"spec": {"paused": true}})).await;
    rig.until("the generation is observed", SOON, has_observed_generation).await;
    let stack = rig.stack("web");
    assert_eq!(condition(&stack, "Ready"), &before, "a spec that was not carried out");
    assert_eq!(condition(&stack, "Paused")["observedGeneration"], stack["metadata"]["generation"]);
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("the next generation is observed", SOON, has_observed_generation).await;
    assert_eq!(condition(&rig.stack("web"), "Ready"), &before);
}

#[tokio::test(start_paused = true)]
async fn stack_paused_at_birth_observes_its_generation() {
    let mut rig = Rig::new().await;
    rig.start();
    let mut spec = small();
    spec["paused"] = true.into();
    rig.create("web", spec).await;
    rig.until("the generation is observed", SOON, has_observed_generation).await;
    assert!(condition(&rig.stack("web"), "Ready").is_null());
}

fn has_observed_generation(rig: &Rig) -> bool {
    let stack = rig.stack("web");
    stack["status"]["observedGeneration"] == stack["metadata"]["generation"]
}

#[tokio::test(start_paused = true)]
async fn observe_writes_nothing_to_openstack() {
    let rig = with_ready(&[("web", small())]).await;
    rig.patch("web", json!({"spec": {"managementPolicy": "Observe"}})).await;
    rig.until("the stack is observed", SOON, |rig| rig.is_ready("web") && rig.reason("web") == "InSync").await;
    rig.cloud.forget_requests();
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}, "listeners": []}})).await;
    rig.create("new", {
        let mut spec = small();
        spec["managementPolicy"] = "Observe".into();
        spec
    })
    .await;
    rig.until("the difference is seen", SOON, |rig| rig.reason("web") == "OutOfSync").await;
    rig.until("the new one is planned", SOON, |rig| rig.reason("new") == "OutOfSync").await;
    let plan = rig.stack("web")["status"]["plan"]["steps"].to_string();
    assert!(plan.contains("- listener http"), "{plan}");
    sleep(60 * MINUTE).await;
    rig.delete("web").await;
    rig.delete("new").await;
    until_gone(&rig, "web", SOON).await;
    until_gone(&rig, "new", SOON).await;
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
    assert_eq!(rig.load_balancers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn observed_difference_stays_reported_while_octavia_works() {
    let rig = with_ready(&[("web", small())]).await;
    rig.patch("web", json!({"spec": {"managementPolicy": "Observe", "resyncPeriod": "10s"}})).await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("the difference is seen", SOON, |rig| rig.reason("web") == "OutOfSync").await;
    let before = rig.stack("web")["status"].clone();
    let id = before["loadBalancer"]["id"].as_str().unwrap().to_owned();
    rig.cloud.set_statuses(Kind::LoadBalancer, &id, Some(Provisioning::PendingUpdate), None);
    let is_seen = |rig: &Rig| rig.stack("web")["status"]["loadBalancer"]["provisioningStatus"] == "PENDING_UPDATE";
    rig.until("the lock is seen", MINUTE, is_seen).await;
    let now = rig.stack("web")["status"].clone();
    assert_eq!((&now["plan"], &now["conditions"]), (&before["plan"], &before["conditions"]));
}

#[tokio::test(start_paused = true)]
async fn deleted_status_is_restored_without_cloud_write() {
    let rig = with_ready(&[("web", small())]).await;
    let before = rig.stack("web")["status"].clone();
    rig.cloud.forget_requests();
    let nothing = Patch::Merge(json!({"status": null}));
    rig.stacks().patch_status("web", &PatchParams::default(), &nothing).await.unwrap();
    assert!(rig.stack("web")["status"]["loadBalancer"].is_null());
    rig.until("it is Ready", SOON, |rig| rig.is_ready("web")).await;
    let mut after = rig.stack("web")["status"].clone();
    for (now, then) in
        std::iter::zip(after["conditions"].as_array_mut().unwrap(), before["conditions"].as_array().unwrap())
    {
        now["lastTransitionTime"] = then["lastTransitionTime"].clone();
    }
    assert_eq!(after, before);
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
}

#[tokio::test(start_paused = true)]
async fn credentials_of_another_project_cause_no_create() {
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.forget_requests();
    rig.replace_credentials("demo-demo2").await;
    rig.until("the stack reports it", SOON, |rig| rig.reason("web") == "ProjectMismatch").await;
    assert_eq!(condition(&rig.stack("web"), "Stalled")["status"], "True");
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    sleep(30 * MINUTE).await;
    assert_eq!(rig.reason("web"), "ProjectMismatch");
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
    rig.replace_credentials("demo-appcred").await;
    rig.until("web is Ready again", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
}

#[tokio::test(start_paused = true)]
async fn credentials_of_another_region_cause_no_create() {
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.forget_requests();
    let move_to = |region: &'static str| rig.cloud.configure(|config| config.region = region.into());
    move_to("RegionTwo");
    rig.replace_credentials("demo-appcred").await;
    rig.until("the stack reports it", SOON, |rig| rig.reason("web") == "ProjectMismatch").await;
    let (message, project) = (rig.message("web"), rig.cloud.project_id("demo"));
    for region in ["RegionOne", "RegionTwo"] {
        assert!(message.contains(&format!("project {project} of region {region}")), "{message}");
    }
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    sleep(30 * MINUTE).await;
    assert_eq!(rig.reason("web"), "ProjectMismatch");
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
    move_to("RegionOne");
    rig.replace_credentials("demo-appcred").await;
    rig.until("web is Ready again", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
}

#[tokio::test(start_paused = true)]
async fn deletion_with_credentials_of_another_project_waits() {
    let rig = with_ready(&[("web", small())]).await;
    rig.replace_credentials("demo-demo2").await;
    rig.until("the stack reports it", SOON, |rig| rig.reason("web") == "ProjectMismatch").await;
    rig.delete("web").await;
    sleep(30 * MINUTE).await;
    assert_eq!((rig.stack("web").is_null(), rig.load_balancers().len()), (false, 1));
    rig.replace_credentials("demo-appcred").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}
