//! Floating IPs without a route to the VIP: the message names the missing part.

use evenkeel_simulators::rig::{condition, small};
use serde_json::json;
use tokio::time::sleep;

use super::*;

/// A rig as in the sample: the stack wants a floating IP, and its subnet is on no router.
async fn on_an_island(spec: Value) -> (Rig, String) {
    let mut rig = Rig::new().await;
    let subnet = rig.cloud.subnet_id("tenant-v4");
    rig.cloud.route(&subnet, false);
    rig.start();
    rig.create("web", spec).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "ReferenceUnusable").await;
    (rig, subnet)
}

fn neutron(kind: &str, message: &str) -> Fault {
    let body = json!({"NeutronError": {"type": kind, "message": message, "detail": ""}});
    Fault::ProxyResponse { status: 404, body: body.to_string(), retry_after: None }
}

fn floating_ip_writes() -> Match {
    Match::service(Service::Network).method(Method::POST).path("/floatingips")
}

fn port_of(rig: &Rig) -> String {
    rig.load_balancers()[0]["vip_port_id"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn subnet_without_router_is_reported_and_nothing_deleted() {
    let (rig, subnet) = on_an_island(with_floating_ip()).await;
    let lb = id(&rig.load_balancers()[0]);
    let message = rig.message("web");
    for part in ["spec.loadBalancer.floatingIP", "is not reachable from subnet", &subnet, "router"] {
        assert!(message.contains(part), "{message}");
    }
    for part in ["was deleted", "openstack loadbalancer delete"] {
        assert!(!message.contains(part), "{message}");
    }
    assert_eq!(condition(&rig.stack("web"), "ResolvedRefs")["status"], "False");
    sleep(10 * MINUTE).await;
    assert_eq!((rig.reason("web"), rig.message("web")), ("ReferenceUnusable".into(), message));
    assert_eq!(rig.events("web").iter().filter(|(reason, _)| reason == "ReferenceUnusable").count(), 1);
    assert!(!rig.events("web").iter().any(|(reason, _)| reason == "VipPortMissing"));

    rig.cloud.route(&subnet, true);
    rig.until("web is Ready by itself", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!((id(&rig.load_balancers()[0]), rig.creates().len()), (lb, 1));
    assert!(rig.stack("web")["status"]["loadBalancer"]["floatingIP"].is_string(), "{:#}", rig.stack("web")["status"]);
}

/// The PUT fails with the same error.
#[tokio::test(start_paused = true)]
async fn existing_floating_ip_without_router_is_reported() {
    let rig = with_ready(&[("web", small())]).await;
    let wanted = json!({"floatingip": {"floating_network_id": rig.cloud.network_id("public")}});
    let path = "/v2.0/floatingips";
    let (_, made) = rig.cloud.request_as("demo", Method::POST, Service::Network, path, Some(wanted)).await;
    let subnet = rig.cloud.subnet_id("tenant-v4");
    rig.cloud.route(&subnet, false);
    let existing = json!({"existing": {"address": made["floatingip"]["floating_ip_address"]}});
    rig.patch("web", json!({"spec": {"loadBalancer": {"floatingIP": existing, "description": "edited"}}})).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "ReferenceUnusable").await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
    rig.cloud.route(&subnet, true);
    rig.until("web is Ready by itself", 2 * MINUTE, |rig| rig.is_ready("web")).await;
}

/// Neutron's text may name the port when something else is missing.
#[tokio::test(start_paused = true)]
async fn existing_port_is_never_reported_missing() {
    for kind in ["RouterNotFound", "SubnetNotFound", "NetworkNotFound", "PortNotFound", "ObjectNotFound"] {
        let rig = with_ready(&[("web", small())]).await;
        let message = format!("Something of port {} could not be found.", port_of(&rig));
        rig.cloud.fail_always(floating_ip_writes(), neutron(kind, &message));
        let wanted = json!({"allocate": {"network": {"name": "public"}}});
        rig.patch("web", json!({"spec": {"loadBalancer": {"floatingIP": wanted}}})).await;
        rig.until("the stack reports it", MINUTE, |rig| rig.message("web").contains(&message)).await;
        sleep(5 * MINUTE).await;
        assert_eq!(rig.reason("web"), "Conflict");
        assert!(!rig.message("web").contains("openstack loadbalancer delete"), "{}", rig.message("web"));
        assert!(!rig.events("web").iter().any(|(reason, _)| reason == "VipPortMissing"));
        rig.cloud.clear_faults();
        rig.until("web is Ready by itself", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn missing_port_is_reported_when_floating_ip_needs_it() {
    let rig = with_ready(&[("web", small())]).await;
    let path = format!("/v2.0/ports/{}", port_of(&rig));
    let (code, _) = rig.cloud.request_as("demo", Method::DELETE, Service::Network, &path, None).await;
    assert_eq!(code, 204);
    let wanted = json!({"allocate": {"network": {"name": "public"}}});
    rig.patch("web", json!({"spec": {"loadBalancer": {"floatingIP": wanted}}})).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "VipPortMissing").await;
    assert!(rig.message("web").contains("openstack loadbalancer delete --cascade"), "{}", rig.message("web"));
}

/// The resolved id is cached for ten minutes, but not beyond the first 404.
#[tokio::test(start_paused = true)]
async fn missing_floating_ip_is_looked_up_again() {
    let mut rig = Rig::new().await;
    let wanted = json!({"floatingip": {"floating_network_id": rig.cloud.network_id("public")}});
    let path = "/v2.0/floatingips";
    let (_, made) = rig.cloud.request_as("demo", Method::POST, Service::Network, path, Some(wanted)).await;
    let floating_ip = made["floatingip"]["id"].as_str().unwrap().to_owned();
    rig.start();
    let mut spec = small();
    spec["loadBalancer"]["floatingIP"] = json!({"existing": {"id": floating_ip}});
    spec["resyncPeriod"] = json!("30s");
    rig.create("web", spec).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    let path = format!("/v2.0/floatingips/{floating_ip}");
    let (code, _) = rig.cloud.request_as("demo", Method::DELETE, Service::Network, &path, None).await;
    assert_eq!(code, 204);
    rig.until("the stack reports it", 3 * MINUTE, |rig| rig.reason("web") == "ReferenceNotFound").await;
}
