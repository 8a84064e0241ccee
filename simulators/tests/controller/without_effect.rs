//! Settings that the data plane would not apply: reported with their field, and nothing is written to the cloud.

use evenkeel_simulators::rig::{condition, small, text};
use serde_json::json;
use tokio::time::sleep;

use super::*;

/// A part of the message, and the spec.
fn cases() -> Vec<(&'static str, Value)> {
    let with = |edit: &dyn Fn(&mut Value)| {
        let mut spec = small();
        edit(&mut spec);
        spec
    };
    vec![
        (
            "under a listener of protocol TCP or HTTPS",
            with(&|spec| {
                spec["listeners"][0]["protocol"] = json!("HTTPS");
                spec["pools"][0]["protocol"] = json!("PROXYV2");
                spec["pools"][0]["sessionPersistence"] = json!({"type": "APP_COOKIE", "cookieName": "connect.sid"});
            }),
        ),
        ("never added by provider amphora", with(&|spec| spec["listeners"][0]["insertHeaders"] = json!(["X-Real-IP"]))),
        ("timeouts must be at least 1ms", with(&|spec| spec["listeners"][0]["timeouts"] = json!({"clientData": "0s"}))),
        (
            "connectionLimit 0 means the cloud's default",
            with(&|spec| spec["listeners"][0]["connectionLimit"] = json!(0)),
        ),
        (
            "need a healthMonitor in the pool",
            with(&|spec| {
                spec["pools"][0]["members"][1]["monitorPort"] = json!(9000);
                spec["pools"][0].as_object_mut().unwrap().remove("healthMonitor");
            }),
        ),
        (
            "rules must have at least one entry",
            with(&|spec| {
                let redirect = "https://shop.example";
                spec["listeners"][0]["l7Policies"] =
                    json!([{"name": "to-https", "action": "REDIRECT_PREFIX", "redirectPrefix": redirect}]);
            }),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn setting_without_effect_is_rejected_by_api_server() {
    let mut rig = Rig::new().await;
    rig.start();
    for (message, spec) in cases() {
        let rejection = rig.create_rejected("web", spec).await;
        assert!(rejection.contains(message), "{rejection}");
    }
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
}

/// The API server does not know the IP version of a subnet.
#[tokio::test(start_paused = true)]
async fn netmask_beside_ipv6_address_is_reported_before_write() {
    let mut spec = small();
    spec["loadBalancer"]["vip"]["additional"] = json!([{"subnet": {"name": "tenant-v6"}}]);
    spec["listeners"][0]["protocol"] = json!("UDP");
    let persistence = json!({"type": "SOURCE_IP", "granularity": "255.255.255.0"});
    spec["pools"] =
        json!([{"name": "web", "protocol": "UDP", "algorithm": "SOURCE_IP", "sessionPersistence": persistence}]);
    let mut rig = Rig::new().await;
    rig.start();
    rig.create("web", spec).await;
    let field = "spec.pools[web].sessionPersistence.granularity";
    rig.until("the create is rejected", SOON, |rig| rig.message("web").contains(field)).await;
    sleep(30 * MINUTE).await;
    let stack = rig.stack("web");
    assert_eq!(condition(&stack, "Accepted")["status"], "False");
    assert_eq!(text(condition(&stack, "Stalled"), "reason"), "UnsupportedByCloud");
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
}
