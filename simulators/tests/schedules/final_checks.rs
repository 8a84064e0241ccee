//! The end of every schedule: faults end, all stacks converge, all are deleted, nothing is left.

use std::time::Duration;

use evenkeel_simulators::cloud::{Kind, Provisioning};
use evenkeel_simulators::random_cluster::oracle::ClusterObjects;
use evenkeel_simulators::rig::{SECRET, is_ready, reason};
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::compare;
use super::schedule::Schedule;
use super::simulation::Simulation;

/// Longer than the quiet period and all waits before and after it.
const SETTLED: Duration = Duration::from_secs(500);
/// Limit of writes until a stack has converged.
const WRITES_PER_STACK: usize = 40;
/// Limit of requests for each write, polls included, and of those of a stack without one.
const CALLS_PER_WRITE: usize = 25;
const CALLS_PER_STACK: usize = 60;

pub async fn run(simulation: &mut Simulation, schedule: &Schedule) {
    end_faults(simulation).await;
    simulation.refer(&schedule.healed).await;
    until(simulation, "the objects are written", Simulation::all_objects_are_written).await;
    unblock_pending(simulation).await;
    let before = simulation.rig.cloud.requests().len();
    until(simulation, "the stacks converge", |simulation| {
        simulation.open().is_empty() && simulation.unsettled(true).is_empty()
    })
    .await;
    check_effort(simulation, before);
    replace_failed(simulation).await;
    // The next resync finds drift at the latest.
    until(simulation, "the cloud is as desired", |simulation| differences(simulation).is_empty()).await;
    if schedule.shared_cloud {
        without_grant(simulation).await;
    }
    // Checked before the stacks and their status are gone.
    simulation.check_outputs();
    delete_all(simulation).await;
    simulation.check_calls();
    simulation.check_foreign();
    simulation.check_outputs();
    simulation.check_log();
}

/// Withdraws the grant of the shared cloud: nothing is called, nothing is deleted, and a stack can still be deleted.
async fn without_grant(simulation: &mut Simulation) {
    simulation.grant(false).await;
    // Reconciles in progress end.
    simulation.advance(Duration::from_secs(20)).await;
    let (kept, calls) = (simulation.load_balancers_to_keep(), simulation.calls_to_the_project());
    simulation.refer(&simulation.without_endpoints()).await;
    simulation.advance(Duration::from_secs(200)).await;
    assert_eq!(simulation.calls_to_the_project(), calls, "calls to the cloud without a grant");
    assert_eq!(simulation.load_balancers_to_keep(), kept, "changed without a grant");
    if simulation.dice.chance(50) {
        simulation.grant(true).await;
        until(simulation, "the stacks converge again", |simulation| simulation.unsettled(true).is_empty()).await;
    }
}

/// Ends all faults, and makes all stacks managed.
async fn end_faults(simulation: &mut Simulation) {
    simulation.rig.cloud.clear_faults();
    simulation.rig.cluster.clear_faults();
    for kind in [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::Member, Kind::HealthMonitor] {
        simulation.rig.cloud.set_quota("demo", kind, -1);
    }
    simulation.restore_credentials().await;
    simulation.grant(true).await;
    if !simulation.rig.is_running() {
        simulation.rig.start();
    }
    for stack in 0..simulation.wanted.len() {
        let wanted_specs = simulation.wanted[stack].spec.clone().map(|mut spec| {
            spec["paused"] = false.into();
            spec["managementPolicy"] = "Managed".into();
            spec
        });
        simulation.want(stack, wanted_specs).await;
    }
}

/// Unblocks objects that Octavia's worker left PENDING, as the operator of a cloud would.
async fn unblock_pending(simulation: &mut Simulation) {
    let pending = |simulation: &Simulation| -> Vec<(Kind, String, String)> {
        let of = |kind: Kind| simulation.rig.cloud.objects(kind).into_iter().map(move |object| (kind, object));
        Kind::ALL
            .into_iter()
            .flat_map(of)
            .filter(|(_, object)| {
                object["provisioning_status"].as_str().is_some_and(|status| status.starts_with("PENDING"))
            })
            .map(|(kind, object)| (kind, object["id"].as_str().unwrap().to_owned(), object["updated_at"].to_string()))
            .collect()
    };
    let before = pending(simulation);
    simulation.advance(Duration::from_secs(5)).await;
    let now = pending(simulation);
    let state = if simulation.dice.chance(50) { Provisioning::Active } else { Provisioning::Error };
    for (kind, id, _) in now.iter().filter(|stuck| before.contains(stuck)) {
        simulation.rig.cloud.set_statuses(*kind, id, Some(state), None);
    }
}

/// Checks the number of requests to the cloud since the first `before`, in which all stacks have converged.
fn check_effort(simulation: &Simulation, before: usize) {
    let requests = simulation.rig.cloud.requests().split_off(before);
    let writes = requests.iter().filter(|request| request.method != Method::GET).count();
    let (calls, stacks) = (requests.len(), simulation.wanted.len());
    let is_loop = writes > WRITES_PER_STACK * stacks || calls > CALLS_PER_STACK * stacks + CALLS_PER_WRITE * writes;
    assert!(!is_loop, "{calls} requests with {writes} writes until {stacks} stacks converged: a loop");
}

/// Deletes and applies again the stacks whose load balancer is in ERROR, since it takes no changes.
async fn replace_failed(simulation: &mut Simulation) {
    let specs: Vec<(usize, Option<Value>)> = (0..simulation.wanted.len())
        .filter(|&stack| reason(&simulation.rig.stack(simulation.wanted[stack].name)) == "LoadBalancerError")
        .map(|stack| (stack, simulation.wanted[stack].spec.clone()))
        .collect();
    for (stack, spec) in specs {
        simulation.want(stack, None).await;
        simulation.want(stack, spec).await;
    }
    until(simulation, "the replaced stacks are Ready", |simulation| {
        simulation.open().is_empty() && simulation.unsettled(false).is_empty()
    })
    .await;
}

/// All differences between the cloud and the wanted states of the users.
fn differences(simulation: &Simulation) -> Vec<String> {
    let objects = ClusterObjects::of(&simulation.rig.cluster);
    let wanted_specs = simulation.wanted.iter().filter_map(|stack| Some((stack.name, stack.spec.as_ref()?)));
    let mut found: Vec<String> = wanted_specs
        .clone()
        .flat_map(|(name, spec)| {
            let id = simulation.rig.stack(name)["status"]["loadBalancer"]["id"].clone();
            let tree =
                simulation.rig.cloud.tree(id.as_str().unwrap_or_default()).map(Value::Object).unwrap_or_default();
            let differences = compare::differences(name, spec, &tree, &simulation.rig.cloud, &objects);
            differences.into_iter().map(move |difference| format!("{name}: {difference}"))
        })
        .collect();
    let (kept, wanted) = (simulation.load_balancers_to_keep().len(), wanted_specs.count());
    if kept != wanted {
        found.push(format!("{kept} load balancers, {wanted} desired"));
    }
    let unnamed = simulation.unnamed_secrets();
    if simulation.orphaned.is_empty() && !unnamed.is_empty() {
        found.push(format!("secrets that nothing names: {unnamed:?}"));
    }
    found
}

async fn delete_all(simulation: &mut Simulation) {
    for stack in 0..simulation.wanted.len() {
        simulation.want(stack, None).await;
    }
    until(simulation, "every stack is gone", |simulation| {
        simulation.wanted.iter().all(|stack| simulation.rig.stack(stack.name).is_null())
    })
    .await;
    assert!(simulation.load_balancers_to_keep().is_empty(), "left: {:#?}", simulation.load_balancers_to_keep());
    let mut marked = simulation.rig.cloud.floating_ips();
    marked.retain(|ip| {
        let marks = json!([ip["description"], ip["tags"]]).to_string();
        marks.contains("evenkeel:") && !simulation.orphaned.iter().any(|uid| marks.contains(uid))
    });
    assert!(marked.is_empty(), "left: {marked:#?}");
    check_ports(simulation);
    let secrets = simulation.unnamed_secrets();
    assert!(secrets.is_empty() || !simulation.orphaned.is_empty(), "left: {secrets:#?}");
    until(simulation, "the credentials have no finalizer", |simulation| {
        let secret = simulation.rig.cluster.object("", "secrets", "shop", SECRET).unwrap();
        secret["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
}

/// Checks for leaked ports. Octavia itself leaks the VIP port of a create that it rejects; every other port has its
/// load balancer.
fn check_ports(simulation: &Simulation) {
    let requests = simulation.rig.cloud.requests();
    let rejected = requests.iter().filter(|e| e.method == Method::POST && e.path.ends_with("/loadbalancers"));
    let rejected = rejected.filter(|e| e.status.is_some_and(|status| status >= 400)).count();
    let load_balancers = simulation.rig.load_balancers();
    let mut ports = simulation.rig.cloud.ports();
    ports.retain(|port| port["name"].as_str().is_some_and(|name| name.starts_with("octavia-lb")));
    ports.retain(|port| !load_balancers.iter().any(|lb| lb["vip_port_id"] == port["id"]));
    assert!(ports.len() <= rejected, "{} leaked ports after {rejected} rejected creates: {ports:#?}", ports.len());
}

async fn until(simulation: &mut Simulation, what: &str, holds: impl Fn(&Simulation) -> bool) {
    let begun = Instant::now();
    while !holds(simulation) {
        assert!(begun.elapsed() < SETTLED, "not within {SETTLED:?}: {what}\n{}", simulation.describe_state());
        simulation.advance(Duration::from_secs(1)).await;
    }
}

impl Simulation {
    /// The current state and the latest log lines, for the message of a failure.
    fn describe_state(&self) -> String {
        let stacks = self.rig.cluster.objects("evenkeel.dev", "loadbalancerstacks");
        let said: Vec<_> = stacks.iter().map(|stack| json!([stack["metadata"]["name"], stack["status"]])).collect();
        let log = self.log.text();
        let last: Vec<&str> = log.lines().rev().take(60).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        format!(
            "{said:#?}\n{:#?}\n{}\n{}",
            self.evenkeel_load_balancers(),
            differences(self).join("\n"),
            last.join("\n")
        )
    }

    /// Stacks whose wanted state has not reached the cluster yet.
    fn open(&self) -> Vec<&str> {
        self.wanted.iter().filter(|stack| stack.open).map(|stack| stack.name).collect()
    }

    /// Stacks that have not reached their final state. `broken_is_fine`: a stack that reports a load balancer in ERROR
    /// counts as settled.
    fn unsettled(&self, broken_is_fine: bool) -> Vec<&str> {
        let settled = |name: &str, wanted_specs: bool| {
            let stack = self.rig.stack(name);
            if !wanted_specs {
                return stack.is_null();
            }
            is_ready(&stack) || (broken_is_fine && reason(&stack) == "LoadBalancerError")
        };
        self.wanted.iter().filter(|stack| !settled(stack.name, stack.spec.is_some())).map(|stack| stack.name).collect()
    }
}
