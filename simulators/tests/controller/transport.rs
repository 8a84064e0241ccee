//! Transport failures: none is final.

use evenkeel_simulators::cloud::Fault;
use evenkeel_simulators::rig::{condition, small};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::*;

fn faults() -> Vec<Fault> {
    let response =
        |status, body: &str, retry_after| Fault::ProxyResponse { status, body: body.to_owned(), retry_after };
    vec![
        Fault::Refused,
        Fault::LostBefore,
        Fault::HalfBody,
        Fault::SlowResponse(Duration::from_secs(400)),
        response(500, "<html>Internal Server Error</html>", None),
        response(500, r#"{"faultcode": "Server", "faultstring": "database gone", "debuginfo": null}"#, None),
        response(503, "<html>Service Unavailable</html>", Some(5)),
        response(429, r#"{"error": {"code": 429, "title": "Too Many Requests", "message": "slow down"}}"#, Some(5)),
    ]
}

/// Asserts that the stack reports the fault and waits, and becomes Ready by itself when the fault ends.
async fn assert_survives(rig: &Rig, which: Match, fault: Fault) {
    rig.cloud.fail_always(which, fault.clone());
    rig.cloud.forget_requests();
    rig.cloud.expire_tokens();
    let description = format!("{fault:?}");
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": description}}})).await;
    let begun = Instant::now();
    let mut said = false;
    while begun.elapsed() < 4 * MINUTE {
        let stack = rig.stack("web");
        assert!(condition(&stack, "Stalled").is_null(), "{fault:?}: {stack:#}");
        said |= rig.reason("web") == "CloudUnreachable" && !condition(&stack, "Reconciling").is_null();
        sleep(Duration::from_secs(1)).await;
    }
    assert!(said, "{fault:?}: {:#}", rig.stack("web"));
    assert!(!rig.is_ready("web"), "{fault:?}");
    assert!(rig.cloud.requests().len() < 120, "{fault:?}: {} requests in four minutes", rig.cloud.requests().len());
    rig.cloud.clear_faults();
    rig.until("web is Ready again", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers()[0]["description"], *description);
    assert_eq!(rig.load_balancers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn unresponsive_octavia_requeues() {
    let rig = with_ready(&[("web", small())]).await;
    for fault in faults() {
        assert_survives(&rig, Match::service(Service::LoadBalancer), fault).await;
    }
}

#[tokio::test(start_paused = true)]
async fn unresponsive_keystone_requeues() {
    let rig = with_ready(&[("web", small())]).await;
    for fault in faults() {
        assert_survives(&rig, Match::service(Service::Identity), fault).await;
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_server_is_honoured() {
    let rig = with_ready(&[("web", small())]).await;
    let busy = Fault::ProxyResponse { status: 503, body: String::new(), retry_after: Some(45) };
    rig.cloud.fail(Match::service(Service::LoadBalancer), busy, 1);
    rig.cloud.forget_requests();
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("web is Ready again", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    let requests = rig.cloud.requests();
    let pause = requests[1].at - requests[0].at;
    assert!(pause >= Duration::from_secs(45) && pause < Duration::from_secs(50), "{pause:?}");
}

/// A person has to act, perhaps on the server, so the stack is checked every minute.
#[tokio::test(start_paused = true)]
async fn untrusted_certificate_stalls_stack_until_renewed() {
    let rig = with_ready(&[("web", small())]).await;
    for service in [Service::Identity, Service::LoadBalancer, Service::Network] {
        rig.cloud.fail_always(Match::service(service), Fault::Untrusted);
        rig.cloud.expire_tokens();
        rig.cloud.forget_requests();
        let description = format!("behind {service:?}");
        rig.patch("web", json!({"spec": {"loadBalancer": {"description": description}}})).await;
        rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "CredentialsInvalid").await;
        assert!(rig.message("web").starts_with("the TLS certificate of cloud.test is not accepted: "));
        sleep(4 * MINUTE).await;
        assert!(!condition(&rig.stack("web"), "Stalled").is_null(), "{service:?}");
        assert_eq!(rig.reason("web"), "CredentialsInvalid");
        let calls = rig.cloud.requests().len();
        assert!((2..40).contains(&calls), "{service:?}: {calls} requests in four minutes");
        rig.cloud.clear_faults();
        rig.until("web is Ready again", 2 * MINUTE, |rig| rig.is_ready("web")).await;
        assert_eq!(rig.load_balancers()[0]["description"], *description);
    }
}
