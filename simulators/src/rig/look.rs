//! What is to be seen, in the cluster and in the cloud.

use serde_json::{Map, Value};

use super::{NAMESPACE, Rig};
use crate::cloud::{Entry, Kind};

/// A condition of a stack; null when it has none of this type.
pub fn condition<'a>(stack: &'a Value, kind: &str) -> &'a Value {
    let mut all = stack["status"]["conditions"].as_array().into_iter().flatten();
    all.find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Ready, for the spec as it is now.
pub fn is_ready(stack: &Value) -> bool {
    let current = stack["status"]["observedGeneration"] == stack["metadata"]["generation"];
    current && condition(stack, "Ready")["status"] == "True"
}

/// Why a stack is Ready or not.
pub fn reason(stack: &Value) -> &str {
    text(condition(stack, "Ready"), "reason")
}

impl Rig {
    /// The stack as the cluster has it; null when there is none.
    pub fn stack(&self, name: &str) -> Value {
        self.cluster.object("evenkeel.dev", "loadbalancerstacks", NAMESPACE, name).unwrap_or_default()
    }

    pub fn is_ready(&self, name: &str) -> bool {
        is_ready(&self.stack(name))
    }

    pub fn reason(&self, name: &str) -> String {
        reason(&self.stack(name)).to_owned()
    }

    /// What the stack says about its readiness.
    pub fn message(&self, name: &str) -> String {
        text(condition(&self.stack(name), "Ready"), "message").to_owned()
    }

    /// Every load balancer of the cloud, whoever owns it.
    pub fn load_balancers(&self) -> Vec<Map<String, Value>> {
        self.cloud.objects(Kind::LoadBalancer)
    }

    /// Those that carry the tag of this stack's UID.
    pub fn load_balancers_of(&self, uid: &str) -> Vec<Map<String, Value>> {
        let tag = Value::from(format!("evenkeel:uid={uid}"));
        let mut all = self.load_balancers();
        all.retain(|lb| lb["tags"].as_array().is_some_and(|tags| tags.contains(&tag)));
        all
    }

    /// Creates of load balancers that reached the cloud's door.
    pub fn creates(&self) -> Vec<Entry> {
        let mut writes = self.cloud.writes();
        writes.retain(|entry| entry.method == http::Method::POST && entry.path.ends_with("/loadbalancers"));
        writes
    }

    /// Reasons and notes of the Events of a stack, oldest first.
    pub fn events(&self, name: &str) -> Vec<(String, String)> {
        let mut events = self.cluster.objects("", "events");
        events.retain(|event| event["involvedObject"]["name"] == name);
        events.sort_by_key(|event| event["eventTime"].to_string());
        events.iter().map(|event| (text(event, "reason").to_owned(), text(event, "message").to_owned())).collect()
    }
}
