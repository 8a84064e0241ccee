//! Views of stacks in the cluster and of load balancers in the cloud.

use serde_json::{Map, Value};

use super::harness::{NAMESPACE, Rig};
use crate::cloud::{CloudRequest, Kind};

/// A condition of a stack. Null when it has none of this type.
pub fn condition<'a>(stack: &'a Value, kind: &str) -> &'a Value {
    let mut all = stack["status"]["conditions"].as_array().into_iter().flatten();
    all.find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// True when the stack is Ready for its current spec.
pub fn is_ready(stack: &Value) -> bool {
    let current = stack["status"]["observedGeneration"] == stack["metadata"]["generation"];
    current && condition(stack, "Ready")["status"] == "True"
}

/// The reason of the condition Ready.
pub fn reason(stack: &Value) -> &str {
    text(condition(stack, "Ready"), "reason")
}

impl Rig {
    /// The stack as the cluster has it. Null when there is none.
    pub fn stack(&self, name: &str) -> Value {
        self.cluster.object("evenkeel.dev", "loadbalancerstacks", NAMESPACE, name).unwrap_or_default()
    }

    pub fn is_ready(&self, name: &str) -> bool {
        is_ready(&self.stack(name))
    }

    pub fn reason(&self, name: &str) -> String {
        reason(&self.stack(name)).to_owned()
    }

    /// The message of the condition Ready.
    pub fn message(&self, name: &str) -> String {
        text(condition(&self.stack(name), "Ready"), "message").to_owned()
    }

    /// Every load balancer of the cloud, whoever its owner is.
    pub fn load_balancers(&self) -> Vec<Map<String, Value>> {
        self.cloud.objects(Kind::LoadBalancer)
    }

    /// The load balancers with the owner tag of this UID.
    pub fn load_balancers_of(&self, uid: &str) -> Vec<Map<String, Value>> {
        let tag = Value::from(format!("evenkeel:uid={uid}"));
        let mut all = self.load_balancers();
        all.retain(|lb| lb["tags"].as_array().is_some_and(|tags| tags.contains(&tag)));
        all
    }

    /// The creates of load balancers that reached the cloud.
    pub fn creates(&self) -> Vec<CloudRequest> {
        let mut writes = self.cloud.writes();
        writes.retain(|entry| entry.method == http::Method::POST && entry.path.ends_with("/loadbalancers"));
        writes
    }

    /// Reason and note of each Event of a stack, oldest first.
    pub fn events(&self, name: &str) -> Vec<(String, String)> {
        let mut events = self.cluster.objects("", "events");
        events.retain(|event| event["involvedObject"]["name"] == name);
        events.sort_by_key(|event| event["eventTime"].to_string());
        events.iter().map(|event| (text(event, "reason").to_owned(), text(event, "message").to_owned())).collect()
    }
}
