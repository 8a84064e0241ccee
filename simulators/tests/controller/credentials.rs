//! The Secrets that stacks refer to: they have a finalizer exactly as long as a stack needs them.

use std::sync::Arc;

use evenkeel::openstack::Request;
use evenkeel_simulators::cluster::ClusterSim;
use evenkeel_simulators::rig::{Interception, Interceptor, NAMESPACE, SECRET, small};
use http::Method;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;

fn has_finalizer(cluster: &ClusterSim, name: &str) -> bool {
    let secret = cluster.object("", "secrets", NAMESPACE, name).expect("the Secret is there");
    let finalizer = Value::from("evenkeel.dev/credentials-in-use");
    secret["metadata"]["finalizers"].as_array().is_some_and(|entries| entries.contains(&finalizer))
}

/// Number of list requests of the controller.
fn lists(rig: &Rig) -> usize {
    let is_list = |verb: &str, path: &str| verb == "list" && path.ends_with("/loadbalancerstacks");
    rig.cluster.requests().iter().filter(|request| is_list(request.verb, &request.path)).count()
}

#[tokio::test(start_paused = true)]
async fn used_secret_has_finalizer_without_extra_lists() {
    let names = ["a", "b", "c", "d", "e"];
    let rig = with_ready(&names.map(|name| (name, small()))).await;
    assert!(has_finalizer(&rig.cluster, SECRET));
    rig.cluster.forget_requests();
    sleep(10 * MINUTE).await;
    assert_eq!(lists(&rig), 0, "ten idle minutes");
    for name in names {
        rig.delete(name).await;
    }
    for name in names {
        until_gone(&rig, name, SOON).await;
    }
    rig.until("the Secret has no finalizer", MINUTE, |rig| !has_finalizer(&rig.cluster, SECRET)).await;
    assert!(lists(&rig) <= 2, "{} lists for five deletions", lists(&rig));
    assert_nothing_left(&rig);
}

#[tokio::test(start_paused = true)]
async fn unused_secret_loses_finalizer() {
    let rig = with_ready(&[("web", small())]).await;
    let mut other = rig.credentials("demo-appcred");
    other.metadata.name = Some("other".to_owned());
    rig.secrets().create(&Default::default(), &other).await.unwrap();
    rig.patch("web", json!({"spec": {"cloudCredentialsRef": {"secretName": "other"}}})).await;
    rig.until("the new one has the finalizer", SOON, |rig| has_finalizer(&rig.cluster, "other")).await;
    rig.until("the old one has no finalizer", MINUTE, |rig| !has_finalizer(&rig.cluster, SECRET)).await;
    assert!(has_finalizer(&rig.cluster, "other"));
}

/// A user who may write stacks may have no access to Secrets, and must not block the deletion of one.
#[tokio::test(start_paused = true)]
async fn secret_without_credentials_never_gets_finalizer() {
    let mut rig = Rig::new().await;
    rig.start();
    let plain = |data: Value| -> Secret {
        serde_json::from_value(json!({"metadata": {"name": "plain"}, "stringData": data})).unwrap()
    };
    let mut spec = small();
    spec["cloudCredentialsRef"]["secretName"] = "plain".into();
    rig.secrets().create(&Default::default(), &plain(json!({"token": "of another application"}))).await.unwrap();
    rig.create("web", spec).await;
    rig.until("the stack reports it", SOON, |rig| rig.message("web").contains("no key clouds.yaml")).await;
    assert!(!has_finalizer(&rig.cluster, "plain"));
    for clouds in ["clouds: {}", "clouds: {openstack: {auth: {}}}", "- no clouds"] {
        let merge = kube::api::Patch::Merge(json!({"stringData": {"clouds.yaml": clouds}}));
        rig.secrets().patch("plain", &Default::default(), &merge).await.unwrap();
        sleep(2 * MINUTE).await;
        assert!(!has_finalizer(&rig.cluster, "plain"), "{clouds}");
    }
    rig.secrets().delete("plain", &Default::default()).await.unwrap();
    assert!(rig.cluster.object("", "secrets", NAMESPACE, "plain").is_none());
}

/// A load balancer could not be deleted without its Secret.
#[tokio::test(start_paused = true)]
async fn secret_gets_finalizer_before_first_create() {
    let mut rig = Rig::new().await;
    let cluster = rig.cluster.clone();
    let in_order = move |request: &Request| {
        let creates = request.method() == Method::POST && request.uri().path().ends_with("/loadbalancers");
        if creates && !has_finalizer(&cluster, SECRET) { Interception::Withhold } else { Interception::Forward }
    };
    rig.connector = Arc::new(Interceptor::new(rig.cloud.transport(), in_order));
    rig.start();
    rig.create("web", small()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
}

/// Neutron shows the subnets of all projects to an administrator.
#[tokio::test(start_paused = true)]
async fn administrator_names_resolve_to_own_project_only() {
    let mut rig = Rig::new().await;
    rig.replace_credentials("demo-admin").await;
    rig.start();
    rig.create("by-name", small()).await;
    let mut by_id = small();
    by_id["loadBalancer"]["vip"]["subnet"] = json!({"id": rig.cloud.subnet_id("tenant-v4")});
    by_id["loadBalancer"]["floatingIP"] = json!({"allocate": {"network": {"name": "public"}}});
    rig.create("by-id", by_id).await;
    rig.until("the id is taken", 2 * MINUTE, |rig| rig.is_ready("by-id")).await;
    rig.until("the name is not", MINUTE, |rig| rig.reason("by-name") == "ReferenceNotFound").await;
    assert!(rig.message("by-name").contains("spec.loadBalancer.vip.subnet"), "{}", rig.message("by-name"));
    assert_eq!(rig.load_balancers().len(), 1);

    let (network, project) = (rig.cloud.network_id("tenant"), rig.cloud.project_id("admin"));
    let shared = json!({"rbac_policy": {"object_type": "network", "object_id": network, "action": "access_as_shared",
                                        "target_tenant": project}});
    let path = "/v2.0/rbac-policies";
    let (code, response) = rig.cloud.request_as("demo", Method::POST, Service::Network, path, Some(shared)).await;
    assert_eq!(code, 201, "{response}");
    rig.until("the name is that of a shared subnet", 3 * MINUTE, |rig| rig.is_ready("by-name")).await;
}
