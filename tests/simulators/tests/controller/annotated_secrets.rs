//! Credentials are what a Secret holds, not what is written about it.

use evenkeel_simulators::cloud::{Effect, Kind, ProviderFault, Verb};
use evenkeel_simulators::cluster;
use evenkeel_simulators::rig::{NAMESPACE, SECRET, small};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::refusals::octavia;
use super::*;

async fn patch_secret(rig: &Rig, metadata: Value) {
    let patch = Patch::Merge(json!({"metadata": metadata}));
    rig.secrets().patch(SECRET, &PatchParams::default(), &patch).await.unwrap();
}

/// As a tool does that notes on every Secret when it last saw it.
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

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_only_annotated_costs_no_call() {
    let rig = with_ready(&[("web", rarely_looked_at()), ("api", rarely_looked_at())]).await;
    sleep(MINUTE).await;
    rig.cloud.forget_requests();
    annotate_each_minute(&rig, 20).await;
    assert!(rig.cloud.requests().is_empty(), "{:?}", rig.cloud.requests());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_does_not_take_effect_stays_rare_beside_a_secret_that_is_annotated() {
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.fail_provider(ProviderFault {
        kind: Some(Kind::Pool),
        verb: Some(Verb::Update),
        load_balancer: None,
        effect: Effect::Fails,
        times: None,
    });
    let mut pools = rig.stack("web")["spec"]["pools"].take();
    pools[0]["algorithm"] = json!("SOURCE_IP");
    rig.patch("web", json!({"spec": {"pools": pools}})).await;
    rig.until("it does not take effect", 5 * MINUTE, |rig| rig.reason("web") == "ChangeFailed").await;
    rig.cloud.forget_requests();
    annotate_each_minute(&rig, 60).await;
    assert!((4..=14).contains(&changes(&rig)), "{} changes in an hour", changes(&rig));
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_stays_rare_beside_a_secret_that_is_annotated() {
    let rig = with_ready(&[("web", small())]).await;
    let puts = Match::service(Service::LoadBalancer).method(Method::PUT);
    rig.cloud.fail_always(puts, octavia(400, "Validation failure: the moon is in the wrong phase"));
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("it is refused", SOON, |rig| rig.reason("web") == "Refused").await;
    rig.cloud.forget_requests();
    annotate_each_minute(&rig, 60).await;
    assert!((1..=7).contains(&changes(&rig)), "{} changes in an hour", changes(&rig));
}

/// After a start, stacks may be looked at before the watch tells of their Secret.
#[tokio::test(start_paused = true)]
async fn a_secret_that_is_heard_of_late_is_not_another_one() {
    let mut rig = with_ready(&[("web", rarely_looked_at()), ("api", rarely_looked_at())]).await;
    rig.stop().await;
    let late = cluster::Effect::SlowAnswer(Duration::from_secs(10));
    rig.cluster.inject(cluster::Fault::next("list", "/api/v1/secrets", late));
    rig.cloud.forget_requests();
    rig.start();
    sleep(Duration::from_secs(5)).await;
    let first_look = rig.cloud.requests().len();
    assert!(first_look > 0, "nobody looked");
    sleep(MINUTE).await;
    assert_eq!(rig.cloud.requests().len(), first_look, "{:?}", rig.cloud.requests());
}

#[tokio::test(start_paused = true)]
async fn our_entry_on_a_secret_in_use_is_put_back() {
    let rig = with_ready(&[("web", rarely_looked_at())]).await;
    let is_held = |rig: &Rig| {
        let secret = rig.cluster.object("", "secrets", NAMESPACE, SECRET).unwrap();
        secret["metadata"]["finalizers"].to_string().contains("evenkeel.dev/credentials-in-use")
    };
    let patches = |rig: &Rig| {
        let ours =
            |request: &&cluster::SeenRequest| request.verb == "patch" && request.path.ends_with("/secrets/openstack");
        rig.cluster.requests().iter().filter(ours).count()
    };
    assert!(is_held(&rig));
    rig.cluster.forget_requests();
    patch_secret(&rig, json!({"finalizers": null})).await;
    rig.until("it is taken off and put back", SOON, |rig| patches(rig) == 2 && is_held(rig)).await;
}
