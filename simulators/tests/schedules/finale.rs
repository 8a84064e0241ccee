//! The end of every schedule: faults end, all stacks converge, all are deleted, nothing is left.

use std::time::Duration;

use evenkeel_simulators::cloud::{Kind, Provisioning};
use evenkeel_simulators::rig::{SECRET, is_ready, reason};
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::compare;
use super::stage::Stage;

/// Longer than the quiet period and all waits before and after it.
const SETTLED: Duration = Duration::from_secs(500);
/// Limit of requests to the cloud until a stack has converged, polls included.
const CALLS_PER_STACK: usize = 400;

pub async fn finale(stage: &mut Stage) {
    calm(stage).await;
    free_what_is_stuck(stage).await;
    let calls = stage.rig.cloud.requests().len();
    until(stage, "the stacks converge", |stage| stage.open().is_empty() && stage.unsettled(true).is_empty()).await;
    let calls = stage.rig.cloud.requests().len() - calls;
    let most = CALLS_PER_STACK * stage.hopes.len();
    assert!(calls <= most, "{calls} calls until everything converged, {most} expected at most");
    replace_what_cannot_be_mended(stage).await;
    // The next resync finds drift at the latest.
    until(stage, "everything is as wanted", |stage| differences(stage).is_empty()).await;
    // Checked before the stacks and their status are gone.
    stage.check_shown();
    delete_all(stage).await;
    stage.check_calls();
    stage.check_foreign();
    stage.check_shown();
    stage.check_log();
}

/// Ends all faults, and makes all stacks managed.
async fn calm(stage: &mut Stage) {
    stage.rig.cloud.clear_faults();
    stage.rig.cluster.clear_faults();
    for kind in [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::Member, Kind::HealthMonitor] {
        stage.rig.cloud.set_quota("demo", kind, -1);
    }
    stage.mend_credentials().await;
    if !stage.rig.is_running() {
        stage.rig.start();
    }
    for stack in 0..stage.hopes.len() {
        let hoped = stage.hopes[stack].spec.clone().map(|mut spec| {
            spec["paused"] = false.into();
            spec["managementPolicy"] = "Managed".into();
            spec
        });
        stage.hope(stack, hoped).await;
    }
}

/// Unblocks objects that Octavia's worker left PENDING, as the operator of a cloud would.
async fn free_what_is_stuck(stage: &mut Stage) {
    let pending = |stage: &Stage| -> Vec<(Kind, String, String)> {
        let of = |kind: Kind| stage.rig.cloud.objects(kind).into_iter().map(move |object| (kind, object));
        Kind::ALL
            .into_iter()
            .flat_map(of)
            .filter(|(_, object)| {
                object["provisioning_status"].as_str().is_some_and(|status| status.starts_with("PENDING"))
            })
            .map(|(kind, object)| (kind, object["id"].as_str().unwrap().to_owned(), object["updated_at"].to_string()))
            .collect()
    };
    let before = pending(stage);
    stage.pass(Duration::from_secs(5)).await;
    let now = pending(stage);
    let state = if stage.dice.chance(50) { Provisioning::Active } else { Provisioning::Error };
    for (kind, id, _) in now.iter().filter(|stuck| before.contains(stuck)) {
        stage.rig.cloud.set_statuses(*kind, id, Some(state), None);
    }
}

/// Deletes and applies again the stacks whose load balancer is in ERROR, since it takes no changes.
async fn replace_what_cannot_be_mended(stage: &mut Stage) {
    let specs: Vec<(usize, Option<Value>)> = (0..stage.hopes.len())
        .filter(|&stack| reason(&stage.rig.stack(stage.hopes[stack].name)) == "LoadBalancerError")
        .map(|stack| (stack, stage.hopes[stack].spec.clone()))
        .collect();
    for (stack, spec) in specs {
        stage.hope(stack, None).await;
        stage.hope(stack, spec).await;
    }
    until(stage, "what was replaced is Ready", |stage| stage.open().is_empty() && stage.unsettled(false).is_empty())
        .await;
}

/// All differences between the cloud and the wishes of the users.
fn differences(stage: &Stage) -> Vec<String> {
    let hoped = stage.hopes.iter().filter_map(|hope| Some((hope.name, hope.spec.as_ref()?)));
    let mut found: Vec<String> = hoped
        .clone()
        .flat_map(|(name, spec)| {
            let id = stage.rig.stack(name)["status"]["loadBalancer"]["id"].clone();
            let tree = stage.rig.cloud.tree(id.as_str().unwrap_or_default()).map(Value::Object).unwrap_or_default();
            let differences = compare::differences(name, spec, &tree, &stage.rig.cloud);
            differences.into_iter().map(move |difference| format!("{name}: {difference}"))
        })
        .collect();
    let (ours, wanted) = (stage.ours_to_keep().len(), hoped.count());
    if ours != wanted {
        found.push(format!("{ours} load balancers, {wanted} wanted"));
    }
    found
}

async fn delete_all(stage: &mut Stage) {
    for stack in 0..stage.hopes.len() {
        stage.hope(stack, None).await;
    }
    until(stage, "every stack is gone", |stage| stage.hopes.iter().all(|hope| stage.rig.stack(hope.name).is_null()))
        .await;
    assert!(stage.ours_to_keep().is_empty(), "left: {:#?}", stage.ours_to_keep());
    let mut marked = stage.rig.cloud.floating_ips();
    marked.retain(|ip| {
        let marks = json!([ip["description"], ip["tags"]]).to_string();
        marks.contains("evenkeel:") && !stage.orphaned.iter().any(|uid| marks.contains(uid))
    });
    assert!(marked.is_empty(), "left: {marked:#?}");
    check_ports(stage);
    until(stage, "the credentials are let go", |stage| {
        let secret = stage.rig.cluster.object("", "secrets", "shop", SECRET).unwrap();
        secret["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
}

/// Checks for leaked ports. Octavia itself leaks the VIP port of a create that it rejects; every other port has its
/// load balancer.
fn check_ports(stage: &Stage) {
    let requests = stage.rig.cloud.requests();
    let refused = requests.iter().filter(|e| e.method == Method::POST && e.path.ends_with("/loadbalancers"));
    let refused = refused.filter(|e| e.status.is_some_and(|status| status >= 400)).count();
    let load_balancers = stage.rig.load_balancers();
    let mut ports = stage.rig.cloud.ports();
    ports.retain(|port| port["name"].as_str().is_some_and(|name| name.starts_with("octavia-lb")));
    ports.retain(|port| !load_balancers.iter().any(|lb| lb["vip_port_id"] == port["id"]));
    assert!(ports.len() <= refused, "{} ports are left of {refused} refused creates: {ports:#?}", ports.len());
}

async fn until(stage: &mut Stage, what: &str, holds: impl Fn(&Stage) -> bool) {
    let begun = Instant::now();
    while !holds(stage) {
        assert!(begun.elapsed() < SETTLED, "not within {SETTLED:?}: {what}\n{}", stage.account());
        stage.pass(Duration::from_secs(1)).await;
    }
}

impl Stage {
    /// The current state and the latest log lines, for the message of a failure.
    fn account(&self) -> String {
        let stacks = self.rig.cluster.objects("evenkeel.dev", "loadbalancerstacks");
        let said: Vec<_> = stacks.iter().map(|stack| json!([stack["metadata"]["name"], stack["status"]])).collect();
        let log = self.log.text();
        let last: Vec<&str> = log.lines().rev().take(60).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        format!("{said:#?}\n{:#?}\n{}\n{}", self.ours(), differences(self).join("\n"), last.join("\n"))
    }

    /// Stacks whose wish has not reached the cluster yet.
    fn open(&self) -> Vec<&str> {
        self.hopes.iter().filter(|hope| hope.open).map(|hope| hope.name).collect()
    }

    /// Stacks that have not reached their final state. `broken_is_fine`: a stack that reports a load balancer in ERROR
    /// counts as settled.
    fn unsettled(&self, broken_is_fine: bool) -> Vec<&str> {
        let settled = |name: &str, hoped: bool| {
            let stack = self.rig.stack(name);
            if !hoped {
                return stack.is_null();
            }
            is_ready(&stack) || (broken_is_fine && reason(&stack) == "LoadBalancerError")
        };
        self.hopes.iter().filter(|hope| !settled(hope.name, hope.spec.is_some())).map(|hope| hope.name).collect()
    }
}
