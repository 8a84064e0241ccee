//! Permissions in a cloud that namespaces share: each way to the objects of the other tenant is tried.

use evenkeel_simulators::rig::{CLUSTER_NAMESPACE, NAMESPACE, condition, is_ready, text};
use kube::api::{Patch, PatchParams};
use tokio::time::sleep;

use super::tenants::*;
use super::*;

/// The stack `probe` of shop under this spec is refused with this field, and no request is made for it.
async fn assert_refused(rig: &Rig, what: &str, spec: Value, field: &str) {
    rig.cloud.forget_requests();
    create_in(rig, NAMESPACE, "probe", spec).await;
    rig.until(what, SOON, |rig| rig.reason("probe") == "ForbiddenByCloud").await;
    assert!(rig.message("probe").contains(&format!("{field}: ")), "{what}: {}", rig.message("probe"));
    sleep(2 * MINUTE).await;
    assert!(rig.cloud.writes().is_empty(), "{what}: {:?}", rig.cloud.writes());
    assert_eq!(text(condition(&rig.stack("probe"), "Accepted"), "status"), "False");
    rig.delete("probe").await;
    until_gone(rig, "probe", SOON).await;
    assert!(rig.cloud.writes().is_empty(), "{what}: {:?}", rig.cloud.writes());
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = shared();
    change(&mut spec);
    spec
}

#[tokio::test(start_paused = true)]
async fn objects_of_other_tenant_are_out_of_reach() {
    let rig = with_stacks(allowing(json!({}))).await;
    let victim = stack_in(&rig, OTHER, "web")["status"]["loadBalancer"].clone();
    let trees = || {
        [NAMESPACE, OTHER]
            .map(|ns| rig.cloud.tree(stack_in(&rig, ns, "web")["status"]["loadBalancer"]["id"].as_str().unwrap()))
    };
    let before = trees();
    let adopt = changed(|spec| spec["adopt"] = json!({"id": victim["id"], "fromOwner": "kube_service_a_b_c"}));
    assert_refused(&rig, "the load balancer of the other tenant", adopt, "spec.adopt").await;
    let port = changed(|spec| spec["loadBalancer"]["vip"] = json!({"port": {"id": victim["vipPortID"]}}));
    assert_refused(&rig, "the VIP port of the other tenant", port, "spec.loadBalancer.vip.port").await;
    let floating = changed(|spec| {
        spec["loadBalancer"]["floatingIP"] = json!({"existing": {"address": "203.0.113.7"}});
    });
    assert_refused(&rig, "a floating IP by address", floating, "spec.loadBalancer.floatingIP.existing").await;
    let secret = rig.cloud.certificate_ref("cert");
    let tls = changed(|spec| {
        spec["listeners"] = json!([{"name": "https", "protocol": "TERMINATED_HTTPS", "port": 443, "defaultPool": "web",
                                    "tls": {"certificate": {"barbicanRef": secret}}}]);
    });
    assert_refused(&rig, "a Barbican secret", tls, "spec.listeners[https].tls.certificate.barbicanRef").await;
    let ca = changed(|spec| spec["pools"][0]["tls"] = json!({"ca": {"barbicanRef": secret}}));
    assert_refused(&rig, "authorities of members", ca, "spec.pools[web].tls.ca.barbicanRef").await;
    assert_eq!(trees(), before);
}

#[tokio::test(start_paused = true)]
async fn objects_outside_lists_are_refused() {
    let rig = with_stacks(allowing(json!({}))).await;
    let group = rig.cloud.add_security_group("demo", "of-trial");
    let lists = json!({
        "vipNetworks": ["tenant"], "memberNetworks": ["members"], "externalNetworks": [], "securityGroups": ["web"],
        "memberCIDRs": ["10.20.0.0/24"],
    });
    change_cloud(&rig, json!({"allow": lists})).await;
    let network = rig.cloud.add_network("demo", "private");
    rig.cloud.add_subnet(&network, "private-v4", "10.77.0.0/24".parse().unwrap());
    let cases = [
        (
            "another network",
            changed(|spec| spec["loadBalancer"]["vip"] = json!({"subnet": {"name": "private-v4"}})),
            "spec.loadBalancer.vip.subnet",
        ),
        (
            "another network by id",
            changed(|spec| spec["loadBalancer"]["vip"] = json!({"network": {"id": network}})),
            "spec.loadBalancer.vip.network",
        ),
        (
            "a security group",
            changed(|spec| {
                spec["loadBalancer"]["vip"]["securityGroups"] = json!([{"id": group}]);
            }),
            "spec.loadBalancer.vip.securityGroups[0]",
        ),
        (
            "an external network",
            changed(|spec| {
                spec["loadBalancer"]["floatingIP"] = json!({"allocate": {"network": {"name": "public"}}});
            }),
            "spec.loadBalancer.floatingIP.allocate.network",
        ),
        (
            "a subnet of members",
            changed(|spec| spec["pools"][0]["members"][0]["subnet"] = json!({"name": "private-v4"})),
            "spec.pools[web].members[10.20.0.11:8080].subnet",
        ),
        (
            "an address",
            changed(|spec| spec["pools"][0]["members"][1]["address"] = "10.77.0.9".into()),
            "spec.pools[web].members[10.77.0.9:8080].address",
        ),
        (
            "an address to check",
            changed(|spec| spec["pools"][0]["members"][1]["monitorAddress"] = "10.77.0.9".into()),
            "spec.pools[web].members[10.20.0.12:8080].monitorAddress",
        ),
    ];
    for (what, spec, field) in cases {
        assert_refused(&rig, what, spec, field).await;
    }
    rig.create(
        "within",
        changed(|spec| {
            spec["loadBalancer"]["vip"]["securityGroups"] = json!([{"name": "web"}]);
        }),
    )
    .await;
    rig.until("within is Ready", SOON, |rig| rig.is_ready("within")).await;
}

/// A load balancer that was allowed to have something keeps it, and nothing is changed until the stack gives it up.
#[tokio::test(start_paused = true)]
async fn narrowed_permissions_stall_stack_and_change_nothing() {
    let rig = with_stacks(allowing(json!({}))).await;
    let tree = || rig.cloud.tree(rig.stack("web")["status"]["loadBalancer"]["id"].as_str().unwrap());
    let before = tree();
    change_cloud(&rig, json!({"allow": {"memberCIDRs": ["10.77.0.0/16"]}})).await;
    rig.until("the stack reports it", SECOND, |rig| rig.reason("web") == "ForbiddenByCloud").await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "new"}}})).await;
    sleep(20 * MINUTE).await;
    assert_eq!(tree(), before);
    change_cloud(&rig, json!({"allow": {"memberCIDRs": ["10.20.0.0/16"]}})).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!(
        rig.cloud.tree(rig.stack("web")["status"]["loadBalancer"]["id"].as_str().unwrap()).unwrap()["description"],
        "new"
    );
}

#[tokio::test(start_paused = true)]
async fn forged_record_leads_to_no_other_load_balancer() {
    let rig = with_stacks(allowing(json!({}))).await;
    let victim = stack_in(&rig, OTHER, "web")["status"]["loadBalancer"].clone();
    let tree = || rig.cloud.tree(victim["id"].as_str().unwrap());
    let before = tree();
    let forged = Patch::Merge(json!({"status": {"loadBalancer": {"id": victim["id"]}}}));
    rig.create("thief", changed(|spec| spec["paused"] = true.into())).await;
    stacks(&rig, NAMESPACE).patch_status("thief", &PatchParams::default(), &forged).await.unwrap();
    rig.patch("thief", json!({"spec": {"paused": false}})).await;
    sleep(2 * MINUTE).await;
    assert_eq!(tree(), before);
    let shown = shown(&rig, NAMESPACE);
    assert!(!shown.contains(OTHER), "{shown}");
    rig.delete("thief").await;
    sleep(2 * MINUTE).await;
    assert_eq!(tree(), before);
}

/// Permission to use ids of others: a conflict shows ids and no names.
#[tokio::test(start_paused = true)]
async fn conflict_names_no_other_tenant() {
    let rig = with_cloud(allowing(json!({"existingFloatingIPs": true, "vipPorts": true}))).await;
    let body = json!({"floatingip": {"floating_network_id": rig.cloud.network_id("public")}});
    let (code, made) =
        rig.cloud.request_as("demo", Method::POST, Service::Network, "/v2.0/floatingips", Some(body)).await;
    assert_eq!(code, 201, "{made}");
    let borrowing = changed(|spec| {
        spec["loadBalancer"]["floatingIP"] = json!({"existing": {"id": made["floatingip"]["id"]}});
    });
    create_in(&rig, OTHER, "their-own", borrowing.clone()).await;
    rig.until("it is Ready", MINUTE, |rig| is_ready(&stack_in(rig, OTHER, "their-own"))).await;
    create_in(&rig, NAMESPACE, "web", borrowing).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("web") == "ReferenceUnusable").await;
    assert!(rig.message("web").contains("belongs to"), "{}", rig.message("web"));

    let port = stack_in(&rig, OTHER, "their-own")["status"]["loadBalancer"]["vipPortID"].clone();
    let on_port = changed(|spec| spec["loadBalancer"]["vip"] = json!({"port": {"id": port}}));
    create_in(&rig, NAMESPACE, "on-port", on_port).await;
    rig.until("the stack reports it", MINUTE, |rig| rig.reason("on-port") == "ReferenceUnusable").await;
    assert!(rig.message("on-port").contains("is the VIP of load balancer"), "{}", rig.message("on-port"));
    let shown = shown(&rig, NAMESPACE);
    for name in [OTHER, "their-own", "shared-credentials", CLUSTER_NAMESPACE] {
        assert!(!shown.contains(name), "{name}: {shown}");
    }
}

/// Permission to adopt: a load balancer without an owner, and none of another tenant whose owner is not known.
#[tokio::test(start_paused = true)]
async fn permitted_adoption_names_no_owner_and_respects_limit() {
    let rig = with_stacks(allowing(json!({"adoption": true, "maxLoadBalancersPerNamespace": 2}))).await;
    let theirs = stack_in(&rig, OTHER, "web");
    let victim = theirs["status"]["loadBalancer"]["id"].clone();
    let before = rig.cloud.tree(victim.as_str().unwrap());
    let adopting = |id: &Value| changed(|spec| spec["adopt"] = json!({"id": id}));
    rig.create("probe", adopting(&victim)).await;
    rig.until("the owner is in the way", SOON, |rig| rig.reason("probe") == "OwnershipConflict").await;
    assert!(rig.message("probe").contains("fromOwner"), "{}", rig.message("probe"));
    let (owner, shown) = (uid(&theirs), shown(&rig, NAMESPACE));
    for name in [owner.as_str(), OTHER, CLUSTER_NAMESPACE] {
        assert!(!shown.contains(name), "{name}: {shown}");
    }
    assert_eq!(rig.cloud.tree(victim.as_str().unwrap()), before);
    rig.delete("probe").await;
    until_gone(&rig, "probe", SOON).await;

    let mut free = Vec::new();
    for name in ["old-a", "old-b"] {
        free.push(Value::from(rig.make_load_balancer(json!({"name": name})).await));
    }
    rig.create("a", adopting(&free[0])).await;
    rig.until("a is Ready", MINUTE, |rig| rig.is_ready("a")).await;
    rig.create("b", adopting(&free[1])).await;
    rig.until("there is no room", SOON, |rig| rig.reason("b") == "ForbiddenByCloud").await;
    assert!(rig.message("b").contains("which is 2"), "{}", rig.message("b"));
    assert_eq!(rig.cloud.tree(free[1].as_str().unwrap()).unwrap()["tags"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn namespace_has_no_more_load_balancers_than_allowed() {
    let rig = with_cloud(allowing(json!({"maxLoadBalancersPerNamespace": 2}))).await;
    for name in ["a", "b", "c", "d"] {
        rig.create(name, shared()).await;
    }
    create_in(&rig, OTHER, "a", shared()).await;
    let ready = |rig: &Rig| ["a", "b", "c", "d"].into_iter().filter(|name| rig.is_ready(name)).collect::<Vec<_>>();
    rig.until("two are Ready", MINUTE, |rig| ready(rig).len() == 2).await;
    rig.until("that of the other tenant, too", MINUTE, |rig| is_ready(&stack_in(rig, OTHER, "a"))).await;
    sleep(5 * MINUTE).await;
    assert_eq!((ready(&rig).len(), rig.load_balancers().len()), (2, 3));
    let refused: Vec<_> = ["a", "b", "c", "d"].into_iter().filter(|name| !rig.is_ready(name)).collect();
    for name in &refused {
        assert_eq!(rig.reason(name), "ForbiddenByCloud");
        assert!(rig.message(name).contains("which is 2"), "{}", rig.message(name));
    }
    change_cloud(&rig, json!({"allow": {"maxLoadBalancersPerNamespace": 0}})).await;
    sleep(5 * MINUTE).await;
    assert_eq!((ready(&rig).len(), rig.load_balancers().len()), (2, 3), "those that exist are kept");
    change_cloud(&rig, json!({"allow": {"maxLoadBalancersPerNamespace": 2}})).await;
    let gone = ready(&rig)[0];
    rig.delete(gone).await;
    until_gone(&rig, gone, SOON).await;
    rig.until("another one has its place", 2 * MINUTE, |rig| ready(rig).len() == 2).await;
    sleep(5 * MINUTE).await;
    assert_eq!(rig.load_balancers().len(), 3);
}
