//! Runs the cases against one cloud and reports the differences.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::backend::{Backend, Clouds, Response};
use super::case::{Case, Expectation};
use super::compare::{compare, fits_text, normalise};

/// Longer than Octavia takes from the port of a VIP to the commit of its load balancer.
const COMMIT: Duration = Duration::from_secs(2);

/// The result of one script.
#[derive(Default)]
pub struct Outcome {
    pub script: String,
    pub agreed: usize,
    pub skipped: usize,
    /// Cases with a known difference, and the reason.
    pub known: Vec<(String, String)>,
    /// Cases that failed, and the mismatch.
    pub different: Vec<(String, String)>,
}

pub struct Runner<'a> {
    backend: &'a Backend,
    clouds: Clouds,
    variables: BTreeMap<String, String>,
    /// The latest response.
    last: Option<Response>,
    pub requests: usize,
}

impl<'a> Runner<'a> {
    pub async fn new(backend: &'a Backend, cloud: &str, prefix: &str) -> Self {
        let clouds = Clouds::login(backend, cloud).await;
        let mut runner = Self { backend, clouds, variables: BTreeMap::new(), last: None, requests: 0 };
        runner.set("prefix", prefix);
        runner.set("nobody", "06a69c8e-7acf-4ca5-b114-3cdd12f60e6e");
        let project = runner.clouds.project_of("").unwrap_or_default();
        runner.set("project", &project);
        if let Some(project) = runner.clouds.project_of("admin") {
            runner.set("admin_project", &project);
        }
        for (variable, collection, query) in [
            ("v4", "subnets", "name=tenant-v4"),
            ("v4b", "subnets", "name=tenant-v4b"),
            ("v6", "subnets", "name=tenant-v6"),
            ("members_net", "subnets", "name=members-v4"),
            ("tenant", "networks", "name=tenant"),
            ("public", "networks", "name=public"),
            ("group", "security-groups", "name=default"),
        ] {
            runner
                .look_up(variable, &format!("/network/v2.0/{collection}?{query}"), &collection.replace('-', "_"))
                .await;
        }
        runner.look_up("flavor", "flavors?name=single", "flavors").await;
        runner
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    async fn look_up(&mut self, variable: &str, path: &str, key: &str) {
        let response = self.send("", "GET", path, None, &BTreeMap::new()).await;
        let own = self.variables["project"].clone();
        let rows = response.body[key].as_array().cloned().unwrap_or_default();
        let best = rows.iter().find(|row| row["project_id"] == own.as_str()).or(rows.first());
        let id = best.and_then(|row| row["id"].as_str());
        self.set(variable, id.unwrap_or_else(|| panic!("the cloud has no {path}")));
    }

    async fn send(
        &mut self,
        who: &str,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &BTreeMap<String, String>,
    ) -> Response {
        let whole = if path.starts_with('/') { path.to_owned() } else { format!("/load-balancer/v2/lbaas/{path}") };
        let (service, rest) = whole[1..].split_once('/').unwrap_or((&whole[1..], ""));
        let url = format!("{}/{rest}", self.clouds.endpoint(service));
        let mut all = headers.clone();
        if let Some(token) = self.clouds.token(who) {
            all.insert("x-auth-token".into(), token);
        }
        if body.is_some() {
            all.entry("content-type".into()).or_insert_with(|| "application/json".into());
        }
        all.retain(|_, value| value != "<none>");
        self.requests += 1;
        self.backend.send(method, &url, &all, body).await
    }

    pub async fn run(&mut self, script: &str, cases: &[Case]) -> Outcome {
        let mut outcome = Outcome { script: script.to_owned(), ..Outcome::default() };
        let needs_failures = cases.iter().any(|case| case.fails.is_some());
        if needs_failures && !self.backend.can_fail() {
            return Outcome { skipped: cases.len(), ..outcome };
        }
        for case in cases {
            if !matches!(case.who.as_str(), "" | "none" | "bad") && self.clouds.token(&case.who).is_none() {
                outcome.skipped += 1;
                continue;
            }
            if let Some(name) = &case.fails {
                self.backend.fail(&self.fill(name));
            }
            self.judge(case, &mut outcome).await;
            tokio::time::sleep(Duration::from_secs(case.rest)).await;
        }
        if needs_failures {
            self.backend.fail("");
        }
        outcome
    }

    async fn judge(&mut self, case: &Case, outcome: &mut Outcome) {
        let different = |texts: Vec<String>| (case.say.clone(), texts.join("\n    "));
        let known = case.differs.as_ref().filter(|_| self.backend.is_simulated());
        let texts = self.check_until(case).await;
        match known {
            None if texts.is_empty() => outcome.agreed += 1,
            None => outcome.different.push(different(texts)),
            Some(known) if texts.is_empty() => {
                let text = format!("no longer differs: take `differs` away ({})", known.why);
                outcome.different.push((case.say.clone(), text));
            }
            Some(known) => {
                let differences = self.last.as_ref().map(|response| self.differences(response, &known.as_wanted(case)));
                match differences.filter(|texts| !texts.is_empty()) {
                    None => outcome.known.push((case.say.clone(), known.why.clone())),
                    Some(texts) => outcome.different.push(different(texts)),
                }
            }
        }
    }

    async fn check_until(&mut self, case: &Case) -> Vec<String> {
        for _ in 0..self.retry_seconds(case) * 4 {
            let texts = self.check(case).await;
            if texts.is_empty() {
                return texts;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        self.check(case).await
    }

    /// Seconds for which a read may be repeated. Octavia marks a load balancer ACTIVE and its listeners a moment later
    /// (`MarkLBAndListenersActiveInDB`, 17.0), which also overwrites the effect of the next write: a read in between
    /// sees the old state.
    fn retry_seconds(&self, case: &Case) -> u64 {
        const OVERTAKEN: u64 = 30;
        let is_read = case.call.starts_with("GET ") && !self.backend.is_simulated();
        if is_read { case.within.max(OVERTAKEN) } else { case.within }
    }

    async fn check(&mut self, case: &Case) -> Vec<String> {
        let call = self.fill(&case.call);
        let (method, path) = call.split_once(' ').expect("a call is a method and a path");
        let body = case.raw.as_deref().map(|raw| self.fill(raw));
        let body = body.or_else(|| case.body.as_ref().map(|body| self.fill_value(body).to_string()));
        let headers = case.headers.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect();
        let response = self.send(&case.who, method, path, body, &headers).await;
        let mut texts = self.differences(&response, &case.wanted());
        for (name, wanted) in &case.response_headers {
            let wanted = self.fill(wanted);
            let got = response.headers.get(name.as_str()).cloned().unwrap_or_else(|| "<absent>".into());
            if !fits_text(&wanted, &got) {
                texts.push(format!("header {name}: {got:?} instead of {wanted:?}"));
            }
        }
        for (variable, path) in &case.save {
            let pointer = format!("/{}", path.replace('.', "/"));
            match response.body.pointer(&pointer).and_then(Value::as_str) {
                Some(value) => {
                    let value = value.to_owned();
                    // A reference is a URL with an id at its end.
                    if let Some((_, id)) = value.rsplit_once('/') {
                        self.set(&format!("{variable}_id"), id);
                    }
                    self.set(variable, &value);
                }
                None => texts.push(format!("the response has no {path}: {}", response.text)),
            }
        }
        if let Some(id) = case.settle.as_ref().map(|id| self.fill(id)) {
            let settled = self.wait(&id, false).await;
            texts.extend(settled.filter(|_| !case.may_fail));
        }
        if let Some(id) = case.gone.as_ref().map(|id| self.fill(id)) {
            texts.extend(self.wait(&id, true).await);
        }
        self.last = Some(response);
        texts
    }

    fn differences(&self, response: &Response, wanted: &Expectation<'_>) -> Vec<String> {
        let mut texts = Vec::new();
        if response.code != wanted.code {
            texts.push(format!("code {} instead of {}: {}", response.code, wanted.code, response.text));
        }
        if let Some(fault) = wanted.fault {
            let (wanted_text, got) =
                (normalise(&self.fill(fault)), normalise(response.body["faultstring"].as_str().unwrap_or("<none>")));
            if wanted_text != got {
                texts.push(format!("fault {got:?} instead of {wanted_text:?}"));
            }
            let side = if wanted.code < 500 { "Client" } else { "Server" };
            if response.body["faultcode"] != side {
                texts.push(format!("faultcode {} instead of {side}", response.body["faultcode"]));
            }
        }
        if let Some(has) = wanted.has {
            compare("", &self.fill_value(has), Some(&response.body), &mut texts);
        }
        texts
    }

    /// Polls a load balancer until nothing is PENDING, or until it is gone.
    async fn wait(&mut self, id: &str, gone: bool) -> Option<String> {
        for _ in 0..600 {
            let response = self.send("", "GET", &format!("loadbalancers/{id}"), None, &BTreeMap::new()).await;
            let status = response.body["loadbalancer"]["provisioning_status"].as_str().unwrap_or_default();
            if response.code == 404 || (!gone && status == "ACTIVE") {
                return None;
            }
            if !gone && status == "ERROR" {
                return Some(format!("load balancer {id} settled in ERROR"));
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        Some(format!("load balancer {id} did not settle"))
    }

    fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        // Longer names first, so that $lb2 is not taken for $lb.
        let mut variables: Vec<_> = self.variables.iter().collect();
        variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in variables {
            filled = filled.replace(&format!("${name}"), value);
        }
        if let Some(count) = filled.strip_prefix("<long ").and_then(|rest| rest.strip_suffix('>')) {
            return "x".repeat(count.parse().expect("a number"));
        }
        filled
    }

    fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill(text).into(),
            Value::Array(items) => items.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (self.fill(key), self.fill_value(value))).collect::<Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    /// Names of the load balancers that [`Self::clean_up`] could not delete.
    pub async fn left(&mut self, prefix: &str) -> Vec<String> {
        self.load_balancers(prefix).await.into_iter().map(|(_, name)| name).collect()
    }

    /// Id and name.
    async fn load_balancers(&mut self, prefix: &str) -> Vec<(String, String)> {
        let path = "loadbalancers?fields=id&fields=name&limit=1000";
        let lbs = self.send("", "GET", path, None, &BTreeMap::new()).await;
        let lbs = lbs.body["loadbalancers"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let named = lbs.iter().map(|lb| (text(&lb["id"]), text(&lb["name"])));
        named.filter(|(_, name)| name.starts_with(prefix)).collect()
    }

    /// Deletes the objects of earlier scripts, by the prefix of their names.
    pub async fn clean_up(&mut self, prefix: &str) {
        let none = BTreeMap::new();
        for (id, _) in self.load_balancers(prefix).await {
            self.wait(&id, false).await;
            self.send("", "DELETE", &format!("loadbalancers/{id}?cascade=true"), None, &none).await;
            self.wait(&id, true).await;
        }
        self.clean_up_keys(prefix).await;
        let ips = self.send("", "GET", "/network/v2.0/floatingips", None, &none).await;
        for ip in ips.body["floatingips"].as_array().cloned().unwrap_or_default() {
            if ip["description"].as_str().is_some_and(|text| text.starts_with(prefix)) {
                let path = format!("/network/v2.0/floatingips/{}", ip["id"].as_str().unwrap_or_default());
                self.send("", "DELETE", &path, None, &none).await;
            }
        }
        let ports = self.send("", "GET", "/network/v2.0/ports", None, &none).await;
        for port in ports.body["ports"].as_array().cloned().unwrap_or_default() {
            let name = port["name"].as_str().unwrap_or_default();
            if name.starts_with(prefix) || self.is_leaked(&port, name).await {
                let path = format!("/network/v2.0/ports/{}", port["id"].as_str().unwrap_or_default());
                self.send("", "DELETE", &path, None, &none).await;
            }
        }
    }

    async fn clean_up_keys(&mut self, prefix: &str) {
        for (kind, reference) in [("containers", "container_ref"), ("secrets", "secret_ref")] {
            let list = self.send("", "GET", &format!("/key-manager/v1/{kind}?limit=100"), None, &BTreeMap::new()).await;
            for key in list.body[kind].as_array().cloned().unwrap_or_default() {
                let id = key[reference].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
                if key["name"].as_str().is_some_and(|name| name.starts_with(prefix)) {
                    self.send("", "DELETE", &format!("/key-manager/v1/{kind}/{id}"), None, &BTreeMap::new()).await;
                }
            }
        }
    }

    /// True for a VIP port whose load balancer was never committed. The single call leaks such ports. The port of an
    /// amphora is none (`octavia-lb-vrrp-`), nor is that of a create of another client that is not committed yet.
    async fn is_leaked(&mut self, port: &Value, name: &str) -> bool {
        let Some(id) = name.strip_prefix("octavia-lb-").filter(|id| uuid::Uuid::try_parse(id).is_ok()) else {
            return false;
        };
        port["device_owner"] == "Octavia" && self.is_missing(id).await && {
            tokio::time::sleep(COMMIT).await;
            self.is_missing(id).await
        }
    }

    async fn is_missing(&mut self, load_balancer: &str) -> bool {
        let path = format!("loadbalancers/{load_balancer}");
        self.send("", "GET", &path, None, &BTreeMap::new()).await.code == 404
    }
}
