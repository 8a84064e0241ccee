//! The existence of VIP ports that no floating IP watches.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::fake_cloud::{FakeCloud, Received, Reply, add_plain_stack, add_port, add_stack};
use crate::model::{ObservedTree, Owner};
use crate::openstack::*;

const PORTS: &str = "/v2.0/ports";
const GROUPS: &str = "/v2.0/security-groups";
const MINUTE: Duration = Duration::from_secs(60);

async fn full_read(cloud: &Cloud, owner: &Owner) -> ObservedTree {
    let observed = cloud.load_balancer("lb-1").await.unwrap().unwrap();
    cloud.tree(observed, owner).await.unwrap()
}

/// Adds the security group that every project has.
fn add_security_group(fake: &FakeCloud) {
    fake.add(GROUPS, json!({"id": "group", "name": "default", "project_id": "p1"}));
}

fn of_ports(fake: &FakeCloud) -> Vec<Received> {
    fake.calls().into_iter().filter(|request| request.path.starts_with(PORTS)).collect()
}

/// The calls about ports, with the security groups that confirm them.
fn lines(fake: &FakeCloud) -> Vec<String> {
    let lines = fake.lines().into_iter();
    lines.filter(|line| [PORTS, GROUPS].iter().any(|path| line.contains(path))).collect()
}

/// The number of ids in each query for ports. Zero stands for the list of all ports that Octavia created in the project.
fn ids_per_query(fake: &FakeCloud) -> Vec<usize> {
    let ids = |request: &Received| request.query.iter().filter(|(key, _)| key == "id").count();
    of_ports(fake).iter().map(ids).collect()
}

#[tokio::test(start_paused = true)]
async fn full_read_confirms_missing_vip_port_with_neutron() {
    let fake = FakeCloud::empty();
    let owner = add_plain_stack(&fake, 1);
    add_port(&fake, 1, "Octavia", "p1");
    add_security_group(&fake);
    let cloud = fake.cloud();
    assert!(!full_read(&cloud, &owner).await.vip_port_missing);
    assert_eq!(lines(&fake), ["GET /v2.0/ports"]);
    fake.remove(PORTS, "port-1");
    assert!(full_read(&cloud, &owner).await.vip_port_missing);
    assert_eq!(lines(&fake), ["GET /v2.0/ports", "GET /v2.0/security-groups", "GET /v2.0/ports/port-1"]);
}

/// Neutron's policy shows an empty list to credentials without the role `reader`.
#[tokio::test(start_paused = true)]
async fn missing_reader_role_reports_no_port_missing() {
    let (fake, owners) = plain_stacks(60);
    fake.remove(GROUPS, "group");
    (0..60).for_each(|n| fake.remove(PORTS, &format!("port-{n}")));
    let cloud = fake.cloud();
    assert!(!full_read(&cloud, &owners[1]).await.vip_port_missing);
    assert_eq!(lines(&fake), ["GET /v2.0/ports", "GET /v2.0/security-groups"]);
    assert!(missing_in_snapshot(&cloud, &owners).await.is_empty());
    let lists = ["GET /v2.0/ports"; 3].into_iter().chain(["GET /v2.0/security-groups"]);
    assert_eq!(lines(&fake), lists.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn watched_or_busy_load_balancer_needs_no_port_query() {
    let fake = FakeCloud::empty();
    let owner = add_stack(&fake, 1);
    let cloud = fake.cloud();
    assert!(!full_read(&cloud, &owner).await.vip_port_missing);
    assert!(lines(&fake).is_empty());
    fake.remove("/v2.0/floatingips", "fip-1");
    for status in ["ERROR", "PENDING_UPDATE"] {
        fake.change("/v2/lbaas/loadbalancers", "lb-1", |lb| lb["provisioning_status"] = json!(status));
        assert!(!full_read(&cloud, &owner).await.vip_port_missing, "{status}");
        assert!(
            !cloud.cached_tree("lb-1", &owner, Duration::ZERO).await.unwrap().unwrap().vip_port_missing,
            "{status}"
        );
        assert!(lines(&fake).is_empty(), "{status}");
    }
}

fn neutron(kind: &str) -> Value {
    json!({"NeutronError": {"type": kind, "message": "rule:get_port is disallowed by policy", "detail": ""}})
}

/// A cloud with this response to the list of ports, and with a stack whose port is missing.
fn with_list(answer: impl Fn() -> Reply + Send + Sync + 'static) -> (Arc<FakeCloud>, Owner) {
    let fake = FakeCloud::new(move |request| (request.path == PORTS).then(&answer));
    let owner = add_plain_stack(&fake, 1);
    add_security_group(&fake);
    (fake, owner)
}

#[tokio::test(start_paused = true)]
async fn denied_port_list_reports_no_port_missing() {
    for (status, kind) in [(403, "PolicyNotAuthorized"), (401, "x"), (404, "HTTPNotFound"), (400, "HTTPBadRequest")] {
        let (fake, owner) = with_list(move || Ok((status, neutron(kind))));
        let cloud = fake.cloud();
        assert!(!full_read(&cloud, &owner).await.vip_port_missing, "{status}");
        assert!(!cloud.cached_tree("lb-1", &owner, MINUTE).await.unwrap().unwrap().vip_port_missing, "{status}");
        assert!(lines(&fake).iter().all(|line| line == "GET /v2.0/ports"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn port_missing_in_list_only_is_not_gone() {
    let (fake, owner) = with_list(|| Ok((200, json!({"ports": []}))));
    add_port(&fake, 1, "Octavia", "p1");
    assert!(!full_read(&fake.cloud(), &owner).await.vip_port_missing);
    for (status, body) in [(403, neutron("PolicyNotAuthorized")), (404, neutron("HTTPNotFound"))] {
        let fake = FakeCloud::new(move |request| match request.path.strip_prefix(PORTS)? {
            "" => Some(Ok((200, json!({"ports": []})))),
            _ => Some(Ok((status, body.clone()))),
        });
        let owner = add_plain_stack(&fake, 1);
        add_security_group(&fake);
        assert!(!full_read(&fake.cloud(), &owner).await.vip_port_missing, "{status}");
        assert_eq!(lines(&fake).len(), 3, "{status}");
    }
}

/// An unknown state must not look like an existing port.
#[tokio::test(start_paused = true)]
async fn unavailable_neutron_fails_the_read() {
    let (fake, owner) = with_list(|| Ok((503, json!(null))));
    let observed = fake.cloud().load_balancer("lb-1").await.unwrap().unwrap();
    assert_eq!(fake.cloud().tree(observed, &owner).await.unwrap_err().class, ErrorClass::Transient(None));
    assert_eq!(fake.cloud().cached_tree("lb-1", &owner, MINUTE).await.unwrap_err().class, ErrorClass::Transient(None));
}

#[tokio::test(start_paused = true)]
async fn malformed_port_id_is_not_gone() {
    for port in ["", "..", "../floatingips", "a?b"] {
        let fake = FakeCloud::empty();
        let owner = add_plain_stack(&fake, 1);
        add_security_group(&fake);
        fake.change("/v2/lbaas/loadbalancers", "lb-1", |lb| lb["vip_port_id"] = json!(port));
        assert!(!full_read(&fake.cloud(), &owner).await.vip_port_missing, "{port:?}");
        assert!(lines(&fake).iter().all(|line| !line.starts_with("GET /v2.0/ports/")), "{port:?}");
    }
}

/// Stacks without floating IPs, on ports that Octavia created.
fn plain_stacks(count: usize) -> (Arc<FakeCloud>, Vec<Owner>) {
    let fake = FakeCloud::empty();
    add_security_group(&fake);
    let add = |n: usize| {
        add_port(&fake, n, "Octavia", "p1");
        add_plain_stack(&fake, n)
    };
    let owners = (0..count).map(add).collect();
    (fake, owners)
}

/// The stacks whose ports are missing, by the lists that they share.
async fn missing_in_snapshot(cloud: &Cloud, owners: &[Owner]) -> Vec<usize> {
    let reads = owners.iter().enumerate().map(|(n, owner)| async move {
        let tree = cloud.cached_tree(&format!("lb-{n}"), owner, MINUTE).await.unwrap().unwrap();
        tree.vip_port_missing.then_some(n)
    });
    let missing = join_all(reads).await.into_iter().flatten().collect();
    tokio::time::sleep(2 * MINUTE).await;
    missing
}

#[tokio::test(start_paused = true)]
async fn snapshot_queries_few_ports_by_id_and_many_by_owner() {
    for (count, lists) in [(0, vec![]), (1, vec![1]), (50, vec![50]), (51, vec![0]), (700, vec![0, 0])] {
        let (fake, owners) = plain_stacks(count);
        let cloud = fake.cloud();
        assert!(missing_in_snapshot(&cloud, &owners).await.is_empty());
        assert_eq!(ids_per_query(&fake), lists, "{count} stacks");
    }
}

#[tokio::test(start_paused = true)]
async fn snapshot_queries_ports_not_created_by_octavia_by_id() {
    let (fake, owners) = plain_stacks(200);
    for n in 0..120 {
        fake.remove(PORTS, &format!("port-{n}"));
        // A user's port, a port of another project, a missing port.
        match n % 3 {
            0 => add_port(&fake, n, "", "p1"),
            1 => add_port(&fake, n, "", "p2"),
            _ => {}
        }
    }
    let cloud = fake.cloud();
    let missing: Vec<usize> = (0..120).filter(|n| n % 3 == 2).collect();
    assert_eq!(missing_in_snapshot(&cloud, &owners).await, missing);
    let mut queried = ids_per_query(&fake);
    queried.sort_unstable();
    assert_eq!(queried, [0, 20, 50, 50], "no port is confirmed here: the stack concerned does a full read");
}

#[tokio::test(start_paused = true)]
async fn port_lists_request_ids_only() {
    let (fake, owners) = plain_stacks(60);
    fake.remove(PORTS, "port-7");
    missing_in_snapshot(&fake.cloud(), &owners).await;
    let calls = of_ports(&fake);
    let queries: Vec<String> = calls.iter().map(|request| format!("{:?}", request.query)).collect();
    assert_eq!(calls.len(), 2, "{queries:?}");
    assert_eq!((calls[0].query("project_id"), calls[0].query("device_owner")), (Some("p1"), Some("Octavia")));
    assert_eq!((calls[1].query("project_id"), calls[1].query("id")), (None, Some("port-7")), "of any project");
    for request in calls {
        assert_eq!((request.query("fields"), request.query("limit")), (Some("id"), Some("500")));
    }
}

#[tokio::test(start_paused = true)]
async fn snapshot_ignores_ports_of_foreign_load_balancers() {
    let (fake, owners) = plain_stacks(3);
    fake.change("/v2/lbaas/loadbalancers", "lb-2", |lb| lb["tags"] = json!(["somebody=else"]));
    missing_in_snapshot(&fake.cloud(), &owners).await;
    assert_eq!(ids_per_query(&fake), [2]);
}
