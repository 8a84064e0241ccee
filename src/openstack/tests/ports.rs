//! Whether VIP ports are still there, where no floating IP would tell.

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

async fn full_look(cloud: &Cloud, owner: &Owner) -> ObservedTree {
    let observed = cloud.load_balancer("lb-1").await.unwrap().unwrap();
    cloud.tree(observed, owner).await.unwrap()
}

/// Every project has one.
fn add_security_group(fake: &FakeCloud) {
    fake.add(GROUPS, json!({"id": "group", "name": "default", "project_id": "p1"}));
}

fn of_ports(fake: &FakeCloud) -> Vec<Received> {
    fake.calls().into_iter().filter(|request| request.path.starts_with(PORTS)).collect()
}

/// Calls that have to do with ports.
fn lines(fake: &FakeCloud) -> Vec<String> {
    let lines = fake.lines().into_iter();
    lines.filter(|line| [PORTS, GROUPS].iter().any(|path| line.contains(path))).collect()
}

/// How many ids each list asked for; none: a list of Octavia's ports of the project.
fn ids_asked_for(fake: &FakeCloud) -> Vec<usize> {
    let ids = |request: &Received| request.query.iter().filter(|(key, _)| key == "id").count();
    of_ports(fake).iter().map(ids).collect()
}

#[tokio::test(start_paused = true)]
async fn a_full_look_asks_for_the_vip_port_and_says_that_it_is_gone_when_neutron_does_so_twice() {
    let fake = FakeCloud::empty();
    let owner = add_plain_stack(&fake, 1);
    add_port(&fake, 1, "Octavia", "p1");
    add_security_group(&fake);
    let cloud = fake.cloud();
    assert!(!full_look(&cloud, &owner).await.vip_port_gone);
    assert_eq!(lines(&fake), ["GET /v2.0/ports"]);
    fake.remove(PORTS, "port-1");
    assert!(full_look(&cloud, &owner).await.vip_port_gone);
    assert_eq!(lines(&fake), ["GET /v2.0/ports", "GET /v2.0/security-groups", "GET /v2.0/ports/port-1"]);
}

/// Neutron's policy refuses reads by showing nothing, when the role `reader` is missing.
#[tokio::test(start_paused = true)]
async fn who_sees_nothing_of_the_project_is_told_nothing_of_its_ports() {
    let (fake, owners) = plain_stacks(60);
    fake.remove(GROUPS, "group");
    (0..60).for_each(|n| fake.remove(PORTS, &format!("port-{n}")));
    let cloud = fake.cloud();
    assert!(!full_look(&cloud, &owners[1]).await.vip_port_gone);
    assert_eq!(lines(&fake), ["GET /v2.0/ports", "GET /v2.0/security-groups"]);
    assert!(gone_at_rest(&cloud, &owners).await.is_empty());
    let lists = ["GET /v2.0/ports"; 3].into_iter().chain(["GET /v2.0/security-groups"]);
    assert_eq!(lines(&fake), lists.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_where_a_floating_ip_tells_or_octavia_is_at_work() {
    let fake = FakeCloud::empty();
    let owner = add_stack(&fake, 1);
    let cloud = fake.cloud();
    assert!(!full_look(&cloud, &owner).await.vip_port_gone);
    assert!(lines(&fake).is_empty());
    fake.remove("/v2.0/floatingips", "fip-1");
    for status in ["ERROR", "PENDING_UPDATE"] {
        fake.change("/v2/lbaas/loadbalancers", "lb-1", |lb| lb["provisioning_status"] = json!(status));
        assert!(!full_look(&cloud, &owner).await.vip_port_gone, "{status}");
        assert!(!cloud.cached_tree("lb-1", &owner, Duration::ZERO).await.unwrap().unwrap().vip_port_gone, "{status}");
        assert!(lines(&fake).is_empty(), "{status}");
    }
}

fn neutron(kind: &str) -> Value {
    json!({"NeutronError": {"type": kind, "message": "rule:get_port is disallowed by policy", "detail": ""}})
}

/// A cloud whose list of ports answers like this, with a stack whose port is gone.
fn with_list(answer: impl Fn() -> Reply + Send + Sync + 'static) -> (Arc<FakeCloud>, Owner) {
    let fake = FakeCloud::new(move |request| (request.path == PORTS).then(&answer));
    let owner = add_plain_stack(&fake, 1);
    add_security_group(&fake);
    (fake, owner)
}

#[tokio::test(start_paused = true)]
async fn where_ports_may_not_be_listed_they_are_taken_to_be_there() {
    for (status, kind) in [(403, "PolicyNotAuthorized"), (401, "x"), (404, "HTTPNotFound"), (400, "HTTPBadRequest")] {
        let (fake, owner) = with_list(move || Ok((status, neutron(kind))));
        let cloud = fake.cloud();
        assert!(!full_look(&cloud, &owner).await.vip_port_gone, "{status}");
        assert!(!cloud.cached_tree("lb-1", &owner, MINUTE).await.unwrap().unwrap().vip_port_gone, "{status}");
        assert!(lines(&fake).iter().all(|line| line == "GET /v2.0/ports"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lacks_a_port_is_not_believed_alone() {
    let (fake, owner) = with_list(|| Ok((200, json!({"ports": []}))));
    add_port(&fake, 1, "Octavia", "p1");
    assert!(!full_look(&fake.cloud(), &owner).await.vip_port_gone);
    for (status, body) in [(403, neutron("PolicyNotAuthorized")), (404, neutron("HTTPNotFound"))] {
        let fake = FakeCloud::new(move |request| match request.path.strip_prefix(PORTS)? {
            "" => Some(Ok((200, json!({"ports": []})))),
            _ => Some(Ok((status, body.clone()))),
        });
        let owner = add_plain_stack(&fake, 1);
        add_security_group(&fake);
        assert!(!full_look(&fake.cloud(), &owner).await.vip_port_gone, "{status}");
        assert_eq!(lines(&fake).len(), 3, "{status}");
    }
}

/// Whether it is there is not known, and must not look as if it were.
#[tokio::test(start_paused = true)]
async fn a_neutron_that_does_not_answer_is_told() {
    let (fake, owner) = with_list(|| Ok((503, json!(null))));
    let observed = fake.cloud().load_balancer("lb-1").await.unwrap().unwrap();
    assert_eq!(fake.cloud().tree(observed, &owner).await.unwrap_err().class, ErrorClass::Transient(None));
    assert_eq!(fake.cloud().cached_tree("lb-1", &owner, MINUTE).await.unwrap_err().class, ErrorClass::Transient(None));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_id_is_not_gone() {
    for port in ["", "..", "../floatingips", "a?b"] {
        let fake = FakeCloud::empty();
        let owner = add_plain_stack(&fake, 1);
        add_security_group(&fake);
        fake.change("/v2/lbaas/loadbalancers", "lb-1", |lb| lb["vip_port_id"] = json!(port));
        assert!(!full_look(&fake.cloud(), &owner).await.vip_port_gone, "{port:?}");
        assert!(lines(&fake).iter().all(|line| !line.starts_with("GET /v2.0/ports/")), "{port:?}");
    }
}

/// Stacks without floating IPs, whose ports are Octavia's.
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

/// Which of them have lost their ports, by the lists that they share.
async fn gone_at_rest(cloud: &Cloud, owners: &[Owner]) -> Vec<usize> {
    let looks = owners.iter().enumerate().map(|(n, owner)| async move {
        let tree = cloud.cached_tree(&format!("lb-{n}"), owner, MINUTE).await.unwrap().unwrap();
        tree.vip_port_gone.then_some(n)
    });
    let gone = join_all(looks).await.into_iter().flatten().collect();
    tokio::time::sleep(2 * MINUTE).await;
    gone
}

#[tokio::test(start_paused = true)]
async fn at_rest_a_few_ports_are_asked_for_by_one_list_and_many_by_the_one_of_octavias() {
    for (count, lists) in [(0, vec![]), (1, vec![1]), (50, vec![50]), (51, vec![0]), (700, vec![0, 0])] {
        let (fake, owners) = plain_stacks(count);
        let cloud = fake.cloud();
        assert!(gone_at_rest(&cloud, &owners).await.is_empty());
        assert_eq!(ids_asked_for(&fake), lists, "{count} stacks");
    }
}

#[tokio::test(start_paused = true)]
async fn ports_that_octavia_has_not_made_are_asked_for_by_their_ids() {
    let (fake, owners) = plain_stacks(200);
    for n in 0..120 {
        fake.remove(PORTS, &format!("port-{n}"));
        // A user's, one of another project's, one that is gone.
        match n % 3 {
            0 => add_port(&fake, n, "", "p1"),
            1 => add_port(&fake, n, "", "p2"),
            _ => {}
        }
    }
    let cloud = fake.cloud();
    let gone: Vec<usize> = (0..120).filter(|n| n % 3 == 2).collect();
    assert_eq!(gone_at_rest(&cloud, &owners).await, gone);
    let mut asked = ids_asked_for(&fake);
    asked.sort_unstable();
    assert_eq!(asked, [0, 20, 50, 50], "nothing is confirmed for all of them: whoever is concerned looks for himself");
}

#[tokio::test(start_paused = true)]
async fn the_lists_ask_for_what_they_need_and_no_more() {
    let (fake, owners) = plain_stacks(60);
    fake.remove(PORTS, "port-7");
    gone_at_rest(&fake.cloud(), &owners).await;
    let calls = of_ports(&fake);
    let queries: Vec<String> = calls.iter().map(|request| format!("{:?}", request.query)).collect();
    assert_eq!(calls.len(), 2, "{queries:?}");
    assert_eq!((calls[0].query("project_id"), calls[0].query("device_owner")), (Some("p1"), Some("Octavia")));
    assert_eq!((calls[1].query("project_id"), calls[1].query("id")), (None, Some("port-7")), "of whatever project");
    for request in calls {
        assert_eq!((request.query("fields"), request.query("limit")), (Some("id"), Some("500")));
    }
}

#[tokio::test(start_paused = true)]
async fn ports_of_load_balancers_that_are_nobodys_stack_are_not_asked_for() {
    let (fake, owners) = plain_stacks(3);
    fake.change("/v2/lbaas/loadbalancers", "lb-2", |lb| lb["tags"] = json!(["somebody=else"]));
    gone_at_rest(&fake.cloud(), &owners).await;
    assert_eq!(ids_asked_for(&fake), [2]);
}
