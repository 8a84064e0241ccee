//! Views of the simulated cloud for tests and the demo: its stored state, its request log, and the seeded ids.

use std::sync::Arc;

use evenkeel::clock::Clock;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::neutron::{Resource, text};
use super::octavia::{Kind, show, show_tree};
use super::request_log::CloudRequest;
use super::sim::CloudSim;
use super::world::PASSWORD;

/// The clouds of [`CloudSim::clouds_yaml`]: name, user and project.
const CLOUDS: [(&str, &str, &str); 5] = [
    ("demo", "demo", "demo"),
    ("demo-admin", "admin", "admin"),
    ("demo-demo2", "demo2", "demo2"),
    ("demo-reader", "demo-reader", "demo"),
    ("demo-norole", "demo-norole", "demo"),
];

/// Views of the stored state.
impl CloudSim {
    /// All objects of a kind in all projects, as the API shows them.
    pub fn objects(&self, kind: Kind) -> Vec<Map<String, Value>> {
        let mut world = self.world();
        let now = world.clock.now();
        world.settle(&now);
        world.octavia.store.all(kind).map(|record| show(&world.octavia.store, record)).collect()
    }

    /// A load balancer with its whole tree, in the form of the response to a single-call create.
    pub fn tree(&self, load_balancer: &str) -> Option<Map<String, Value>> {
        let mut world = self.world();
        let now = world.clock.now();
        world.settle(&now);
        let record = world.octavia.store.get(Kind::LoadBalancer, load_balancer)?;
        Some(show_tree(&world.octavia.store, record))
    }

    pub fn ports(&self) -> Vec<Map<String, Value>> {
        self.world().neutron.rows(Resource::Port).into_iter().cloned().collect()
    }

    pub fn floating_ips(&self) -> Vec<Map<String, Value>> {
        self.world().neutron.rows(Resource::FloatingIp).into_iter().cloned().collect()
    }

    /// The requests so far, the latest 100,000 at most.
    pub fn requests(&self) -> Vec<CloudRequest> {
        self.world().request_log.entries().cloned().collect()
    }

    /// Result of `read` on the requests so far, without a copy of each.
    pub fn in_requests<T>(&self, read: impl FnOnce(&mut dyn Iterator<Item = &CloudRequest>) -> T) -> T {
        read(&mut self.world().request_log.entries())
    }

    /// The requests so far that change something. Logins do not count.
    pub fn writes(&self) -> Vec<CloudRequest> {
        self.world().request_log.entries().filter(|entry| entry.is_write()).cloned().collect()
    }

    /// Clears the request log.
    pub fn forget_requests(&self) {
        self.world().request_log.forget();
    }

    /// The cloud's own clock, for its clients. It stands still while tokio's time is paused, and moves with it.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }
}

impl Clock for CloudSim {
    fn now(&self) -> Timestamp {
        self.world().clock.now().time_of_day
    }
}

/// Ids of the seeded objects, by name. Empty when there is no such object.
impl CloudSim {
    pub fn project_id(&self, name: &str) -> String {
        self.world().keystone.project_id(name).unwrap_or_default().to_owned()
    }

    pub fn network_id(&self, name: &str) -> String {
        self.neutron_id(Resource::Network, name)
    }

    pub fn subnet_id(&self, name: &str) -> String {
        self.neutron_id(Resource::Subnet, name)
    }

    pub fn security_group_id(&self, name: &str) -> String {
        self.neutron_id(Resource::SecurityGroup, name)
    }

    pub fn qos_policy_id(&self, name: &str) -> String {
        self.neutron_id(Resource::QosPolicy, name)
    }

    fn neutron_id(&self, resource: Resource, name: &str) -> String {
        let world = self.world();
        let rows = world.neutron.rows(resource);
        rows.into_iter().find(|row| text(row, "name") == name).map(|row| text(row, "id").to_owned()).unwrap_or_default()
    }

    pub fn flavor_id(&self, name: &str) -> String {
        let world = self.world();
        let flavor = world.octavia.catalog.flavor_named(name);
        flavor.and_then(|flavor| flavor["id"].as_str()).unwrap_or_default().to_owned()
    }

    /// The reference of a seeded certificate: `cert`, `cert-b`, `ca`, `crl`.
    pub fn certificate_ref(&self, name: &str) -> String {
        let id = self.world().certificates.get(name).cloned().unwrap_or_default();
        self.secret_ref(&id)
    }

    pub(super) fn secret_ref(&self, id: &str) -> String {
        format!("{}/secrets/{id}", self.key_manager_root())
    }

    fn key_manager_root(&self) -> String {
        let world = self.world();
        let base = world.config.catalog_base.clone().unwrap_or_else(|| "http://cloud.test".into());
        format!("{base}{}/v1", world.config.prefixes.key_manager)
    }

    /// The payload of a secret in Barbican, by its reference.
    pub fn secret_payload(&self, reference: &str) -> Option<Vec<u8>> {
        let id = reference.rsplit('/').next().unwrap_or_default();
        self.world().barbican.stored_payload(id)
    }

    /// Every secret in Barbican, without its payload, by age.
    pub fn stored_secrets(&self) -> Vec<Value> {
        let root = self.key_manager_root();
        self.world().barbican.shown_secrets(&root)
    }

    /// A clouds.yaml with the clouds `demo` (password), `demo-appcred` (application credential), `demo-admin`,
    /// `demo-demo2` (another project), `demo-reader` and `demo-norole`.
    pub fn clouds_yaml(&self, auth_url: &str) -> String {
        let world = self.world();
        let region = &world.config.region;
        let mut yaml = String::from("clouds:\n");
        for (cloud, user, project) in CLOUDS {
            yaml.push_str(&entry(
                cloud,
                "password",
                auth_url,
                region,
                &[
                    ("username", user),
                    ("password", PASSWORD),
                    ("project_name", project),
                    ("user_domain_id", "default"),
                    ("project_domain_id", "default"),
                ],
            ));
        }
        for credential in world.keystone.credentials.values() {
            yaml.push_str(&entry(
                "demo-appcred",
                "v3applicationcredential",
                auth_url,
                region,
                &[("application_credential_id", &credential.id), ("application_credential_secret", &credential.secret)],
            ));
        }
        yaml
    }
}

/// One entry of a clouds.yaml.
fn entry(cloud: &str, kind: &str, auth_url: &str, region: &str, auth: &[(&str, &str)]) -> String {
    let auth: Vec<_> = auth.iter().map(|(name, value)| format!("      {name}: {value}\n")).collect();
    format!(
        "  {cloud}:\n    auth_type: {kind}\n    auth:\n      auth_url: {auth_url}\n{}    region_name: {region}\n    \
         interface: public\n    identity_api_version: 3\n",
        auth.concat()
    )
}
