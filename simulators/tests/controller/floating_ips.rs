//! Floating IPs: changes of their allocation, their ownership, and the handover between stacks.

use evenkeel_simulators::cloud::CloudConfig;
use evenkeel_simulators::rig::{condition, small, text};
use serde_json::json;
use tokio::time::sleep;

use super::*;

async fn without_floating_ips() -> Rig {
    let mut rig = Rig::with(CloudConfig { has_l3_extension: false, ..CloudConfig::default() }).await;
    rig.start();
    rig
}

/// Neutron lacks its L3 extension, and every list of floating IPs is a 404.
#[tokio::test(start_paused = true)]
async fn cloud_without_floating_ips_serves_stack_without_one() {
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
async fn cloud_without_floating_ips_is_reported_to_stack_with_one() {
    let rig = without_floating_ips().await;
    rig.create("web", with_floating_ip()).await;
    let stalled = |rig: &Rig| text(condition(&rig.stack("web"), "Stalled"), "reason") == "UnsupportedByCloud";
    rig.until("the stack reports it", SOON, stalled).await;
    let message = rig.message("web");
    assert!(message.contains("spec.loadBalancer.floatingIP: this cloud has no floating IPs"), "{message}");
    assert!(rig.load_balancers().is_empty());
    rig.patch("web", json!({"spec": {"loadBalancer": {"floatingIP": null}}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
}

/// Longer than a stack waits between two reads of its floating IP, with the steps that follow.
const HAND_OVER: Duration = Duration::from_secs(12);

async fn neutron(rig: &Rig, method: Method, path: &str, body: Option<Value>) -> Value {
    let (code, response) = rig.cloud.request_as("demo", method, Service::Network, path, body).await;
    assert!(code < 300, "{response}");
    response
}

/// Creates a floating IP without an owner. Returns its id and its address.
async fn free_floating_ip(rig: &Rig) -> (String, String) {
    let wanted = json!({"floatingip": {"floating_network_id": rig.cloud.network_id("public")}});
    let made = neutron(rig, Method::POST, "/v2.0/floatingips", Some(wanted)).await;
    (text(&made["floatingip"], "id").to_owned(), text(&made["floatingip"], "floating_ip_address").to_owned())
}

fn floating_ip(rig: &Rig, id: &str) -> Value {
    rig.cloud.floating_ips().into_iter().find(|seen| seen["id"] == id).map_or(Value::Null, Value::Object)
}

/// The only floating IP.
fn the_one(rig: &Rig) -> Value {
    let all = rig.cloud.floating_ips();
    assert_eq!(all.len(), 1, "{all:#?}");
    Value::Object(all[0].clone())
}

fn vip_port(rig: &Rig, name: &str) -> Value {
    let lb = rig.stack(name)["status"]["loadBalancer"]["id"].clone();
    rig.load_balancers().into_iter().find(|seen| seen["id"] == lb).unwrap()["vip_port_id"].clone()
}

fn with_existing(id: &str) -> Value {
    let mut spec = small();
    spec["loadBalancer"]["floatingIP"] = json!({"existing": {"id": id}});
    spec
}

fn wants(floating_ip: Value) -> Value {
    json!({"spec": {"loadBalancer": {"floatingIP": floating_ip}}})
}

/// Network, subnet and address change in turn. Each change replaces the floating IP, and only where interruptions are
/// allowed.
#[tokio::test(start_paused = true)]
async fn changed_allocation_replaces_floating_ip() {
    let rig = with_ready(&[("web", with_floating_ip())]).await;
    let (public, first) = (rig.cloud.network_id("public"), the_one(&rig));
    rig.cloud.add_subnet(&public, "public-b", "198.51.100.0/24".parse().unwrap());
    rig.cloud.add_external_network("other", "192.0.2.0/24".parse().unwrap());
    let by_subnet = json!({"allocate": {"network": {"name": "public"}, "subnet": {"name": "public-b"}}});
    rig.patch("web", wants(by_subnet)).await;
    rig.until("the change is held back", SOON, |rig| rig.reason("web") == "DisruptionForbidden").await;
    assert_eq!(the_one(&rig), first);
    rig.patch("web", json!({"spec": {"disruptionPolicy": "Allow"}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    let second = the_one(&rig);
    assert!(text(&second, "floating_ip_address").starts_with("198.51.100."), "{second}");
    assert_eq!(second["port_id"], vip_port(&rig, "web"));

    let by_network = json!({"allocate": {"network": {"name": "other"}, "subnet": null}});
    rig.patch("web", wants(by_network)).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    let third = the_one(&rig);
    assert!(text(&third, "floating_ip_address").starts_with("192.0.2."), "{third}");

    rig.patch("web", wants(json!({"allocate": {"network": {"name": "public"}}}))).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    rig.cloud.forget_requests();
    sleep(15 * MINUTE).await;
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert!(rig.cloud.floating_ips().is_empty());
}

/// Another external network has another router. The old floating IP serves as long as the new one cannot reach the VIP.
#[tokio::test(start_paused = true)]
async fn replaced_floating_ip_serves_until_new_one_does() {
    let mut spec = with_floating_ip();
    spec["disruptionPolicy"] = json!("Allow");
    let rig = with_ready(&[("web", spec)]).await;
    let first = the_one(&rig);
    rig.cloud.add_external_network("other", "192.0.2.0/24".parse().unwrap());
    let rejection = Fault::ProxyResponse { status: 404, body: "{}".into(), retry_after: None };
    rig.cloud.fail_always(Match::service(Service::Network).method(Method::POST).path("/floatingips"), rejection);
    rig.patch("web", wants(json!({"allocate": {"network": {"name": "other"}}}))).await;
    sleep(MINUTE).await;
    assert_eq!(the_one(&rig), first);
    rig.cloud.clear_faults();
    rig.until("web is Ready", 5 * MINUTE, |rig| rig.is_ready("web")).await;
    assert_ne!(the_one(&rig)["id"], first["id"]);
}

/// Any user of the project may change the description.
#[tokio::test(start_paused = true)]
async fn floating_ip_with_foreign_description_stays_owned() {
    for description in ["the shop's", "", "evenkeel:uid=another evenkeel:cluster=another"] {
        let rig = with_ready(&[("web", with_floating_ip())]).await;
        let before = the_one(&rig);
        let path = format!("/v2.0/floatingips/{}", text(&before, "id"));
        let describe = || neutron(&rig, Method::PUT, &path, Some(json!({"floatingip": {"description": description}})));
        describe().await;
        rig.until("the description is restored", 15 * MINUTE, |rig| {
            the_one(rig)["description"] == before["description"]
        })
        .await;
        describe().await;
        rig.delete("web").await;
        until_gone(&rig, "web", SOON).await;
        assert!(rig.cloud.floating_ips().is_empty(), "{:#?}", rig.cloud.floating_ips());
    }
}

/// Any user of the project may remove the tags.
#[tokio::test(start_paused = true)]
async fn floating_ip_without_tags_stays_owned() {
    let rig = with_ready(&[("web", with_floating_ip())]).await;
    let before = the_one(&rig);
    let path = format!("/v2.0/floatingips/{}", text(&before, "id"));
    neutron(&rig, Method::PUT, &format!("{path}/tags"), Some(json!({"tags": ["team"]}))).await;
    rig.until("the tags are restored", 15 * MINUTE, |rig| the_one(rig)["tags"].to_string().contains("evenkeel:")).await;
    assert!(the_one(&rig)["tags"].to_string().contains("team"));
    neutron(&rig, Method::PUT, &path, Some(json!({"floatingip": {"description": "the shop's"}}))).await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert!(rig.cloud.floating_ips().is_empty());
}

/// The owner tags are removed. The description of another client is kept.
#[tokio::test(start_paused = true)]
async fn retained_floating_ip_keeps_foreign_description() {
    let mut spec = with_floating_ip();
    spec["loadBalancer"]["floatingIP"]["allocate"]["reclaimPolicy"] = json!("Retain");
    let rig = with_ready(&[("web", spec)]).await;
    let path = format!("/v2.0/floatingips/{}", text(&the_one(&rig), "id"));
    neutron(&rig, Method::PUT, &path, Some(json!({"floatingip": {"description": "the shop's"}}))).await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    let left = the_one(&rig);
    assert_eq!((&left["description"], &left["port_id"]), (&json!("the shop's"), &json!(null)));
    assert!(!left["tags"].to_string().contains("created-by"), "{left}");
}

/// The stack blue gives it up in each possible way.
#[tokio::test(start_paused = true)]
async fn released_floating_ip_is_handed_over_within_seconds() {
    for made in [true, false] {
        let rig = with_ready(&[("blue", small()), ("green", small())]).await;
        let (id, address) = free_floating_ip(&rig).await;
        rig.patch("blue", wants(json!({"existing": {"id": id}}))).await;
        rig.until("blue is Ready", SOON, |rig| rig.is_ready("blue")).await;
        if made {
            rig.patch("green", wants(json!({"existing": {"address": address}}))).await;
        } else {
            rig.delete("green").await;
            until_gone(&rig, "green", SOON).await;
            rig.create("green", with_existing(&id)).await;
        }
        rig.until("green names the owner", SOON, |rig| rig.message("green").contains("shop/blue")).await;
        assert!(rig.message("green").contains(&address), "{}", rig.message("green"));
        sleep(7 * MINUTE).await;
        assert_eq!(floating_ip(&rig, &id)["port_id"], vip_port(&rig, "blue"));
        rig.patch("blue", wants(json!(null))).await;
        rig.until("green has it", HAND_OVER, |rig| rig.is_ready("green")).await;
        assert_eq!(floating_ip(&rig, &id)["port_id"], vip_port(&rig, "green"));

        rig.patch("blue", wants(json!({"existing": {"id": id}}))).await;
        rig.until("blue names the owner", SOON, |rig| rig.message("blue").contains("shop/green")).await;
        sleep(MINUTE).await;
        rig.delete("green").await;
        rig.until("blue has it back", HAND_OVER, |rig| rig.is_ready("blue")).await;
        assert_eq!(floating_ip(&rig, &id)["port_id"], vip_port(&rig, "blue"));
    }
}

/// The floating IP is not polled more often than needed either.
#[tokio::test(start_paused = true)]
async fn stack_waiting_for_floating_ip_sends_few_requests() {
    let rig = with_ready(&[("blue", small()), ("green", small())]).await;
    let (id, _) = free_floating_ip(&rig).await;
    rig.patch("blue", wants(json!({"existing": {"id": id}}))).await;
    rig.until("blue is Ready", SOON, |rig| rig.is_ready("blue")).await;
    rig.patch("green", wants(json!({"existing": {"id": id}}))).await;
    rig.until("green names the owner", SOON, |rig| rig.message("green").contains("shop/blue")).await;
    sleep(5 * MINUTE).await;
    rig.cloud.forget_requests();
    sleep(10 * MINUTE).await;
    let asked = rig.cloud.requests().len();
    assert!(asked < 300, "{asked}");
    rig.cloud.forget_requests();
    sleep(10 * MINUTE).await;
    let later = rig.cloud.requests().len();
    assert!(later * 4 < asked * 3, "{later} of {asked}");
    assert!(rig.cloud.writes().is_empty(), "{:?}", rig.cloud.writes());
}

/// Two writes cross: one stack has the floating IP and is Ready, and the other's write, which was planned before,
/// arrives.
#[tokio::test(start_paused = true)]
async fn late_claim_does_not_take_floating_ip_away() {
    let rig = with_ready(&[("blue", small()), ("green", small())]).await;
    let (id, _) = free_floating_ip(&rig).await;
    let tag = format!("tags/evenkeel:uid={}", uid(&rig.stack("blue")));
    let put = |path: &str| Match::service(Service::Network).method(Method::PUT).path(path);
    rig.cloud.fail(put(&tag), Fault::SlowStart(Duration::from_secs(3)), 1);
    rig.cloud.fail(put(&format!("/floatingips/{id}")).skip(1), Fault::SlowStart(Duration::from_secs(15)), 1);
    for name in ["blue", "green"] {
        rig.patch(name, wants(json!({"existing": {"id": id}}))).await;
    }
    rig.until("blue has it", SOON, |rig| rig.is_ready("blue") && floating_ip(rig, &id)["port_id"].is_string()).await;
    rig.until("green names the owner", SOON, |rig| rig.message("green").contains("shop/blue")).await;
    for _ in 0..120 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(floating_ip(&rig, &id)["port_id"], vip_port(&rig, "blue"));
        assert!(rig.is_ready("blue"), "{}", rig.message("blue"));
    }
}

/// Both stacks saw it free and tagged it. Exactly one has it, and the other reports so.
#[tokio::test(start_paused = true)]
async fn two_stacks_claiming_floating_ip_leave_one_owner() {
    for tagged in [false, true] {
        let mut rig = with_ready(&[("blue", small()), ("green", small())]).await;
        let (id, _) = free_floating_ip(&rig).await;
        if tagged {
            rig.kill().await;
            let tags: Vec<_> = ["blue", "green"].map(|name| format!("evenkeel:uid={}", uid(&rig.stack(name)))).into();
            neutron(&rig, Method::PUT, &format!("/v2.0/floatingips/{id}/tags"), Some(json!({"tags": tags}))).await;
        }
        for name in ["blue", "green"] {
            rig.patch(name, wants(json!({"existing": {"id": id}}))).await;
        }
        if tagged {
            rig.start();
        }
        let have = |rig: &Rig| ["blue", "green"].into_iter().filter(|name| rig.is_ready(name)).collect::<Vec<_>>();
        rig.until("one stack has it", SOON, |rig| have(rig).len() == 1).await;
        let (first, second) = if have(&rig) == ["blue"] { ("blue", "green") } else { ("green", "blue") };
        let waits = |rig: &Rig| rig.message(second).contains(&format!("shop/{first}"));
        rig.until("the other names the owner", SOON, waits).await;
        sleep(5 * MINUTE).await;
        assert_eq!(have(&rig), [first]);
        let seen = floating_ip(&rig, &id);
        assert_eq!(seen["port_id"], vip_port(&rig, first));
        assert_eq!(seen["tags"], json!([format!("evenkeel:uid={}", uid(&rig.stack(first)))]));
        rig.patch(first, wants(json!(null))).await;
        rig.until("the other has it", HAND_OVER, |rig| rig.is_ready(second)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn taken_floating_ip_address_is_reported_with_field() {
    let rig = with_ready(&[("web", small())]).await;
    let address = "198.51.100.77";
    let text = format!("IP address {address} already allocated in subnet 1.");
    let body = json!({"NeutronError": {"type": "IpAddressAlreadyAllocated", "message": text, "detail": ""}});
    let post = Match::service(Service::Network).method(Method::POST).path("/v2.0/floatingips");
    rig.cloud.fail_always(post, Fault::ProxyResponse { status: 409, body: body.to_string(), retry_after: None });
    rig.patch("web", wants(json!({"allocate": {"network": {"name": "public"}, "address": address}}))).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.message("web").contains("floatingIP.allocate.address: ")).await;
    assert_eq!(rig.reason("web"), "Conflict");
    assert!(rig.message("web").contains("floatingIP.existing"), "{}", rig.message("web"));
    rig.cloud.clear_faults();
}
