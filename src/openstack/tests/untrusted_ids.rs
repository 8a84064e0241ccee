//! Ids from an edited status or a hostile server never leave their path segment.

use serde_json::{Value, json};

use super::fake_cloud::{FakeCloud, add_stack};
use crate::model::{Body, Call, Impact, Kind, Step, StepReason};
use crate::openstack::*;

const REGION: &str = "    region_name: R1\n";
const HOSTILE: [&str; 12] =
    ["", ".", "..", "../../v2.0/ports", "a/b", "a?admin=true", "a#b", "%2e%2e", "a%2fb", "a\\b", "a b", "ä"];

#[tokio::test(start_paused = true)]
async fn malformed_recorded_id_sends_no_request() {
    let fake = FakeCloud::empty();
    let owner = add_stack(&fake, 1);
    let cloud = fake.cloud_with(REGION);
    for id in HOSTILE.into_iter().chain([&*"x".repeat(1000)]) {
        assert_eq!(cloud.load_balancer(id).await, Ok(None), "{id:?}");
        let lists = fake.lines().into_iter().filter(|line| !line.ends_with("/loadbalancers"));
        assert_eq!(lists.collect::<Vec<_>>(), [""; 0], "{id:?}");
    }
    assert_eq!(cloud.cached_tree("..", &owner, std::time::Duration::from_secs(60)).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn malformed_ids_of_server_are_not_followed() {
    type Change = fn(&mut Value, &str);
    let changes: [(&str, &str, Change); 4] = [
        ("/v2/lbaas/pools", "pool-1", |pool, id| pool["id"] = id.into()),
        ("/v2/lbaas/pools", "pool-1", |pool, id| pool["healthmonitor_id"] = id.into()),
        ("/v2/lbaas/l7policies", "policy-1", |policy, id| policy["id"] = id.into()),
        ("/v2/lbaas/loadbalancers", "lb-1", |lb, id| lb["id"] = id.into()),
    ];
    for (list, record, change) in changes {
        for id in HOSTILE {
            let fake = FakeCloud::empty();
            let owner = add_stack(&fake, 1);
            let cloud = fake.cloud_with(REGION);
            let observed = cloud.load_balancer("lb-1").await.unwrap().unwrap();
            fake.change(list, record, |record| change(record, id));
            let error = cloud.tree(observed, &owner).await.unwrap_err();
            assert!(matches!(error.class, ErrorClass::Locked | ErrorClass::NotFound), "{list} {id:?}: {error}");
            for request in fake.calls() {
                let end = request.path.rsplit('/').next().unwrap().to_owned();
                let known = ["loadbalancers", "lb-1", "listeners", "pools", "members", "l7policies", "rules"];
                let more = ["healthmonitors", "monitor-1", "floatingips"];
                assert!(known.into_iter().chain(more).any(|k| k == end), "{list} {id:?}: {}", request.path);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn step_with_malformed_id_is_not_sent() {
    let fake =
        FakeCloud::new(|request| (request.method != "GET" && request.token.is_some()).then(|| Ok((200, json!({})))));
    let cloud = fake.cloud_with(REGION);
    let body = || -> Body { json!({"name": "x"}).as_object().unwrap().clone() };
    let step = |kind, call| Step {
        kind,
        name: "web".into(),
        call,
        changes: Vec::new(),
        impact: Impact::None,
        reason: StepReason::Wanted,
        depends_on: None,
    };
    for hostile in HOSTILE {
        let id = || hostile.to_owned();
        let parent = || Some(hostile.to_owned());
        let steps = [
            step(Kind::LoadBalancer, Call::UpdateLoadBalancer { id: id(), body: body() }),
            step(Kind::LoadBalancer, Call::DeleteLoadBalancer { id: id() }),
            step(Kind::Pool, Call::Update { parent: None, id: id(), body: body() }),
            step(Kind::Pool, Call::Delete { parent: None, id: id() }),
            step(Kind::Member, Call::Create { parent: parent(), body: body() }),
            step(Kind::L7Rule, Call::Update { parent: parent(), id: "i".into(), body: body() }),
            step(
                Kind::Member,
                Call::ReplaceMembers { pool: id(), additive: true, members: vec![body()], grows: false },
            ),
            step(Kind::FloatingIp, Call::UpdateFloatingIp { id: id(), body: body(), revision: None }),
            step(Kind::FloatingIp, Call::DeleteFloatingIp { id: id(), revision: None }),
            step(Kind::FloatingIp, Call::TagFloatingIp { id: "i".into(), tag: id(), present: true }),
            step(Kind::Secret, Call::DeleteSecret { id: id() }),
        ];
        for step in steps {
            match cloud.execute(&step).await {
                Ok(done) => assert_eq!(done, Done::Accepted),
                Err(error) => assert_eq!((error.class, error.in_doubt), (ErrorClass::NotFound, false)),
            }
        }
        assert_eq!(fake.lines(), [""; 0], "{hostile:?}");
    }
}
