//! What Octavia says no to, and what then.

use evenkeel_simulators::cloud::{Effect, Fault, Kind, ProviderFault, Verb};
use evenkeel_simulators::rig::{condition, small, text};
use serde_json::json;
use tokio::time::sleep;

use super::*;

fn octavia(status: u16, faultstring: &str) -> Fault {
    let body = json!({"faultcode": "Client", "faultstring": faultstring, "debuginfo": null});
    Fault::Answer { status, body: body.to_string(), retry_after: None }
}

#[tokio::test(start_paused = true)]
async fn an_immutable_load_balancer_is_a_wait_without_an_error_count() {
    let rig = with_ready(&[("web", small())]).await;
    let locked = octavia(409, "Load Balancer 1 is immutable and cannot be updated.");
    rig.cloud.fail(Match::service(Service::LoadBalancer).method(Method::PUT), locked, 8);
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("it is locked", SOON, |rig| rig.reason("web") == "Locked").await;
    assert!(condition(&rig.stack("web"), "Stalled").is_null());
    // Eight errors would back off for more than two minutes.
    rig.until("web is Ready again", Duration::from_secs(20), |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_asked_for_rarely_and_shown_with_its_numbers() {
    let mut rig = Rig::new().await;
    rig.cloud.set_quota("demo", Kind::Listener, 0);
    rig.start();
    rig.create("web", small()).await;
    rig.until("the quota is in the way", SOON, |rig| {
        rig.message("web").contains("listener 0 of 0 used, 1 more needed")
    })
    .await;
    assert_eq!(rig.reason("web"), "QuotaExceeded");
    assert!(condition(&rig.stack("web"), "Stalled").is_null());
    rig.cloud.forget_requests();
    sleep(10 * MINUTE).await;
    assert!(rig.creates().is_empty(), "a create that cannot succeed leaks a port each time");
    assert!(rig.cloud.requests().len() < 120, "{} calls in ten minutes", rig.cloud.requests().len());
    rig.cloud.set_quota("demo", Kind::Listener, 5);
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_create_is_not_sent_again_before_the_spec_changes() {
    let mut rig = Rig::new().await;
    let refusal = "Validation failure: the moon is in the wrong phase";
    rig.cloud.fail_always(create(), octavia(400, refusal));
    rig.start();
    rig.create("web", small()).await;
    rig.until("it is refused", SOON, |rig| rig.reason("web") == "Refused").await;
    let stack = rig.stack("web");
    assert_eq!(condition(&stack, "Stalled")["status"], "True");
    assert!(text(condition(&stack, "Ready"), "message").contains(refusal), "{stack:#}");
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

/// Octavia takes the change (200) and its data plane does not: sending it again every few seconds would be a reload each
/// time, for ever.
#[tokio::test(start_paused = true)]
async fn a_change_that_does_not_take_effect_is_sent_ever_more_rarely_and_holds_up_nothing_else() {
    let rig = with_ready(&[("web", small())]).await;
    let fails = |kind| ProviderFault {
        kind: Some(kind),
        verb: Some(Verb::Update),
        load_balancer: None,
        effect: Effect::Fails,
        times: None,
    };
    rig.cloud.fail_provider(fails(Kind::Pool));
    let mut spec = rig.stack("web")["spec"].take();
    spec["pools"][0]["algorithm"] = json!("SOURCE_IP");
    spec["loadBalancer"]["description"] = json!("edited");
    rig.patch("web", json!({"spec": spec})).await;
    rig.until("it does not take effect", 5 * MINUTE, |rig| rig.reason("web") == "ChangeFailed").await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
    let message = rig.message("web");
    assert!(message.contains("pool web") && message.contains("does not take effect"), "{message}");
    rig.cloud.forget_requests();
    sleep(60 * MINUTE).await;
    let writes = rig.cloud.requests().iter().filter(|request| request.method == Method::PUT).count();
    assert!((4..=14).contains(&writes), "{writes} writes in an hour");
    assert_eq!(rig.events("web").iter().filter(|(reason, _)| reason == "ChangeFailed").count(), 1);

    rig.cloud.clear_faults();
    rig.until("web is Ready by itself", 11 * MINUTE, |rig| rig.is_ready("web")).await;
}
