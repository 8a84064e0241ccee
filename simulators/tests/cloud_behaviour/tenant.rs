//! A tenant of a simulated cloud, and the requests that it sends.

use std::time::Duration;

use bytes::Bytes;
use evenkeel_simulators::cloud::{CloudConfig, CloudSim};
use http::{Method, Request};
use serde_json::{Value, json};

/// The tenant of one cloud.
pub struct Tenant {
    pub sim: CloudSim,
    pub token: String,
}

impl Tenant {
    pub async fn new(config: CloudConfig) -> Self {
        let sim = CloudSim::new(config);
        let token = login(&sim).await;
        Self { sim, token }
    }

    pub async fn quick() -> Self {
        Self::new(CloudConfig::default()).await
    }

    pub fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request<Bytes> {
        let url = if path.starts_with('/') {
            format!("http://cloud.test{path}")
        } else {
            format!("http://cloud.test/load-balancer/v2/lbaas/{path}")
        };
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = Request::builder().method(method).uri(url).header("x-auth-token", &self.token);
        request.header("content-type", "application/json").body(body).expect("a request")
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.sim.handle(self.request(method, path, body)).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
    }

    pub async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.1
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> u16 {
        self.call(Method::DELETE, path, None).await.0
    }

    /// A load balancer with a listener and a monitored pool of two members, still PENDING.
    pub async fn tree(&self) -> Tree {
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

    pub async fn settled_tree(&self) -> Tree {
        let tree = self.tree().await;
        self.settle().await;
        tree
    }

    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }

    /// provisioning_status and operating_status of an object.
    pub async fn status(&self, path: &str) -> String {
        let body = self.get(path).await;
        let object = body.as_object().and_then(|body| body.values().next()).cloned().unwrap_or_default();
        let text = |name: &str| object[name].as_str().unwrap_or("gone").to_owned();
        format!("{}/{}", text("provisioning_status"), text("operating_status"))
    }
}

pub struct Tree {
    pub lb: String,
    pub listener: String,
    pub pool: String,
    pub monitor: String,
}

pub async fn login(sim: &CloudSim) -> String {
    let user = json!({"name": "demo", "domain": {"id": "default"}, "password": "not-a-secret"});
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
    let request = Request::post("http://cloud.test/identity/v3/auth/tokens").body(Bytes::from(body.to_string()));
    let response = sim.handle(request.expect("a request")).await;
    assert_eq!(response.status(), 201);
    response.headers()["x-subject-token"].to_str().expect("a token").to_owned()
}
