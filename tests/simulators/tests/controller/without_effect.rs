//! Settings that the data plane would not carry out: said with their field, and nothing is written to the cloud.

use evenkeel_simulators::rig::{condition, small, text};
use serde_json::json;
use tokio::time::sleep;

use super::*;

/// The field that is told, and the spec.
fn cases() -> Vec<(&'static str, Value)> {
    let with = |edit: &dyn Fn(&mut Value)| {
        let mut spec = small();
        edit(&mut spec);
        spec
    };
    vec![
        (
            "spec.pools[web].sessionPersistence.type",
            with(&|spec| {
                spec["listeners"][0]["protocol"] = json!("HTTPS");
                spec["pools"][0]["protocol"] = json!("PROXYV2");
                spec["pools"][0]["sessionPersistence"] = json!({"type": "APP_COOKIE", "cookieName": "connect.sid"});
            }),
        ),
        (
            "spec.listeners[http].insertHeaders",
            with(&|spec| spec["listeners"][0]["insertHeaders"] = json!(["X-Real-IP"])),
        ),
        (
            "spec.listeners[http].timeouts.clientData",
            with(&|spec| spec["listeners"][0]["timeouts"] = json!({"clientData": "0s"})),
        ),
        ("spec.listeners[http].connectionLimit", with(&|spec| spec["listeners"][0]["connectionLimit"] = json!(0))),
        (
            "spec.pools[web].members[10.20.0.12:8080].monitorPort",
            with(&|spec| {
                spec["pools"][0]["members"][1]["monitorPort"] = json!(9000);
                spec["pools"][0].as_object_mut().unwrap().remove("healthMonitor");
            }),
        ),
        (
            "spec.listeners[http].l7Policies[to-https].rules",
            with(&|spec| {
                let redirect = "https://shop.example";
                spec["listeners"][0]["l7Policies"] =
                    json!([{"name": "to-https", "action": "REDIRECT_PREFIX", "redirectPrefix": redirect}]);
            }),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn setting_without_effect_is_refused_before_anything_is_written() {
    for (field, spec) in cases() {
        let mut rig = Rig::new().await;
        rig.start();
        rig.create("web", spec).await;
        rig.until("it is refused", SOON, |rig| rig.message("web").contains(field)).await;
        sleep(30 * MINUTE).await;
        let stack = rig.stack("web");
        assert_eq!(condition(&stack, "Accepted")["status"], "False", "{field}");
        assert!(
            ["InvalidSpec", "UnsupportedByServer"].contains(&text(condition(&stack, "Stalled"), "reason")),
            "{field}"
        );
        assert!(rig.cloud.writes().is_empty(), "{field}: {:?}", rig.cloud.writes());
    }
}
