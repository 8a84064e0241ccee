//! Holds the simulated API server and a genuine one to the same expectations.
//!
//! `cases.yaml` is a script of requests with their expected responses. It always runs against the simulator, and against
//! a genuine API server when `EVENKEEL_CONFORMANCE_KUBECONFIG` names a kubeconfig. That server should be dedicated to
//! tests: the script defines a resource and creates a namespace, and deletes both. A case in which the simulator may
//! respond otherwise records its response and the reason. The test fails when the recorded difference no longer exists.

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

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster_conformance/cases.yaml");
const DEFINITION: &str = include_str!("../cluster_api/widgets.yaml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    section: String,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Method and path. `~` stands for the widgets of the run's namespace, `$NS` for its name.
    request: String,
    /// Form of a patch: `merge`, `json`, `strategic` or `apply`.
    #[serde(rename = "as")]
    form: Option<String>,
    accept: Option<String>,
    body: Option<Value>,
    code: u16,
    /// Required content of the response: maps may have more, lists must have as many items, null means absent, `*`
    /// matches anything. Causes may come in any order, as from the API server. Managed fields come in the order of
    /// their times, so those that are wanted may come in any order.
    #[serde(default)]
    response: Value,
    /// The expected events of a watch, whose response has one per line.
    events: Option<Vec<Value>>,
    /// Text of the expected `Warning` header.
    warning: Option<String>,
    /// A known difference of the simulator.
    differs: Option<KnownDifference>,
}

/// A response of the simulator that differs from the API server's, and the reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownDifference {
    why: String,
    code: u16,
    #[serde(default)]
    response: Value,
}

/// Parts that the cases do not compare, and the reason why the simulator may differ there. Printed with every run.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("kinds that the controller does not use", "absent: only the kinds that it watches, reads and writes exist"),
    (
        "authentication and authorisation",
        "every client may do everything; the end-to-end tests check the rights of deploy/",
    ),
    ("admission webhooks, aggregation, metrics of the server", "absent: no part of Evenkeel uses them"),
    (
        "a bookmark after the initial events",
        "depends on a timer and on lists of other clients; the simulator sends none",
    ),
    ("costs of CEL rules", "not counted; the genuine API server rejects a CRD that exceeds its limits"),
];

struct Response {
    code: u16,
    body: String,
    warning: String,
}

#[tokio::test]
async fn simulated_api_server_responds_as_written() {
    let client = ClusterSim::new(Arc::new(SystemClock)).client();
    run(&client, "conformance", true).await;
}

#[tokio::test]
async fn genuine_api_server_responds_as_written() {
    let Ok(path) = std::env::var("EVENKEEL_CONFORMANCE_KUBECONFIG") else {
        eprintln!("skipped: EVENKEEL_CONFORMANCE_KUBECONFIG is not set");
        return;
    };
    rustls::crypto::ring::default_provider().install_default().ok();
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    run(&client, &format!("conformance-{}", &uuid::Uuid::new_v4().to_string()[..8]), false).await;
}

/// The result of one section.
#[derive(Default)]
struct Outcome {
    section: String,
    agreed: usize,
    known: Vec<(String, String)>,
    different: Vec<String>,
}

async fn run(client: &Client, namespace: &str, simulated: bool) {
    set_up(client, namespace).await;
    let sections: Vec<Section> = serde_saphyr::from_str(&std::fs::read_to_string(CASES).unwrap()).unwrap();
    let mut outcomes = Vec::new();
    for section in &sections {
        let mut outcome = Outcome { section: section.section.clone(), ..Outcome::default() };
        for case in &section.cases {
            let seen = send_case(client, case, namespace).await;
            let judged = judge(case, &seen, namespace);
            let expected = match case.differs.as_ref().filter(|_| simulated) {
                None => judged.map(|()| outcome.agreed += 1),
                Some(known) if judged.is_ok() => Err(format!("no longer differs: {}", known.why)),
                Some(known) => judge_known(known, &seen, namespace)
                    .map(|()| outcome.known.push((case.name.clone(), known.why.clone()))),
            };
            if let Err(problem) = expected {
                outcome.different.push(format!("{}: {problem}\n  the response: {}", case.name, seen.body.trim()));
            }
        }
        outcomes.push(outcome);
    }
    tear_down(client, namespace).await;
    print(&outcomes);
    let failures: Vec<String> = outcomes.into_iter().flat_map(|outcome| outcome.different).collect();
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
}

/// Prints the results as a table.
fn print(outcomes: &[Outcome]) {
    println!("{:<40} {:>6} {:>6} {:>9}", "section", "agree", "known", "different");
    for o in outcomes {
        println!("{:<40} {:>6} {:>6} {:>9}", o.section, o.agreed, o.known.len(), o.different.len());
    }
    let sum = |of: fn(&Outcome) -> usize| -> usize { outcomes.iter().map(of).sum() };
    let (agreed, different) = (sum(|o| o.agreed), sum(|o| o.different.len()));
    println!("{agreed} cases agree, {} are known to differ, {different} differ", sum(|o| o.known.len()));
    println!("\nknown to differ:");
    for (section, (case, why)) in outcomes.iter().flat_map(|o| o.known.iter().map(|known| (&o.section, known))) {
        println!("    {section}: {case}: {why}");
    }
    println!("not compared:");
    for (what, why) in NOT_COMPARED {
        println!("    {what}: {why}");
    }
}

async fn send_case(client: &Client, case: &Case, namespace: &str) -> Response {
    let (method, path) = case.request.split_once(' ').unwrap();
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

async fn send(client: &Client, request: Request<Body>) -> Response {
    let response = client.send(request).await.unwrap();
    let code = response.status().as_u16();
    let warning = response.headers().get(header::WARNING).and_then(|text| text.to_str().ok()).unwrap_or_default();
    let warning = warning.to_owned();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Response { code, body: String::from_utf8(bytes.to_vec()).unwrap(), warning }
}

fn fill(text: &str, namespace: &str) -> String {
    text.replace("$NS", namespace)
}

fn judge(case: &Case, seen: &Response, namespace: &str) -> Result<(), String> {
    if seen.code != case.code {
        return Err(format!("code {} instead of {}", seen.code, case.code));
    }
    let filled = |value: &Value| -> Value { serde_json::from_str(&fill(&value.to_string(), namespace)).unwrap() };
    if let Some(events) = &case.events {
        let mut lines: Vec<Value> = seen.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if case.request.contains("allowWatchBookmarks=true") {
            lines.pop_if(|last| is_plain_bookmark(last));
        }
        contains(&Value::from(lines), &filled(&Value::from(events.clone())), "events")?;
    }
    if let Some(wanted) = case.warning.as_deref().filter(|wanted| !seen.warning.contains(wanted)) {
        return Err(format!("the warning {:?} does not contain {wanted:?}", seen.warning));
    }
    if case.response.is_null() {
        return Ok(());
    }
    let body: Value = serde_json::from_str(&seen.body).map_err(|error| error.to_string())?;
    contains(&body, &filled(&case.response), "")
}

/// True for a bookmark that does not end the initial events. The API server schedules one for the next tick of a timer
/// when a watch with initial events begins. It sends it if its watch cache has heard from etcd meanwhile, which any
/// list without a resource version causes. A watch of one second may get one (`nextBookmarkTime` of the API server's
/// watch cache).
fn is_plain_bookmark(event: &Value) -> bool {
    event["type"] == "BOOKMARK" && event["object"]["metadata"]["annotations"].is_null()
}

fn judge_known(known: &KnownDifference, seen: &Response, namespace: &str) -> Result<(), String> {
    if seen.code != known.code {
        return Err(format!("code {} instead of {}, as known", seen.code, known.code));
    }
    if known.response.is_null() {
        return Ok(());
    }
    let body: Value = serde_json::from_str(&seen.body).map_err(|error| error.to_string())?;
    let wanted: Value = serde_json::from_str(&fill(&known.response.to_string(), namespace)).unwrap();
    contains(&body, &wanted, "")
}

/// Checks that `seen` has all content of `wanted`.
fn contains(seen: &Value, wanted: &Value, path: &str) -> Result<(), String> {
    match (seen, wanted) {
        (_, Value::String(any)) if any == "*" => Ok(()),
        (Value::Object(map), Value::Object(wanted)) => wanted.iter().try_for_each(|(key, value)| {
            let seen = map.get(key).unwrap_or(&Value::Null);
            match (seen, value) {
                (Value::Array(seen), Value::Array(wanted)) if key == "causes" => in_any_order(seen, wanted, key),
                (Value::Array(seen), Value::Array(wanted)) if key == "managedFields" => {
                    sorted_managers(seen).and_then(|()| in_any_order(seen, wanted, key))
                }
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

fn in_any_order(seen: &[Value], wanted: &[Value], key: &str) -> Result<(), String> {
    let missing = wanted.iter().find(|item| seen.iter().all(|seen| contains(seen, item, "").is_err()));
    match missing {
        Some(item) => Err(format!("there is no {item} among the {key}")),
        None if seen.len() != wanted.len() => Err(format!("{} {key} instead of {}", seen.len(), wanted.len())),
        None => Ok(()),
    }
}

/// Checks the order of managed fields: by operation, then by second, then by name (`sortEncodedManagedFields` of
/// apimachinery).
fn sorted_managers(seen: &[Value]) -> Result<(), String> {
    const ORDER: [&str; 5] = ["operation", "time", "manager", "apiVersion", "subresource"];
    let place = |line: &Value| ORDER.map(|key| line[key].as_str().unwrap_or_default().to_owned());
    if seen.is_sorted_by_key(place) { Ok(()) } else { Err("the managedFields are not sorted".to_owned()) }
}

async fn plain(client: &Client, method: &str, path: &str, body: &str) -> Response {
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
