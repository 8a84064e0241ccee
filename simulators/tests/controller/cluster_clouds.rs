//! Clouds that namespaces share: grants, the use of the credentials, and the end of a cloud.

use evenkeel_simulators::cloud::CloudSim;
use evenkeel_simulators::cluster::{Effect, Fault as ClusterFault};
use evenkeel_simulators::rig::{CLUSTER_NAMESPACE, NAMESPACE, condition, is_ready, reason, text};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use tokio::time::{Instant, sleep};

use super::tenants::*;
use super::*;

#[tokio::test(start_paused = true)]
async fn stack_without_grant_reads_and_writes_nothing() {
    let rig = with_cloud(json!({})).await;
    rig.create("web", shared()).await;
    rig.until("the stack reports it", SECOND, |rig| rig.reason("web") == "CloudNotGranted").await;
    sleep(10 * MINUTE).await;
    let stack = rig.stack("web");
    assert_eq!(text(condition(&stack, "Stalled"), "reason"), "CloudNotGranted");
    assert_eq!(text(condition(&stack, "ResolvedRefs"), "status"), "False");
    assert!(rig.message("web").contains("namespace shop may not use ClusterOpenStackCloud prod"), "{stack}");
    assert!(requests(&rig).is_empty(), "{:?}", requests(&rig));
    assert!(stack["metadata"]["finalizers"].is_null(), "it could keep the cloud from being deleted");
    assert!(!has_finalizer(&cloud(&rig)) && !has_finalizer(&shared_secret(&rig)));
    assert_eq!(cloud(&rig)["status"]["users"], 0);
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
}

#[tokio::test(start_paused = true)]
async fn grant_is_given_withdrawn_and_given_again() {
    let rig = with_cloud(json!({})).await;
    rig.create("web", shared()).await;
    rig.until("the stack reports it", SECOND, |rig| rig.reason("web") == "CloudNotGranted").await;
    change_cloud(&rig, json!({"allowedNamespaces": granted(&[NAMESPACE])})).await;
    rig.until("the create has begun", SECOND, |rig| !rig.creates().is_empty()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;

    change_cloud(&rig, json!({"allowedNamespaces": {"from": "None", "names": null}})).await;
    rig.until("the stack reports it", SECOND, |rig| rig.reason("web") == "CloudNotGranted").await;
    rig.cloud.forget_requests();
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "new"}}})).await;
    sleep(20 * MINUTE).await;
    assert!(requests(&rig).is_empty(), "{:?}", requests(&rig));
    let id = rig.stack("web")["status"]["loadBalancer"]["id"].clone();
    assert_eq!(rig.load_balancers().len(), 1);

    change_cloud(&rig, json!({"allowedNamespaces": {"from": "All"}})).await;
    rig.until("the change is there", SECOND, |rig| rig.load_balancers()[0]["description"] == "new").await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.stack("web")["status"]["loadBalancer"]["id"], id);
}

#[tokio::test(start_paused = true)]
async fn selector_follows_labels_of_namespace() {
    let selector = json!({"from": "Selected", "selector": {"matchLabels": {"team": "a"}}});
    let rig = with_cloud(json!({"allowedNamespaces": selector})).await;
    let label = async |namespace: &str, team: Value| {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"team": team}}}));
        let namespaces = Api::<Namespace>::all(rig.client.clone());
        namespaces.patch(namespace, &PatchParams::default(), &patch).await.unwrap();
    };
    for namespace in [NAMESPACE, OTHER] {
        create_in(&rig, namespace, "web", shared()).await;
    }
    let reason_in = |rig: &Rig, namespace: &str| reason(&stack_in(rig, namespace, "web")).to_owned();
    rig.until("both report it", SECOND, |rig| {
        [NAMESPACE, OTHER].iter().all(|namespace| reason_in(rig, namespace) == "CloudNotGranted")
    })
    .await;
    label(OTHER, "b".into()).await;
    label(NAMESPACE, "a".into()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(reason_in(&rig, OTHER), "CloudNotGranted");
    label(NAMESPACE, Value::Null).await;
    rig.until("the stack reports it", SECOND, |rig| rig.reason("web") == "CloudNotGranted").await;
    label(NAMESPACE, "a".into()).await;
    rig.until("web is Ready", SECOND, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stack_is_deleted_after_withdrawal() {
    let rig = with_stacks(allowing(json!({}))).await;
    change_cloud(&rig, json!({"allowedNamespaces": {"from": "None", "names": null}})).await;
    rig.until("the stack reports it", SECOND, |rig| rig.reason("web") == "CloudNotGranted").await;
    assert_eq!(cloud(&rig)["status"]["users"], 2, "load balancers count without a grant, too");
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    let left = rig.load_balancers();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["id"], stack_in(&rig, OTHER, "web")["status"]["loadBalancer"]["id"]);
    rig.until("the count is right", SOON, |rig| cloud(rig)["status"]["users"] == 1).await;
    assert!(has_finalizer(&cloud(&rig)) && has_finalizer(&shared_secret(&rig)));
}

#[tokio::test(start_paused = true)]
async fn deleted_cloud_is_kept_while_stacks_use_it() {
    let rig = with_stacks(allowing(json!({}))).await;
    rig.until("users are counted", SOON, |rig| cloud(rig)["status"]["users"] == 2).await;
    clouds(&rig).delete(CLOUD, &DeleteParams::default()).await.unwrap();
    secrets(&rig).delete("shared-credentials", &DeleteParams::default()).await.unwrap();
    rig.until("the cloud reports it", SOON, |rig| cloud_ready(rig).0 == "Deleting").await;
    assert!(cloud_ready(&rig).1.contains("now 2"), "{:?}", cloud_ready(&rig));
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "new"}}})).await;
    rig.until("the stack goes on", SOON, |rig| rig.is_ready("web")).await;
    rig.create("late", shared()).await;
    rig.until("a new one is refused", SOON, |rig| rig.reason("late") == "CredentialsMissing").await;
    assert!(rig.message("late").contains("is being deleted"), "{}", rig.message("late"));
    for namespace in [NAMESPACE, OTHER] {
        assert!(!cloud(&rig).is_null() && !shared_secret(&rig).is_null());
        stacks(&rig, namespace).delete("web", &DeleteParams::default()).await.unwrap();
        rig.until("the stack is gone", SOON, |rig| stack_in(rig, namespace, "web").is_null()).await;
    }
    rig.until("the cloud is gone", SOON, |rig| cloud(rig).is_null()).await;
    rig.until("the Secret is gone", SOON, |rig| shared_secret(rig).is_null()).await;
    assert!(rig.load_balancers().is_empty());
    rig.delete("late").await;
    until_gone(&rig, "late", SOON).await;
}

#[tokio::test(start_paused = true)]
async fn status_of_cloud_has_project_and_users() {
    let rig = with_cloud(allowing(json!({}))).await;
    rig.until("the cloud is Ready", SOON, |rig| is_ready(&cloud(rig))).await;
    assert_eq!(cloud(&rig)["status"]["projectID"], rig.cloud.project_id("demo"));
    assert_eq!(cloud(&rig)["status"]["users"], 0);
    create_in(&rig, NAMESPACE, "web", shared()).await;
    rig.until("the user is counted", SOON, |rig| cloud(rig)["status"]["users"] == 1).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    let version = cloud(&rig)["metadata"]["resourceVersion"].clone();
    sleep(60 * MINUTE).await;
    assert_eq!(cloud(&rig)["metadata"]["resourceVersion"], version, "nothing is written while nothing changes");
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    rig.until("the cloud is released", SOON, |rig| !has_finalizer(&cloud(rig))).await;
    rig.until("the Secret is released", SOON, |rig| !has_finalizer(&shared_secret(rig))).await;
    assert_eq!(cloud(&rig)["status"]["users"], 0);
}

#[tokio::test(start_paused = true)]
async fn rotated_secret_reaches_every_stack() {
    let rig = with_stacks(allowing(json!({}))).await;
    let put = async |clouds: Value| {
        let patch = Patch::Merge(json!({"stringData": {"clouds.yaml": clouds.to_string()}}));
        secrets(&rig).patch("shared-credentials", &PatchParams::default(), &patch).await.unwrap();
    };
    put(json!({"clouds": {"other-entry": {}}})).await;
    rig.until("the cloud reports it", SECOND, |rig| cloud_ready(rig).0 == "CredentialsInvalid").await;
    assert!(cloud_ready(&rig).1.contains("Secret shared-credentials"), "{:?}", cloud_ready(&rig));
    for namespace in [NAMESPACE, OTHER] {
        rig.until("the stack reports it", SECOND, |rig| {
            reason(&stack_in(rig, namespace, "web")) == "CredentialsInvalid"
        })
        .await;
        let shown = shown(&rig, namespace);
        assert!(shown.contains("ClusterOpenStackCloud prod"), "{shown}");
        for hidden in ["shared-credentials", CLUSTER_NAMESPACE, "other-entry"] {
            assert!(!shown.contains(hidden), "{hidden} is the administrator's: {shown}");
        }
    }
    let all: Value = serde_saphyr::from_str(&rig.cloud.clouds_yaml(CloudSim::AUTH_URL)).unwrap();
    put(json!({"clouds": {"openstack": all["clouds"]["demo"]}})).await;
    for namespace in [NAMESPACE, OTHER] {
        rig.until("web is Ready", 5 * SECOND, |rig| is_ready(&stack_in(rig, namespace, "web"))).await;
    }
    rig.until("the cloud is Ready", SOON, |rig| is_ready(&cloud(rig))).await;
    secrets(&rig).delete("shared-credentials", &DeleteParams::default()).await.unwrap();
    assert!(!shared_secret(&rig).is_null(), "it is in use");
}

#[tokio::test(start_paused = true)]
async fn cloud_that_comes_later_is_used_at_once() {
    let mut rig = Rig::new().await;
    create_namespace(&rig, CLUSTER_NAMESPACE).await;
    rig.start();
    rig.create("web", shared()).await;
    rig.until("the stack reports it", SECOND, |rig| rig.reason("web") == "CredentialsMissing").await;
    assert!(rig.message("web").contains("ClusterOpenStackCloud prod does not exist"), "{}", rig.message("web"));
    let mut secret = rig.credentials("demo-appcred");
    secret.metadata.name = Some("shared-credentials".to_owned());
    create_cloud(&rig, allowing(json!({}))).await;
    rig.until("the stack reports it", SECOND, |rig| rig.message("web").contains("cannot be used now")).await;
    secrets(&rig).create(&PostParams::default(), &secret).await.unwrap();
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    rig.until("the cloud is Ready", SOON, |rig| is_ready(&cloud(rig))).await;
}

/// A restarted controller knows no grant before it has listed clouds and namespaces.
#[tokio::test(start_paused = true)]
async fn restart_stalls_no_stack() {
    let selector = json!({"from": "Selected", "selector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}});
    let mut rig = with_cloud(json!({"allowedNamespaces": selector})).await;
    rig.create("web", shared()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    let since = condition(&rig.stack("web"), "Ready")["lastTransitionTime"].clone();
    rig.stop().await;
    rig.start();
    sleep(20 * MINUTE).await;
    assert!(rig.is_ready("web"));
    assert_eq!(condition(&rig.stack("web"), "Ready")["lastTransitionTime"], since);
}

#[tokio::test(start_paused = true)]
async fn unreadable_namespaces_are_reported() {
    let rig = with_cloud(allowing(json!({}))).await;
    rig.cluster.inject(ClusterFault::next("list", "/api/v1/namespaces", Effect::Status(403)).times(1000));
    rig.create("web", shared()).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "CredentialsInaccessible").await;
    rig.cluster.clear_faults();
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
}

/// Stacks of one tenant that all wait for a cloud leave workers to the other tenant.
#[tokio::test(start_paused = true)]
async fn tenant_with_many_stacks_delays_no_other() {
    let rig = with_cloud(allowing(json!({}))).await;
    for n in 0..40 {
        rig.create(&format!("web-{n}"), shared()).await;
    }
    create_in(&rig, OTHER, "web", shared()).await;
    let begun = Instant::now();
    rig.until("the other tenant is Ready", MINUTE, |rig| is_ready(&stack_in(rig, OTHER, "web"))).await;
    let took = begun.elapsed();
    let ready = (0..40).filter(|n| rig.is_ready(&format!("web-{n}"))).count();
    assert!(ready < 20, "{ready} of 40 were first, after {took:?}");
}
