//! A VIP port that is deleted in Neutron behind a load balancer without a floating IP. Octavia does not notice: the
//! load balancer stays ACTIVE, and nothing reaches it.

use evenkeel_simulators::cloud::{CloudRequest, Provisioning};
use evenkeel_simulators::rig::{condition, small, text};
use serde_json::json;
use tokio::time::sleep;

use super::*;

/// Longer than resolved references are cached (ten minutes).
const FORGOTTEN: Duration = Duration::from_secs(11 * 60);

fn often() -> Value {
    let mut spec = small();
    spec["resyncPeriod"] = json!("60s");
    spec
}

async fn as_tenant(rig: &Rig, method: Method, service: Service, path: &str, body: Option<Value>) -> Value {
    let (code, response) = rig.cloud.request_as("demo", method, service, path, body).await;
    assert!(code < 300, "{response}");
    response
}

/// Id, port and address of the only load balancer.
fn only_one(rig: &Rig) -> (String, String, String) {
    let all = rig.load_balancers();
    assert_eq!(all.len(), 1);
    let text = |key: &str| all[0][key].as_str().unwrap().to_owned();
    (text("id"), text("vip_port_id"), text("vip_address"))
}

async fn delete_port(rig: &Rig, port: &str) {
    as_tenant(rig, Method::DELETE, Service::Network, &format!("/v2.0/ports/{port}"), None).await;
}

async fn delete_load_balancer(rig: &Rig, lb: &str) {
    let path = format!("/v2/lbaas/loadbalancers/{lb}?cascade=true");
    as_tenant(rig, Method::DELETE, Service::LoadBalancer, &path, None).await;
}

fn our_writes(rig: &Rig) -> Vec<CloudRequest> {
    let mut writes = rig.cloud.writes();
    writes.retain(|entry| entry.user_agent != "another-tool");
    writes
}

async fn until_reported(rig: &Rig) {
    rig.until("the stack reports it", 2 * MINUTE, |rig| rig.reason("web") == "VipPortMissing").await;
    assert_eq!(text(condition(&rig.stack("web"), "Stalled"), "reason"), "VipPortMissing");
}

#[tokio::test(start_paused = true)]
async fn missing_vip_port_is_reported_and_load_balancer_recreated() {
    let rig = with_ready(&[("web", often()), ("api", often())]).await;
    let lb = rig.load_balancers_of(&uid(&rig.stack("web"))).remove(0);
    let (port, address) = (text(&json!(lb), "vip_port_id").to_owned(), lb["vip_address"].clone());
    let lb = id(&lb);
    rig.cloud.forget_requests();
    delete_port(&rig, &port).await;
    until_reported(&rig).await;
    let message = rig.message("web");
    for part in [port.as_str(), &format!("openstack loadbalancer delete --cascade {lb}")] {
        assert!(message.contains(part), "{message}");
    }
    sleep(20 * MINUTE).await;
    assert_eq!((rig.reason("web"), rig.message("web")), ("VipPortMissing".into(), message));
    assert_eq!(rig.events("web").iter().filter(|(reason, _)| reason == "VipPortMissing").count(), 1);
    assert!(rig.is_ready("api"), "{}", rig.message("api"));
    assert!(our_writes(&rig).is_empty(), "{:?}", our_writes(&rig));

    delete_load_balancer(&rig, &lb).await;
    rig.until("web is Ready by itself", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    let again = rig.load_balancers_of(&uid(&rig.stack("web"))).remove(0);
    assert_ne!(id(&again), lb);
    assert_eq!((&again["vip_address"], rig.load_balancers().len()), (&address, 2));
    sleep(20 * MINUTE).await;
    assert!(rig.is_ready("web"), "{}", rig.message("web"));
}

#[tokio::test(start_paused = true)]
async fn missing_vip_port_does_not_block_other_steps() {
    let rig = with_ready(&[("web", often())]).await;
    delete_port(&rig, &only_one(&rig).1).await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    until_reported(&rig).await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "again"}}})).await;
    rig.until("the second edit is applied", SOON, |rig| rig.load_balancers()[0]["description"] == "again").await;
    until_reported(&rig).await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn missing_vip_port_is_reported_by_observe() {
    let mut spec = often();
    spec["managementPolicy"] = json!("Observe");
    let rig = with_ready(&[("web", often())]).await;
    rig.patch("web", json!({"spec": spec})).await;
    rig.until("the stack is observed", SOON, |rig| rig.is_ready("web") && rig.reason("web") == "InSync").await;
    rig.cloud.forget_requests();
    delete_port(&rig, &only_one(&rig).1).await;
    until_reported(&rig).await;
    assert!(our_writes(&rig).is_empty(), "{:?}", our_writes(&rig));
}

#[tokio::test(start_paused = true)]
async fn user_port_is_reported_missing_only_when_gone() {
    let mut rig = Rig::new().await;
    let (network, subnet) = (rig.cloud.network_id("tenant"), rig.cloud.subnet_id("tenant-v4"));
    let body = json!({"port": {"network_id": network, "fixed_ips": [{"subnet_id": subnet}]}});
    let made = as_tenant(&rig, Method::POST, Service::Network, "/v2.0/ports", Some(body)).await;
    let port = text(&made["port"], "id").to_owned();
    rig.start();
    let mut spec = often();
    spec["loadBalancer"] = json!({"vip": {"port": {"id": port}}});
    rig.create("web", spec).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(only_one(&rig).1, port);
    sleep(FORGOTTEN).await;
    assert!(rig.is_ready("web"), "{}", rig.message("web"));
    assert!(!rig.events("web").iter().any(|(reason, _)| reason == "VipPortMissing"));
    delete_port(&rig, &port).await;
    rig.until("the stack reports it missing", 2 * MINUTE, |rig| !rig.is_ready("web")).await;
    sleep(FORGOTTEN).await;
    assert!(!rig.is_ready("web"), "{}", rig.message("web"));
}

/// Users without access to ports get no report about them.
#[tokio::test(start_paused = true)]
async fn hidden_ports_do_not_stall_stack() {
    for (status, kind) in [(403, "PolicyNotAuthorized"), (404, "HTTPNotFound")] {
        let rig = with_ready(&[("web", often())]).await;
        let error = json!({"NeutronError": {"type": kind, "message": "rule:get_port is disallowed by policy"}});
        let fault = Fault::ProxyResponse { status, body: error.to_string(), retry_after: None };
        rig.cloud.fail_always(Match::service(Service::Network).method(Method::GET).path("/ports"), fault);
        rig.cloud.forget_requests();
        sleep(10 * MINUTE).await;
        let calls = rig.cloud.requests().len();
        delete_port(&rig, &only_one(&rig).1).await;
        rig.cloud.forget_requests();
        sleep(10 * MINUTE).await;
        assert!(rig.is_ready("web"), "{}", rig.message("web"));
        let more = rig.cloud.requests().len();
        assert!(more <= calls * 3 / 2, "{calls} requests in ten minutes with the port, {more} without");
        rig.cloud.clear_faults();
        until_reported(&rig).await;
    }
}

/// A failover may recreate the port. While it lasts, ports are not reported. After it the new port counts.
#[tokio::test(start_paused = true)]
async fn port_recreated_by_octavia_is_not_reported_missing() {
    let rig = with_ready(&[("web", often())]).await;
    let (lb, port, _) = only_one(&rig);
    let (network, subnet) = (rig.cloud.network_id("tenant"), rig.cloud.subnet_id("tenant-v4"));
    let wanted = json!({"port": {"network_id": network, "fixed_ips": [{"subnet_id": subnet}]}});
    let made = as_tenant(&rig, Method::POST, Service::Network, "/v2.0/ports", Some(wanted)).await;
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::PendingUpdate), None);
    delete_port(&rig, &port).await;
    sleep(5 * MINUTE).await;
    assert_ne!(rig.reason("web"), "VipPortMissing");
    rig.cloud.edit(Kind::LoadBalancer, &lb, |lb| drop(lb.insert("vip_port_id".into(), made["port"]["id"].clone())));
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Active), None);
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
    sleep(10 * MINUTE).await;
    assert!(rig.is_ready("web"), "{}", rig.message("web"));
    assert!(!rig.events("web").iter().any(|(reason, _)| reason == "VipPortMissing"));
}
