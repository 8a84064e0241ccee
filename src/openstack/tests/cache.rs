use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::fake_cloud::{FakeCloud, add_stack};
use crate::model::Owner;
use crate::openstack::*;

const REGION: &str = "    region_name: R1\n";
const MINUTE: Duration = Duration::from_secs(60);

fn stacks(count: usize) -> (Arc<FakeCloud>, Vec<Owner>) {
    let fake = FakeCloud::empty();
    let owners = (0..count).map(|n| add_stack(&fake, n)).collect();
    (fake, owners)
}

async fn read_all(cloud: &Cloud, owners: &[Owner]) {
    let polls = owners.iter().enumerate().map(|(n, owner)| async move {
        let tree = cloud.cached_tree(&format!("lb-{n}"), owner, MINUTE).await.unwrap().unwrap();
        assert_eq!(tree.load_balancer.id, format!("lb-{n}"));
        assert_eq!(tree.listeners[0].policies[0].rules.len(), 2);
        assert_eq!(tree.pools[0].members.len(), 2);
        assert!(tree.pools[0].monitor.is_some());
        assert_eq!(tree.floating_ips.len(), 1);
    });
    join_all(polls).await;
}

#[tokio::test(start_paused = true)]
async fn hundred_stacks_at_rest_take_six_lists() {
    let (fake, owners) = stacks(100);
    let cloud = fake.cloud_with(REGION);
    read_all(&cloud, &owners).await;
    assert_eq!(fake.calls().len(), 6 + 2 * 100, "the first read includes members and rules");
    for _ in 0..3 {
        tokio::time::sleep(2 * MINUTE).await;
        read_all(&cloud, &owners).await;
        assert_eq!(fake.calls().len(), 6);
    }
    read_all(&cloud, &owners).await;
    assert_eq!(fake.calls().len(), 0, "a young snapshot is shared");
}

#[tokio::test(start_paused = true)]
async fn cached_tree_equals_full_read() {
    let (fake, owners) = stacks(3);
    let cloud = fake.cloud_with(REGION);
    for _ in 0..2 {
        let cached = cloud.cached_tree("lb-1", &owners[1], Duration::ZERO).await.unwrap().unwrap();
        let observed = cloud.load_balancer("lb-1").await.unwrap().unwrap();
        assert_eq!(cached, cloud.tree(observed, &owners[1]).await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn only_details_of_changed_trees_are_read_again() {
    let (fake, owners) = stacks(20);
    let cloud = fake.cloud_with(REGION);
    read_all(&cloud, &owners).await;
    tokio::time::sleep(2 * MINUTE).await;
    fake.change("/v2/lbaas/loadbalancers", "lb-7", |lb| lb["updated_at"] = json!("2026-11-23T09:30:00"));
    fake.change("/v2/lbaas/pools/pool-7/members", "m1-7", |member| member["weight"] = json!(9));
    fake.calls();
    let tree = cloud.cached_tree("lb-7", &owners[7], MINUTE).await.unwrap().unwrap();
    assert_eq!(tree.pools[0].members[0].weight, Some(9));
    assert_eq!(fake.calls().len(), 6 + 2);
}

#[tokio::test(start_paused = true)]
async fn members_of_degraded_pool_are_read_each_time() {
    let (fake, owners) = stacks(2);
    let cloud = fake.cloud_with(REGION);
    read_all(&cloud, &owners).await;
    fake.calls();
    for status in ["DEGRADED", "DEGRADED", "ONLINE"] {
        tokio::time::sleep(2 * MINUTE).await;
        fake.change("/v2/lbaas/pools", "pool-1", |pool| pool["operating_status"] = json!(status));
        read_all(&cloud, &owners).await;
        let extra: Vec<String> = fake.lines().into_iter().filter(|line| line.contains("pool-")).collect();
        assert_eq!(extra, ["GET /octavia/v2/lbaas/pools/pool-1/members"], "{status}");
    }
    tokio::time::sleep(2 * MINUTE).await;
    read_all(&cloud, &owners).await;
    assert_eq!(fake.calls().len(), 6, "stable again, and cached");
}

#[tokio::test(start_paused = true)]
async fn recently_changed_tree_is_not_cached() {
    let (fake, owners) = stacks(1);
    // The clock of the fake cloud stands at 10:00:00.
    fake.change("/v2/lbaas/loadbalancers", "lb-0", |lb| lb["updated_at"] = json!("2026-11-23T09:59:59"));
    let cloud = fake.cloud_with(REGION);
    for _ in 0..2 {
        read_all(&cloud, &owners).await;
        assert_eq!(fake.calls().len(), 6 + 2);
        tokio::time::sleep(2 * MINUTE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn load_balancer_younger_than_snapshot_is_read_by_itself() {
    let (fake, owners) = stacks(1);
    let cloud = fake.cloud_with(REGION);
    read_all(&cloud, &owners).await;
    let younger = add_stack(&fake, 5);
    let tree = cloud.cached_tree("lb-5", &younger, MINUTE).await.unwrap().unwrap();
    assert_eq!(tree.pools.len(), 1, "created after the lists were read");
    assert_eq!(cloud.cached_tree("lb-9", &younger, MINUTE).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn inconsistent_lists_cause_a_read_by_itself() {
    let (fake, owners) = stacks(2);
    fake.change("/v2/lbaas/loadbalancers", "lb-1", |lb| lb["pools"] = json!([{"id": "pool-1"}, {"id": "unlisted"}]));
    let cloud = fake.cloud_with(REGION);
    cloud.cached_tree("lb-1", &owners[1], MINUTE).await.unwrap().unwrap();
    assert!(fake.lines().contains(&"GET /octavia/v2/lbaas/loadbalancers/lb-1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn failed_list_is_shared_by_waiting_callers() {
    let fake = FakeCloud::new(|request| request.path.ends_with("/loadbalancers").then_some(Ok((503, json!(null)))));
    let owner = add_stack(&fake, 0);
    let cloud = fake.cloud_with(REGION);
    let failed = join_all((0..50).map(|_| cloud.cached_tree("lb-0", &owner, MINUTE))).await;
    assert!(failed.iter().all(Result::is_err));
    let calls = fake.calls().len();
    assert!(calls <= 2, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn failed_snapshot_is_read_again_after_a_pause() {
    let fake = FakeCloud::new(|request| request.path.ends_with("/loadbalancers").then_some(Ok((503, json!(null)))));
    let owner = add_stack(&fake, 0);
    let cloud = fake.cloud_with(REGION);
    for expected in [1, 2] {
        for _ in 0..10 {
            cloud.cached_tree("lb-0", &owner, MINUTE).await.unwrap_err();
        }
        assert_eq!(
            fake.requests.lock().unwrap().iter().filter(|r| r.path.ends_with("/loadbalancers")).count(),
            expected
        );
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn snapshot_is_read_on_without_its_first_caller() {
    let (fake, owners) = stacks(1);
    let cloud = fake.cloud_with(REGION);
    let impatient = tokio::time::timeout(Duration::from_millis(150), cloud.cached_tree("lb-0", &owners[0], MINUTE));
    assert!(impatient.await.is_err());
    tokio::time::sleep(MINUTE / 2).await;
    assert_eq!(fake.calls().len(), 6);
    read_all(&cloud, &owners).await;
    assert_eq!(fake.calls().len(), 2, "members and rules, and no list");
}

#[tokio::test(start_paused = true)]
async fn lists_that_began_before_own_write_are_not_used() {
    let (fake, owners) = stacks(1);
    let cloud = fake.cloud_with(REGION);
    read_all(&cloud, &owners).await;
    fake.calls();
    let after_write = Freshness { max_age: MINUTE, not_before: Some(tokio::time::Instant::now()) };
    assert_eq!(cloud.cached_tree("lb-0", &owners[0], after_write).await.unwrap(), None);
    assert_eq!(fake.calls().len(), 0);
    tokio::time::sleep(2 * MINUTE).await;
    assert!(cloud.cached_tree("lb-0", &owners[0], after_write).await.unwrap().is_some(), "of newer lists");
}

#[tokio::test(start_paused = true)]
async fn many_polls_share_one_list() {
    let (fake, _) = stacks(30);
    let cloud = fake.cloud_with(REGION);
    cloud.project().await.unwrap();
    let poll = async |count: usize| {
        let ids: Vec<String> = (0..count).map(|n| format!("lb-{n}")).collect();
        let polls = join_all(ids.iter().map(|id| cloud.load_balancer(id))).await;
        for (n, poll) in polls.into_iter().enumerate() {
            assert_eq!(poll.unwrap().unwrap().id, format!("lb-{n}"));
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        fake.calls().len()
    };
    assert_eq!(poll(3).await, 3);
    let calls = poll(30).await;
    assert!((4..=5).contains(&calls), "three polls and one or two lists, not {calls}");
}

#[tokio::test(start_paused = true)]
async fn poll_never_gets_a_list_older_than_itself() {
    let (fake, _) = stacks(10);
    let cloud = fake.cloud_with(REGION);
    for stamp in ["2026-11-23T09:00:01", "2026-11-23T09:00:02"] {
        fake.change("/v2/lbaas/loadbalancers", "lb-9", |lb| lb["updated_at"] = json!(stamp));
        let ids: Vec<String> = (0..10).map(|n| format!("lb-{n}")).collect();
        let polls = join_all(ids.iter().map(|id| cloud.load_balancer(id))).await;
        assert_eq!(polls[9].as_ref().unwrap().as_ref().unwrap().updated_at.as_deref(), Some(stamp));
    }
}

#[tokio::test(start_paused = true)]
async fn load_balancer_missing_in_list_is_read_by_itself() {
    let (fake, _) = stacks(10);
    let cloud = fake.cloud_with(REGION);
    let ids: Vec<String> = (5..15).map(|n| format!("lb-{n}")).collect();
    let polls = join_all(ids.iter().map(|id| cloud.load_balancer(id))).await;
    assert!(polls[..5].iter().all(|poll| poll.as_ref().unwrap().is_some()));
    assert!(polls[5..].iter().all(|poll| poll.as_ref().unwrap().is_none()));
    for id in &ids[5..] {
        assert!(fake.requests.lock().unwrap().iter().any(|request| request.path.ends_with(id.as_str())), "{id}");
    }
}
