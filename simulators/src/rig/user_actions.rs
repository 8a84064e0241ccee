//! Actions of users: they apply, edit and delete stacks.

use evenkeel::api::LoadBalancerStack;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::harness::{NAMESPACE, Rig, SECRET, read};
use crate::cloud::CloudSim;

/// A spec with one HTTP listener and a monitored pool of two members.
pub fn small() -> Value {
    json!({
        "cloudCredentialsRef": {"secretName": SECRET, "cloudName": "openstack"},
        "loadBalancer": {"vip": {"subnet": {"name": "tenant-v4"}}},
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 80, "defaultPool": "web"}],
        "pools": [{
            "name": "web", "protocol": "HTTP", "algorithm": "ROUND_ROBIN",
            "healthMonitor": {"type": "HTTP", "delay": "5s", "timeout": "3s", "maxRetries": 3},
            "members": [{"address": "10.20.0.11", "port": 8080}, {"address": "10.20.0.12", "port": 8080}],
        }],
    })
}

impl Rig {
    pub async fn create(&self, name: &str, spec: Value) {
        let stack: LoadBalancerStack = read(json!({
            "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
            "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
        }));
        self.stacks().create(&PostParams::default(), &stack).await.expect("the stack is accepted");
    }

    /// The message with which the API server rejects the stack.
    pub async fn create_rejected(&self, name: &str, spec: Value) -> String {
        let stack: LoadBalancerStack = read(json!({
            "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
            "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
        }));
        let created = self.stacks().create(&PostParams::default(), &stack).await;
        created.expect_err("the stack is rejected").to_string()
    }

    /// Applies a merge patch to the stack, metadata included.
    pub async fn patch(&self, name: &str, patch: Value) {
        let patch = Patch::Merge(patch);
        self.stacks().patch(name, &PatchParams::default(), &patch).await.expect("the patch is accepted");
    }

    pub async fn delete(&self, name: &str) {
        self.stacks().delete(name, &DeleteParams::default()).await.expect("the stack is there");
    }

    /// Replaces the credentials in the Secret.
    pub async fn replace_credentials(&self, cloud: &str) {
        let mut secret = serde_json::to_value(self.credentials(cloud)).expect("a Secret");
        secret["metadata"] = json!({});
        self.secrets()
            .patch(SECRET, &PatchParams::default(), &Patch::Merge(secret))
            .await
            .expect("the Secret is there");
    }

    /// Creates a load balancer as another client and returns its id.
    pub async fn make_load_balancer(&self, body: Value) -> String {
        make_load_balancer(&self.cloud, body).await
    }
}

async fn make_load_balancer(cloud: &CloudSim, body: Value) -> String {
    let mut body = body;
    body["vip_subnet_id"] = cloud.subnet_id("tenant-v4").into();
    let body = json!({"loadbalancer": body});
    let path = "/v2/lbaas/loadbalancers";
    let service = crate::cloud::Service::LoadBalancer;
    let (code, response) = cloud.request_as("demo", http::Method::POST, service, path, Some(body)).await;
    assert_eq!(code, 201, "{response}");
    response["loadbalancer"]["id"].as_str().expect("an id").to_owned()
}
