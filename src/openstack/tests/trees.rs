use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::fake_cloud::{FakeCloud, add_stack, owner};
use crate::model::*;
use crate::openstack::octavia::Created;
use crate::openstack::*;

const REGION: &str = "    region_name: R1\n";
const LOAD_BALANCERS: &str = "/v2/lbaas/loadbalancers";

fn ids<T>(items: &[T], id: impl Fn(&T) -> &String) -> Vec<&str> {
    items.iter().map(|item| id(item).as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn tree_is_assembled_in_order() {
    let fake = FakeCloud::empty();
    let owner = add_stack(&fake, 1);
    add_stack(&fake, 2);
    let cloud = fake.cloud_with(REGION);
    let observed = cloud.load_balancer("lb-1").await.unwrap().unwrap();
    let tree = cloud.tree(observed, &owner).await.unwrap();
    assert_eq!(ids(&tree.listeners, |l| &l.id), ["listener-1"]);
    assert_eq!(ids(&tree.listeners[0].policies[0].rules, |r| &r.id), ["r1-1", "r2-1"]);
    assert_eq!(ids(&tree.pools[0].members, |m| &m.id), ["m1-1", "m2-1"]);
    assert_eq!(tree.pools[0].monitor.as_ref().unwrap().id, "monitor-1");
    assert_eq!(ids(&tree.floating_ips, |f| &f.id), ["fip-1"]);
    let lists = fake.calls().into_iter().filter(|request| request.query("limit").is_some());
    let unscoped: Vec<String> =
        lists.filter(|request| request.query("project_id").is_none()).map(|request| request.path).collect();
    assert!(unscoped.iter().all(|path| path.ends_with("/members") || path.ends_with("/rules")), "{unscoped:?}");
}

#[tokio::test(start_paused = true)]
async fn many_monitors_are_read_by_one_list() {
    let fake = FakeCloud::empty();
    let owner = add_stack(&fake, 1);
    for n in 2..=6 {
        let of_lb = json!([{"id": "lb-1"}]);
        fake.add(
            "/v2/lbaas/pools",
            json!({"id": format!("pool-{n}x"), "project_id": "p1", "admin_state_up": true,
            "provisioning_status": "ACTIVE", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "loadbalancers": of_lb,
            "healthmonitor_id": format!("monitor-{n}x")}),
        );
        fake.add(
            "/v2/lbaas/healthmonitors",
            json!({"id": format!("monitor-{n}x"), "project_id": "p1", "type": "TCP",
            "admin_state_up": true, "provisioning_status": "ACTIVE", "delay": 1, "timeout": 1, "max_retries": 1}),
        );
    }
    let cloud = fake.cloud_with(REGION);
    let observed = cloud.load_balancer("lb-1").await.unwrap().unwrap();
    let tree = cloud.tree(observed, &owner).await.unwrap();
    assert_eq!(tree.pools.iter().filter(|pool| pool.monitor.is_some()).count(), 6);
    let of_monitors = fake.lines().into_iter().filter(|line| line.contains("healthmonitors")).count();
    assert_eq!(of_monitors, 1);
}

#[tokio::test(start_paused = true)]
async fn changing_tree_is_read_twice_and_then_locked() {
    let fake = FakeCloud::empty();
    let owner = add_stack(&fake, 1);
    let cloud = fake.cloud_with(REGION);
    let mut before = cloud.load_balancer("lb-1").await.unwrap().unwrap();
    before.updated_at = Some("2026-11-23T08:00:00".into());
    let tree = cloud.tree(before.clone(), &owner).await.unwrap();
    assert_eq!(tree.load_balancer.updated_at.as_deref(), Some("2026-11-23T09:00:00"));

    let restless = FakeCloud::new({
        let count = std::sync::atomic::AtomicU64::new(0);
        move |request| {
            let stamp = || format!("2026-11-23T09:00:{:02}", count.fetch_add(1, Ordering::SeqCst));
            let answer = || Ok((200, json!({"loadbalancer": {"id": "lb-1", "updated_at": stamp()}})));
            request.path.ends_with("/loadbalancers/lb-1").then(answer)
        }
    });
    add_stack(&restless, 1);
    let error = restless.cloud_with(REGION).tree(before, &owner).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Locked);
}

#[tokio::test(start_paused = true)]
async fn deleted_tree_is_not_found() {
    let fake = FakeCloud::empty();
    let deleted = ObservedLoadBalancer { id: "lb-9".into(), ..ObservedLoadBalancer::default() };
    let error = fake.cloud_with(REGION).tree(deleted, &owner("u")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound);
    assert_eq!(fake.cloud_with(REGION).load_balancer("lb-9").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn proxy_404_is_no_missing_load_balancer() {
    let fake = FakeCloud::new(|request| request.path.contains("lbaas").then_some(Ok((404, json!(null)))));
    let error = fake.cloud_with(REGION).load_balancer("lb-1").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient(None));
}

#[tokio::test(start_paused = true)]
async fn find_returns_own_and_predecessor_load_balancers_only() {
    let fake = FakeCloud::empty();
    let me = owner("me");
    let add = |id: &str, tags: BTreeSet<String>| {
        fake.add(LOAD_BALANCERS, json!({"id": id, "project_id": "p1", "admin_state_up": true, "tags": tags}));
    };
    add("mine", me.tags());
    add("predecessor", owner("dead").tags());
    add("other", Owner { name: "other".into(), ..owner("me") }.tags());
    let found = fake.cloud_with(REGION).find(&me).await.unwrap();
    assert_eq!(ids(&found, |observed| &observed.id), ["mine", "predecessor"]);
    let calls = fake.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].query("project_id"), Some("p1"));
    assert_eq!(calls[0].query("tags"), Some(me.place_tags().join(",").as_str()));
}

#[tokio::test(start_paused = true)]
async fn list_is_read_to_its_end_by_own_markers() {
    let fake = FakeCloud::empty();
    fake.page.store(2, Ordering::SeqCst);
    for n in 0..5 {
        fake.add(
            LOAD_BALANCERS,
            json!({"id": format!("lb-{n}"), "project_id": "p1", "admin_state_up": true, "tags": owner("u").tags()}),
        );
    }
    let found = fake.cloud_with(REGION).find(&owner("u")).await.unwrap();
    assert_eq!(found.len(), 5);
    let calls = fake.calls();
    let markers: Vec<Option<&str>> = calls.iter().map(|request| request.query("marker")).collect();
    assert_eq!(markers, [None, Some("lb-1"), Some("lb-3")]);
    assert!(calls.iter().all(|request| request.query("tags").is_some() && request.query("limit") == Some("500")));
}

#[tokio::test(start_paused = true)]
async fn unknown_marker_restarts_the_list() {
    let fake = FakeCloud::new({
        let rejected = std::sync::atomic::AtomicBool::new(false);
        move |request| {
            let first = request.query("marker").is_some() && !rejected.swap(true, Ordering::SeqCst);
            first.then(|| Ok((400, json!({"faultcode": "Client", "faultstring": "Marker not found"}))))
        }
    });
    fake.page.store(2, Ordering::SeqCst);
    for n in 0..3 {
        fake.add(
            LOAD_BALANCERS,
            json!({"id": format!("lb-{n}"), "project_id": "p1", "admin_state_up": true, "tags": owner("u").tags()}),
        );
    }
    assert_eq!(fake.cloud_with(REGION).find(&owner("u")).await.unwrap().len(), 3);
}

/// The tags of a load balancer name its stack; those of a floating IP have no room for the name.
#[tokio::test(start_paused = true)]
async fn holder_of_queried_floating_ip_is_named() {
    let fake = FakeCloud::empty();
    let (me, blue) = (owner("me"), Owner { cluster: "c2".into(), name: "blue".into(), ..owner("blue") });
    let record = |id: &str, tags: Value| json!({"id": id, "description": "", "tags": tags, "project_id": "p1"});
    fake.add("/v2.0/floatingips", record("f1", json!([blue.uid_tag()])));
    fake.add("/v2.0/floatingips", record("f2", json!(["evenkeel:created-by=nobody"])));
    fake.add("/v2/lbaas/loadbalancers", json!({"id": "lb-9", "project_id": "p1", "tags": blue.tags()}));
    let cloud = fake.cloud_with(REGION);
    for (id, holder) in [("f1", Some("stack shop/blue of cluster c2")), ("f2", None)] {
        let query = TreeQuery { owner: &me, floating_ip: Some(id), stores_secrets: false };
        let found = cloud.floating_ips(query, None).await.unwrap();
        assert_eq!(ids(&found, |observed| &observed.id), [id]);
        assert_eq!(found[0].holder.as_deref(), holder);
        assert_eq!(cloud.floating_ip(id).await.unwrap().unwrap().holder, None);
    }
    assert_eq!(cloud.floating_ip("f3").await.unwrap(), None);
    fake.calls();
    cloud.floating_ips(&me, None).await.unwrap();
    assert_eq!(fake.lines(), ["GET /v2.0/floatingips"], "no holder is looked up");
}

#[test]
fn floating_ip_without_tags_key_is_untaggable() {
    let read = |record: Value| serde_json::from_value::<ObservedFloatingIp>(record).unwrap();
    assert!(read(json!({"id": "f", "description": null})).untaggable);
    assert!(!read(json!({"id": "f", "tags": []})).untaggable);
}

#[tokio::test(start_paused = true)]
async fn floating_ips_on_port_or_with_owner_marks_are_found() {
    for page in [500, 3] {
        let fake = FakeCloud::empty();
        fake.page.store(page, Ordering::SeqCst);
        let me = owner("me");
        let add = |id: &str, port: Option<&str>, description: &str, tags: &[String]| {
            fake.add(
                "/v2.0/floatingips",
                json!({"id": id, "floating_ip_address": "203.0.113.1", "floating_network_id": "n",
                "port_id": port, "description": description, "tags": tags, "project_id": "p1"}),
            );
        };
        add("stranger", Some("port-9"), "", &[]);
        add("other", None, &owner("me2").owner_description(), &[]);
        add("on-port", Some("port-1"), "", &[]);
        add("made", None, &me.owner_description(), &[]);
        add("borrowed", None, "", &[me.uid_tag()]);
        add("described", None, "the shop's", &[me.created_tag()]);
        let cloud = fake.cloud_with(REGION);
        let found = cloud.floating_ips(&me, Some("port-1")).await.unwrap();
        assert_eq!(
            ids(&found, |observed| &observed.id),
            ["borrowed", "described", "made", "on-port"],
            "pages of {page}"
        );
        fake.calls();
        cloud.floating_ips(&me, None).await.unwrap();
        let calls = fake.calls();
        assert!(calls.iter().all(|request| request.query("project_id") == Some("p1")));
        assert_eq!(
            calls.iter().any(|request| request.query("tags-any").is_none() && request.query("description").is_none()),
            page == 500
        );
    }
}

#[test]
fn create_response_is_a_whole_tree() {
    let created: Created = serde_json::from_str(include_str!("../fixtures/created.json")).unwrap();
    let tree = created.into_tree();
    assert_eq!(tree.load_balancer.provisioning_status, Provisioning::PendingCreate);
    assert_eq!((tree.listeners.len(), tree.pools.len()), (2, 3));
    assert!(tree.listeners.is_sorted_by_key(|listener| listener.protocol_port));
    let http = tree.listeners.iter().find(|listener| listener.protocol == "HTTP").unwrap();
    assert_eq!(http.policies.len(), 2);
    assert_eq!((http.policies[0].position, http.policies[0].rules.len()), (1, 1));
    assert!(tree.pools.iter().any(|pool| pool.monitor.is_some() && !pool.members.is_empty()));
    assert!(tree.pools.iter().any(|pool| Some(&pool.id) == http.default_pool_id.as_ref()));
}

fn created(policies: bool) -> ObservedTree {
    let monitor = ObservedMonitor { id: "2ee1e9d9-505e-4017-ac12-e95eb672fa92".into(), ..ObservedMonitor::default() };
    let member = |id: &str| ObservedMember { id: id.into(), ..ObservedMember::default() };
    let members = ["eebbd0ab-2ece-41dc-b61b-156a53f76275", "5a91c64e-52a4-448c-b1ac-0a7f5ca3ac5b"].map(member);
    let policy = ObservedL7Policy { id: "policy".into(), ..ObservedL7Policy::default() };
    ObservedTree {
        load_balancer: ObservedLoadBalancer {
            id: "81f5d27c-f651-4738-ba33-923ccb1e5d7f".into(),
            provisioning_status: Provisioning::PendingCreate,
            ..ObservedLoadBalancer::default()
        },
        listeners: vec![ObservedListener {
            id: "6eb90c77-2a28-4371-92f6-78890a51fd08".into(),
            policies: if policies { vec![policy] } else { Vec::new() },
            ..ObservedListener::default()
        }],
        pools: vec![ObservedPool {
            id: "4fabe2b8-74b9-4d64-ae91-7db8458f3c6e".into(),
            monitor: Some(monitor),
            members: members.into(),
            ..ObservedPool::default()
        }],
        ..ObservedTree::default()
    }
}

fn cloud_with_statuses() -> std::sync::Arc<FakeCloud> {
    let statuses: serde_json::Value = serde_json::from_str(include_str!("../fixtures/status.json")).unwrap();
    FakeCloud::new(move |request| request.path.ends_with("/status").then(|| Ok((200, statuses.clone()))))
}

#[tokio::test(start_paused = true)]
async fn created_tree_is_confirmed_by_status_call_and_floating_ips() {
    let fake = cloud_with_statuses();
    let tree = fake.cloud_with(REGION).confirm(created(false), &owner("u")).await.unwrap();
    assert_eq!(tree.load_balancer.provisioning_status, Provisioning::Active);
    assert_eq!(tree.pools[0].monitor.as_ref().unwrap().provisioning_status, Provisioning::Active);
    assert_eq!(tree.pools[0].members[0].operating_status, "NO_MONITOR");
    assert_eq!(fake.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn tree_not_covered_by_status_call_is_read_in_full() {
    let id = "81f5d27c-f651-4738-ba33-923ccb1e5d7f";
    let fake = cloud_with_statuses();
    fake.add(LOAD_BALANCERS, json!({"id": id, "admin_state_up": true, "provisioning_status": "ACTIVE"}));
    let orphan = ObservedPool { id: "orphan".into(), ..ObservedPool::default() };
    let with_orphan = ObservedTree { pools: vec![orphan], ..created(false) };
    let fewer = ObservedTree { listeners: Vec::new(), ..created(false) };
    for tree in [created(true), with_orphan, fewer] {
        let confirmed = fake.cloud_with(REGION).confirm(tree, &owner("u")).await.unwrap();
        assert!(confirmed.listeners.is_empty(), "read from the cloud, which has none");
        assert!(fake.lines().iter().any(|line| line.ends_with("/listeners")));
    }
}
