//! Two tenants, `shop` and `trial`, on one ClusterOpenStackCloud and in one project.

use evenkeel::api::{ClusterOpenStackCloud, LoadBalancerStack};
use evenkeel_simulators::cloud::CloudRequest;
use evenkeel_simulators::rig::{CLUSTER_NAMESPACE, NAMESPACE, condition, is_ready, text};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde::de::DeserializeOwned;

use super::*;

pub(super) const CLOUD: &str = "prod";
pub(super) const OTHER: &str = "trial";
pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A small stack with the shared cloud.
pub(super) fn shared() -> Value {
    let mut spec = small();
    spec["cloudCredentialsRef"] = json!({"clusterCloud": CLOUD});
    spec
}

pub(super) fn granted(namespaces: &[&str]) -> Value {
    json!({"from": "Selected", "names": namespaces})
}

/// A grant to both tenants, with these permissions.
pub(super) fn allowing(allow: Value) -> Value {
    json!({"allowedNamespaces": granted(&[NAMESPACE, OTHER]), "allow": allow})
}

pub(super) fn clouds(rig: &Rig) -> Api<ClusterOpenStackCloud> {
    Api::all(rig.client.clone())
}

pub(super) fn secrets(rig: &Rig) -> Api<Secret> {
    Api::namespaced(rig.client.clone(), CLUSTER_NAMESPACE)
}

pub(super) fn stacks(rig: &Rig, namespace: &str) -> Api<LoadBalancerStack> {
    Api::namespaced(rig.client.clone(), namespace)
}

/// Both tenants, the Secret and the cloud with these fields, and a running controller.
pub(super) async fn with_cloud(fields: Value) -> Rig {
    let mut rig = Rig::new().await;
    create_namespace(&rig, OTHER).await;
    create_namespace(&rig, CLUSTER_NAMESPACE).await;
    let mut secret = rig.credentials("demo-appcred");
    secret.metadata.name = Some("shared-credentials".to_owned());
    secrets(&rig).create(&PostParams::default(), &secret).await.unwrap();
    create_cloud(&rig, fields).await;
    rig.start();
    rig
}

pub(super) async fn create_namespace(rig: &Rig, name: &str) {
    let namespace: Namespace = read(json!({"metadata": {"name": name}}));
    Api::all(rig.client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
}

pub(super) async fn create_cloud(rig: &Rig, fields: Value) {
    let mut spec = json!({"secretRef": {"name": "shared-credentials"}, "cloudName": "openstack"});
    spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let cloud = json!({"apiVersion": "evenkeel.dev/v1alpha1", "kind": "ClusterOpenStackCloud",
                       "metadata": {"name": CLOUD}, "spec": spec});
    clouds(rig).create(&PostParams::default(), &read(cloud)).await.unwrap();
}

pub(super) async fn change_cloud(rig: &Rig, fields: Value) {
    let patch = Patch::Merge(json!({"spec": fields}));
    clouds(rig).patch(CLOUD, &PatchParams::default(), &patch).await.unwrap();
}

pub(super) async fn create_in(rig: &Rig, namespace: &str, name: &str, spec: Value) {
    let stack = json!({"apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
                       "metadata": {"name": name, "namespace": namespace}, "spec": spec});
    stacks(rig, namespace).create(&PostParams::default(), &read(stack)).await.unwrap();
}

/// A rig with a Ready stack `web` of each tenant.
pub(super) async fn with_stacks(fields: Value) -> Rig {
    let rig = with_cloud(fields).await;
    for namespace in [NAMESPACE, OTHER] {
        create_in(&rig, namespace, "web", shared()).await;
    }
    for namespace in [NAMESPACE, OTHER] {
        rig.until("both are Ready", MINUTE, |rig| is_ready(&stack_in(rig, namespace, "web"))).await;
    }
    rig
}

pub(super) fn stack_in(rig: &Rig, namespace: &str, name: &str) -> Value {
    rig.cluster.object("evenkeel.dev", "loadbalancerstacks", namespace, name).unwrap_or_default()
}

pub(super) fn cloud(rig: &Rig) -> Value {
    rig.cluster.object("evenkeel.dev", "clusteropenstackclouds", "", CLOUD).unwrap_or_default()
}

pub(super) fn cloud_ready(rig: &Rig) -> (String, String) {
    let cloud = cloud(rig);
    let ready = condition(&cloud, "Ready");
    (text(ready, "reason").to_owned(), text(ready, "message").to_owned())
}

pub(super) fn has_finalizer(object: &Value) -> bool {
    let finalizer = Value::from("evenkeel.dev/credentials-in-use");
    object["metadata"]["finalizers"].as_array().is_some_and(|all| all.contains(&finalizer))
}

pub(super) fn shared_secret(rig: &Rig) -> Value {
    rig.cluster.object("", "secrets", CLUSTER_NAMESPACE, "shared-credentials").unwrap_or_default()
}

/// Requests for a stack: all but those of the log-in.
pub(super) fn requests(rig: &Rig) -> Vec<CloudRequest> {
    rig.cloud.requests().into_iter().filter(|request| request.service != Service::Identity).collect()
}

/// Everything that a tenant can read about a stack.
pub(super) fn shown(rig: &Rig, namespace: &str) -> String {
    let of_tenant = |object: &Value| {
        object["metadata"]["namespace"] == namespace || object["involvedObject"]["namespace"] == namespace
    };
    let stacks = rig.cluster.objects("evenkeel.dev", "loadbalancerstacks").into_iter();
    let events = rig.cluster.objects("", "events").into_iter();
    let statuses = stacks.filter(of_tenant).map(|stack| stack["status"].to_string());
    statuses.chain(events.filter(of_tenant).map(|event| event.to_string())).collect()
}
