//! Controls of the simulated cloud for tests and the demo, beside its API: faults, and changes behind the API.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Map, Value, json};

use super::call::Service;
use super::faults::{Fault, Match, ProviderFault};
use super::octavia::{Health, Kind, Operating, Provisioning};
use super::sim::CloudSim;
use super::world::{PASSWORD, World};

/// Faults.
impl CloudSim {
    /// Strikes the next `times` requests that match with this fault.
    pub fn fail(&self, which: Match, fault: Fault, times: usize) {
        self.world().faults.add(which, fault, Some(times));
    }

    /// Strikes all requests that match with this fault, until [`CloudSim::clear_faults`].
    pub fn fail_always(&self, which: Match, fault: Fault) {
        self.world().faults.add(which, fault, None);
    }

    /// Makes a whole service refuse connections.
    pub fn service_down(&self, service: Service) {
        self.fail_always(Match::service(service), Fault::Refused);
    }

    /// Makes Octavia's worker fail changes.
    pub fn fail_provider(&self, fault: ProviderFault) {
        self.world().faults.add_provider(fault);
    }

    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Expires every token that was issued.
    pub fn expire_tokens(&self) {
        let mut world = self.world();
        let now = world.clock.now();
        world.keystone.expire_all(now.at);
    }

    /// Every secret that must never be seen in an output: the password of all users and credentials, and the issued
    /// tokens.
    pub fn secrets(&self) -> Vec<String> {
        let world = self.world();
        world.keystone.tokens().chain([PASSWORD]).map(str::to_owned).collect()
    }

    /// Sets Octavia's quota for a kind in a project (by name). -1: unlimited.
    pub fn set_quota(&self, project: &str, kind: Kind, limit: i64) {
        let mut world = self.world();
        let project = world.project(project);
        world.octavia.quotas.entry(project).or_default().insert(kind.quota_field(), limit);
    }

    /// Sets Neutron's quota of floating IPs in a project (by name). -1: unlimited.
    pub fn set_floating_ip_quota(&self, project: &str, limit: i64) {
        let mut world = self.world();
        let project = world.project(project);
        world.neutron.quotas.insert(project, limit);
    }

    /// Changes the configuration, for example its timing or API version.
    pub fn configure(&self, change: impl FnOnce(&mut super::CloudConfig)) {
        change(&mut self.world().config);
    }
}

/// Changes that bypass the API.
impl CloudSim {
    /// Sets the health that the data plane finds of a member, and reports it at once.
    pub fn set_member_health(&self, member: &str, health: Health) {
        let mut world = self.world();
        let load_balancer = world.octavia.store.get(Kind::Member, member).map(|member| member.load_balancer.clone());
        world.octavia.health.insert(member.to_owned(), health);
        if let Some(load_balancer) = load_balancer {
            deliver_heartbeat(&mut world, &load_balancer);
        }
    }

    /// Sets the health of every member with this address, in any pool.
    pub fn set_address_health(&self, address: &str, health: Health) {
        let members: Vec<String> = {
            let world = self.world();
            let members = world.octavia.store.all(Kind::Member).filter(|member| member.text("address") == address);
            members.map(|member| member.id.clone()).collect()
        };
        members.iter().for_each(|member| self.set_member_health(member, health));
    }

    /// Delivers a heartbeat of the data plane of a load balancer now.
    pub fn heartbeat(&self, load_balancer: &str) {
        deliver_heartbeat(&mut self.world(), load_balancer);
    }

    /// Sets the statuses of an object. `None` leaves a status unchanged.
    pub fn set_statuses(&self, kind: Kind, id: &str, provisioning: Option<Provisioning>, operating: Option<Operating>) {
        if let Some(record) = self.world().octavia.store.get_mut(kind, id) {
            record.provisioning = provisioning.unwrap_or(record.provisioning);
            record.operating = operating.unwrap_or(record.operating);
        }
    }

    /// Changes attributes of an object without lock or PENDING state, and advances its timestamps as the API would.
    pub fn edit(&self, kind: Kind, id: &str, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut world = self.world();
        let stamp = world.clock.now().without_offset();
        let Some(record) = world.octavia.store.get_mut(kind, id) else { return };
        change(&mut record.fields);
        record.updated = Some(stamp.clone());
        let load_balancer = record.load_balancer.clone();
        if let Some(record) = world.octavia.store.get_mut(Kind::LoadBalancer, &load_balancer) {
            record.updated = Some(stamp);
        }
    }

    /// Removes an object and its children without a trace.
    pub fn vanish(&self, kind: Kind, id: &str) {
        self.world().octavia.store.remove_tree(kind, id);
    }

    /// Enables or disables a flavor or an availability zone, as the operator of a cloud does.
    pub fn enable(&self, name: &str, enabled: bool) {
        self.world().octavia.catalog.enable(name, enabled);
    }

    /// Stores a certificate in Barbican and returns its reference.
    pub fn add_certificate(&self, project: &str, name: &str) -> String {
        let mut world = self.world();
        let (project, now) = (world.project(project), world.clock.now());
        let World { barbican, ids, .. } = &mut *world;
        let id = barbican.add_certificate(&project, name, ids, &now);
        world.certificates.insert(name.to_owned(), id.clone());
        drop(world);
        self.secret_ref(&id)
    }

    /// Removes a secret from Barbican, whoever names it.
    pub fn delete_secret(&self, reference: &str) {
        let id = reference.rsplit('/').next().unwrap_or_default();
        self.world().barbican.remove_secret(id);
    }

    /// Sets Barbican's quota of secrets for every project. `None`: unlimited.
    pub fn limit_secrets(&self, quota: Option<usize>) {
        self.world().barbican.secret_quota = quota;
    }

    /// Adds a security group to a project and returns its id.
    pub fn add_security_group(&self, project: &str, name: &str) -> String {
        let mut world = self.world();
        let (project, now) = (world.project(project), world.clock.now());
        let World { neutron, ids, .. } = &mut *world;
        neutron.add_group(name, &project, ids, &now);
        drop(world);
        self.security_group_id(name)
    }

    /// Adds a network without subnets to a project and returns its id.
    pub fn add_network(&self, project: &str, name: &str) -> String {
        let mut world = self.world();
        let (project, now) = (world.project(project), world.clock.now());
        let World { neutron, ids, .. } = &mut *world;
        neutron.add_network(name, &project, false, ids, &now)
    }

    /// Adds a subnet to a network, which is named by its id.
    pub fn add_subnet(&self, network_id: &str, name: &str, cidr: ipnet::IpNet) {
        let mut world = self.world();
        let now = world.clock.now();
        let World { neutron, ids, .. } = &mut *world;
        neutron.add_subnet(name, network_id, cidr, ids, &now);
    }

    /// Attaches a subnet (by its id) to the router, or detaches it.
    pub fn route(&self, subnet_id: &str, on: bool) {
        let mut world = self.world();
        match on {
            true => drop(world.neutron.unrouted.remove(subnet_id)),
            false => drop(world.neutron.unrouted.insert(subnet_id.to_owned())),
        }
    }

    /// Adds a network of floating IPs with this subnet and returns its id.
    pub fn add_external_network(&self, name: &str, subnet: ipnet::IpNet) -> String {
        let mut world = self.world();
        let (project, now) = (world.project("admin"), world.clock.now());
        let World { neutron, ids, .. } = &mut *world;
        let id = neutron.add_network(name, &project, true, ids, &now);
        neutron.add_subnet(&format!("{name}-v4"), &id, subnet, ids, &now);
        id
    }

    /// Adds a user with these roles in a project, for [`CloudSim::request_as`]. All users have the same password.
    pub fn add_user(&self, name: &str, project: &str, roles: &[&str]) {
        let mut world = self.world();
        let project = world.project(project);
        world.add_user(name, &project, roles);
    }

    /// Sends a request of another client through the API, as a user in its own project. Returns status code and body.
    pub async fn request_as(
        &self,
        user: &str,
        method: Method,
        service: Service,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let login = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {
            "name": user, "domain": {"id": "default"}, "password": PASSWORD,
        }}}}});
        let auth = format!("{}/auth/tokens", Self::AUTH_URL);
        let token = self.handle(json_request(Method::POST, &auth, &[], Some(&login))).await;
        let token = token.headers().get("x-subject-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let prefix = self.world().config.prefixes.of(service).to_owned();
        let url = format!("http://cloud.test{prefix}{path}");
        let headers = [("x-auth-token", token), ("user-agent", "another-tool")];
        let response = self.handle(json_request(method, &url, &headers, body.as_ref())).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
    }
}

fn json_request(method: Method, url: &str, headers: &[(&'static str, &str)], body: Option<&Value>) -> Request<Bytes> {
    let mut request = Request::new(body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())));
    *request.method_mut() = method;
    *request.uri_mut() = url.parse().unwrap_or_default();
    for (name, value) in headers.iter().chain(&[("content-type", "application/json")]) {
        if let Ok(value) = value.parse() {
            request.headers_mut().insert(*name, value);
        }
    }
    request
}

fn deliver_heartbeat(world: &mut World, load_balancer: &str) {
    let now = world.clock.now();
    world.settle(&now);
    world.heartbeat(load_balancer, &now);
}
