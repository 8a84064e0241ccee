//! Identity of load balancers: an owner tag, never a name.

use evenkeel_simulators::cloud::{Kind, Service};
use evenkeel_simulators::rig::{NAMESPACE, Rig, small};
use http::Method;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn resource_with_matching_name_only_is_never_changed() {
    let mut rig = Rig::new().await;
    let cluster = rig.cluster.object("", "namespaces", "", "kube-system").unwrap();
    let (mine, other) = (uid(&cluster), "0aa00000-0000-4000-8000-000000000000");
    let place = |cluster: &str| vec![format!("evenkeel:cluster={cluster}"), "evenkeel:namespace=shop".to_owned()];
    let foreign_tags = [
        vec![],
        vec!["team=shop".to_owned()],
        [place(other), vec!["evenkeel:name=web".to_owned(), "evenkeel:uid=1".to_owned()]].concat(),
        [place(&mine), vec!["evenkeel:name=web-2".to_owned(), "evenkeel:uid=1".to_owned()]].concat(),
    ];
    for tags in foreign_tags {
        let body = json!({"name": "shop/web", "tags": tags, "listeners": [{"name": "http", "protocol": "HTTP", "protocol_port": 80}]});
        rig.make_load_balancer(body).await;
    }
    rig.until("they are created", SOON, |rig| {
        rig.load_balancers().iter().all(|lb| lb["provisioning_status"] == "ACTIVE")
    })
    .await;
    let before: Vec<_> = rig.load_balancers().iter().map(|lb| rig.cloud.tree(&id(lb))).collect();
    rig.start();
    rig.create("web", small()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers().len(), before.len() + 1);
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}, "listeners": []}})).await;
    rig.until("web is Ready again", SOON, |rig| rig.is_ready("web")).await;
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    let after: Vec<_> = rig.load_balancers().iter().map(|lb| rig.cloud.tree(&id(lb))).collect();
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn load_balancer_of_another_owner_is_named_and_untouched() {
    let rig = with_ready(&[("web", small())]).await;
    let lb = id(&rig.load_balancers()[0]);
    let path = format!("/v2/lbaas/loadbalancers/{lb}");
    let tags = json!({"loadbalancer": {"tags": ["evenkeel:uid=uid-2", "evenkeel:cluster=cluster-2"]}});
    let (code, response) = rig.cloud.request_as("demo", Method::PUT, Service::LoadBalancer, &path, Some(tags)).await;
    assert_eq!(code, 200, "{response}");
    rig.until("it is free", SOON, |rig| rig.load_balancers()[0]["provisioning_status"] == "ACTIVE").await;
    rig.cloud.forget_requests();
    let before = rig.cloud.tree(&lb);

    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("the create is rejected", SOON, |rig| rig.reason("web") == "OwnershipConflict").await;
    assert!(rig.message("web").contains("cluster-2/uid-2"), "{}", rig.message("web"));
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_eq!(rig.cloud.tree(&lb), before);
    let writes: Vec<_> = rig.cloud.writes().into_iter().filter(|entry| entry.user_agent != "another-tool").collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn load_balancer_of_deleted_stack_is_taken_over() {
    let mut rig = with_ready(&[("web", small())]).await;
    rig.stop().await;
    let (dead, lb) = (uid(&rig.stack("web")), id(&rig.load_balancers()[0]));
    // As after a restore from a backup: the object has a new UID, and its load balancer still exists.
    let unheld = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    rig.stacks().patch("web", &PatchParams::default(), &unheld).await.unwrap();
    rig.stacks().delete("web", &DeleteParams::default()).await.unwrap();
    assert!(rig.cluster.object("evenkeel.dev", "loadbalancerstacks", NAMESPACE, "web").is_none());

    rig.create("web", small()).await;
    rig.start();
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    let uid = uid(&rig.stack("web"));
    assert_ne!(uid, dead);
    assert_eq!(rig.creates().len(), 1);
    assert_eq!(rig.cloud.objects(Kind::LoadBalancer).len(), 1);
    assert_eq!(rig.load_balancers_of(&uid).iter().map(id).collect::<Vec<_>>(), [lb]);
    assert!(rig.load_balancers_of(&dead).is_empty());
}
