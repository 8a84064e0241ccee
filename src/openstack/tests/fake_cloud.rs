//! A fake cloud: a log-in, the records that a test adds, and an optional script that overrides responses.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::model::Owner;
use crate::openstack::*;

/// A request as the cloud received it.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Value,
    pub(super) token: Option<String>,
    pub(super) if_match: Option<String>,
    pub(super) timeout: Duration,
}

impl Received {
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(super) fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

pub(super) type Reply = Result<(u16, Value), TransportError>;
type Script = Box<dyn Fn(&Received) -> Option<Reply> + Send + Sync>;

/// Records by the path of their collection: `/v2/lbaas/pools`.
pub(super) type Records = BTreeMap<String, Vec<Value>>;

/// A cloud in memory. The script may respond first; all other log-ins and reads are served from the records.
pub(super) struct FakeCloud {
    pub(super) requests: Mutex<Vec<Received>>,
    pub(super) records: Mutex<Records>,
    pub(super) logins: AtomicU64,
    /// The lifetime of a token, in seconds.
    pub(super) token_life: AtomicU64,
    /// The largest page.
    pub(super) page: AtomicU64,
    /// Gives the token the role `admin`. Lists show the objects of all projects in any case.
    pub(super) admin: AtomicBool,
    latency: Duration,
    script: Script,
}

pub(super) const PASSWORD: &str = "hunter2-is-secret";

impl FakeCloud {
    pub(super) fn new(script: impl Fn(&Received) -> Option<Reply> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            requests: Mutex::default(),
            records: Mutex::default(),
            logins: AtomicU64::new(0),
            token_life: AtomicU64::new(3600),
            page: AtomicU64::new(500),
            admin: AtomicBool::new(false),
            latency: Duration::from_millis(100),
            script: Box::new(script),
        })
    }

    pub(super) fn empty() -> Arc<Self> {
        Self::new(|_| None)
    }

    pub(super) fn add(&self, path: &str, record: Value) {
        self.records.lock().unwrap().entry(path.to_owned()).or_default().push(record);
    }

    /// Changes the record with this id.
    pub(super) fn change(&self, path: &str, id: &str, change: impl FnOnce(&mut Value)) {
        let mut records = self.records.lock().unwrap();
        let record = records.get_mut(path).unwrap().iter_mut().find(|record| record["id"] == id);
        change(record.unwrap());
    }

    /// Removes the record with this id.
    pub(super) fn remove(&self, path: &str, id: &str) {
        self.records.lock().unwrap().get_mut(path).unwrap().retain(|record| record["id"] != id);
    }

    /// The calls since the last time, except log-ins.
    pub(super) fn calls(&self) -> Vec<Received> {
        let requests = std::mem::take(&mut *self.requests.lock().unwrap());
        requests.into_iter().filter(|request| request.path != "/v3/auth/tokens").collect()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.calls().iter().map(Received::line).collect()
    }

    pub(super) fn cloud(self: &Arc<Self>) -> Cloud {
        self.cloud_with("    region_name: R1\n")
    }

    /// `more` is appended to the entry of clouds.yaml.
    pub(super) fn cloud_with(self: &Arc<Self>, more: &str) -> Cloud {
        let yaml = format!(
            "clouds:\n  c:\n    auth: {{auth_url: 'http://keystone:5000', user_id: u, password: {PASSWORD}, project_id: p}}\n{more}"
        );
        let credentials = Credentials::parse(yaml.as_bytes(), None, "c").unwrap();
        Cloud::new(credentials, &FakeTransport(Arc::clone(self)), Arc::new(SystemClock), CloudSettings::default())
            .unwrap()
    }

    fn respond(&self, request: &Received) -> Reply {
        if let Some(reply) = (self.script)(request) {
            return reply;
        }
        match request.path.as_str() {
            "/v3/auth/tokens" => Ok(self.login()),
            "/octavia/" => Ok((200, json!({"versions": [{"id": "v2.0"}, {"id": "v2.27"}, {"id": "v2.5"}]}))),
            path => Ok(self.read(path, request)),
        }
    }

    fn login(&self) -> (u16, Value) {
        let life = self.token_life.load(Ordering::SeqCst);
        let issued: jiff::Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        let expires = issued + jiff::SignedDuration::from_secs(i64::try_from(life).unwrap());
        let at = |kind: &str, url: &str| {
            let endpoint = |interface: &str, region: &str| json!({"interface": interface, "region_id": region, "url": url.replace("HOST", &format!("{interface}.{region}"))});
            json!({"type": kind, "endpoints": [endpoint("internal", "R1"), endpoint("public", "R1"), endpoint("public", "R2")]})
        };
        let catalog = json!([
            at("load-balancer", "http://HOST:13876/octavia/v2.0/lbaas/"),
            at("network", "http://HOST:9696"),
            at("key-manager", "http://HOST:9311/v1"),
        ]);
        let role = if self.admin.load(Ordering::SeqCst) { "admin" } else { "member" };
        let token = json!({"issued_at": issued.to_string(), "expires_at": expires.to_string(),
                           "project": {"id": "p1", "name": "demo"}, "roles": [{"id": "r", "name": role}],
                           "catalog": catalog});
        (201, json!({"token": token}))
    }

    /// Serves reads as Octavia and Neutron do: filters, pages, and a 404 that names the missing object.
    fn read(&self, path: &str, request: &Received) -> (u16, Value) {
        let path = path.strip_prefix("/octavia").unwrap_or(path);
        let records = self.records.lock().unwrap();
        let (parent, last) = path.rsplit_once('/').unwrap();
        if let Some(record) = records.get(parent).and_then(|records| records.iter().find(|r| r["id"] == last)) {
            let key = parent.rsplit('/').next().unwrap().trim_end_matches('s').replace("policie", "policy");
            return (200, json!({ key: record }));
        }
        let is_list = last.ends_with('s') && last.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !is_list {
            return (
                404,
                json!({"faultcode": "Client", "faultstring": format!("{last} not found."), "debuginfo": null}),
            );
        }
        let key = last.replace("availabilityzones", "availability_zones").replace('-', "_");
        // A repeated filter matches any of its values.
        let fits = |record: &&Value| {
            let any = |key: &String| request.query.iter().any(|(k, value)| k == key && matches(record, key, value));
            request.query.iter().all(|(key, _)| any(key))
        };
        let found: Vec<Value> = records.get(path).into_iter().flatten().filter(fits).cloned().collect();
        let start = request.query("marker").map_or(0, |m| found.iter().position(|r| r["id"] == m).unwrap() + 1);
        let limit = request.query("limit").unwrap().parse::<u64>().unwrap().min(self.page.load(Ordering::SeqCst));
        let limit = usize::try_from(limit).unwrap();
        let page: Vec<Value> = found.iter().skip(start).take(limit).cloned().collect();
        let more = start + page.len() < found.len();
        // A link that a client must not follow.
        let links = if more { json!([{"rel": "next", "href": "http://wrong/"}]) } else { json!([]) };
        (200, json!({ key.clone(): page, format!("{key}_links"): links }))
    }
}

fn matches(record: &Value, key: &str, value: &str) -> bool {
    match key {
        "limit" | "marker" | "fields" => true,
        "loadbalancer_id" => record["loadbalancers"][0]["id"] == value,
        "tags" => value.split(',').all(|tag| record["tags"].as_array().unwrap().iter().any(|t| t == tag)),
        "tags-any" => value.split(',').any(|tag| record["tags"].as_array().unwrap().iter().any(|t| t == tag)),
        // The database ignores case.
        "name" => record["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(value)),
        key => record.get(key).is_none_or(|found| found == value),
    }
}

pub(super) struct FakeTransport(pub(super) Arc<FakeCloud>);

impl Connector for FakeTransport {
    fn connect(&self, _: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError> {
        Ok(Arc::new(FakeTransport(Arc::clone(&self.0))))
    }
}

impl Transport for FakeTransport {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>> {
        let url = url::Url::parse(&request.uri().to_string()).unwrap();
        let received = Received {
            method: request.method().to_string(),
            host: format!("{}:{}", url.host_str().unwrap(), url.port_or_known_default().unwrap()),
            path: url.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            body: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
            token: request.headers().get("x-auth-token").map(|token| {
                assert!(token.is_sensitive());
                token.to_str().unwrap().to_owned()
            }),
            if_match: request.headers().get("if-match").map(|value| value.to_str().unwrap().to_owned()),
            timeout,
        };
        async move {
            tokio::time::sleep(self.0.latency).await;
            self.0.requests.lock().unwrap().push(received.clone());
            let (status, body) = self.0.respond(&received)?;
            let mut response =
                ::http::Response::builder().status(status).header("date", "Mon, 23 Nov 2026 10:00:00 GMT");
            if received.path == "/v3/auth/tokens" && status == 201 {
                let number = self.0.logins.fetch_add(1, Ordering::SeqCst) + 1;
                response = response.header("x-subject-token", format!("token-{number}"));
            }
            Ok(response.body(Bytes::from(if body.is_null() { String::new() } else { body.to_string() })).unwrap())
        }
        .boxed()
    }
}

pub(super) fn owner(uid: &str) -> Owner {
    Owner { uid: uid.into(), cluster: "c1".into(), namespace: "shop".into(), name: "web".into() }
}

/// Adds a stack like [`add_stack`], without a floating IP.
pub(super) fn add_plain_stack(fake: &FakeCloud, n: usize) -> Owner {
    let owner = add_stack(fake, n);
    fake.remove("/v2.0/floatingips", &format!("fip-{n}"));
    owner
}

/// Adds a port: one that Octavia created, a user's with an empty `device_owner`, or one of another project.
pub(super) fn add_port(fake: &FakeCloud, n: usize, device_owner: &str, project: &str) {
    fake.add("/v2.0/ports", json!({"id": format!("port-{n}"), "device_owner": device_owner, "project_id": project}));
}

/// Adds a stack in sync: one listener with an L7 policy of two rules, one pool with a monitor and two members.
pub(super) fn add_stack(fake: &FakeCloud, n: usize) -> Owner {
    let owner = owner(&format!("uid-{n}"));
    let id = |kind: &str| format!("{kind}-{n}");
    let states = json!({"provisioning_status": "ACTIVE", "operating_status": "ONLINE", "admin_state_up": true});
    let add = |path: &str, mut record: Value| {
        for (key, value) in states.as_object().unwrap() {
            record[key] = value.clone();
        }
        fake.add(path, record);
    };
    let of_lb = json!([{"id": id("lb")}]);
    add(
        "/v2/lbaas/loadbalancers",
        json!({"id": id("lb"), "name": "web", "project_id": "p1", "tags": owner.tags(),
        "vip_port_id": id("port"), "updated_at": "2026-11-23T09:00:00", "listeners": [{"id": id("listener")}],
        "pools": [{"id": id("pool")}]}),
    );
    add(
        "/v2/lbaas/listeners",
        json!({"id": id("listener"), "protocol": "HTTP", "protocol_port": 80,
        "project_id": "p1", "loadbalancers": of_lb, "l7policies": [{"id": id("policy")}], "default_pool_id": id("pool")}),
    );
    add(
        "/v2/lbaas/pools",
        json!({"id": id("pool"), "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        "project_id": "p1", "loadbalancers": of_lb, "members": [{"id": id("m1")}, {"id": id("m2")}],
        "healthmonitor_id": id("monitor")}),
    );
    add(
        "/v2/lbaas/healthmonitors",
        json!({"id": id("monitor"), "type": "TCP", "delay": 5, "timeout": 3,
        "max_retries": 3, "project_id": "p1", "pools": [{"id": id("pool")}]}),
    );
    add(
        "/v2/lbaas/l7policies",
        json!({"id": id("policy"), "listener_id": id("listener"), "action": "REJECT",
        "position": 1, "project_id": "p1", "rules": [{"id": id("r2")}, {"id": id("r1")}]}),
    );
    for member in ["m2", "m1"] {
        add(
            &format!("/v2/lbaas/pools/{}/members", id("pool")),
            json!({"id": id(member), "address": format!("10.0.0.{}", &member[1..]), "protocol_port": 80, "weight": 1}),
        );
    }
    for rule in ["r2", "r1"] {
        add(
            &format!("/v2/lbaas/l7policies/{}/rules", id("policy")),
            json!({"id": id(rule), "type": "PATH", "compare_type": "STARTS_WITH", "value": rule}),
        );
    }
    add(
        "/v2.0/floatingips",
        json!({"id": id("fip"), "floating_ip_address": format!("203.0.113.{n}"),
        "floating_network_id": "ext", "port_id": id("port"), "description": owner.owner_description(), "tags": [],
        "project_id": "p1"}),
    );
    owner
}
