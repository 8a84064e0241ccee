//! Log lines: each names the stack that it is about.

use evenkeel_simulators::cloud::Fault;
use evenkeel_simulators::rig::{Format, Log, NAMESPACE, small};
use serde_json::{Value, json};

use super::*;

/// The targets that log during a reconcile.
const OF_A_PASS: [&str; 3] = ["evenkeel::controller::telemetry", "evenkeel::engine", "evenkeel::openstack"];

/// The log of a stack that is created, loses its cloud, and is deleted.
async fn logged(format: Format) -> Vec<String> {
    let log = Log::capture_as(format, "debug,evenkeel=trace");
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.fail(Match::service(Service::LoadBalancer), Fault::Refused, 3);
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("web is Ready again", MINUTE, |rig| rig.is_ready("web")).await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    log.text().lines().map(str::to_owned).collect()
}

/// The lines of matching targets. There must be some.
fn lines_of<'a>(lines: &'a [String], target: impl Fn(&str) -> bool + 'a, name: &str) -> Vec<&'a String> {
    let found: Vec<_> = lines.iter().filter(|line| target(line)).collect();
    assert!(!found.is_empty(), "nothing was logged by {name}");
    found
}

#[tokio::test(start_paused = true)]
async fn log_line_of_reconcile_names_its_stack() {
    let lines = logged(Format::Plain).await;
    let names = format!(r#"{{namespace="{NAMESPACE}" stack="web"}}"#);
    for target in OF_A_PASS {
        for line in lines_of(&lines, |line| line.contains(&format!(" {target}")), target) {
            assert!(line.contains(&names), "{line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn json_log_line_of_reconcile_names_its_stack() {
    let lines = logged(Format::Json).await;
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let target_of = |line: &str| read(line)["target"].as_str().unwrap_or_default().to_owned();
    for target in OF_A_PASS {
        for line in lines_of(&lines, |line| target_of(line).starts_with(target), target) {
            let span = &read(line)["span"];
            assert_eq!((&span["namespace"], &span["stack"]), (&json!(NAMESPACE), &json!("web")), "{line}");
        }
    }
}
