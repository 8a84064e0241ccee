//! Holds the simulated cloud to what a genuine OpenStack does.
//!
//! The scripts in `cloud_conformance/` say what is asked and what must be answered. They run against the simulated
//! cloud always, and against a genuine one when `EVENKEEL_CONFORMANCE_CLOUD=<path of clouds.yaml>:<cloud>` is set; that
//! cloud needs the networks, flavor and zone names of the simulated world. Cases of other users are skipped where
//! clouds.yaml does not have them. `EVENKEEL_CONFORMANCE_ONLY=<part of a name>` runs single scripts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

#[path = "cloud_conformance/backend.rs"]
mod backend;
#[path = "cloud_conformance/runner.rs"]
mod runner;

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend::Backend;
use evenkeel_simulators::cloud::{CloudConfig, CloudSim};
use runner::{Case, Runner};

const VARIABLE: &str = "EVENKEEL_CONFORMANCE_CLOUD";

macro_rules! scripts {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("cloud_conformance/", $name, ".yaml")))),*]
    };
}

const SCRIPTS: &[(&str, &str)] = &scripts![
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
    "resets",
    "locks",
    "lists",
    "vips",
    "floating_ips",
    "quotas",
    "other_users",
];

/// Where the simulated cloud is not like a genuine one, and why it may be so. Printed with every run.
const DELIBERATE: &[(&str, &str)] = &[
    ("texts of SQL errors", "only their class and number are the same; nobody reads the rest"),
    ("order of values in \"Value should be one of\"", "Python's sets have none; compared sorted"),
    ("Keystone's 400 of a schema", "first line only"),
    ("certificates", "present and readable, or not; PKCS12, keys and signatures are not parsed"),
    ("regular expressions of L7 rules", "the common mistakes only"),
    ("addresses and ids", "allocated in order and from a seed, so that runs repeat"),
    ("routers", "none: every port can have a floating IP"),
    ("security groups of VIP ports", "the default group; Octavia's own group is not made"),
    ("Neutron's page links", "next only"),
    ("administration of flavors, zones, providers and amphorae", "seeded; no controller writes them"),
    ("provider ovn", "absent: nothing to measure it against"),
    ("refusals of a POST", "come when it would have committed, not before"),
];

async fn conform(backend: &Backend, clouds: &str) {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() % 100_000_000;
    let prefix = format!("conf{seconds:x}");
    let mut runner = Runner::new(backend, clouds, &prefix).await;
    let only = std::env::var("EVENKEEL_CONFORMANCE_ONLY").unwrap_or_default();
    let mut differences = Vec::new();
    let mut cases_run = 0;
    for (name, script) in SCRIPTS.iter().filter(|(name, _)| name.contains(&only)) {
        let cases: Vec<Case> = serde_saphyr::from_str(script).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases_run += cases.len();
        differences.extend(runner.run(name, &cases).await);
        runner.clean_up(&prefix).await;
    }
    println!("{cases_run} cases, {} skipped, {} requests", runner.skipped, runner.requests);
    println!("left different on purpose:");
    for (what, why) in DELIBERATE {
        println!("    {what}: {why}");
    }
    let mut report = String::new();
    for difference in &differences {
        let _ = writeln!(report, "{}: {}\n    {}", difference.script, difference.case, difference.text);
    }
    assert!(differences.is_empty(), "{} differences:\n{report}", differences.len());
}

#[tokio::test(start_paused = true)]
async fn the_simulated_cloud_answers_as_the_scripts_say() {
    let sim = CloudSim::new(CloudConfig::default());
    let clouds = format!("{}\u{0}demo", sim.clouds_yaml(CloudSim::AUTH_URL));
    conform(&Backend::Simulated(sim), &clouds).await;
}

#[tokio::test]
async fn the_genuine_cloud_answers_as_the_scripts_say() {
    let Ok(value) = std::env::var(VARIABLE) else {
        println!("NOT RUN against a genuine cloud: {VARIABLE} is not set");
        return;
    };
    let (path, cloud) = value.rsplit_once(':').expect("EVENKEEL_CONFORMANCE_CLOUD is <clouds.yaml>:<cloud>");
    let yaml = std::fs::read_to_string(path).expect("a readable clouds.yaml");
    rustls::crypto::ring::default_provider().install_default().ok();
    // A connection for each request: servers close kept ones when they like, after a 413 for example.
    let client = reqwest::Client::builder().timeout(Duration::from_secs(120)).pool_max_idle_per_host(0).build();
    let client = client.expect("a client");
    conform(&Backend::Genuine(client), &format!("{yaml}\u{0}{cloud}")).await;
}
