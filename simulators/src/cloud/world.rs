//! The state of the whole cloud, and the effect of one request on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::barbican::Barbican;
use super::call::{Call, Service};
use super::clock::{Clock, Moment};
use super::config::CloudConfig;
use super::faults::Faults;
use super::ids::Ids;
use super::keystone::{ApplicationCredential, Keystone, User};
use super::neutron::{Neutron, RequestContext};
use super::octavia::{Catalog, Context, Kind, Octavia, versions};
use super::reply::{Reply, unauthorized};
use super::request_log::RequestLog;

#[derive(Debug)]
pub(crate) struct World {
    pub config: CloudConfig,
    pub clock: Clock,
    pub ids: Ids,
    pub keystone: Keystone,
    pub neutron: Neutron,
    pub barbican: Barbican,
    pub octavia: Octavia,
    pub faults: Faults,
    pub request_log: RequestLog,
    /// References of the seeded certificates, by name.
    pub certificates: BTreeMap<String, String>,
}

/// The password of every seeded user. It is no secret: the cloud is simulated.
pub(crate) const PASSWORD: &str = "not-a-secret";

/// Seeded users: name, project, roles, as in the lab.
const USERS: [(&str, &str, &[&str]); 5] = [
    ("admin", "admin", &["admin"]),
    ("demo", "demo", &["member", "load-balancer_member", "creator"]),
    ("demo2", "demo2", &["member", "load-balancer_member", "creator"]),
    ("demo-reader", "demo", &["reader", "load-balancer_observer"]),
    ("demo-norole", "demo", &["reader"]),
];

impl World {
    pub fn new(config: CloudConfig) -> Self {
        let mut ids = Ids::new(config.seed);
        let neutron = Neutron::new(config.floating_ip_quota, config.has_l3_extension);
        let octavia = Octavia::new(Catalog::seeded(&mut ids));
        let clock = Clock::starting_at(config.starts_at);
        let mut world = Self {
            config,
            clock,
            ids,
            keystone: Keystone::default(),
            neutron,
            barbican: Barbican::default(),
            octavia,
            faults: Faults::default(),
            request_log: RequestLog::default(),
            certificates: BTreeMap::new(),
        };
        let now = world.clock.now();
        world.seed_identity();
        world.seed_network(&now);
        world.seed_certificates(&now);
        world
    }

    fn seed_identity(&mut self) {
        for (name, project, roles) in USERS {
            let project = self.project(project);
            self.add_user(name, &project, roles);
        }
        // The administrator has a role in the demo project too.
        let demo = self.project("demo");
        if let Some(admin) = self.keystone.users.values_mut().find(|user| user.name == "admin") {
            admin.roles.insert(demo.clone(), ["admin", "member"].iter().map(|role| (*role).to_owned()).collect());
        }
        let user = self.keystone.users.values().find(|user| user.name == "demo").map(|user| user.id.clone());
        let credential = ApplicationCredential {
            id: self.ids.hex(),
            name: "octavia-controller".into(),
            secret: PASSWORD.into(),
            user: user.unwrap_or_default(),
            project: demo,
            roles: ["load-balancer_member", "member", "creator"].iter().map(|role| (*role).to_owned()).collect(),
        };
        self.keystone.credentials.insert(credential.id.clone(), credential);
    }

    /// The id of a project, which is created if it does not exist.
    pub fn project(&mut self, name: &str) -> String {
        if let Some(id) = self.keystone.project_id(name) {
            return id.to_owned();
        }
        let id = self.ids.hex();
        self.keystone.projects.insert(id.clone(), name.to_owned());
        let now = self.clock.now();
        self.neutron.add_group("default", &id, &mut self.ids, &now);
        id
    }

    pub fn add_user(&mut self, name: &str, project: &str, roles: &[&str]) {
        let id = self.ids.hex();
        let roles: BTreeSet<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let user = User {
            id: id.clone(),
            name: name.to_owned(),
            password: PASSWORD.into(),
            default_project: project.to_owned(),
            roles: BTreeMap::from([(project.to_owned(), roles)]),
        };
        self.keystone.users.insert(id, user);
    }

    fn seed_network(&mut self, now: &Moment) {
        let (admin, demo) = (self.project("admin"), self.project("demo"));
        let (neutron, ids) = (&mut self.neutron, &mut self.ids);
        let public = neutron.add_network("public", &admin, true, ids, now);
        let tenant = neutron.add_network("tenant", &demo, false, ids, now);
        let members = neutron.add_network("members", &demo, false, ids, now);
        let subnets: [(&str, &str, [u8; 4], u8); 4] = [
            ("public-v4", &public, [203, 0, 113, 0], 24),
            ("tenant-v4", &tenant, [10, 10, 0, 0], 16),
            ("tenant-v4b", &tenant, [10, 11, 0, 0], 16),
            ("members-v4", &members, [10, 20, 0, 0], 16),
        ];
        for (name, of, address, length) in subnets {
            neutron.add_subnet(name, of, IpNet::new_assert(IpAddr::from(address), length), ids, now);
        }
        let v6 = IpNet::new_assert(IpAddr::from([0xfd00, 0x10, 0x10, 0, 0, 0, 0, 0]), 64);
        neutron.add_subnet("tenant-v6", &tenant, v6, ids, now);
        neutron.add_group("web", &demo, ids, now);
        neutron.add_policy("gold", &admin, ids, now);
    }

    fn seed_certificates(&mut self, now: &Moment) {
        let demo = self.project("demo");
        for name in ["cert", "cert-b"] {
            let id = self.barbican.add_certificate(&demo, name, &mut self.ids, now);
            self.certificates.insert(name.to_owned(), id);
        }
        let pem = "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n";
        for name in ["ca", "crl"] {
            let id = self.barbican.add_secret(&demo, name, "text/plain", pem, &mut self.ids, now);
            self.certificates.insert(name.to_owned(), id);
        }
    }

    /// Keystone's address as the other services know it.
    pub fn auth_uri(&self, call: &Call) -> String {
        format!("{}{}/v3", call.base, self.config.prefixes.identity)
    }

    /// True for a request that needs no token.
    fn is_open(call: &Call) -> bool {
        match call.service {
            Service::Identity => true,
            Service::LoadBalancer => call.path.is_empty(),
            Service::Network | Service::KeyManager => call.path.is_empty(),
        }
    }

    /// Rejects requests early: bodies that are too large, and invalid tokens.
    pub fn admit(&mut self, call: &Call, now: &Moment) -> Result<(), Reply> {
        if call.service == Service::LoadBalancer && call.body.len() > self.config.max_body {
            // The genuine message does contain the placeholder.
            return Err(Reply::html(413, "Request is too large. Larger than max_request_body_size (%s)."));
        }
        if Self::is_open(call) {
            return Ok(());
        }
        let auth_uri = self.auth_uri(call);
        let caller = self.keystone.authenticate(call.header("x-auth-token"), call.service, now.at);
        caller.map(|_| ()).ok_or_else(|| unauthorized(&auth_uri))
    }

    /// Carries a request out at one moment.
    pub fn respond(&mut self, call: &Call, now: &Moment) -> Reply {
        self.settle(now);
        if let Err(error) = self.admit(call, now) {
            return error;
        }
        let reply = match call.service {
            Service::Identity => self.keystone.handle(call, &self.config, &mut self.ids, now),
            Service::LoadBalancer if call.path.is_empty() => Ok(versions(call, self.config.api_minor)),
            service => {
                let caller = self.keystone.authenticate(call.header("x-auth-token"), service, now.at);
                match (service, caller) {
                    (Service::LoadBalancer, Some(caller)) => self.octavia(Context { call, caller: &caller, now }),
                    (Service::Network, Some(caller)) => {
                        self.neutron.handle(RequestContext { call, caller: &caller, now, ids: &mut self.ids })
                    }
                    (Service::KeyManager, Some(caller)) => self.barbican.handle(call, &caller, &mut self.ids, now),
                    _ => Err(unauthorized(&self.auth_uri(call))),
                }
            }
        };
        reply.unwrap_or_else(|error| error)
    }

    /// True when Octavia locks the quota row of the project for this call: every POST, and a batch that adds members.
    pub fn takes_quota(&self, call: &Call) -> bool {
        if call.service != Service::LoadBalancer {
            return false;
        }
        call.method == http::Method::POST || (call.method == http::Method::PUT && self.batch_grows(call))
    }

    fn batch_grows(&self, call: &Call) -> bool {
        let segments = call.segments();
        let Some(["pools", pool, "members"]) = segments.last_chunk::<3>() else { return false };
        let body = call.json().unwrap_or_default();
        let key = |member: &Map<String, Value>| (member.get("address").cloned(), member.get("protocol_port").cloned());
        let stored: Vec<_> =
            self.octavia.store.children(Kind::Member, pool).map(|member| key(&member.fields)).collect();
        let wanted = body["members"].as_array().into_iter().flatten().filter_map(Value::as_object);
        let new = wanted.filter(|member| !stored.contains(&key(member))).count();
        new > 0
    }

    pub fn is_new_load_balancer(call: &Call) -> bool {
        call.method == http::Method::POST && call.segments().last() == Some(&"loadbalancers")
    }
}
