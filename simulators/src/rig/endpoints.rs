//! Services with their endpoints, and nodes, as the controllers of a cluster write them.

use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Resource};
use serde_json::{Value, json};

use super::harness::{NAMESPACE, Rig};

/// An endpoint of an EndpointSlice that is ready.
pub fn ready(address: &str) -> Value {
    json!({"addresses": [address], "conditions": {"ready": true, "serving": true, "terminating": false}})
}

/// One that still serves while it terminates.
pub fn terminating(address: &str) -> Value {
    json!({"addresses": [address], "conditions": {"ready": false, "serving": true, "terminating": true}})
}

/// One whose pod, applied with [`Rig::apply_pod`], is not ready.
pub fn unready(address: &str, pod: &Pod) -> Value {
    json!({
        "addresses": [address],
        "conditions": {"ready": false, "serving": false, "terminating": false},
        "targetRef": {
            "kind": "Pod", "namespace": NAMESPACE, "name": pod.metadata.name, "uid": pod.metadata.uid,
        },
    })
}

impl Rig {
    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.cluster.client(), NAMESPACE)
    }

    pub fn services(&self) -> Api<Service> {
        Api::namespaced(self.cluster.client(), NAMESPACE)
    }

    pub fn slices(&self) -> Api<EndpointSlice> {
        Api::namespaced(self.cluster.client(), NAMESPACE)
    }

    pub fn nodes(&self) -> Api<Node> {
        Api::all(self.cluster.client())
    }

    /// Applies a Service with one port, `http` (80), and changes to its spec.
    pub async fn apply_service(&self, name: &str, changes: Value) {
        let mut spec = json!({
            "clusterIP": "10.96.0.7",
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        });
        let changes = changes.as_object().cloned().unwrap_or_default();
        spec.as_object_mut().expect("an object").extend(changes);
        apply(&self.services(), name, json!({"spec": spec})).await;
    }

    /// Applies an EndpointSlice of a Service: endpoints on port 8080.
    pub async fn apply_slice(&self, name: &str, service: &str, endpoints: Vec<Value>) {
        self.apply_slice_of(name, service, "IPv4", endpoints).await;
    }

    /// Applies an EndpointSlice of an IP version.
    pub async fn apply_slice_of(&self, name: &str, service: &str, version: &str, endpoints: Vec<Value>) {
        let slice = json!({
            "metadata": {"labels": {"kubernetes.io/service-name": service}},
            "addressType": version,
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": endpoints,
        });
        apply(&self.slices(), name, slice).await;
    }

    /// Applies a Node with one internal address.
    pub async fn apply_node(&self, name: &str, address: &str, labels: Value) {
        let addresses = json!([{"type": "InternalIP", "address": address}]);
        apply(&self.nodes(), name, json!({"metadata": {"labels": labels}})).await;
        let status = Patch::Merge(json!({"status": {"addresses": addresses}}));
        self.nodes().patch_status(name, &PatchParams::default(), &status).await.expect("the status is accepted");
    }

    /// Applies a Pod with an address.
    pub async fn apply_pod(&self, name: &str, address: &str) -> Pod {
        apply(&self.pods(), name, json!({"spec": {"containers": []}})).await;
        let status = Patch::Merge(json!({"status": {"phase": "Running", "podIP": address}}));
        self.pods().patch_status(name, &PatchParams::default(), &status).await.expect("the status is accepted")
    }

    pub async fn delete_service(&self, name: &str) {
        self.services().delete(name, &DeleteParams::default()).await.expect("the Service is there");
    }
}

async fn apply<K>(api: &Api<K>, name: &str, mut object: Value)
where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    object["apiVersion"] = K::api_version(&()).into();
    object["kind"] = K::kind(&()).into();
    object["metadata"]["name"] = name.into();
    let params = PatchParams::apply("tests").force();
    api.patch(name, &params, &Patch::Apply(object)).await.expect("the object is accepted");
}
