//! Adoption of load balancers that other clients and other stacks made.

use evenkeel_simulators::cloud::{CloudConfig, Fault, Provisioning};
use evenkeel_simulators::rig::{condition, is_ready, small};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::tenants::{OTHER, create_in, create_namespace, stack_in};
use super::*;

/// The load balancer of [`small`], as another client makes it.
fn made_by_hand() -> Value {
    json!({
        "name": "old-web", "tags": ["prod"],
        "listeners": [{"name": "http", "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "web"}}],
        "pools": [{
            "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            "healthmonitor": {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 3, "name": "web"},
            "members": [
                {"address": "10.20.0.11", "protocol_port": 8080}, {"address": "10.20.0.12", "protocol_port": 8080},
            ],
        }],
    })
}

/// The spec that is equal to it.
fn adopting(adopt: Value) -> Value {
    let mut spec = small();
    spec["adopt"] = adopt;
    spec["loadBalancer"]["name"] = "old-web".into();
    spec["loadBalancer"]["tags"] = json!(["prod"]);
    spec
}

async fn until_active(rig: &Rig) {
    rig.until("all are ACTIVE", SOON, |rig| {
        rig.load_balancers().iter().all(|lb| lb["provisioning_status"] == "ACTIVE")
    })
    .await;
}

/// A rig with a controller and this load balancer, whose id it returns.
async fn rig_with(body: Value) -> (Rig, String) {
    let mut rig = Rig::new().await;
    let id = rig.make_load_balancer(body).await;
    until_active(&rig).await;
    rig.cloud.forget_requests();
    rig.start();
    (rig, id)
}

async fn change_as_another(rig: &Rig, id: &str, body: Value) {
    let path = format!("/v2/lbaas/loadbalancers/{id}");
    let body = Some(json!({"loadbalancer": body}));
    let (code, response) = rig.cloud.request_as("demo", Method::PUT, Service::LoadBalancer, &path, body).await;
    assert_eq!(code, 200, "{response}");
    until_active(rig).await;
}

/// Method and path of each write of the controller, without ids.
fn writes(rig: &Rig) -> Vec<String> {
    let writes = rig.cloud.writes().into_iter().filter(|entry| entry.user_agent != "another-tool");
    let kind = |path: &str| path.split('/').find(|part| part.ends_with('s')).unwrap_or_default().to_owned();
    writes.map(|entry| format!("{} {}", entry.method, kind(entry.path.trim_start_matches("/v2/lbaas/")))).collect()
}

async fn until_stalled(rig: &Rig, name: &str, reason: &str) -> String {
    rig.until("the stack reports it", SOON, |rig| rig.reason(name) == reason).await;
    assert_eq!(condition(&rig.stack(name), "Stalled")["status"], "True");
    rig.message(name)
}

#[tokio::test(start_paused = true)]
async fn equal_load_balancer_is_adopted_by_writes_of_tags() {
    for adopt in [json!({"name": "old-web"}), json!({"tags": ["prod"]}), json!({"name": "old-web", "tags": ["prod"]})] {
        let (rig, lb) = rig_with(made_by_hand()).await;
        let before = rig.cloud.tree(&lb).unwrap();
        rig.create("web", adopting(adopt)).await;
        rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
        assert_eq!(writes(&rig), ["PUT loadbalancers", "PUT pools", "PUT listeners"]);
        assert_eq!(rig.stack("web")["status"]["loadBalancer"]["id"], lb.as_str());
        let after = rig.cloud.tree(&lb).unwrap();
        for field in ["name", "vip_address", "admin_state_up", "description"] {
            assert_eq!(after[field], before[field]);
        }
        let events: Vec<String> = rig.events("web").into_iter().map(|(reason, _)| reason).collect();
        assert_eq!(events, ["Adopting", "Updating", "Ready"]);
    }
}

#[tokio::test(start_paused = true)]
async fn observe_shows_adoption_before_it_happens() {
    let (rig, lb) = rig_with(made_by_hand()).await;
    let before = rig.cloud.tree(&lb);
    let mut spec = adopting(json!({"id": lb}));
    spec["managementPolicy"] = "Observe".into();
    spec["pools"][0]["members"][0]["weight"] = 5.into();
    rig.create("web", spec).await;
    rig.until("the plan is shown", SOON, |rig| rig.reason("web") == "OutOfSync").await;
    let plan = rig.stack("web")["status"]["plan"]["steps"].to_string();
    for part in ["load balancer old-web: tags", "(adopt)", "weight 1 -> 5", "listener http: tags"] {
        assert!(plan.contains(part), "{part} is not in {plan}");
    }
    tokio::time::sleep(30 * MINUTE).await;
    assert_eq!((writes(&rig).len(), rig.cloud.tree(&lb)), (0, before));
    rig.patch("web", json!({"spec": {"managementPolicy": "Managed"}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web") && rig.reason("web") == "InSync").await;
    assert_eq!(writes(&rig).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn missing_load_balancer_is_never_replaced_by_create() {
    let mut rig = Rig::new().await;
    rig.start();
    rig.create("web", adopting(json!({"name": "old-web"}))).await;
    let message = until_stalled(&rig, "web", "ReferenceNotFound").await;
    assert!(message.contains("name \"old-web\"") && message.contains("remove spec.adopt"), "{message}");
    tokio::time::sleep(30 * MINUTE).await;
    assert!(writes(&rig).is_empty(), "{:?}", writes(&rig));
    rig.make_load_balancer(made_by_hand()).await;
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;

    let path = format!("/v2/lbaas/loadbalancers/{}?cascade=true", id(&rig.load_balancers()[0]));
    let (code, response) = rig.cloud.request_as("demo", Method::DELETE, Service::LoadBalancer, &path, None).await;
    assert_eq!(code, 204, "{response}");
    rig.until("the loss is reported", 20 * MINUTE, |rig| rig.reason("web") == "ReferenceNotFound").await;
    let creates = |rig: &Rig| writes(rig).iter().filter(|write| *write == "POST loadbalancers").count();
    assert_eq!(creates(&rig), 0);
    rig.patch("web", json!({"spec": {"adopt": null}})).await;
    rig.until("a new one is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(creates(&rig), 1);
}

#[tokio::test(start_paused = true)]
async fn ambiguous_name_is_rejected_with_the_ids() {
    let (rig, first) = rig_with(made_by_hand()).await;
    let second = rig.make_load_balancer(made_by_hand()).await;
    rig.create("web", adopting(json!({"name": "old-web"}))).await;
    let message = until_stalled(&rig, "web", "ReferenceAmbiguous").await;
    assert!(message.contains(&first) && message.contains(&second), "{message}");
    rig.patch("web", json!({"spec": {"adopt": {"name": null, "id": second}}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.stack("web")["status"]["loadBalancer"]["id"], second.as_str());
}

#[tokio::test(start_paused = true)]
async fn load_balancer_of_living_stack_needs_its_owner_named() {
    let rig = with_ready(&[("old", with_floating_ip())]).await;
    let lb = rig.load_balancers()[0].clone();
    let addresses = |rig: &Rig| rig.cloud.floating_ips()[0]["floating_ip_address"].clone();
    let before = addresses(&rig);
    rig.cloud.forget_requests();
    let mut spec = with_floating_ip();
    spec["adopt"] = json!({"id": lb["id"]});
    rig.create("web", spec).await;
    let message = until_stalled(&rig, "web", "OwnershipConflict").await;
    let cluster = rig.cluster.object("", "namespaces", "", "kube-system").unwrap();
    let owner = format!("{}/{}", uid(&cluster), uid(&rig.stack("old")));
    assert!(message.contains(&owner) && message.contains("fromOwner"), "{message}");
    rig.patch("web", json!({"spec": {"adopt": {"fromOwner": "another/owner"}}})).await;
    rig.until("it is not that owner's", SOON, |rig| rig.message("web").contains("not to another/owner")).await;
    assert!(writes(&rig).is_empty(), "{:?}", writes(&rig));

    rig.patch("web", json!({"spec": {"adopt": {"fromOwner": owner}}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers_of(&uid(&rig.stack("web"))).iter().map(id).collect::<Vec<_>>(), [id(&lb)]);
    rig.until("the former owner knows it", 20 * MINUTE, |rig| rig.reason("old") == "OwnershipConflict").await;
    rig.delete("old").await;
    until_gone(&rig, "old", SOON).await;
    tokio::time::sleep(20 * MINUTE).await;
    assert!(rig.is_ready("web"));
    assert_eq!((rig.load_balancers().len(), rig.cloud.floating_ips().len(), addresses(&rig)), (1, 1, before));
    assert!(rig.creates().is_empty());
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    assert_nothing_left(&rig);
    assert!(rig.cloud.floating_ips().is_empty());
}

#[tokio::test(start_paused = true)]
async fn load_balancer_of_a_service_needs_its_name() {
    let service = "kube_service_prod_shop_web";
    let mut body = made_by_hand();
    body["tags"] = json!(["prod", service]);
    let (rig, lb) = rig_with(body).await;
    rig.create("web", adopting(json!({"id": lb}))).await;
    let message = until_stalled(&rig, "web", "OwnershipConflict").await;
    assert!(message.contains(service), "{message}");
    assert!(writes(&rig).is_empty());
    rig.patch("web", json!({"spec": {"adopt": {"fromOwner": service}}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert!(!rig.load_balancers()[0]["tags"].to_string().contains(service));
}

#[tokio::test(start_paused = true)]
async fn load_balancer_that_services_share_is_rejected() {
    let mut body = made_by_hand();
    body["tags"] = json!(["prod", "kube_service_prod_shop_web"]);
    body["listeners"][0]["tags"] = json!(["kube_service_prod_shop_api"]);
    let (rig, lb) = rig_with(body).await;
    let before = rig.cloud.tree(&lb);
    rig.create("web", adopting(json!({"id": lb, "fromOwner": "kube_service_prod_shop_web"}))).await;
    let message = until_stalled(&rig, "web", "OwnershipConflict").await;
    assert!(message.contains("share") && message.contains("kube_service_prod_shop_api"), "{message}");
    assert_eq!(rig.cloud.tree(&lb), before);
}

#[tokio::test(start_paused = true)]
async fn load_balancer_in_error_is_not_adopted() {
    let (rig, lb) = rig_with(made_by_hand()).await;
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Error), None);
    rig.create("web", adopting(json!({"id": lb}))).await;
    let message = until_stalled(&rig, "web", "LoadBalancerError").await;
    assert!(message.contains("failover") && message.contains(&lb), "{message}");
    assert!(writes(&rig).is_empty());
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Active), None);
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn locked_load_balancer_is_adopted_once_it_is_free() {
    let (rig, lb) = rig_with(made_by_hand()).await;
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::PendingUpdate), None);
    rig.create("web", adopting(json!({"id": lb}))).await;
    rig.until("the wait is reported", SOON, |rig| rig.reason("web") == "Locked").await;
    assert!(rig.message("web").contains("adopts it after that"), "{}", rig.message("web"));
    rig.cloud.set_statuses(Kind::LoadBalancer, &lb, Some(Provisioning::Active), None);
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn load_balancer_of_another_project_is_rejected() {
    let mut rig = Rig::new().await;
    let network = rig.cloud.add_network("demo2", "other");
    rig.cloud.add_subnet(&network, "other-v4", "10.77.0.0/24".parse().unwrap());
    let body = json!({"loadbalancer": {"name": "old-web", "vip_subnet_id": rig.cloud.subnet_id("other-v4")}});
    let path = "/v2/lbaas/loadbalancers";
    let (code, made) = rig.cloud.request_as("demo2", Method::POST, Service::LoadBalancer, path, Some(body)).await;
    assert_eq!(code, 201, "{made}");
    until_active(&rig).await;
    rig.start();
    rig.create("web", adopting(json!({"id": made["loadbalancer"]["id"]}))).await;
    let message = until_stalled(&rig, "web", "ReferenceUnusable").await;
    assert!(message.contains("another project"), "{message}");
    rig.patch("web", json!({"spec": {"adopt": {"id": null, "name": "old-web"}}})).await;
    rig.until("the name leads nowhere", SOON, |rig| rig.reason("web") == "ReferenceNotFound").await;
    rig.replace_credentials("demo-admin").await;
    let vip = json!({"subnet": {"name": null, "id": rig.cloud.subnet_id("tenant-v4")}});
    let adopt = json!({"id": made["loadbalancer"]["id"], "name": null});
    rig.patch("web", json!({"spec": {"adopt": adopt, "loadBalancer": {"vip": vip}}})).await;
    rig.until("an administrator may not either", SOON, |rig| rig.message("web").contains("belongs to project")).await;
    assert!(rig.cloud.writes().iter().all(|entry| entry.user_agent == "another-tool"));
}

#[tokio::test(start_paused = true)]
async fn immutable_difference_prevents_adoption_until_spec_agrees() {
    let (rig, lb) = rig_with(made_by_hand()).await;
    let mut spec = adopting(json!({"id": lb}));
    spec["loadBalancer"]["vip"] = json!({"subnet": {"name": "tenant-v6"}});
    rig.create("web", spec).await;
    let message = until_stalled(&rig, "web", "ImmutableField").await;
    assert!(message.contains("is not adopted") && message.contains("vip.subnet"), "{message}");
    assert!(writes(&rig).is_empty());
    rig.patch("web", json!({"spec": {"loadBalancer": {"vip": {"subnet": {"name": "tenant-v4"}}}}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn lost_response_and_kill_leave_one_owned_load_balancer() {
    for fault in [Fault::LostAfter, Fault::LostBefore, Fault::HalfBody] {
        let (mut rig, lb) = rig_with(made_by_hand()).await;
        rig.cloud.fail(Match::service(Service::LoadBalancer).method(Method::PUT), fault.clone(), 1);
        rig.create("web", adopting(json!({"id": lb}))).await;
        let is_owned = |rig: &Rig| rig.load_balancers_of(&uid(&rig.stack("web"))).len() == 1;
        rig.until("it is adopted", 2 * MINUTE, is_owned).await;
        rig.kill().await;
        rig.start();
        rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
        assert_eq!(rig.load_balancers().len(), 1, "{fault:?}");
        assert_eq!(rig.cloud.objects(Kind::Listener).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_two_stacks_adopts_a_load_balancer() {
    let (rig, lb) = rig_with(made_by_hand()).await;
    for name in ["a", "b"] {
        rig.create(name, adopting(json!({"id": lb}))).await;
    }
    let settled = |rig: &Rig| ["a", "b"].map(|name| rig.reason(name)).contains(&"OwnershipConflict".to_owned());
    rig.until("one of them has it", MINUTE, |rig| settled(rig) && (rig.is_ready("a") || rig.is_ready("b"))).await;
    tokio::time::sleep(20 * MINUTE).await;
    let (ready, loser) = if rig.is_ready("a") { ("a", "b") } else { ("b", "a") };
    assert_eq!(rig.reason(loser), "OwnershipConflict");
    rig.delete(loser).await;
    until_gone(&rig, loser, SOON).await;
    tokio::time::sleep(20 * MINUTE).await;
    assert!(rig.is_ready(ready));
    assert_eq!(rig.load_balancers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn lost_owner_tags_are_written_again_by_adoption() {
    let rig = with_ready(&[("web", small())]).await;
    let lb = id(&rig.load_balancers()[0]);
    change_as_another(&rig, &lb, json!({"tags": []})).await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    until_stalled(&rig, "web", "OwnershipConflict").await;
    rig.patch("web", json!({"spec": {"adopt": {"id": lb}}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(rig.load_balancers_of(&uid(&rig.stack("web"))).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn renamed_stack_keeps_load_balancer_and_addresses() {
    let mut spec = with_floating_ip();
    spec["deletionPolicy"] = "Orphan".into();
    spec["listeners"][0]["l7Policies"] = json!([{"name": "deny", "action": "REJECT", "rules": [{"type": "PATH", "compareType": "STARTS_WITH", "value": "/x"}]}]);
    let rig = with_ready(&[("old", spec.clone())]).await;
    let (lb, address) = (id(&rig.load_balancers()[0]), rig.cloud.floating_ips()[0].clone());
    rig.delete("old").await;
    until_gone(&rig, "old", SOON).await;
    rig.cloud.forget_requests();
    spec["adopt"] = json!({"id": lb});
    rig.create("new", spec).await;
    rig.until("new is Ready", SOON, |rig| rig.is_ready("new")).await;
    // Children keep their key tags: two writes name the new owner on load balancer and floating IP.
    assert_eq!(writes(&rig), ["PUT loadbalancers", "PUT floatingips", "PUT floatingips"]);
    let now = rig.cloud.floating_ips()[0].clone();
    assert_eq!((&now["id"], &now["port_id"]), (&address["id"], &address["port_id"]));
    assert_eq!(rig.load_balancers()[0]["name"], "shop/new");
    rig.patch("new", json!({"spec": {"deletionPolicy": "Delete"}})).await;
    rig.delete("new").await;
    until_gone(&rig, "new", SOON).await;
    assert_nothing_left(&rig);
    assert!(rig.cloud.floating_ips().is_empty());
}

#[tokio::test(start_paused = true)]
async fn moved_stack_keeps_load_balancer_in_another_namespace() {
    let mut spec = small();
    spec["deletionPolicy"] = "Orphan".into();
    let rig = with_ready(&[("web", spec.clone())]).await;
    let before = rig.stack("web")["status"]["loadBalancer"].clone();
    create_namespace(&rig, OTHER).await;
    let secrets = Api::<Secret>::namespaced(rig.client.clone(), OTHER);
    secrets.create(&PostParams::default(), &rig.credentials("demo-appcred")).await.unwrap();
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    rig.cloud.forget_requests();
    spec["adopt"] = json!({"id": before["id"]});
    create_in(&rig, OTHER, "web", spec).await;
    rig.until("it is Ready", SOON, |rig| is_ready(&stack_in(rig, OTHER, "web"))).await;
    let after = stack_in(&rig, OTHER, "web")["status"]["loadBalancer"].clone();
    assert_eq!((&after["id"], &after["vipAddress"]), (&before["id"], &before["vipAddress"]));
    assert_eq!(writes(&rig), ["PUT loadbalancers"]);
    assert_eq!(rig.load_balancers()[0]["name"], "trial/web");
}

#[tokio::test(start_paused = true)]
async fn create_in_doubt_is_awaited_before_adoption() {
    let mut rig = Rig::with(CloudConfig::default()).await;
    rig.cloud.fail(create(), Fault::SlowStart(Duration::from_secs(140)), 1);
    rig.start();
    rig.create("web", small()).await;
    rig.until("the create is in doubt", 3 * MINUTE, |rig| rig.reason("web") == "CreateInDoubt").await;
    rig.cloud.clear_faults();
    let lb = rig.make_load_balancer(made_by_hand()).await;
    rig.patch("web", json!({"spec": {"adopt": {"id": lb}}})).await;
    rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
    assert_ne!(rig.stack("web")["status"]["loadBalancer"]["id"], lb.as_str(), "the stack has its own by then");
    assert_eq!(rig.load_balancers_of(&uid(&rig.stack("web"))).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn foreign_child_is_kept_then_listed_then_pruned() {
    let (rig, lb) = rig_with(made_by_hand()).await;
    let listener =
        json!({"listener": {"name": "admin", "protocol": "TCP", "protocol_port": 8443, "loadbalancer_id": lb}});
    let path = "/v2/lbaas/listeners";
    let (code, made) = rig.cloud.request_as("demo", Method::POST, Service::LoadBalancer, path, Some(listener)).await;
    assert_eq!(code, 201, "{made}");
    until_active(&rig).await;
    let mut spec = adopting(json!({"id": lb}));
    spec["managementPolicy"] = "Observe".into();
    rig.create("web", spec).await;
    rig.until("the plan is shown", SOON, |rig| rig.reason("web") == "OutOfSync").await;
    let foreign = json!([{"kind": "listener", "id": made["listener"]["id"], "name": "admin"}]);
    assert_eq!(rig.stack("web")["status"]["foreignChildren"], foreign);

    rig.patch("web", json!({"spec": {"managementPolicy": "Managed"}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web") && rig.reason("web") == "InSync").await;
    assert_eq!(rig.stack("web")["status"]["foreignChildren"], foreign);
    assert_eq!(rig.cloud.objects(Kind::Listener).len(), 2);
    rig.patch("web", json!({"spec": {"prunePolicy": "All"}})).await;
    rig.until("it is pruned", SOON, |rig| rig.cloud.objects(Kind::Listener).len() == 1 && rig.is_ready("web")).await;
    assert!(rig.stack("web")["status"]["foreignChildren"].is_null());
}

#[tokio::test(start_paused = true)]
async fn rejected_owner_tags_are_sent_ever_more_rarely() {
    let (rig, lb) = rig_with(made_by_hand()).await;
    let rejection = octavia(501, "Provider 'x' does not support a requested action");
    rig.cloud.fail_always(Match::service(Service::LoadBalancer).method(Method::PUT), rejection);
    rig.create("web", adopting(json!({"id": lb}))).await;
    until_stalled(&rig, "web", "RequestRejected").await;
    tokio::time::sleep(60 * MINUTE).await;
    let sent = writes(&rig).len();
    assert!((2..=10).contains(&sent), "{sent} writes in an hour");
    rig.cloud.clear_faults();
    rig.until("web is Ready", 61 * MINUTE, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn rejected_owner_tags_leave_no_record() {
    let (rig, lb) = rig_with(made_by_hand()).await;
    let rejection = octavia(501, "Provider 'x' does not support a requested action");
    rig.cloud.fail_always(Match::service(Service::LoadBalancer).method(Method::PUT), rejection);
    rig.create("web", adopting(json!({"id": lb}))).await;
    until_stalled(&rig, "web", "RequestRejected").await;
    assert!(rig.stack("web")["status"]["loadBalancer"]["id"].is_null(), "{}", rig.stack("web")["status"]);
    rig.patch("web", json!({"spec": {"adopt": null}})).await;
    rig.until("a new one is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_ne!(rig.stack("web")["status"]["loadBalancer"]["id"], lb.as_str());
    assert!(rig.cloud.tree(&lb).is_some());
}
