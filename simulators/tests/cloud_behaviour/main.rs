//! Behaviour of the simulated cloud that scripts of requests cannot show: time, failures, and changes behind the API.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod failures;
mod secrets;
mod tenant;

use std::time::Duration;

use evenkeel::openstack::{TlsOptions, TransportError};
use evenkeel_simulators::cloud::{
    CloudConfig, CloudSim, Fault, Health, Kind, Match, Operating, Provisioning, Service, Timing,
};
use http::Method;
use serde_json::{Value, json};

use tenant::{Tenant, login};

fn lb_body(tenant: &Tenant, name: &str) -> Value {
    json!({"loadbalancer": {"name": name, "vip_subnet_id": tenant.sim.subnet_id("tenant-v4"), "tags": ["t"]}})
}

#[tokio::test(start_paused = true)]
async fn create_of_gone_client_commits_and_is_visible_only_then() {
    let tenant = Tenant::quick().await;
    let body = lb_body(&tenant, "a");
    let created = tenant.sim.handle(tenant.request(Method::POST, "loadbalancers", Some(body)));
    assert!(tokio::time::timeout(Duration::from_millis(50), created).await.is_err(), "the client timed out");
    assert_eq!(tenant.get("loadbalancers?tags=t").await["loadbalancers"], json!([]));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(tenant.get("loadbalancers?tags=t").await["loadbalancers"][0]["name"], "a");
}

#[tokio::test(start_paused = true)]
async fn creates_of_one_project_queue_on_its_quota_row() {
    let tenant = Tenant::quick().await;
    let started = tokio::time::Instant::now();
    let creates = (0..4).map(|n| tenant.post("loadbalancers", lb_body(&tenant, &format!("lb{n}"))));
    let responses = futures::future::join_all(creates).await;
    assert!(responses.iter().all(|(code, _)| *code == 201));
    assert!(started.elapsed() >= Duration::from_millis(400), "four commits of 100 ms, one after the other");
}

#[tokio::test(start_paused = true)]
async fn create_that_waits_too_long_for_quota_row_gets_project_busy() {
    let mut config = CloudConfig::default();
    config.timing.quota_lock_timeout = Duration::from_millis(50);
    let tenant = Tenant::new(config).await;
    let (first, second) = tokio::join!(
        tenant.post("loadbalancers", lb_body(&tenant, "a")),
        tenant.post("loadbalancers", lb_body(&tenant, "b"))
    );
    assert_eq!(first.0, 201);
    assert_eq!(second.0, 503);
    assert_eq!(second.1["faultstring"], "Project busy.  Unable to lock the project.  Please try again.");
}

#[tokio::test(start_paused = true)]
async fn concurrent_changes_let_one_win() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    let body = |port: u16| json!({"listener": {"loadbalancer_id": tree.lb, "protocol": "TCP", "protocol_port": port}});
    let posts = (81..89).map(|port| tenant.post("listeners", body(port)));
    let codes: Vec<u16> = futures::future::join_all(posts).await.into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 201).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, 201 | 409)), "{codes:?}");
}

#[tokio::test(start_paused = true)]
async fn timestamps_have_whole_seconds_and_advance_on_change() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    let path = format!("loadbalancers/{}", tree.lb);
    let before = tenant.get(&path).await["loadbalancer"]["updated_at"].clone();
    tokio::time::sleep(Duration::from_secs(2)).await;
    tenant.put(&format!("healthmonitors/{}", tree.monitor), json!({"healthmonitor": {}})).await;
    let after = tenant.get(&path).await["loadbalancer"]["updated_at"].clone();
    assert_ne!(before, after);
    assert_eq!(after.as_str().expect("a stamp").len(), "2026-11-23T02:35:41".len());
}

#[tokio::test(start_paused = true)]
async fn nested_member_of_unknown_subnet_is_accepted_and_stuck() {
    let tenant = Tenant::quick().await;
    let body = json!({"loadbalancer": {"vip_subnet_id": tenant.sim.subnet_id("tenant-v4"), "pools": [
        {"name": "p", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": [
            {"address": "10.20.0.1", "protocol_port": 80, "subnet_id": "06a69c8e-7acf-4ca5-b114-3cdd12f60e6e"}]}]}});
    let (code, body) = tenant.post("loadbalancers", body).await;
    assert_eq!(code, 201);
    tenant.settle().await;
    let id = body["loadbalancer"]["id"].as_str().expect("an id");
    assert_eq!(tenant.status(&format!("loadbalancers/{id}")).await, "ERROR/OFFLINE");
}

#[tokio::test(start_paused = true)]
async fn operating_status_follows_member_health() {
    let config = CloudConfig { healthy_after: Some(Duration::from_secs(1)), ..CloudConfig::default() };
    let tenant = Tenant::new(config).await;
    let tree = tenant.settled_tree().await;
    let statuses = async || {
        let lb = tenant.status(&format!("loadbalancers/{}", tree.lb)).await;
        let pool = tenant.status(&format!("pools/{}", tree.pool)).await;
        let listener = tenant.status(&format!("listeners/{}", tree.listener)).await;
        [lb, listener, pool].map(|status| status.rsplit('/').next().unwrap_or_default().to_owned())
    };
    assert_eq!(statuses().await, ["ONLINE", "ONLINE", "ONLINE"]);
    tenant.sim.set_address_health("10.20.0.1", Health::Down);
    assert_eq!(statuses().await, ["DEGRADED", "ONLINE", "DEGRADED"]);
    tenant.sim.set_address_health("10.20.0.2", Health::Down);
    assert_eq!(statuses().await, ["ERROR", "ONLINE", "ERROR"]);
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "ACTIVE/ERROR");
    tenant.sim.set_address_health("10.20.0.1", Health::Up);
    tenant.sim.set_address_health("10.20.0.2", Health::Up);
    assert_eq!(statuses().await, ["ONLINE", "ONLINE", "ONLINE"]);
    let members = tenant.get(&format!("pools/{}/members?address=10.20.0.1", tree.pool)).await;
    let id = members["members"][0]["id"].as_str().expect("an id");
    tenant.put(&format!("pools/{}/members/{id}", tree.pool), json!({"member": {"weight": 0}})).await;
    tenant.settle().await;
    assert_eq!(tenant.status(&format!("pools/{}/members/{id}", tree.pool)).await, "ACTIVE/DRAINING");
    assert_eq!(statuses().await, ["ONLINE", "ONLINE", "ONLINE"]);
}

#[tokio::test(start_paused = true)]
async fn old_server_rejects_new_attributes_and_values() {
    let tenant = Tenant::new(CloudConfig { api_minor: 11, ..CloudConfig::default() }).await;
    let versions = tenant.get("/load-balancer/").await;
    assert_eq!(versions["versions"].as_array().map(Vec::len), Some(12));
    let tree = tenant.settled_tree().await;
    let body = |more: Value| {
        let mut listener = json!({"loadbalancer_id": tree.lb, "protocol": "TCP", "protocol_port": 81});
        listener.as_object_mut().expect("a map").extend(more.as_object().cloned().unwrap_or_default());
        json!({"listener": listener})
    };
    let (code, response) = tenant.post("listeners", body(json!({"allowed_cidrs": ["10.0.0.0/8"]}))).await;
    assert_eq!(code, 400);
    assert_eq!(response["faultstring"], "Unknown attribute for argument listener_.listener: allowed_cidrs");
    assert_eq!(tenant.post("listeners", body(json!({"protocol": "SCTP"}))).await.0, 400);
    assert_eq!(tenant.post("listeners", body(json!({"tags": ["t"]}))).await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn exceeded_quota_is_rejected_with_its_own_text() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.set_quota("demo", Kind::Member, 2);
    let body = json!({"member": {"address": "10.20.0.3", "protocol_port": 80}});
    let (code, response) = tenant.post(&format!("pools/{}/members", tree.pool), body).await;
    assert_eq!((code, response["faultstring"].as_str()), (403, Some("Quota has been met for resources: Member")));
    let swap = json!({"members": [{"address": "10.20.0.3", "protocol_port": 80},
                                  {"address": "10.20.0.4", "protocol_port": 80}]});
    assert_eq!(tenant.put(&format!("pools/{}/members", tree.pool), swap).await.0, 202, "a batch counts its difference");
    tenant.sim.set_floating_ip_quota("demo", 0);
    let body = json!({"floatingip": {"floating_network_id": tenant.sim.network_id("public")}});
    let (code, response) = tenant.post("/network/v2.0/floatingips", body).await;
    assert_eq!((code, response["NeutronError"]["type"].as_str()), (409, Some("OverQuota")));
}

#[tokio::test(start_paused = true)]
async fn revoked_token_lives_on_where_cached_until_expiry() {
    let tenant = Tenant::quick().await;
    assert!(tenant.get("loadbalancers").await["loadbalancers"].is_array());
    let mut revoke = tenant.request(Method::DELETE, "/identity/v3/auth/tokens", None);
    revoke.headers_mut().insert("x-subject-token", tenant.token.parse().expect("a header"));
    assert_eq!(tenant.sim.handle(revoke).await.status(), 204);
    assert!(tenant.get("loadbalancers").await["loadbalancers"].is_array(), "Octavia has it cached");
    assert_eq!(tenant.call(Method::GET, "/network/v2.0/networks", None).await.0, 401, "Neutron has not");
    let fresh = Tenant { token: login(&tenant.sim).await, sim: tenant.sim.clone() };
    fresh.sim.expire_tokens();
    assert_eq!(fresh.call(Method::GET, "loadbalancers", None).await.0, 401);
    let another = Tenant { token: login(&fresh.sim).await, sim: fresh.sim };
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(another.call(Method::GET, "loadbalancers", None).await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn fault_strikes_only_matching_requests() {
    let tenant = Tenant::quick().await;
    let response = Fault::ProxyResponse { status: 503, body: "busy".into(), retry_after: Some(7) };
    tenant.sim.fail(Match::service(Service::LoadBalancer).method(Method::GET).path("/pools").skip(1), response, 1);
    assert_eq!(tenant.call(Method::GET, "pools", None).await.0, 200);
    let response = tenant.sim.handle(tenant.request(Method::GET, "pools", None)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"7".parse().expect("a header"))
    );
    assert_eq!(tenant.call(Method::GET, "pools", None).await.0, 200);
    let struck = tenant.sim.requests().iter().filter(|entry| entry.status.is_none()).count();
    assert_eq!(struck, 1, "a request with this fault never reaches the service");
}

#[tokio::test(start_paused = true)]
async fn transport_distinguishes_unsent_from_lost_response() {
    let tenant = Tenant::quick().await;
    let transport = tenant.sim.transport().connect(&TlsOptions::default()).expect("a transport");
    let timeout = Duration::from_secs(1);
    let create = || tenant.request(Method::POST, "loadbalancers", Some(lb_body(&tenant, "a")));
    tenant.sim.fail(Match::service(Service::LoadBalancer), Fault::Refused, 1);
    assert!(matches!(transport.send(create(), timeout).await, Err(TransportError::NotSent { .. })));
    for (fault, stored) in [(Fault::LostBefore, 0), (Fault::LostAfter, 1), (Fault::HalfBody, 2)] {
        tenant.sim.fail(Match::all(), fault, 1);
        assert!(matches!(transport.send(create(), timeout).await, Err(TransportError::NoAnswer { .. })));
        assert_eq!(tenant.sim.objects(Kind::LoadBalancer).len(), stored);
    }
    tenant.sim.fail(Match::all(), Fault::SlowResponse(Duration::from_secs(5)), 1);
    let started = tokio::time::Instant::now();
    assert!(matches!(transport.send(create(), timeout).await, Err(TransportError::NoAnswer { .. })));
    assert_eq!(started.elapsed(), timeout);
    assert_eq!(transport.send(create(), timeout).await.expect("a response").status(), 201);
    tenant.sim.service_down(Service::Network);
    let request = tenant.request(Method::GET, "/network/v2.0/networks", None);
    assert!(matches!(transport.send(request, timeout).await, Err(TransportError::NotSent { .. })));
}

#[tokio::test(start_paused = true)]
async fn requests_and_writes_are_recorded() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    let writes = tenant.sim.writes();
    assert_eq!(writes.len(), 1, "one POST, and a login is no write");
    assert_eq!((writes[0].method.as_str(), writes[0].status), ("POST", Some(201)));
    assert_eq!(tenant.sim.tree(&tree.lb).expect("a tree")["pools"][0]["members"].as_array().map(Vec::len), Some(2));
    tenant.sim.edit(Kind::Listener, &tree.listener, |fields| {
        fields.insert("connection_limit".into(), 7.into());
    });
    assert_eq!(tenant.get(&format!("listeners/{}", tree.listener)).await["listener"]["connection_limit"], 7);
    tenant.sim.set_statuses(Kind::Pool, &tree.pool, Some(Provisioning::Error), Some(Operating::Degraded));
    assert_eq!(tenant.status(&format!("pools/{}", tree.pool)).await, "ERROR/DEGRADED");
    tenant.sim.vanish(Kind::LoadBalancer, &tree.lb);
    assert!(tenant.sim.objects(Kind::Member).is_empty());
}

#[tokio::test(start_paused = true)]
async fn same_seed_repeats_unordered_ids() {
    let ids = async || {
        let tenant = Tenant::new(CloudConfig { timing: Timing::instant(), ..CloudConfig::default() }).await;
        for name in ["a", "b", "c", "d"] {
            tenant.post("loadbalancers", lb_body(&tenant, name)).await;
        }
        let lbs = tenant.get("loadbalancers?sort=name&fields=id").await;
        let lbs = lbs["loadbalancers"].as_array().cloned().unwrap_or_default();
        lbs.iter().map(|lb| lb["id"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let first = ids().await;
    assert_eq!(first, ids().await);
    assert!(!first.is_sorted(), "{first:?}");
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "requests from outside need a genuine client")]
async fn served_cloud_lists_its_own_sockets_in_catalogue() {
    let sim = CloudSim::new(CloudConfig::default());
    let served = sim.serve().await.expect("a port");
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::new();
    let user = json!({"name": "demo", "domain": {"id": "default"}, "password": "not-a-secret"});
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
    let login = client.post(format!("{}/auth/tokens", served.auth_url)).body(body.to_string()).send().await;
    let login = login.expect("a response");
    let token = login.headers()["x-subject-token"].clone();
    let body: Value = serde_json::from_str(&login.text().await.expect("a body")).expect("JSON");
    let catalog = body["token"]["catalog"].as_array().cloned().unwrap_or_default();
    let octavia = catalog.iter().find(|entry| entry["type"] == "load-balancer").expect("Octavia");
    let url = octavia["endpoints"][0]["url"].as_str().expect("a URL");
    assert_eq!(url, format!("http://{}/load-balancer", served.address));
    let list = client.get(format!("{url}/v2/lbaas/loadbalancers")).header("x-auth-token", token).send().await;
    assert_eq!(list.expect("a response").status(), 200);
    sim.fail(Match::service(Service::LoadBalancer), Fault::HalfBody, 1);
    let half = client.get(format!("{url}/")).send().await.expect("a head");
    assert!(half.bytes().await.is_err(), "the body is incomplete");
}
