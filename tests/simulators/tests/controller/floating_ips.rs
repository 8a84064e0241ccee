//! Clouds without floating IPs.

use evenkeel_simulators::cloud::CloudConfig;
use evenkeel_simulators::rig::{condition, small, text};
use serde_json::json;
use tokio::time::sleep;

use super::*;

async fn without_floating_ips() -> Rig {
    let mut rig = Rig::with(CloudConfig { has_floating_ips: false, ..CloudConfig::default() }).await;
    rig.start();
    rig
}

/// Neutron's L3 extension is missing, and every list of floating IPs is a 404.
#[tokio::test(start_paused = true)]
async fn a_cloud_without_floating_ips_serves_stacks_that_want_none() {
    let rig = without_floating_ips().await;
    rig.create("web", small()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}, "resyncPeriod": "60s"}})).await;
    rig.until("web is Ready again", SOON, |rig| rig.is_ready("web")).await;
    sleep(5 * MINUTE).await;
    assert!(rig.is_ready("web"), "{}", rig.message("web"));
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn where_there_are_no_floating_ips_a_stack_that_wants_one_is_told() {
    let rig = without_floating_ips().await;
    rig.create("web", with_floating_ip()).await;
    let stalled = |rig: &Rig| text(condition(&rig.stack("web"), "Stalled"), "reason") == "UnsupportedByServer";
    rig.until("it is told", SOON, stalled).await;
    let message = rig.message("web");
    assert!(message.contains("spec.loadBalancer.floatingIP: this cloud has no floating IPs"), "{message}");
    assert!(rig.load_balancers().is_empty());
    rig.patch("web", json!({"spec": {"loadBalancer": {"floatingIP": null}}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
}
