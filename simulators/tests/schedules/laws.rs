//! Laws that must hold at every moment.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_simulators::cloud::{CloudSim, Kind};
use evenkeel_simulators::random_cluster::fixtures::key_material;
use serde_json::{Map, Value, json};

use super::simulation::{Simulation, WRONG_SECRET};

/// Limit of requests, to the cloud or to the API server, far above the needs of any schedule.
const MOST_CALLS: usize = 5_000;

impl Simulation {
    /// The load balancers that Evenkeel created.
    pub fn evenkeel_load_balancers(&self) -> Vec<Map<String, Value>> {
        let mut all = self.rig.cloud.objects(Kind::LoadBalancer);
        all.retain(|lb| uid_of(lb).is_some_and(|uid| uid != "0"));
        all
    }

    /// At most one load balancer per stack: no create takes longer than the quiet period here.
    pub fn check_laws(&self) {
        let mut by_uid: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for lb in self.evenkeel_load_balancers() {
            by_uid.entry(uid_of(&lb).unwrap()).or_default().push(Value::Object(lb));
        }
        for (uid, load_balancers) in by_uid {
            assert!(load_balancers.len() < 2, "two load balancers of stack {uid}: {load_balancers:#?}");
        }
        assert_eq!(self.rig.metrics.panics.get(), 0, "a reconcile panicked");
    }

    pub fn check_calls(&self) {
        let (cloud, cluster) = (self.rig.cloud.requests(), self.rig.cluster.requests());
        let calls = (cloud.len(), cluster.len());
        if calls.0 < MOST_CALLS && calls.1 < MOST_CALLS {
            return;
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let of_cloud = cloud.iter().map(|request| format!("{} {}", request.method, request.path));
        let of_cluster = cluster.iter().map(|request| format!("{} {}", request.verb, request.path));
        of_cloud.chain(of_cluster).for_each(|request| *counts.entry(request).or_default() += 1);
        counts.retain(|_, count| *count > MOST_CALLS / 20);
        panic!("{calls:?} requests: a loop of {counts:#?}");
    }

    /// The load balancers of stacks that were not orphaned.
    pub fn load_balancers_to_keep(&self) -> Vec<Map<String, Value>> {
        let mut all = self.evenkeel_load_balancers();
        all.retain(|lb| uid_of(lb).is_none_or(|uid| !self.orphaned.contains(&uid)));
        all
    }

    pub fn check_foreign(&self) {
        let Foreign { ids, then } = &self.foreign;
        assert_eq!(*then, foreign_now(&self.rig.cloud, ids), "a resource of another owner was changed");
        let mut untagged = self.rig.cloud.objects(Kind::LoadBalancer);
        untagged.retain(|lb| uid_of(lb).is_none() && !ids.contains(lb["id"].as_str().unwrap()));
        assert!(
            untagged.len() <= self.orphaned.len(),
            "{:?} were orphaned, found without tags: {untagged:#?}",
            self.orphaned
        );
    }

    /// No password, secret, token or private key is in an output of this moment. Later steps may remove it again.
    pub fn check_outputs(&self) {
        let objects = |group: &str, plural: &str| json!(self.rig.cluster.objects(group, plural)).to_string();
        self.check_texts(&[
            ("a stack", objects("evenkeel.dev", "loadbalancerstacks")),
            ("an Event", objects("", "events")),
            ("the metrics", self.rig.metrics.text().unwrap()),
        ]);
    }

    /// No password, secret, token or private key is in the log. A log only grows, so one check at the end is enough.
    pub fn check_log(&self) {
        self.check_texts(&[("the log", self.log.text())]);
    }

    fn check_texts(&self, texts: &[(&str, String)]) {
        let mut secrets = self.rig.cloud.secrets();
        secrets.push(WRONG_SECRET.to_owned());
        secrets.extend(key_material());
        for (place, text) in texts {
            for secret in &secrets {
                assert!(!text.contains(secret.as_str()), "{secret} is in {place}");
            }
        }
    }
}

pub fn uid_of(lb: &Map<String, Value>) -> Option<String> {
    let tags = lb["tags"].as_array()?;
    tags.iter().find_map(|tag| tag.as_str()?.strip_prefix("evenkeel:uid=")).map(str::to_owned)
}

/// Resources of other owners: load balancers, floating IPs, ports.
pub struct Foreign {
    ids: BTreeSet<String>,
    then: Value,
}

impl Foreign {
    /// All resources that exist at this moment.
    pub fn at_first(cloud: &CloudSim) -> Self {
        let all = [cloud.objects(Kind::LoadBalancer), cloud.floating_ips(), cloud.ports()];
        let ids = all.iter().flatten().map(|object| object["id"].as_str().unwrap().to_owned()).collect();
        let then = foreign_now(cloud, &ids);
        Self { ids, then }
    }
}

/// The current state of these resources, load balancers with their trees.
fn foreign_now(cloud: &CloudSim, ids: &BTreeSet<String>) -> Value {
    let trees: Vec<_> = ids.iter().filter_map(|id| cloud.tree(id)).collect();
    let mut others = [cloud.floating_ips(), cloud.ports()].concat();
    others.retain(|object| ids.contains(object["id"].as_str().unwrap()));
    json!([trees, others])
}
