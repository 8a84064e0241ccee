//! Preconditions of a create: they never block an existing load balancer.

use evenkeel_simulators::cloud::CloudRequest;
use evenkeel_simulators::rig::{condition, small};
use serde_json::json;
use tokio::time::sleep;

use super::*;

/// Longer than resolved references are cached.
const FORGOTTEN: Duration = Duration::from_secs(11 * 60);

fn with(load_balancer: Value) -> Value {
    let mut spec = small();
    spec["loadBalancer"] = load_balancer;
    spec
}

/// A spec with a UDP pool and a member of IPv6.
fn datagrams(load_balancer: Value) -> Value {
    let mut spec = with(load_balancer);
    spec["listeners"] = json!([{"name": "dns", "protocol": "UDP", "port": 53, "defaultPool": "dns"}]);
    spec["pools"] = json!([{
        "name": "dns", "protocol": "UDP", "algorithm": "ROUND_ROBIN", "members": [{"address": "fd00:99::1", "port": 53}],
    }]);
    spec
}

async fn edit(rig: &Rig, name: &str) {
    rig.patch(name, json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("the edit is applied", SOON, |rig| rig.is_ready(name)).await;
    assert!(rig.load_balancers().iter().any(|lb| lb["description"] == "edited"));
}

/// The operator disables a flavor or a zone. Load balancers that use it keep working.
#[tokio::test(start_paused = true)]
async fn disabled_create_option_does_not_stall_existing_stack() {
    for (option, name) in [(json!({"flavor": {"name": "ha"}}), "ha"), (json!({"availabilityZone": "az1"}), "az1")] {
        let mut load_balancer = json!({"vip": {"subnet": {"name": "tenant-v4"}}});
        load_balancer.as_object_mut().unwrap().extend(option.as_object().unwrap().clone());
        let rig = with_ready(&[("web", with(load_balancer.clone()))]).await;
        rig.cloud.enable(name, false);
        sleep(FORGOTTEN).await;
        edit(&rig, "web").await;

        rig.cloud.forget_requests();
        rig.create("new", with(load_balancer)).await;
        rig.until("the new one is rejected", SOON, |rig| rig.reason("new") == "ReferenceUnusable").await;
        assert!(rig.message("new").contains("its operator has disabled it"), "{}", rig.message("new"));
        assert_eq!(condition(&rig.stack("new"), "ResolvedRefs")["status"], "False");
        sleep(10 * MINUTE).await;
        assert!(rig.creates().is_empty(), "{:?}", rig.creates());

        rig.cloud.enable(name, true);
        rig.until("the new one is created", 3 * MINUTE, |rig| rig.is_ready("new")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn recreate_with_disabled_flavor_is_blocked() {
    let flavored = json!({"flavor": {"name": "ha"}, "vip": {"subnet": {"name": "tenant-v4"}}});
    let rig = with_ready(&[("web", with(flavored))]).await;
    rig.cloud.enable("ha", false);
    sleep(FORGOTTEN).await;
    rig.cloud.forget_requests();
    rig.cloud.vanish(Kind::LoadBalancer, &id(&rig.load_balancers()[0]));
    rig.until("the create is rejected", 15 * MINUTE, |rig| rig.reason("web") == "ReferenceUnusable").await;
    assert!(rig.creates().is_empty(), "{:?}", rig.creates());
}

/// Octavia accepts it in the single call, and the load balancer ends in ERROR.
#[tokio::test(start_paused = true)]
async fn unreachable_member_ip_version_is_rejected_before_create() {
    let mut rig = Rig::new().await;
    rig.start();
    rig.create("dns", datagrams(json!({"vip": {"network": {"name": "tenant"}}}))).await;
    rig.until("the create is rejected", SOON, |rig| rig.reason("dns") == "InvalidSpec").await;
    assert!(rig.message("dns").contains("fd00:99::1 is IPv6"), "{}", rig.message("dns"));
    assert_eq!(condition(&rig.stack("dns"), "Accepted")["status"], "False");
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());

    let mut spec = rig.stack("dns")["spec"].take();
    spec["pools"][0]["members"] = json!([{"address": "10.20.0.11", "port": 53}]);
    rig.patch("dns", json!({"spec": spec})).await;
    rig.until("dns is Ready", SOON, |rig| rig.is_ready("dns")).await;
}

#[tokio::test(start_paused = true)]
async fn later_subnet_does_not_stall_existing_stack() {
    let mut rig = Rig::new().await;
    let network = rig.cloud.add_network("demo", "modern");
    rig.cloud.add_subnet(&network, "modern-v6", "fd00:77::/64".parse().unwrap());
    rig.start();
    rig.create("dns", datagrams(json!({"vip": {"network": {"id": network}}}))).await;
    rig.until("dns is Ready", SOON, |rig| rig.is_ready("dns")).await;
    rig.cloud.add_subnet(&network, "modern-v4", "10.77.0.0/24".parse().unwrap());
    sleep(FORGOTTEN).await;
    edit(&rig, "dns").await;
}

async fn neutron(rig: &Rig, method: Method, path: &str, body: Value) -> Value {
    let (code, response) = rig.cloud.request_as("demo", method, Service::Network, path, Some(body)).await;
    assert!(code < 300, "{response}");
    response
}

/// Creates a floating IP on the port of a server. Returns the address, its path, and the port.
async fn floating_ip_of_a_server(rig: &Rig) -> (String, String, String) {
    let (network, subnet) = (rig.cloud.network_id("tenant"), rig.cloud.subnet_id("tenant-v4"));
    let port = json!({"port": {"network_id": network, "fixed_ips": [{"subnet_id": subnet}]}});
    let port = neutron(rig, Method::POST, "/v2.0/ports", port).await["port"]["id"].as_str().unwrap().to_owned();
    let wanted = json!({"floatingip": {"floating_network_id": rig.cloud.network_id("public")}});
    let made = neutron(rig, Method::POST, "/v2.0/floatingips", wanted).await["floatingip"].take();
    let path = format!("/v2.0/floatingips/{}", made["id"].as_str().unwrap());
    neutron(rig, Method::PUT, &path, json!({"floatingip": {"port_id": port}})).await;
    (made["floating_ip_address"].as_str().unwrap().to_owned(), path, port)
}

fn behind(address: &str) -> Value {
    with(json!({"vip": {"subnet": {"name": "tenant-v4"}}, "floatingIP": {"existing": {"address": address}}}))
}

fn writes(rig: &Rig) -> Vec<CloudRequest> {
    let mut writes = rig.cloud.writes();
    writes.retain(|entry| entry.user_agent != "another-tool");
    writes
}

#[tokio::test(start_paused = true)]
async fn floating_ip_of_another_is_reported_before_create() {
    let mut rig = Rig::new().await;
    let (address, path, port) = floating_ip_of_a_server(&rig).await;
    rig.start();
    rig.create("web", behind(&address)).await;
    rig.until("the create is rejected", SOON, |rig| rig.reason("web") == "ReferenceUnusable").await;
    let message = rig.message("web");
    assert!(message.contains(&address) && message.contains(&port), "{message}");
    assert!(writes(&rig).is_empty(), "{:?}", writes(&rig));

    neutron(&rig, Method::PUT, &path, json!({"floatingip": {"port_id": null}})).await;
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;

    // The cached reference of the first stack says that it is free. The port that it serves now must be seen all the
    // same.
    rig.create("second", behind(&address)).await;
    rig.until("the second is rejected", SOON, |rig| rig.reason("second") == "ReferenceUnusable").await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn lost_floating_ip_does_not_block_other_changes() {
    let rig = with_ready(&[("web", small())]).await;
    let (address, ..) = floating_ip_of_a_server(&rig).await;
    let mut spec = behind(&address);
    spec["loadBalancer"]["description"] = json!("edited");
    rig.patch("web", json!({"spec": spec})).await;
    rig.until("the stack reports it", SOON, |rig| rig.reason("web") == "ResourceConflict").await;
    assert_eq!(rig.load_balancers()[0]["description"], "edited");
}
