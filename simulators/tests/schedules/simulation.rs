//! The actors of a schedule: users who want stacks, the operator of the cloud, the cluster, and crashes of controllers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel::api::{DELETION_POLICY_ANNOTATION, LoadBalancerStack};
use evenkeel::controller::FINALIZER;
use evenkeel_simulators::cloud::{CloudConfig, Fault, Kind, Service};
use evenkeel_simulators::cluster::{self, ClusterRequest, Effect};
use evenkeel_simulators::rig::{Log, NAMESPACE, Rig, SECRET};
use http::Method;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::Trace;
use super::cluster_laws::ClusterLaws;
use super::grants;
use super::laws::Foreign;
use super::schedule::Schedule;
use super::step::{BrokenCredentials, Step, next_writes};
use evenkeel_simulators::random_cluster::{ClusterChange, Dice, ObjectName};

/// Interval of the users' retries and of the checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(1_000);
/// Number of attempts of a user before a longer pause.
const TRIES: usize = 20;
/// A wrong password in the credentials.
pub const WRONG_SECRET: &str = "wrong-and-secret";

/// The state that a user wants for one stack.
pub struct WantedStack {
    pub name: &'static str,
    pub spec: Option<Value>,
    /// The cloud resources shall stay. Only relevant without a spec.
    pub orphan: bool,
    /// The cluster does not match it yet.
    pub open: bool,
}

pub struct Simulation {
    pub rig: Rig,
    pub log: Log,
    pub wanted: Vec<WantedStack>,
    pub dice: Dice,
    /// Resources of other owners, as they were at the beginning.
    pub foreign: Foreign,
    /// UIDs of stacks that were deleted with the policy Orphan.
    pub orphaned: BTreeSet<String>,
    /// Objects of the cluster that do not match the wish of their users yet.
    open_objects: BTreeMap<ObjectName, Option<Value>>,
    /// The grant of the shared cloud, if the cluster does not have it yet.
    pub(super) open_grant: Option<bool>,
    /// Ids of the objects in the cloud that another client has deleted.
    pub drifted: BTreeSet<String>,
    pub laws: ClusterLaws,
    /// Errors of controllers that ended. As a kubelet would, the simulation starts another one.
    pub ends: Vec<String>,
}

impl Simulation {
    pub async fn new(schedule: &Schedule) -> Self {
        let log = Log::capture("info,evenkeel=debug");
        let rig = Rig::with(CloudConfig { seed: schedule.seed + 1, ..CloudConfig::default() }).await;
        let of_another = ["evenkeel:uid=0", "evenkeel:cluster=0", "evenkeel:namespace=shop", "evenkeel:name=web"];
        for tags in [&[][..], &of_another[..]] {
            let listener = json!({"name": "http", "protocol": "HTTP", "protocol_port": 80});
            rig.make_load_balancer(json!({"name": "shop/web", "tags": tags, "listeners": [listener]})).await;
        }
        let public = rig.cloud.network_id("public");
        let used = rig.load_balancers()[0]["vip_port_id"].clone();
        for port in [Value::Null, used] {
            let body = json!({"floatingip": {"floating_network_id": public, "port_id": port}});
            rig.cloud.request_as("demo", Method::POST, Service::Network, "/v2.0/floatingips", Some(body)).await;
        }
        sleep(Duration::from_secs(2)).await;
        for (name, object) in &schedule.cluster.objects {
            name.write(&rig.client, Some(object)).await.unwrap();
        }
        if schedule.shared_cloud {
            grants::create_cloud(&rig).await;
        }
        rig.cluster.set_latency(schedule.latency);
        let wanted =
            schedule.stacks.iter().map(|name| WantedStack { name, spec: None, orphan: false, open: false }).collect();
        let dice = Dice::new(!schedule.seed);
        let foreign = Foreign::at_first(&rig.cloud);
        let mut simulation = Self {
            rig,
            log,
            wanted,
            dice,
            foreign,
            orphaned: BTreeSet::new(),
            open_objects: BTreeMap::new(),
            open_grant: None,
            drifted: BTreeSet::new(),
            laws: ClusterLaws::default(),
            ends: Vec::new(),
        };
        simulation.rig.start();
        simulation
    }

    /// Lets time pass. Users retry meanwhile, and laws are checked.
    pub async fn advance(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        loop {
            self.advance_actors().await;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(CHECK_INTERVAL)).await;
        }
    }

    pub async fn advance_actors(&mut self) {
        self.check_laws();
        self.check_cluster_laws();
        let ends = self.rig.reap().await;
        if !ends.is_empty() {
            self.ends.extend(ends);
            self.rig.start();
        }
        for stack in 0..self.wanted.len() {
            if self.wanted[stack].open {
                self.wanted[stack].open = !self.apply_wanted(stack).await;
            }
        }
        self.write_objects().await;
        self.write_grant().await;
    }

    pub async fn refer(&mut self, change: &ClusterChange) {
        self.open_objects.extend(change.objects.clone());
        self.write_objects().await;
    }

    /// Brings the objects that stacks refer to in line with the wish of their users. What fails is tried again later.
    async fn write_objects(&mut self) {
        for (name, object) in self.open_objects.clone() {
            if name.write(&self.rig.client, object.as_ref()).await.is_ok() {
                self.open_objects.remove(&name);
            }
            self.observe_references();
        }
    }

    pub fn all_objects_are_written(&self) -> bool {
        self.open_objects.is_empty()
    }

    pub async fn perform(&mut self, step: &Step) {
        match step {
            Step::Apply(stack, spec) => self.want(*stack, Some(spec.clone())).await,
            Step::Delete(stack) => self.want(*stack, None).await,
            Step::Orphan(stack) => {
                self.wanted[*stack].orphan = true;
                self.set_wanted(*stack, None).await;
            }
            Step::Recreate(stack, spec) => {
                self.want(*stack, None).await;
                self.want(*stack, Some(spec.clone())).await;
            }
            Step::Pause(stack, on) => self.edit(*stack, "paused", json!(on)).await,
            Step::Observe(stack, on) => {
                self.edit(*stack, "managementPolicy", if *on { "Observe" } else { "Managed" }.into()).await;
            }
            Step::Grant(given) => self.grant(*given).await,
            Step::Refer(change) => self.refer(change).await,
            Step::Cloud(which, fault, times) => self.rig.cloud.fail(which.clone(), fault.clone(), *times),
            Step::ServiceDown(service) => self.rig.cloud.service_down(*service),
            Step::EndFaults => self.rig.cloud.clear_faults(),
            Step::Worker(fault) => self.rig.cloud.fail_provider(fault.clone()),
            Step::Cluster(fault) => self.rig.cluster.inject(fault.clone()),
            Step::CutWatches => self.rig.cluster.cut_watches(),
            Step::ForgetHistory => {
                self.rig.cluster.limit_history(0);
                self.rig.cluster.limit_history(4096);
                self.rig.cluster.cut_watches();
            }
            Step::Crash(down) => self.crash(*down).await,
            Step::CrashInWrite { late } => self.crash_in_write(*late).await,
            Step::CrashInPatch => self.crash_in_patch().await,
            Step::Restart => {
                self.rig.stop().await;
                self.rig.start();
            }
            Step::SecondController(time) => {
                self.rig.start();
                self.advance(*time).await;
                self.rig.kill().await;
                self.rig.start();
            }
            Step::BreakCredentials(how) => self.break_credentials(*how).await,
            Step::RestoreCredentials => self.restore_credentials().await,
            Step::ExpireTokens => self.rig.cloud.expire_tokens(),
            Step::Quota(kind, limit) => self.rig.cloud.set_quota("demo", *kind, *limit),
            Step::Drift(chance) => self.drift(&mut Dice::new(*chance)).await,
        }
    }

    pub async fn want(&mut self, stack: usize, spec: Option<Value>) {
        self.wanted[stack].orphan = false;
        self.set_wanted(stack, spec).await;
    }

    async fn set_wanted(&mut self, stack: usize, spec: Option<Value>) {
        self.wanted[stack].spec = spec;
        self.wanted[stack].open = !self.apply_wanted(stack).await;
    }

    async fn edit(&mut self, stack: usize, field: &str, value: Value) {
        if let Some(mut spec) = self.wanted[stack].spec.clone() {
            spec[field] = value;
            self.want(stack, Some(spec)).await;
        }
    }

    /// Brings the cluster in line with the wanted state. Returns false when that has to be repeated later.
    async fn apply_wanted(&mut self, stack: usize) -> bool {
        for _ in 0..TRIES {
            let tried = self.try_once(stack).await;
            self.observe_references();
            match tried {
                Ok(done) => return done,
                Err(_) => sleep(Duration::from_millis(7)).await,
            }
        }
        false
    }

    async fn try_once(&mut self, stack: usize) -> Result<bool, kube::Error> {
        let WantedStack { name, ref spec, orphan, .. } = self.wanted[stack];
        let api = self.rig.stacks();
        let found = api.get_opt(name).await?;
        match (spec, found) {
            (None, None) => Ok(true),
            (Some(spec), None) => {
                let stack = json!({"apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
                    "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec});
                api.create(&PostParams::default(), &serde_json::from_value(stack).unwrap()).await?;
                Ok(true)
            }
            (_, Some(found)) if found.metadata.deletion_timestamp.is_some() => Ok(spec.is_none()),
            (Some(spec), Some(mut found)) => {
                self.orphaned.remove(&found.uid().unwrap());
                set_orphan_annotation(&mut found, false);
                found.spec = serde_json::from_value(spec.clone()).unwrap();
                api.replace(name, &PostParams::default(), &found).await?;
                Ok(true)
            }
            (None, Some(found)) => self.delete(name, found, orphan).await,
        }
    }

    /// Deletes a stack. An observed stack has no finalizer, and its deletion leaves the load balancer. Unless that is
    /// wanted, the stack becomes managed first.
    async fn delete(&mut self, name: &str, mut found: LoadBalancerStack, orphan: bool) -> Result<bool, kube::Error> {
        let api = self.rig.stacks();
        let held = found.metadata.finalizers.iter().flatten().any(|entry| entry == FINALIZER);
        if set_orphan_annotation(&mut found, orphan) | found.spec.observes_only() | found.spec.is_paused() {
            found.spec.management_policy = Default::default();
            found.spec.paused = None;
            api.replace(name, &PostParams::default(), &found).await?;
            return Ok(false);
        }
        let uid = found.uid().unwrap();
        if !held && found.status.is_some_and(|status| status.load_balancer.is_some()) {
            return Ok(false);
        }
        // Before the request, whose response may be lost.
        if orphan {
            self.orphaned.insert(uid);
        } else {
            self.orphaned.remove(&uid);
        }
        api.delete(name, &DeleteParams::default()).await?;
        Ok(true)
    }

    async fn crash(&mut self, down: Duration) {
        self.rig.kill().await;
        self.advance(down).await;
        if !self.rig.is_running() {
            self.rig.start();
        }
    }

    /// Kills the controller while its next write is in flight.
    async fn crash_in_write(&mut self, late: bool) {
        let (before, after) = (Fault::SlowStart(Duration::from_secs(20)), Fault::SlowResponse(Duration::from_secs(20)));
        let fault = if late { after } else { before };
        let seen = self.rig.cloud.writes().len();
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            for write in next_writes() {
                self.rig.cloud.fail(write.method(method.clone()), fault.clone(), 1);
            }
        }
        let end = Instant::now() + Duration::from_secs(5);
        while self.rig.cloud.writes().len() == seen && Instant::now() < end {
            sleep(Duration::from_millis(50)).await;
        }
        sleep(self.dice.millis(0, 1_500)).await;
        self.crash(Duration::from_millis(100)).await;
    }

    async fn crash_in_patch(&mut self) {
        let slow = Effect::SlowResponse(Duration::from_secs(10));
        self.rig.cluster.inject(cluster::Fault::next("patch", "/loadbalancerstacks", slow));
        let patches = |rig: &Rig| rig.cluster.requests().iter().filter(|request| request.verb == "patch").count();
        let (seen, end) = (patches(&self.rig), Instant::now() + Duration::from_secs(5));
        while patches(&self.rig) == seen && Instant::now() < end {
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_millis(100)).await;
        self.crash(Duration::from_millis(100)).await;
    }

    async fn break_credentials(&mut self, how: BrokenCredentials) {
        let good = self.rig.credentials("demo-appcred").string_data.unwrap()["clouds.yaml"].clone();
        let data = match how {
            BrokenCredentials::Garbage => json!({"clouds.yaml": "clouds: ["}),
            BrokenCredentials::NoKey => json!({"other": "thing", "clouds.yaml": ""}),
            BrokenCredentials::WrongPassword => json!({"clouds.yaml": good.replace("not-a-secret", WRONG_SECRET)}),
        };
        self.write_secret(json!({"stringData": data})).await;
    }

    pub async fn restore_credentials(&mut self) {
        let secret = serde_json::to_value(self.rig.credentials("demo-appcred")).unwrap();
        self.write_secret(json!({"stringData": secret["stringData"]})).await;
    }

    async fn write_secret(&self, change: Value) {
        for _ in 0..TRIES {
            let patch = Patch::Merge(change.clone());
            if self.rig.secrets().patch(SECRET, &PatchParams::default(), &patch).await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(7)).await;
        }
    }

    /// Changes or deletes an object of Evenkeel as another client, if there is one and it is not locked.
    async fn drift(&mut self, dice: &mut Dice) {
        let existing: Vec<Map<String, Value>> = self.evenkeel_load_balancers();
        if existing.is_empty() {
            return;
        }
        if dice.chance(20) {
            return self.describe_floating_ip(dice).await;
        }
        let of = dice.pick(&existing)["id"].as_str().unwrap().to_owned();
        let kinds = [
            (Kind::LoadBalancer, "loadbalancers"),
            (Kind::Listener, "listeners"),
            (Kind::Pool, "pools"),
            (Kind::L7Policy, "l7policies"),
        ];
        let (kind, collection) = dice.pick(&kinds);
        let below = |object: &Map<String, Value>| {
            let parents = object.get("loadbalancers").and_then(Value::as_array).into_iter().flatten();
            object["id"] == *of || parents.into_iter().any(|parent| parent["id"] == *of)
        };
        let objects: Vec<_> = self.rig.cloud.objects(kind).into_iter().filter(below).collect();
        if objects.is_empty() {
            return;
        }
        let id = dice.pick(&objects)["id"].as_str().unwrap().to_owned();
        let path = format!("/v2/lbaas/{collection}/{id}");
        let body = json!({kind.json_key(): {"name": "renamed by another tool"}});
        let cloud = &self.rig.cloud;
        if dice.chance(50) {
            cloud.request_as("demo", Method::PUT, Service::LoadBalancer, &path, Some(body)).await;
        } else {
            self.drifted.insert(id);
            let path = if kind == Kind::LoadBalancer { format!("{path}?cascade=true") } else { path };
            cloud.request_as("demo", Method::DELETE, Service::LoadBalancer, &path, None).await;
        }
    }

    /// Changes the description of a floating IP that has its owner tag: without the tag, the description is the only
    /// mark.
    async fn describe_floating_ip(&self, dice: &mut Dice) {
        let mut made = self.rig.cloud.floating_ips();
        made.retain(|ip| ip["tags"].to_string().contains("evenkeel:created-by="));
        if made.is_empty() {
            return;
        }
        let path = format!("/v2.0/floatingips/{}", dice.pick(&made)["id"].as_str().unwrap());
        let body = json!({"floatingip": {"description": dice.pick(&["the shop's", ""])}});
        self.rig.cloud.request_as("demo", Method::PUT, Service::Network, &path, Some(body)).await;
    }

    pub fn trace(&self) -> Trace {
        let cloud = self.rig.cloud.requests();
        let cloud = cloud
            .iter()
            .map(|e| format!("{:?} {:?} {} {} {} {:?}", e.at, e.service, e.method, e.path, e.query, e.status));
        let cluster = self.rig.cluster.requests();
        Trace { cloud: cloud.collect(), cluster: cluster.iter().map(described).collect() }
    }
}

/// One request to the API server as a line of the trace. Names of Events are left out: kube's recorder derives them
/// from the time of day.
fn described(request: &ClusterRequest) -> String {
    let path = request.path.split_inclusive("/events/").next().unwrap_or_default();
    format!("{} {path} {} {}", request.verb, request.query, request.content_type)
}

/// Sets the deletion policy annotation. Returns true when that was a change.
fn set_orphan_annotation(found: &mut LoadBalancerStack, orphan: bool) -> bool {
    let (annotations, policy) = (found.metadata.annotations.get_or_insert_default(), DELETION_POLICY_ANNOTATION);
    let before = if orphan { annotations.insert(policy.into(), "Orphan".into()) } else { annotations.remove(policy) };
    before.is_some() != orphan
}
