//! Behaviour of the simulated cloud that scripts of requests cannot show: time, failures, and changes behind the API.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::time::Duration;

use bytes::Bytes;
use evenkeel::openstack::{TlsOptions, TransportError};
use evenkeel_simulators::cloud::{
    CloudConfig, CloudSim, Fault, Health, Kind, Match, Operating, ProviderFault, Provisioning, Service, Timing, Verb,
    WorkerEffect,
};
use http::{Method, Request};
use serde_json::{Value, json};

/// The tenant of one cloud.
struct Tenant {
    sim: CloudSim,
    token: String,
}

impl Tenant {
    async fn new(config: CloudConfig) -> Self {
        let sim = CloudSim::new(config);
        let token = login(&sim).await;
        Self { sim, token }
    }

    async fn quick() -> Self {
        Self::new(CloudConfig::default()).await
    }

    fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request<Bytes> {
        let url = if path.starts_with('/') {
            format!("http://cloud.test{path}")
        } else {
            format!("http://cloud.test/load-balancer/v2/lbaas/{path}")
        };
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = Request::builder().method(method).uri(url).header("x-auth-token", &self.token);
        request.header("content-type", "application/json").body(body).expect("a request")
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.sim.handle(self.request(method, path, body)).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.1
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> u16 {
        self.call(Method::DELETE, path, None).await.0
    }

    /// A load balancer with a listener and a monitored pool of two members, still PENDING.
    async fn tree(&self) -> Tree {
        let body = json!({"loadbalancer": {
            "name": "lb", "vip_subnet_id": self.sim.subnet_id("tenant-v4"),
            "listeners": [{"name": "l", "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "p"}}],
            "pools": [{"name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "healthmonitor": {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 3},
                "members": [{"address": "10.20.0.1", "protocol_port": 80},
                            {"address": "10.20.0.2", "protocol_port": 80}]}],
        }});
        let (code, body) = self.post("loadbalancers", body).await;
        assert_eq!(code, 201, "{body}");
        let lb = &body["loadbalancer"];
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        Tree {
            lb: id(lb),
            listener: id(&lb["listeners"][0]),
            pool: id(&lb["pools"][0]),
            monitor: id(&lb["pools"][0]["healthmonitor"]),
        }
    }

    async fn settled_tree(&self) -> Tree {
        let tree = self.tree().await;
        self.settle().await;
        tree
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }

    /// provisioning_status and operating_status of an object.
    async fn status(&self, path: &str) -> String {
        let body = self.get(path).await;
        let object = body.as_object().and_then(|body| body.values().next()).cloned().unwrap_or_default();
        let text = |name: &str| object[name].as_str().unwrap_or("gone").to_owned();
        format!("{}/{}", text("provisioning_status"), text("operating_status"))
    }
}

struct Tree {
    lb: String,
    listener: String,
    pool: String,
    monitor: String,
}

async fn login(sim: &CloudSim) -> String {
    let user = json!({"name": "demo", "domain": {"id": "default"}, "password": "not-a-secret"});
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
    let request = Request::post("http://cloud.test/identity/v3/auth/tokens").body(Bytes::from(body.to_string()));
    let response = sim.handle(request.expect("a request")).await;
    assert_eq!(response.status(), 201);
    response.headers()["x-subject-token"].to_str().expect("a token").to_owned()
}

fn lb_body(tenant: &Tenant, name: &str) -> Value {
    json!({"loadbalancer": {"name": name, "vip_subnet_id": tenant.sim.subnet_id("tenant-v4"), "tags": ["t"]}})
}

fn fails(kind: Kind, verb: Verb) -> ProviderFault {
    ProviderFault { times: Some(1), ..ProviderFault::fails(kind, verb) }
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
    let answers = futures::future::join_all(creates).await;
    assert!(answers.iter().all(|(code, _)| *code == 201));
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
async fn failed_create_leaves_children_pending() {
    let tenant = Tenant::quick().await;
    tenant.sim.fail_provider(fails(Kind::LoadBalancer, Verb::Create));
    let tree = tenant.settled_tree().await;
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "ERROR/OFFLINE");
    assert_eq!(tenant.status(&format!("listeners/{}", tree.listener)).await, "PENDING_CREATE/OFFLINE");
    assert_eq!(tenant.status(&format!("healthmonitors/{}", tree.monitor)).await, "PENDING_CREATE/OFFLINE");
    let (code, body) = tenant.put(&format!("loadbalancers/{}", tree.lb), json!({"loadbalancer": {}})).await;
    assert_eq!(
        (code, body["faultstring"].as_str()),
        (409, Some(&*format!("Invalid state ERROR of loadbalancer resource {}", tree.lb)))
    );
    assert_eq!(tenant.delete(&format!("loadbalancers/{}?cascade=true", tree.lb)).await, 204);
    tenant.settle().await;
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "gone/gone");
    assert!(tenant.sim.ports().is_empty(), "the VIP port went with it");
}

#[tokio::test(start_paused = true)]
async fn failed_child_keeps_new_values_and_load_balancer_active() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(fails(Kind::Pool, Verb::Update));
    let path = format!("pools/{}", tree.pool);
    tenant.put(&path, json!({"pool": {"lb_algorithm": "SOURCE_IP"}})).await;
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ERROR/OFFLINE");
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "ACTIVE/OFFLINE");
    assert_eq!(tenant.get(&path).await["pool"]["lb_algorithm"], "SOURCE_IP");
    let (code, _) = tenant.put(&format!("{path}/members"), json!({"members": []})).await;
    assert_eq!(code, 409, "members of a pool in ERROR cannot be changed");
    assert_eq!(tenant.put(&path, json!({"pool": {}})).await.0, 200);
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ACTIVE/OFFLINE");
}

#[tokio::test(start_paused = true)]
async fn failed_listener_create_fails_its_siblings() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(fails(Kind::Listener, Verb::Create));
    let body = json!({"listener": {"loadbalancer_id": tree.lb, "protocol": "TCP", "protocol_port": 81}});
    tenant.post("listeners", body).await;
    tenant.settle().await;
    let listeners = tenant.get("listeners?fields=provisioning_status").await;
    assert_eq!(listeners["listeners"], json!([{"provisioning_status": "ERROR"}, {"provisioning_status": "ERROR"}]));
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "ACTIVE/OFFLINE");
}

#[tokio::test(start_paused = true)]
async fn failed_delete_leaves_error_and_can_be_repeated() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(fails(Kind::Listener, Verb::Delete));
    let path = format!("listeners/{}", tree.listener);
    assert_eq!(tenant.delete(&path).await, 204);
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ERROR/OFFLINE");
    assert_eq!(tenant.delete(&path).await, 204);
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "gone/gone");
}

#[tokio::test(start_paused = true)]
async fn failed_update_freezes_load_balancer_with_new_values() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(fails(Kind::LoadBalancer, Verb::Update));
    let path = format!("loadbalancers/{}", tree.lb);
    tenant.put(&path, json!({"loadbalancer": {"tags": ["new"]}})).await;
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ERROR/OFFLINE");
    assert_eq!(tenant.get(&path).await["loadbalancer"]["tags"], json!(["new"]));
    let failover = format!("/v2/lbaas/loadbalancers/{}/failover", tree.lb);
    let (code, _) = tenant.sim.request_as("admin", Method::PUT, Service::LoadBalancer, &failover, None).await;
    assert_eq!(code, 202);
    tenant.settle().await;
    assert_eq!(tenant.status(&path).await, "ACTIVE/OFFLINE");
}

#[tokio::test(start_paused = true)]
async fn hung_worker_leaves_change_pending() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.fail_provider(ProviderFault { effect: WorkerEffect::Hangs, ..fails(Kind::Listener, Verb::Update) });
    tenant.put(&format!("listeners/{}", tree.listener), json!({"listener": {}})).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let tenant = Tenant { token: login(&tenant.sim).await, ..tenant };
    assert_eq!(tenant.status(&format!("loadbalancers/{}", tree.lb)).await, "PENDING_UPDATE/OFFLINE");
    assert_eq!(tenant.delete(&format!("loadbalancers/{}?cascade=true", tree.lb)).await, 409);
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
    let (code, answer) = tenant.post("listeners", body(json!({"allowed_cidrs": ["10.0.0.0/8"]}))).await;
    assert_eq!(code, 400);
    assert_eq!(answer["faultstring"], "Unknown attribute for argument listener_.listener: allowed_cidrs");
    assert_eq!(tenant.post("listeners", body(json!({"protocol": "SCTP"}))).await.0, 400);
    assert_eq!(tenant.post("listeners", body(json!({"tags": ["t"]}))).await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn exceeded_quota_is_rejected_with_its_own_text() {
    let tenant = Tenant::quick().await;
    let tree = tenant.settled_tree().await;
    tenant.sim.set_quota("demo", Kind::Member, 2);
    let body = json!({"member": {"address": "10.20.0.3", "protocol_port": 80}});
    let (code, answer) = tenant.post(&format!("pools/{}/members", tree.pool), body).await;
    assert_eq!((code, answer["faultstring"].as_str()), (403, Some("Quota has been met for resources: Member")));
    let swap = json!({"members": [{"address": "10.20.0.3", "protocol_port": 80},
                                  {"address": "10.20.0.4", "protocol_port": 80}]});
    assert_eq!(tenant.put(&format!("pools/{}/members", tree.pool), swap).await.0, 202, "a batch counts its difference");
    tenant.sim.set_floating_ip_quota("demo", 0);
    let body = json!({"floatingip": {"floating_network_id": tenant.sim.network_id("public")}});
    let (code, answer) = tenant.post("/network/v2.0/floatingips", body).await;
    assert_eq!((code, answer["NeutronError"]["type"].as_str()), (409, Some("OverQuota")));
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
    let answer = Fault::Answer { status: 503, body: "busy".into(), retry_after: Some(7) };
    tenant.sim.fail(Match::service(Service::LoadBalancer).method(Method::GET).path("/pools").skip(1), answer, 1);
    assert_eq!(tenant.call(Method::GET, "pools", None).await.0, 200);
    let response = tenant.sim.handle(tenant.request(Method::GET, "pools", None)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"7".parse().expect("a header"))
    );
    assert_eq!(tenant.call(Method::GET, "pools", None).await.0, 200);
    let struck = tenant.sim.requests().iter().filter(|entry| entry.status.is_none()).count();
    assert_eq!(struck, 1, "what a fault answers never reaches the service");
}

#[tokio::test(start_paused = true)]
async fn transport_tells_unsent_from_unanswered() {
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
    tenant.sim.fail(Match::all(), Fault::SlowAnswer(Duration::from_secs(5)), 1);
    let started = tokio::time::Instant::now();
    assert!(matches!(transport.send(create(), timeout).await, Err(TransportError::NoAnswer { .. })));
    assert_eq!(started.elapsed(), timeout);
    assert_eq!(transport.send(create(), timeout).await.expect("an answer").status(), 201);
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
    let login = login.expect("an answer");
    let token = login.headers()["x-subject-token"].clone();
    let body: Value = serde_json::from_str(&login.text().await.expect("a body")).expect("JSON");
    let catalog = body["token"]["catalog"].as_array().cloned().unwrap_or_default();
    let octavia = catalog.iter().find(|entry| entry["type"] == "load-balancer").expect("Octavia");
    let url = octavia["endpoints"][0]["url"].as_str().expect("a URL");
    assert_eq!(url, format!("http://{}/load-balancer", served.address));
    let list = client.get(format!("{url}/v2/lbaas/loadbalancers")).header("x-auth-token", token).send().await;
    assert_eq!(list.expect("an answer").status(), 200);
    sim.fail(Match::service(Service::LoadBalancer), Fault::HalfBody, 1);
    let half = client.get(format!("{url}/")).send().await.expect("a head");
    assert!(half.bytes().await.is_err(), "the body is incomplete");
}
