//! Changes of a Secret's metadata: only its data are credentials.

use evenkeel_simulators::cloud::{CloudSim, Kind, ProviderFault, Verb};
use evenkeel_simulators::cluster;
use evenkeel_simulators::rig::{NAMESPACE, SECRET, small};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;

async fn patch_secret(rig: &Rig, metadata: Value) {
    let patch = Patch::Merge(json!({"metadata": metadata}));
    rig.secrets().patch(SECRET, &PatchParams::default(), &patch).await.unwrap();
}

/// Annotates the Secret every minute, as tools do that record when they last saw it.
async fn annotate_each_minute(rig: &Rig, minutes: u32) {
    for minute in 0..minutes {
        patch_secret(rig, json!({"annotations": {"backup.example/seen": minute.to_string()}})).await;
        sleep(MINUTE).await;
    }
}

fn rarely_looked_at() -> Value {
    let mut spec = small();
    spec["resyncPeriod"] = "6h".into();
    spec
}

fn changes(rig: &Rig) -> usize {
    rig.cloud.requests().iter().filter(|request| request.method == Method::PUT).count()
}

/// Makes a change that Octavia accepts and its data plane does not apply.
async fn change_in_vain(rig: &Rig, name: &str) {
    let fails = ProviderFault::fails(Kind::Pool, Verb::Update);
    rig.cloud.fail_provider(ProviderFault { load_balancer: Some(name.to_owned()), ..fails });
    let mut pools = rig.stack(name)["spec"]["pools"].take();
    pools[0]["algorithm"] = json!("SOURCE_IP");
    rig.patch(name, json!({"spec": {"pools": pools}})).await;
}

#[tokio::test(start_paused = true)]
async fn annotated_secret_costs_no_call() {
    let rig = with_ready(&[("web", rarely_looked_at()), ("api", rarely_looked_at())]).await;
    sleep(MINUTE).await;
    rig.cloud.forget_requests();
    annotate_each_minute(&rig, 20).await;
    assert!(rig.cloud.requests().is_empty(), "{:?}", rig.cloud.requests());
}

#[tokio::test(start_paused = true)]
async fn annotated_secret_keeps_backoff_of_ineffective_change() {
    let rig = with_ready(&[("web", small())]).await;
    change_in_vain(&rig, "web").await;
    rig.until("the change has no effect", 5 * MINUTE, |rig| rig.reason("web") == "ProvisioningFailed").await;
    rig.cloud.forget_requests();
    annotate_each_minute(&rig, 60).await;
    assert!((4..=14).contains(&changes(&rig)), "{} changes in an hour", changes(&rig));
}

#[tokio::test(start_paused = true)]
async fn annotated_secret_keeps_backoff_of_rejected_change() {
    let rig = with_ready(&[("web", small())]).await;
    let puts = Match::service(Service::LoadBalancer).method(Method::PUT);
    rig.cloud.fail_always(puts, octavia(400, "Validation failure: the moon is in the wrong phase"));
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("the create is rejected", SOON, |rig| rig.reason("web") == "RequestRejected").await;
    rig.cloud.forget_requests();
    annotate_each_minute(&rig, 60).await;
    assert!((1..=7).contains(&changes(&rig)), "{} changes in an hour", changes(&rig));
}

/// A restarted controller may reconcile stacks before its watch delivers their Secret.
#[tokio::test(start_paused = true)]
async fn late_secret_event_does_not_change_credentials() {
    let mut rig = with_ready(&[("web", rarely_looked_at()), ("api", rarely_looked_at())]).await;
    rig.stop().await;
    let late = cluster::Effect::SlowResponse(Duration::from_secs(10));
    rig.cluster.inject(cluster::Fault::next("list", "/api/v1/secrets", late));
    rig.cloud.forget_requests();
    rig.start();
    sleep(Duration::from_secs(5)).await;
    let first_look = rig.cloud.requests().len();
    assert!(first_look > 0, "no stack was reconciled");
    sleep(MINUTE).await;
    assert_eq!(rig.cloud.requests().len(), first_look, "{:?}", rig.cloud.requests());
}

#[tokio::test(start_paused = true)]
async fn finalizer_removed_from_used_secret_is_restored() {
    let rig = with_ready(&[("web", rarely_looked_at())]).await;
    let has_finalizer = |rig: &Rig| {
        let secret = rig.cluster.object("", "secrets", NAMESPACE, SECRET).unwrap();
        secret["metadata"]["finalizers"].to_string().contains("evenkeel.dev/credentials-in-use")
    };
    let patches = |rig: &Rig| {
        let is_patch = |request: &&cluster::ClusterRequest| {
            request.verb == "patch" && request.path.ends_with("/secrets/openstack")
        };
        rig.cluster.requests().iter().filter(is_patch).count()
    };
    assert!(has_finalizer(&rig));
    rig.cluster.forget_requests();
    patch_secret(&rig, json!({"finalizers": null})).await;
    rig.until("the finalizer is restored", SOON, |rig| patches(rig) == 2 && has_finalizer(rig)).await;
}

/// Stores the same credentials under each of these names.
async fn put_entries(rig: &Rig, names: &[&str]) {
    let file: Value = serde_saphyr::from_str(&rig.cloud.clouds_yaml(CloudSim::AUTH_URL)).unwrap();
    let entry = |name: &&str| ((*name).to_owned(), file["clouds"]["demo-appcred"].clone());
    let clouds: serde_json::Map<_, _> = names.iter().map(entry).collect();
    let patch = Patch::Merge(json!({"stringData": {"clouds.yaml": json!({"clouds": clouds}).to_string()}}));
    rig.secrets().patch(SECRET, &PatchParams::default(), &patch).await.unwrap();
}

/// More entries than sessions are cached per Secret, so most reconciles open theirs again.
#[tokio::test(start_paused = true)]
async fn reopened_session_counts_as_same_credentials() {
    let names = ["one", "two", "three", "four", "five", "six"];
    let mut rig = Rig::new().await;
    put_entries(&rig, &names).await;
    rig.start();
    for name in names {
        let mut spec = small();
        spec["cloudCredentialsRef"]["cloudName"] = name.into();
        spec["resyncPeriod"] = "30s".into();
        rig.create(name, spec).await;
    }
    for name in names {
        rig.until("all are Ready", 5 * MINUTE, |rig| rig.is_ready(name)).await;
    }
    change_in_vain(&rig, "one").await;
    rig.until("the change has no effect", 5 * MINUTE, |rig| rig.reason("one") == "ProvisioningFailed").await;
    sleep(5 * MINUTE).await;
    rig.cloud.forget_requests();
    sleep(20 * MINUTE).await;
    let logins = rig.cloud.requests().iter().filter(|request| request.service == Service::Identity).count();
    assert!(logins > 20, "sessions are cached: {logins} logins");
    assert!((1..=6).contains(&changes(&rig)), "{} changes in 20 minutes", changes(&rig));
}
