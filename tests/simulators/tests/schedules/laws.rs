//! What must hold at every moment.

use std::collections::BTreeMap;

use evenkeel_simulators::cloud::Kind;
use serde_json::{Map, Value, json};

use super::stage::{Stage, WRONG_SECRET};

/// More calls, to the cloud or to the API server, than any schedule has any use for.
const MOST_CALLS: usize = 5_000;

impl Stage {
    /// The load balancers that our controller made.
    pub fn ours(&self) -> Vec<Map<String, Value>> {
        let mut all = self.rig.cloud.objects(Kind::LoadBalancer);
        all.retain(|lb| uid_of(lb).is_some_and(|uid| uid != "0"));
        all
    }

    /// A create is always over before its quiet period is: never are there two of one stack.
    pub fn check_laws(&self) {
        let mut by_uid: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for lb in self.ours() {
            by_uid.entry(uid_of(&lb).unwrap()).or_default().push(Value::Object(lb));
        }
        for (uid, load_balancers) in by_uid {
            assert!(load_balancers.len() < 2, "two load balancers of stack {uid}: {load_balancers:#?}");
        }
        assert_eq!(self.rig.metrics.panics.get(), 0, "a pass panicked");
    }

    pub fn check_calls(&self) {
        let calls = (self.rig.cloud.requests().len(), self.rig.cluster.requests().len());
        assert!(calls.0 < MOST_CALLS && calls.1 < MOST_CALLS, "{calls:?} calls: somebody runs in circles");
    }

    /// Load balancers of others with everything in them, and floating IPs of others.
    pub fn foreign_now(&self) -> Value {
        let mut all = self.rig.cloud.objects(Kind::LoadBalancer);
        all.retain(|lb| uid_of(lb).is_none_or(|uid| uid == "0"));
        let trees: Vec<_> = all.iter().map(|lb| self.rig.cloud.tree(lb["id"].as_str().unwrap())).collect();
        let mut floating_ips = self.rig.cloud.floating_ips();
        floating_ips.retain(|ip| ip["description"] == "of others");
        json!([trees, floating_ips])
    }

    pub fn check_foreign(&self) {
        assert_eq!(self.foreign_now(), self.foreign, "what is not ours was changed");
    }

    /// No password, secret or token in what the cluster shows at this moment; the next step may take it away again.
    pub fn check_shown(&self) {
        let objects = |group: &str, plural: &str| json!(self.rig.cluster.objects(group, plural)).to_string();
        self.check_texts(&[
            ("a stack", objects("evenkeel.dev", "loadbalancerstacks")),
            ("an Event", objects("", "events")),
            ("the metrics", self.rig.metrics.text().unwrap()),
        ]);
    }

    /// Nor in what was logged; a log only grows, so once is enough.
    pub fn check_log(&self) {
        self.check_texts(&[("the log", self.log.text())]);
    }

    fn check_texts(&self, texts: &[(&str, String)]) {
        let mut secrets = self.rig.cloud.secrets();
        secrets.push(WRONG_SECRET.to_owned());
        for (place, text) in texts {
            for secret in &secrets {
                assert!(!text.contains(secret.as_str()), "{secret} is in {place}");
            }
        }
    }
}

fn uid_of(lb: &Map<String, Value>) -> Option<String> {
    let tags = lb["tags"].as_array()?;
    tags.iter().find_map(|tag| tag.as_str()?.strip_prefix("evenkeel:uid=")).map(str::to_owned)
}
