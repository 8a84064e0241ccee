//! Addresses of a recreated load balancer: it keeps each of them unless another port has taken it.

use evenkeel_simulators::rig::small;
use serde_json::json;

use super::*;

fn two_families() -> Value {
    let mut spec = small();
    spec["resyncPeriod"] = json!("10s");
    spec["loadBalancer"]["vip"]["additional"] = json!([{"subnet": {"name": "tenant-v6"}}]);
    spec
}

async fn as_tenant(rig: &Rig, method: Method, service: Service, path: &str, body: Option<Value>) -> Value {
    let (code, response) = rig.cloud.request_as("demo", method, service, path, body).await;
    assert!(code < 300, "{response}");
    response
}

/// Allocates an address of `tenant-v6`: this one, or the first free one.
async fn take_address(rig: &Rig, address: Option<&str>) -> String {
    let mut fixed_ip = json!({"subnet_id": rig.cloud.subnet_id("tenant-v6")});
    if let Some(address) = address {
        fixed_ip["ip_address"] = json!(address);
    }
    let body = json!({"port": {"network_id": rig.cloud.network_id("tenant"), "fixed_ips": [fixed_ip]}});
    let made = as_tenant(rig, Method::POST, Service::Network, "/v2.0/ports", Some(body)).await;
    made["port"]["id"].as_str().unwrap().to_owned()
}

async fn delete_load_balancer(rig: &Rig) {
    let lb = id(&rig.load_balancers()[0]);
    let path = format!("/v2/lbaas/loadbalancers/{lb}?cascade=true");
    as_tenant(rig, Method::DELETE, Service::LoadBalancer, &path, None).await;
}

/// The addresses of the only load balancer: the first and the additional one.
fn addresses(rig: &Rig) -> (Value, Value) {
    let all = rig.load_balancers();
    assert_eq!(all.len(), 1);
    (all[0]["vip_address"].clone(), all[0]["additional_vips"][0]["ip_address"].clone())
}

/// A rig with a stack whose addresses are not the first free ones, so that a create without addresses gets others.
async fn with_late_addresses() -> Rig {
    let mut rig = Rig::new().await;
    let blocker = take_address(&rig, None).await;
    rig.start();
    rig.create("web", two_families()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    as_tenant(&rig, Method::DELETE, Service::Network, &format!("/v2.0/ports/{blocker}"), None).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn additional_addresses_are_shown_in_status() {
    let rig = with_ready(&[("web", two_families())]).await;
    let lb = &rig.load_balancers()[0];
    let vip = &lb["additional_vips"][0];
    let shown = json!([{"subnetID": vip["subnet_id"], "address": vip["ip_address"], "portID": vip["port_id"]}]);
    assert_eq!(rig.stack("web")["status"]["loadBalancer"]["additionalVIPs"], shown);
}

#[tokio::test(start_paused = true)]
async fn recreated_load_balancer_keeps_additional_address() {
    let rig = with_late_addresses().await;
    let (lb, before) = (id(&rig.load_balancers()[0]), addresses(&rig));
    delete_load_balancer(&rig).await;
    rig.until("another one", 5 * MINUTE, |rig| rig.load_balancers().iter().any(|seen| id(seen) != lb)).await;
    rig.until("web is Ready", MINUTE, |rig| rig.load_balancers().len() == 1 && rig.is_ready("web")).await;
    assert_eq!(addresses(&rig), before);
}

#[tokio::test(start_paused = true)]
async fn taken_additional_address_is_dropped_and_first_kept() {
    let mut rig = with_late_addresses().await;
    let (lb, (first, additional)) = (id(&rig.load_balancers()[0]), addresses(&rig));
    rig.stop().await;
    delete_load_balancer(&rig).await;
    rig.until("it is deleted", 5 * MINUTE, |rig| rig.load_balancers().is_empty()).await;
    take_address(&rig, additional.as_str()).await;
    rig.start();
    rig.until("another one", 20 * MINUTE, |rig| rig.load_balancers().iter().any(|seen| id(seen) != lb)).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    let (first_now, additional_now) = addresses(&rig);
    assert_eq!(first_now, first);
    assert_ne!(additional_now, additional);
    let shown = rig.stack("web")["status"]["loadBalancer"]["additionalVIPs"][0]["address"].clone();
    assert_eq!(shown, additional_now);
}
