//! The steps of a schedule.

use std::time::Duration;

use evenkeel_simulators::cloud::{self, Fault, Kind, Match, ProviderFault, Service, Verb, WorkerEffect};
use evenkeel_simulators::cluster;
use http::Method;
use serde_json::Value;

use evenkeel_simulators::random_cluster::{ClusterChange, Dice, RandomCluster, Shape, draw_spec};

#[derive(Debug, Clone)]
pub enum Step {
    /// A user applies a stack, new or edited.
    Apply(usize, Value),
    Delete(usize),
    /// A user deletes a stack with the policy Orphan.
    Orphan(usize),
    /// A user deletes a stack and creates it again under the same name as soon as possible.
    Recreate(usize, Value),
    Pause(usize, bool),
    Observe(usize, bool),
    /// The shared cloud is granted to the stacks, or the grant is withdrawn.
    Grant(bool),
    /// Users change the objects that stacks refer to.
    Refer(ClusterChange),
    /// The next matching requests to the cloud, so many of them, meet the fault.
    Cloud(Match, Fault, usize),
    ServiceDown(Service),
    /// The faults of the cloud end.
    EndFaults,
    Worker(ProviderFault),
    Cluster(cluster::Fault),
    CutWatches,
    /// Watches that resume get 410 Gone.
    ForgetHistory,
    /// SIGKILL, and a new controller after this time.
    Crash(Duration),
    /// SIGKILL while the next write to the cloud is in flight: before or after it is carried out.
    CrashInWrite {
        late: bool,
    },
    /// SIGKILL after the API server has carried out the next patch of a stack, before the response.
    CrashInPatch,
    Restart,
    /// A second controller works beside the first for this time, as after a lease that was lost unnoticed.
    SecondController(Duration),
    BreakCredentials(BrokenCredentials),
    RestoreCredentials,
    ExpireTokens,
    Quota(Kind, i64),
    /// Another client changes a resource of Evenkeel.
    Drift(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenCredentials {
    Garbage,
    NoKey,
    WrongPassword,
}

/// Draws the next step of a schedule with so many stacks.
pub fn draw(dice: &mut Dice, stacks: usize, shape: Shape, cluster: &mut RandomCluster) -> Step {
    let stack = dice.index(stacks);
    match dice.below(130) {
        0..20 => Step::Apply(stack, draw_spec(dice, shape)),
        20..24 => Step::Delete(stack),
        24..26 => Step::Orphan(stack),
        26..32 => Step::Recreate(stack, draw_spec(dice, shape)),
        32..35 => Step::Pause(stack, dice.chance(50)),
        35..38 => Step::Observe(stack, dice.chance(50)),
        38..52 => cloud_fault(dice),
        52..54 => Step::ServiceDown(dice.pick(&Service::ALL)),
        54..56 => Step::EndFaults,
        56..61 => Step::Worker(worker_fault(dice)),
        61..68 => Step::Cluster(cluster_fault(dice)),
        68..71 => Step::CutWatches,
        71..72 => Step::ForgetHistory,
        72..78 => Step::Crash(dice.millis(0, 20_000)),
        78..84 => Step::CrashInWrite { late: dice.chance(50) },
        84..87 => Step::CrashInPatch,
        87..89 => Step::Restart,
        // The Secret of the namespace has no effect on them.
        89..93 if shape.shared_cloud => Step::Grant(dice.chance(50)),
        89..91 => Step::BreakCredentials(dice.pick(&[
            BrokenCredentials::Garbage,
            BrokenCredentials::NoKey,
            BrokenCredentials::WrongPassword,
        ])),
        91..93 => Step::RestoreCredentials,
        93..94 => Step::ExpireTokens,
        94..96 => {
            let kinds = [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::Member, Kind::HealthMonitor];
            let limits = [-1, 0, 1, 3];
            Step::Quota(dice.pick(&kinds), dice.pick(&limits))
        }
        96..100 => Step::Drift(dice.roll()),
        100..102 => Step::SecondController(dice.millis(0, 20_000)),
        _ => Step::Refer(cluster.edit(dice)),
    }
}

fn cloud_fault(dice: &mut Dice) -> Step {
    let services = [
        Service::LoadBalancer,
        Service::LoadBalancer,
        Service::LoadBalancer,
        Service::KeyManager,
        Service::Identity,
        Service::Network,
    ];
    let mut which = Match::service(dice.pick(&services)).skip(dice.index(4));
    which.method =
        dice.pick(&[None, None, Some(Method::GET), Some(Method::POST), Some(Method::PUT), Some(Method::DELETE)]);
    if dice.chance(30) {
        which = which.path(dice.pick(&["/loadbalancers", "/listeners", "/members", "/floatingips", "/secrets"]));
    }
    let response =
        |status, body: &str, retry_after| Fault::ProxyResponse { status, body: body.to_owned(), retry_after };
    let faults = [
        Fault::Refused,
        Fault::LostBefore,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::LostAfter,
        Fault::HalfBody,
        Fault::SlowResponse(dice.millis(1_000, 200_000)),
        Fault::SlowStart(dice.millis(1_000, 60_000)),
        response(500, "<html>Internal Server Error</html>", None),
        response(500, r#"{"faultcode": "Server", "faultstring": "database gone", "debuginfo": null}"#, None),
        response(502, "<html>Bad Gateway</html>", None),
        response(503, "<html>Service Unavailable</html>", Some(3)),
        response(429, r#"{"error": {"code": 429, "title": "Too Many Requests", "message": "slow down"}}"#, Some(7)),
    ];
    Step::Cloud(which, dice.pick(&faults), 1 + dice.index(4))
}

fn worker_fault(dice: &mut Dice) -> ProviderFault {
    let kinds = [None, Some(Kind::LoadBalancer), Some(Kind::Listener), Some(Kind::Pool), Some(Kind::Member)];
    let effect = if dice.chance(80) { WorkerEffect::Fails } else { WorkerEffect::Hangs };
    let verb = dice.pick(&[None, Some(Verb::Create), Some(Verb::Update), Some(Verb::Delete)]);
    ProviderFault { kind: dice.pick(&kinds), verb, load_balancer: None, effect, times: Some(1) }
}

fn cluster_fault(dice: &mut Dice) -> cluster::Fault {
    use cluster::Effect as E;
    let effects = [
        E::LoseResponse,
        E::LoseResponse,
        E::Drop,
        E::Conflict,
        E::Status(403),
        E::Status(500),
        E::Status(503),
        E::Status(429),
        E::Delay(dice.millis(10, 5_000)),
        E::SlowResponse(dice.millis(10, 5_000)),
    ];
    let verb = dice.pick(&["patch", "patch", "patch", "get", "list", "watch", "create"]);
    let path = match verb {
        "patch" => dice.pick(&["/loadbalancerstacks", "/status", "/secrets"]),
        "create" => "/events",
        "get" => dice.pick(&["/loadbalancerstacks", "/secrets", "/secrets", "/configmaps", "/services", ""]),
        _ => {
            dice.pick(&["/loadbalancerstacks", "/secrets", "/configmaps", "/services", "/endpointslices", "/nodes", ""])
        }
    };
    // Some last for longer: rights that were withdrawn, an API server that is down.
    let times = if dice.chance(20) { 40 } else { 1 + dice.index(3) };
    cluster::Fault::next(verb, path, dice.pick(&effects)).times(times)
}

/// Match the next write to Octavia and the next one to Barbican.
pub fn next_writes() -> [cloud::Match; 2] {
    [Match::service(Service::LoadBalancer).path("/lbaas/"), Match::service(Service::KeyManager).path("/secrets")]
}
