//! The clouds under test: the simulated one, and a genuine one over HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use evenkeel_simulators::cloud::{CloudSim, ProviderFault, WorkerEffect};
use serde_json::{Value, json};

pub enum Backend {
    Simulated(CloudSim),
    Genuine(Genuine),
}

pub struct Genuine {
    pub client: reqwest::Client,
    /// The file by which a lab makes its data plane fail. The lab reads it for each change.
    pub failures: Option<PathBuf>,
}

pub struct Response {
    pub code: u16,
    pub headers: BTreeMap<String, String>,
    /// Null when it is no JSON.
    pub body: Value,
    pub text: String,
}

impl Backend {
    pub const fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated(_))
    }

    /// True when changes can be made to fail on their way to the data plane.
    pub const fn can_fail(&self) -> bool {
        match self {
            Self::Simulated(_) => true,
            Self::Genuine(genuine) => genuine.failures.is_some(),
        }
    }

    /// Makes every change of the load balancer of this name fail from now on. Empty: none fails.
    pub fn fail(&self, name: &str) {
        match self {
            Self::Simulated(sim) => {
                sim.clear_faults();
                if !name.is_empty() {
                    let (load_balancer, effect) = (Some(name.to_owned()), WorkerEffect::Fails);
                    sim.fail_provider(ProviderFault { kind: None, verb: None, load_balancer, effect, times: None });
                }
            }
            Self::Genuine(Genuine { failures, .. }) => {
                let pattern = if name.is_empty() { json!({}) } else { json!({"fail_lb_names": format!("^{name}$")}) };
                let file = failures.as_ref().expect("a switch");
                std::fs::write(file, pattern.to_string()).expect("a switch that can be written");
            }
        }
    }

    pub async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &BTreeMap<String, String>,
        body: Option<String>,
    ) -> Response {
        let method: http::Method = method.parse().expect("a method");
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(body.unwrap_or_default())).expect("a request");
        let (parts, bytes) = match self {
            Self::Simulated(sim) => sim.handle(request).await.into_parts(),
            Self::Genuine(Genuine { client, .. }) => {
                let request = reqwest::Request::try_from(request).expect("a request");
                let response = client.execute(request).await.expect("a response of the genuine cloud");
                let (mut parts, ()) = http::Response::new(()).into_parts();
                (parts.status, parts.headers) = (response.status(), response.headers().clone());
                (parts, response.bytes().await.expect("a whole response"))
            }
        };
        let headers = parts.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Response {
            code: parts.status.as_u16(),
            headers: headers.collect(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            text: String::from_utf8_lossy(&bytes).chars().take(600).collect(),
        }
    }
}

/// The clouds of one clouds.yaml whose tokens the cases use.
pub struct Clouds {
    sessions: BTreeMap<String, Session>,
}

struct Session {
    token: String,
    project: String,
    catalog: Value,
}

impl Clouds {
    /// Logs in. `cloud` is the tenant's entry. Those of other users in the same file have its name (without `-appcred`)
    /// and a suffix.
    pub async fn login(backend: &Backend, yaml_and_cloud: &str) -> Self {
        let (yaml, cloud) = yaml_and_cloud.split_once('\u{0}').expect("a clouds.yaml and a cloud");
        let parsed: Value = serde_saphyr::from_str(yaml).expect("a clouds.yaml");
        let base = cloud.strip_suffix("-appcred").unwrap_or(cloud);
        let mut sessions = BTreeMap::new();
        for (who, name) in [
            ("", cloud.to_owned()),
            ("admin", format!("{base}-admin")),
            ("demo2", format!("{base}-demo2")),
            ("reader", format!("{base}-reader")),
        ] {
            if let Some(entry) = parsed["clouds"].get(&name) {
                sessions.insert(who.to_owned(), login(backend, &entry["auth"]).await);
            }
        }
        assert!(sessions.contains_key(""), "clouds.yaml has no cloud {cloud}");
        Self { sessions }
    }

    pub fn token(&self, who: &str) -> Option<String> {
        match who {
            "none" => None,
            "bad" => Some("gAAAAAbad".into()),
            who => self.sessions.get(who).map(|session| session.token.clone()),
        }
    }

    pub fn project_of(&self, who: &str) -> Option<String> {
        self.sessions.get(who).map(|session| session.project.clone())
    }

    /// The public endpoint of a service type, without a version.
    pub fn endpoint(&self, service: &str) -> String {
        let services = self.sessions[""].catalog.as_array().cloned().unwrap_or_default();
        let found = services.iter().find(|entry| entry["type"] == service).expect("a service of the catalogue");
        let endpoints = found["endpoints"].as_array().cloned().unwrap_or_default();
        let public = endpoints.iter().find(|endpoint| endpoint["interface"] == "public").expect("a public endpoint");
        let url = public["url"].as_str().unwrap_or_default().trim_end_matches('/');
        url.strip_suffix("/v3").unwrap_or(url).to_owned()
    }
}

async fn login(backend: &Backend, auth: &Value) -> Session {
    let text = |name: &str| auth[name].as_str().unwrap_or_default();
    let domain = json!({"id": "default"});
    let body = if text("application_credential_id").is_empty() {
        let user = json!({"name": text("username"), "domain": domain, "password": text("password")});
        let scope = json!({"project": {"name": text("project_name"), "domain": domain}});
        json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}})
    } else {
        let credential =
            json!({"id": text("application_credential_id"), "secret": text("application_credential_secret")});
        json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential": credential}}})
    };
    let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    let url = format!("{}/auth/tokens", text("auth_url"));
    let response = backend.send("POST", &url, &headers, Some(body.to_string())).await;
    assert_eq!(response.code, 201, "login at {url}: {}", response.text);
    Session {
        token: response.headers.get("x-subject-token").cloned().unwrap_or_default(),
        project: response.body["token"]["project"]["id"].as_str().unwrap_or_default().to_owned(),
        catalog: response.body["token"]["catalog"].clone(),
    }
}
