//! The same questions to the simulated API server and to a genuine one.
//!
//! `cases.yaml` is a script of requests with what the answers must contain. It always runs against the simulator,
//! and against a genuine API server when `EVENKEEL_CONFORMANCE_KUBECONFIG` names a kubeconfig for one (made for the
//! purpose: the script defines a resource and makes a namespace, and removes both).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::sync::Arc;
use std::time::Duration;

use evenkeel::clock::SystemClock;
use evenkeel_simulators::cluster::ClusterSim;
use http::{Request, header};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde::Deserialize;
use serde_json::Value;

const CASES: &str = include_str!("cases.yaml");
const DEFINITION: &str = include_str!("../cluster_api/widgets.yaml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Method and path; `~` stands for the widgets of the namespace of the run, `$NS` for its name.
    ask: String,
    /// `merge`, `json`, `strategic` or `apply` for patches.
    #[serde(rename = "as")]
    form: Option<String>,
    accept: Option<String>,
    body: Option<Value>,
    code: u16,
    /// What the answer must contain: maps may have more, lists must have as many items, null means absent, `*`
    /// stands for anything. Causes may come in any order, as they do from the API server.
    #[serde(default)]
    answer: Value,
    /// For watches, whose answer is a line per event.
    events: Option<Vec<Value>>,
    /// Text of the `Warning` header, when there is one.
    warning: Option<String>,
}

struct Answer {
    code: u16,
    body: String,
    warning: String,
}

#[tokio::test]
async fn the_simulator_answers_as_written() {
    let client = ClusterSim::new(Arc::new(SystemClock)).client();
    run(&client, "conformance").await;
}

#[tokio::test]
async fn a_genuine_api_server_answers_as_written() {
    let Ok(path) = std::env::var("EVENKEEL_CONFORMANCE_KUBECONFIG") else {
        eprintln!("skipped: EVENKEEL_CONFORMANCE_KUBECONFIG is not set");
        return;
    };
    rustls::crypto::ring::default_provider().install_default().ok();
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    run(&client, &format!("conformance-{}", &uuid::Uuid::new_v4().to_string()[..8])).await;
}

async fn run(client: &Client, namespace: &str) {
    set_up(client, namespace).await;
    let cases: Vec<Case> = serde_saphyr::from_str(CASES).unwrap();
    let mut failures = Vec::new();
    for case in &cases {
        let seen = ask(client, case, namespace).await;
        if let Err(problem) = judge(case, &seen, namespace) {
            failures.push(format!("{}: {problem}\n  the answer: {}", case.name, seen.body.trim()));
        }
    }
    tear_down(client, namespace).await;
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

async fn ask(client: &Client, case: &Case, namespace: &str) -> Answer {
    let (method, path) = case.ask.split_once(' ').unwrap();
    let path = fill(path, namespace).replacen('~', &format!("/apis/sim.dev/v1/namespaces/{namespace}/widgets"), 1);
    let content_type = match case.form.as_deref() {
        Some("merge") => "application/merge-patch+json",
        Some("json") => "application/json-patch+json",
        Some("strategic") => "application/strategic-merge-patch+json",
        Some("apply") => "application/apply-patch+yaml",
        Some(other) => panic!("no such patch: {other}"),
        None => "application/json",
    };
    let body = case.body.as_ref().map(|body| fill(&body.to_string(), namespace)).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::USER_AGENT, "asker/1")
        .header(header::ACCEPT, case.accept.as_deref().unwrap_or("application/json"));
    send(client, request.body(Body::from(body.into_bytes())).unwrap()).await
}

async fn send(client: &Client, request: Request<Body>) -> Answer {
    let response = client.send(request).await.unwrap();
    let code = response.status().as_u16();
    let warning = response.headers().get(header::WARNING).and_then(|text| text.to_str().ok()).unwrap_or_default();
    let warning = warning.to_owned();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer { code, body: String::from_utf8(bytes.to_vec()).unwrap(), warning }
}

fn fill(text: &str, namespace: &str) -> String {
    text.replace("$NS", namespace)
}

fn judge(case: &Case, seen: &Answer, namespace: &str) -> Result<(), String> {
    if seen.code != case.code {
        return Err(format!("code {} instead of {}", seen.code, case.code));
    }
    let filled = |value: &Value| -> Value { serde_json::from_str(&fill(&value.to_string(), namespace)).unwrap() };
    if let Some(events) = &case.events {
        let lines: Vec<Value> = seen.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        contains(&Value::from(lines), &filled(&Value::from(events.clone())), "events")?;
    }
    if let Some(wanted) = case.warning.as_deref().filter(|wanted| !seen.warning.contains(wanted)) {
        return Err(format!("the warning {:?} does not contain {wanted:?}", seen.warning));
    }
    if case.answer.is_null() {
        return Ok(());
    }
    let body: Value = serde_json::from_str(&seen.body).map_err(|error| error.to_string())?;
    contains(&body, &filled(&case.answer), "")
}

/// Whether `seen` has all that `wanted` has.
fn contains(seen: &Value, wanted: &Value, path: &str) -> Result<(), String> {
    match (seen, wanted) {
        (_, Value::String(any)) if any == "*" => Ok(()),
        (Value::Object(map), Value::Object(wanted)) => wanted.iter().try_for_each(|(key, value)| {
            let seen = map.get(key).unwrap_or(&Value::Null);
            match (seen, value) {
                (Value::Array(seen), Value::Array(wanted)) if key == "causes" => causes(seen, wanted),
                _ => contains(seen, value, &format!("{path}.{key}")),
            }
        }),
        (Value::Array(items), Value::Array(wanted)) if items.len() == wanted.len() => {
            let mut pairs = items.iter().zip(wanted).enumerate();
            pairs.try_for_each(|(index, (item, wanted))| contains(item, wanted, &format!("{path}[{index}]")))
        }
        _ if seen == wanted => Ok(()),
        _ => Err(format!("{path} is {seen} instead of {wanted}")),
    }
}

fn causes(seen: &[Value], wanted: &[Value]) -> Result<(), String> {
    let missing = wanted.iter().find(|cause| seen.iter().all(|seen| contains(seen, cause, "").is_err()));
    match missing {
        Some(cause) => Err(format!("there is no cause {cause}")),
        None if seen.len() != wanted.len() => Err(format!("{} causes instead of {}", seen.len(), wanted.len())),
        None => Ok(()),
    }
}

async fn plain(client: &Client, method: &str, path: &str, body: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/yaml");
    send(client, request.body(Body::from(body.as_bytes().to_vec())).unwrap()).await
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

async fn set_up(client: &Client, namespace: &str) {
    plain(client, "POST", DEFINITIONS, DEFINITION).await;
    let home = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n");
    plain(client, "POST", "/api/v1/namespaces", &home).await;
    for _ in 0..100 {
        let path = format!("/apis/sim.dev/v1/namespaces/{namespace}/widgets");
        if plain(client, "GET", &path, "").await.code == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the widgets are not served");
}

async fn tear_down(client: &Client, namespace: &str) {
    plain(client, "DELETE", &format!("/api/v1/namespaces/{namespace}"), "").await;
    plain(client, "DELETE", &format!("{DEFINITIONS}/widgets.sim.dev"), "").await;
}
