//! The shared cloud of a schedule, and its grant to the namespace of the stacks.

use std::collections::BTreeMap;

use evenkeel_simulators::cloud::Service;
use evenkeel_simulators::random_cluster::{CLUSTER_CLOUD, ClusterChange, ObjectKind, ObjectName};
use evenkeel_simulators::rig::{CLUSTER_NAMESPACE, NAMESPACE, Rig};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::simulation::Simulation;

const SECRET: &str = "shared-credentials";

fn clouds(rig: &Rig) -> Api<evenkeel::api::ClusterOpenStackCloud> {
    Api::all(rig.client.clone())
}

/// Creates the shared cloud, granted to the namespace of the stacks.
pub async fn create_cloud(rig: &Rig) {
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": CLUSTER_NAMESPACE}})).unwrap();
    Api::all(rig.client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
    let mut secret = rig.credentials("demo-appcred");
    secret.metadata.name = Some(SECRET.to_owned());
    let secrets: Api<Secret> = Api::namespaced(rig.client.clone(), CLUSTER_NAMESPACE);
    secrets.create(&PostParams::default(), &secret).await.unwrap();
    let cloud = json!({
        "apiVersion": "evenkeel.dev/v1alpha1", "kind": "ClusterOpenStackCloud", "metadata": {"name": CLUSTER_CLOUD},
        "spec": {"secretRef": {"name": SECRET}, "cloudName": "openstack", "allowedNamespaces": granted(true)},
    });
    clouds(rig).create(&PostParams::default(), &serde_json::from_value(cloud).unwrap()).await.unwrap();
}

fn granted(given: bool) -> Value {
    if given { json!({"from": "Selected", "names": [NAMESPACE]}) } else { json!({"from": "None", "names": null}) }
}

impl Simulation {
    /// Gives the grant of the shared cloud, or withdraws it. Without such a cloud nothing happens.
    pub async fn grant(&mut self, given: bool) {
        if self.rig.cluster.object("evenkeel.dev", "clusteropenstackclouds", "", CLUSTER_CLOUD).is_some() {
            self.open_grant = Some(given);
            self.write_grant().await;
        }
    }

    pub async fn write_grant(&mut self) {
        let Some(given) = self.open_grant else { return };
        let patch = Patch::Merge(json!({"spec": {"allowedNamespaces": granted(given)}}));
        if clouds(&self.rig).patch(CLUSTER_CLOUD, &PatchParams::default(), &patch).await.is_ok() {
            self.open_grant = None;
        }
    }

    /// Number of calls so far that use the project. A login alone does not.
    pub fn calls_to_the_project(&self) -> usize {
        self.rig.cloud.requests().iter().filter(|request| request.service != Service::Identity).count()
    }

    /// A change that scales every Service to zero.
    pub fn without_endpoints(&self) -> ClusterChange {
        let (group, plural) = ObjectKind::EndpointSlice.resource();
        let emptied = self.rig.cluster.objects(group, plural).into_iter().map(|slice| {
            let name = ObjectName::new(ObjectKind::EndpointSlice, slice["metadata"]["name"].as_str().unwrap());
            let object = json!({
                "metadata": {"labels": slice["metadata"]["labels"]}, "addressType": slice["addressType"],
                "ports": slice["ports"], "endpoints": [],
            });
            (name, Some(object))
        });
        ClusterChange {
            what: "every Service is scaled to zero".to_owned(),
            objects: emptied.collect::<BTreeMap<_, _>>(),
        }
    }
}
