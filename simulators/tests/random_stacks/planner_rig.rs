//! A simulated cloud with all objects that random stacks refer to, and one stack that planner and client drive on it,
//! as the engine does.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use evenkeel::model::Kind as StepKind;
use evenkeel::model::{
    CertificateRef, Desired, FloatingIp, FloatingSubnet, Id, ObservedLoadBalancer, ObservedTree, Owner, Plan,
    Provisioning, Reference, Resolutions, Step, StepReason,
};
use evenkeel::openstack::{Cloud, CloudSettings, Credentials, Done, ErrorClass};
use evenkeel::plan;
use evenkeel_simulators::arbitrary::{CandidateVip, World};
use evenkeel_simulators::cloud::{CloudConfig, CloudSim, Kind, Service};
use http::Method;
use serde_json::{Value, json};

use super::continuity::Continuity;

/// More steps than any plan of a random stack has.
const MOST_STEPS: usize = 400;
/// More polls of a load balancer than any change takes.
const MOST_POLLS: usize = 100;
const POLL: Duration = Duration::from_millis(250);

/// Runs a future in paused time, which advances whenever nothing runs.
pub fn paused<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

pub struct PlannerRig {
    pub sim: CloudSim,
    pub world: World,
    cloud: Cloud,
    id: Id,
}

impl PlannerRig {
    pub async fn new() -> Self {
        let sim = CloudSim::new(CloudConfig::default());
        let world = world(&sim).await;
        let credentials = Credentials::parse(sim.clouds_yaml(CloudSim::AUTH_URL).as_bytes(), None, "demo-appcred");
        let connector = sim.transport();
        let cloud = Cloud::new(credentials.expect("credentials"), &*connector, sim.clock(), CloudSettings::default());
        Self { sim, world, cloud: cloud.expect("a client"), id: Id::new() }
    }

    fn owner(&self) -> &Owner {
        &self.world.owner
    }

    /// Stores the secrets that the create of a stack needs.
    pub async fn store_secrets(&self, want: &Desired) -> Result<()> {
        loop {
            let secrets = self.cloud.secrets(want.tree_query()).await;
            let plan = plan::create(want, &secrets, "attempt-1");
            match plan.steps.first() {
                Some(step) if step.kind == StepKind::Secret => drop(self.execute(step).await?),
                _ => return Ok(()),
            }
        }
    }

    pub async fn create(&mut self, want: &Desired) -> Result<()> {
        self.store_secrets(want).await?;
        let secrets = self.cloud.secrets(want.tree_query()).await;
        let plan = plan::create(want, &secrets, "attempt-1");
        let step = plan.steps.first().context("a create has a step")?;
        let Done::Created(made) = self.execute(step).await? else { bail!("a create returns a tree") };
        self.id.clone_from(&made.load_balancer.id);
        self.active(None).await?;
        let confirmed = plan::update(want, &self.cloud.confirm(*made, want.tree_query()).await?);
        let read = plan::update(want, &self.tree(want).await?);
        ensure!(confirmed == read, "the response to the create, confirmed, needs {confirmed}\nand the tree {read}");
        ensure!(read.steps.iter().all(|step| !step.call.is_octavia()), "the create left steps: {read}");
        Ok(())
    }

    /// Reads, plans and executes the first step, until a plan is empty.
    pub async fn converge(&self, want: &Desired, continuity: Option<&Continuity>) -> Result<Plan> {
        self.sim.forget_requests();
        let (mut left, mut sent) = (None, BTreeSet::new());
        let mut seen = self.active(None).await?;
        for done in 0..MOST_STEPS {
            let plan = plan::update(want, &self.read(seen, want).await?);
            if let Some(left) = left {
                ensure!(plan.steps.len() == left, "a plan must count its remaining steps, not {left}\n{plan}");
            }
            let Some(step) = plan.steps.first() else {
                ensure!(self.sim.writes().len() == done, "{} writes for {done} steps", self.sim.writes().len());
                return Ok(plan);
            };
            let before = self.tree_without_states();
            self.execute(step).await.with_context(|| format!("rejected: {step}\n{:?}\nof\n{plan}", step.call))?;
            seen = self.active(continuity).await.with_context(|| format!("after {step}\nof\n{plan}"))?;
            let heals = step.reason == StepReason::Heal;
            ensure!(
                heals || self.tree_without_states() != before,
                "it changes nothing: {step}\n{:?}\nof\n{plan}",
                step.call
            );
            // Rules have no identity, and a policy may have the same rule twice.
            let again = step.kind != StepKind::L7Rule && !sent.insert(serde_json::to_string(&step.call)?);
            ensure!(!again, "written twice: {step}\n{:?}", step.call);
            left = Some(plan.steps.len() - 1);
        }
        bail!("no end: {}", plan::update(want, &self.tree(want).await?))
    }

    /// Executes the first step of a plan, if it has one, and goes away.
    pub async fn step(&self, want: &Desired) -> Result<()> {
        let plan = plan::update(want, &self.tree(want).await?);
        match plan.steps.first() {
            Some(step) => self.execute(step).await.map(drop),
            None => Ok(()),
        }
    }

    async fn execute(&self, step: &Step) -> Result<Done> {
        for _ in 0..MOST_POLLS {
            match self.cloud.execute(step).await {
                Err(error) if error.class == ErrorClass::Locked => tokio::time::sleep(POLL).await,
                done => return Ok(done?),
            }
        }
        bail!("locked without end")
    }

    /// Waits until the load balancer is no longer PENDING. Checks continuity at each poll and at the end.
    pub async fn active(&self, continuity: Option<&Continuity>) -> Result<ObservedLoadBalancer> {
        for _ in 0..MOST_POLLS {
            if let Some(continuity) = continuity {
                continuity.check(&self.octavia_tree())?;
            }
            tokio::time::sleep(POLL).await;
            let seen = self.cloud.load_balancer(&self.id).await?.context("the load balancer is gone")?;
            match seen.provisioning_status {
                Provisioning::Active => {
                    continuity.map_or(Ok(()), |continuity| continuity.check(&self.octavia_tree()))?;
                    return Ok(seen);
                }
                status => ensure!(status.is_pending(), "the load balancer is {status}"),
            }
        }
        bail!("PENDING without end")
    }

    pub async fn resolve(&self, references: &BTreeSet<Reference>) -> Result<Resolutions> {
        Ok(self.cloud.resolve(references).await?)
    }

    /// Executes the first step of a plan.
    pub async fn execute_first(&self, plan: &Plan) -> Result<()> {
        match plan.steps.first() {
            Some(step) => self.execute(step).await.map(drop),
            None => Ok(()),
        }
    }

    pub async fn tree(&self, want: &Desired) -> Result<ObservedTree> {
        self.read(self.active(None).await?, want).await
    }

    async fn read(&self, seen: ObservedLoadBalancer, want: &Desired) -> Result<ObservedTree> {
        Ok(self.cloud.tree(seen, want.tree_query()).await?)
    }

    pub async fn cached_tree(&self, want: &Desired) -> Result<ObservedTree> {
        let tree = self.cloud.cached_tree(&self.id, want.tree_query(), Duration::ZERO).await?;
        tree.context("the load balancer is not in the lists")
    }

    /// The tree as Octavia has it, independent of Evenkeel's client.
    pub fn octavia_tree(&self) -> Value {
        self.sim.tree(&self.id).map(Value::Object).unwrap_or_default()
    }

    /// The tree without states and times, and the floating IPs.
    fn tree_without_states(&self) -> Value {
        let mut shown = json!([self.octavia_tree(), self.sim.floating_ips(), self.sim.stored_secrets()]);
        without_states(&mut shown);
        shown
    }

    /// Sends a request of another client. A conflict is no error.
    pub async fn request_as_other_client(
        &self,
        method: Method,
        service: Service,
        path: &str,
        body: Option<Value>,
    ) -> Result<()> {
        let (code, response) = self.sim.request_as("demo", method.clone(), service, path, body).await;
        ensure!(code < 300 || code == 409, "another client's {method} {path} is rejected: {code} {response}");
        self.active(None).await?;
        Ok(())
    }

    /// Deletes the stack, and checks that nothing stays but borrowed and retained resources.
    pub async fn delete(&self, want: &Desired) -> Result<()> {
        let retain = matches!(want.floating_ip, Some(FloatingIp::Allocate { retain: true, .. }));
        for _ in 0..MOST_POLLS {
            let seen = match self.id.as_str() {
                "" => None,
                id => self.cloud.load_balancer(id).await?,
            };
            if seen.as_ref().is_some_and(|seen| seen.provisioning_status.is_pending()) {
                tokio::time::sleep(POLL).await;
                continue;
            }
            let port = seen.as_ref().and_then(|seen| seen.vip_port_id.as_deref());
            let floating_ips = self.cloud.floating_ips(self.owner(), port).await?;
            let secrets = match seen {
                Some(_) => Vec::new(),
                None => self.cloud.leftover_secrets(self.owner()).await?,
            };
            let plan = plan::delete(self.owner(), retain, seen.as_ref(), &floating_ips, &secrets);
            let Some(step) = plan.steps.first() else { return self.nothing_is_left() };
            self.execute(step).await.with_context(|| format!("rejected: {step}\nof\n{plan}"))?;
        }
        bail!("the delete does not end")
    }

    fn nothing_is_left(&self) -> Result<()> {
        for kind in Kind::ALL {
            let left = self.sim.objects(kind);
            ensure!(left.is_empty(), "left: {left:?}");
        }
        let ports = self.sim.ports();
        let by_octavia =
            ports.iter().filter(|port| port["name"].as_str().is_some_and(|name| name.starts_with("octavia-lb")));
        ensure!(by_octavia.count() == 0, "left: {ports:?}");
        let secrets = self.sim.stored_secrets();
        let left =
            secrets.iter().filter(|secret| secret["name"].as_str().is_some_and(|name| name.starts_with("evenkeel-")));
        ensure!(left.count() == 0, "left: {secrets:?}");
        for left in self.sim.floating_ips() {
            let text = json!([left["tags"], left["description"]]).to_string();
            let lent = self.world.floating_ip_ids.iter().any(|id| left["id"] == id.as_str());
            ensure!(left["port_id"].is_null(), "still associated: {left:?}");
            ensure!(!text.contains(&self.owner().uid), "still with owner tags: {left:?}");
            ensure!(lent || text.contains("Retain") || left["description"] == "", "left: {left:?}");
        }
        Ok(())
    }
}

fn without_states(of: &mut Value) {
    match of {
        Value::Object(fields) => {
            fields.retain(|field, _| {
                !field.ends_with("_status") && !field.ends_with("_at") && field != "revision_number"
            });
            fields.values_mut().for_each(without_states);
        }
        Value::Array(items) => items.iter_mut().for_each(without_states),
        _ => {}
    }
}

/// The objects that random stacks refer to. Their ids follow from the cloud's seed, so they are the same in every run.
async fn world(sim: &CloudSim) -> World {
    let subnet = "198.51.100.0/24".parse().expect("a subnet");
    let secret = |name: String| {
        let body = json!({"name": name, "payload": "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n", "payload_content_type": "text/plain"});
        async move { post(sim, Service::KeyManager, "/v1/secrets", body).await["secret_ref"].clone() }
    };
    let mut authorities = Vec::new();
    for n in 1..=2 {
        let (ca, crl) = (secret(format!("ca{n}")).await, secret(format!("crl{n}")).await);
        authorities.push((existing(text(&ca)), existing(text(&crl))));
    }
    let external_network_ids = vec![sim.network_id("public"), sim.add_external_network("public-b", subnet)];
    let public = sim.network_id("public");
    sim.add_subnet(&public, "public-c", "192.0.2.0/24".parse().expect("a subnet"));
    let external = |name: &str, cidr: &str| {
        (public.clone(), FloatingSubnet { id: sim.subnet_id(name), cidr: cidr.parse().expect("a subnet") })
    };
    let mut floating_ip_ids = Vec::new();
    for network in &external_network_ids {
        let body = json!({"floatingip": {"floating_network_id": network, "description": "lent"}});
        floating_ip_ids.push(text(&post(sim, Service::Network, "/v2.0/floatingips", body).await["floatingip"]["id"]));
    }
    let (tenant, v4, v6) = (sim.network_id("tenant"), sim.subnet_id("tenant-v4"), sim.subnet_id("tenant-v6"));
    let fixed_ips = json!([{"subnet_id": v4}, {"subnet_id": v6}]);
    let body = json!({"port": {"network_id": tenant, "name": "lent", "fixed_ips": fixed_ips}});
    let port = text(&post(sim, Service::Network, "/v2.0/ports", body).await["port"]["id"]);
    let certificates = (1..=3).map(|n| existing(sim.add_certificate("demo", &format!("cert{n}"))));
    World {
        vip_subnet_id: v4.clone(),
        other_vips: CandidateVip::all(&v4, "10.10.200.77", &v6, "fd00:10:10::c8", &tenant, &port),
        flavor_ids: vec![sim.flavor_id("single"), sim.flavor_id("ha")],
        availability_zones: vec!["az1".to_owned(), "az2".to_owned()],
        external_subnets: vec![external("public-v4", "203.0.113.0/24"), external("public-c", "192.0.2.0/24")],
        external_network_ids,
        floating_ip_ids,
        member_subnet_ids: vec![sim.subnet_id("tenant-v4"), sim.subnet_id("members-v4")],
        qos_policy_ids: vec![sim.qos_policy_id("gold")],
        security_group_ids: vec![sim.security_group_id("web"), sim.add_security_group("demo", "web-b")],
        certificate_refs: certificates.chain(World::stored_certificates()).collect(),
        authorities: authorities.into_iter().chain(World::stored_authorities()).collect(),
        ..World::default()
    }
}

fn existing(reference: String) -> CertificateRef {
    CertificateRef::Existing(reference)
}

async fn post(sim: &CloudSim, service: Service, path: &str, body: Value) -> Value {
    let (code, response) = sim.request_as("demo", Method::POST, service, path, Some(body)).await;
    assert_eq!(code, 201, "{response}");
    response
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
