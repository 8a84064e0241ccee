//! Confidentiality of secrets in all outputs.

use evenkeel_simulators::cloud::Fault;
use evenkeel_simulators::rig::{Log, small};
use serde_json::json;
use tokio::time::sleep;

use super::*;

/// Every output of the controller, by its destination.
fn outputs(rig: &Rig, log: &Log) -> Vec<(&'static str, String)> {
    let objects = |group: &str, plural: &str| json!(rig.cluster.objects(group, plural)).to_string();
    vec![
        ("the log", log.text()),
        ("stacks and their status", objects("evenkeel.dev", "loadbalancerstacks")),
        ("Events", objects("", "events")),
        ("metrics", rig.metrics.text().unwrap()),
        ("the cloud", json!(rig.load_balancers()).to_string()),
    ]
}

#[tokio::test(start_paused = true)]
async fn password_and_token_are_in_no_output() {
    let log = Log::capture("debug,evenkeel=trace");
    let rig = with_ready(&[("web", small())]).await;
    let password = "not-a-secret";
    let echo = |status| Fault::ProxyResponse {
        status,
        body: json!({"error": {"code": status, "title": "Unauthorized", "message": format!("no user has {password}")}})
            .to_string(),
        retry_after: None,
    };
    // Password and application credential: accepted, rejected with an echo, and broken in Keystone's own ways.
    for cloud in ["demo", "demo-appcred"] {
        rig.replace_credentials(cloud).await;
        for fault in [echo(401), echo(400), echo(500), Fault::HalfBody, Fault::Refused] {
            rig.cloud.expire_tokens();
            rig.cloud.fail(Match::service(Service::Identity), fault.clone(), 4);
            rig.patch(
                "web",
                json!({"spec": {"loadBalancer": {"description": format!("{cloud} {fault:?}").replace(password, "")}}}),
            )
            .await;
            sleep(3 * MINUTE).await;
            rig.cloud.clear_faults();
            rig.until("web is Ready again", 2 * MINUTE, |rig| rig.is_ready("web")).await;
        }
    }
    // A malformed Secret, with the password in the wrong place.
    let broken =
        json!({"stringData": {"clouds.yaml": format!("clouds:\n  openstack: {{auth: {password}: {password}}}\n")}});
    let merge = kube::api::Patch::Merge(broken);
    rig.secrets().patch("openstack", &Default::default(), &merge).await.unwrap();
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "CredentialsInvalid").await;
    rig.delete("web").await;
    sleep(2 * MINUTE).await;

    let secrets = rig.cloud.secrets();
    assert!(secrets.len() > 1 && secrets.contains(&password.to_owned()));
    for (place, text) in outputs(&rig, &log) {
        assert!(!text.is_empty(), "{place} is empty");
        for secret in &secrets {
            let at = text.find(secret.as_str());
            assert_eq!(
                at,
                None,
                "in {place}: …{}…",
                &text[at.unwrap_or(0).saturating_sub(200)..][..300.min(text.len())]
            );
        }
    }
    assert!(log.text().contains("called OpenStack"), "the log lacks expected lines");
}
