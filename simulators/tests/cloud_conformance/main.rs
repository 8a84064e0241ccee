//! Holds the simulated cloud and a genuine OpenStack to the same expectations.
//!
//! The scripts beside this file are requests with their expected responses. They always run against the simulated
//! cloud, and against a genuine one when `EVENKEEL_CONFORMANCE_CLOUD=<path of clouds.yaml>:<cloud>` is set. That cloud
//! needs the networks, flavor and zone names of the simulated one. Cases of other users are skipped where clouds.yaml
//! does not have them. Scripts of failures are skipped where the data plane cannot be made to fail
//! (`EVENKEEL_CONFORMANCE_FAILURES=<path>`, a file that the lab of the end-to-end tests reads).
//! `EVENKEEL_CONFORMANCE_ONLY=<name>,<name>` runs single scripts, `EVENKEEL_CONFORMANCE_EXCEPT=<name>` all others.
//!
//! A case in which the simulated cloud may differ records its response and the reason. The test fails when the recorded
//! difference no longer exists.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod backend;
mod case;
mod compare;
mod runner;

use std::time::Duration;

use backend::{Backend, Genuine};
use case::Case;
use evenkeel::clock::{Clock, SystemClock};
use evenkeel_simulators::cloud::{CloudConfig, CloudSim};
use runner::{Outcome, Runner};

const VARIABLE: &str = "EVENKEEL_CONFORMANCE_CLOUD";
const FAILURES: &str = "EVENKEEL_CONFORMANCE_FAILURES";

const SCRIPTS: [&str; 22] = [
    "identity",
    "requests",
    "load_balancers",
    "listeners",
    "pools",
    "members",
    "monitors",
    "policies",
    "single_call",
    "tls",
    "secrets",
    "resets",
    "locks",
    "failures",
    "tags",
    "crashes",
    "lists",
    "vips",
    "groups",
    "floating_ips",
    "quotas",
    "other_users",
];

/// Parts that the cases do not compare, and the reason why the simulated cloud may differ there. Printed with every
/// run.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("texts of SQL errors", "only their class and number are the same; no client reads the rest"),
    ("order of values in \"Value should be one of\"", "Python's sets have none; compared sorted"),
    ("Keystone's 400 of a schema", "first line only"),
    ("operating statuses of existing objects", "the next heartbeat changes them at any time"),
    ("certificates", "present and readable, or not; PKCS12, keys and signatures are not parsed"),
    ("secrets stored in two steps, orders, consumers and metadata of Barbican", "absent; no client here uses them"),
    ("regular expressions of L7 rules", "the common mistakes only"),
    ("addresses and ids", "allocated in order and from a seed, so that runs repeat"),
    ("routers", "one for all subnets; a test may detach some behind the API"),
    ("security groups of VIP ports", "the default group; Octavia's own group does not exist"),
    ("Neutron's page links", "next only"),
    ("administration of flavors, zones, providers and amphorae", "seeded; no controller writes them"),
    ("provider ovn", "absent: no genuine one to compare with"),
    ("time of the error of a POST", "when it would have committed, not before"),
    (
        "changes that the database rejects after the worker got them",
        "the genuine worker carries them out with the next change, or a minute later; the simulated one drops them",
    ),
    (
        "concurrent requests, clients that hang up",
        "a script sends one request at a time; make e2e has scenarios for these",
    ),
];

async fn conform(backend: &Backend, clouds: &str) {
    let prefix = format!("conf{:x}", SystemClock.now().as_millisecond() % 100_000_000);
    let mut runner = Runner::new(backend, clouds, &prefix).await;
    let (only, except) = (named("EVENKEEL_CONFORMANCE_ONLY"), named("EVENKEEL_CONFORMANCE_EXCEPT"));
    let mut outcomes = Vec::new();
    for name in SCRIPTS.iter().filter(|name| only.is_empty() || only.iter().any(|n| n == *name)) {
        if except.iter().any(|n| n == name) {
            continue;
        }
        outcomes.push(runner.run(name, &cases(name)).await);
        runner.clean_up(&prefix).await;
    }
    let left = runner.left(&prefix).await;
    print(&outcomes, runner.requests);
    let different = outcomes.iter().flat_map(|o| o.different.iter().map(|(case, text)| (&o.script, case, text)));
    let report: Vec<String> = different.map(|(script, case, text)| format!("{script}: {case}\n    {text}")).collect();
    assert!(report.is_empty(), "{} differences:\n{}", report.len(), report.join("\n"));
    // A change that Octavia carries out late can bring a deleted object back, in ERROR.
    assert!(left.is_empty(), "deleted and back: {left:?}");
}

/// The names of scripts in a variable. An unknown name is an error, because its cases would be skipped silently.
fn named(variable: &str) -> Vec<String> {
    let text = std::env::var(variable).unwrap_or_default();
    let names: Vec<String> = text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    for name in &names {
        assert!(SCRIPTS.contains(&name.as_str()), "{variable}: there is no script {name}");
    }
    names
}

fn cases(name: &str) -> Vec<Case> {
    let file = format!("{}/tests/cloud_conformance/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let script = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_saphyr::from_str(&script).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Prints the results as a table.
fn print(outcomes: &[Outcome], requests: usize) {
    println!("{:<16} {:>6} {:>6} {:>7} {:>9}", "script", "agree", "known", "skipped", "different");
    let row = |name: &str, agreed: usize, known: usize, skipped: usize, different: usize| {
        println!("{name:<16} {agreed:>6} {known:>6} {skipped:>7} {different:>9}");
    };
    for o in outcomes {
        row(&o.script, o.agreed, o.known.len(), o.skipped, o.different.len());
    }
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum();
    row("all", sum(|o| o.agreed), sum(|o| o.known.len()), sum(|o| o.skipped), sum(|o| o.different.len()));
    println!("{requests} requests\n\nknown to differ:");
    for (script, (case, why)) in outcomes.iter().flat_map(|o| o.known.iter().map(|known| (&o.script, known))) {
        println!("    {script}: {case}: {why}");
    }
    println!("not compared:");
    for (what, why) in NOT_COMPARED {
        println!("    {what}: {why}");
    }
}

#[tokio::test(start_paused = true)]
async fn simulated_cloud_responds_as_scripted() {
    let sim = CloudSim::new(CloudConfig::default());
    let clouds = format!("{}\u{0}demo", sim.clouds_yaml(CloudSim::AUTH_URL));
    conform(&Backend::Simulated(sim), &clouds).await;
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "requests to a genuine cloud need a genuine client")]
async fn genuine_cloud_responds_as_scripted() {
    let Ok(value) = std::env::var(VARIABLE) else {
        println!("NOT RUN against a genuine cloud: {VARIABLE} is not set");
        return;
    };
    let (path, cloud) = value.rsplit_once(':').expect("EVENKEEL_CONFORMANCE_CLOUD is <clouds.yaml>:<cloud>");
    let yaml = std::fs::read_to_string(path).expect("a readable clouds.yaml");
    rustls::crypto::ring::default_provider().install_default().ok();
    // One connection per request: servers close idle ones at any time, after a 413 for example.
    let client = reqwest::Client::builder().timeout(Duration::from_secs(120)).pool_max_idle_per_host(0).build();
    let client = client.expect("a client");
    let failures = std::env::var_os(FAILURES).map(Into::into);
    conform(&Backend::Genuine(Genuine { client, failures }), &format!("{yaml}\u{0}{cloud}")).await;
}
