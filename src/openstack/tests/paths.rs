//! No id leaves its segment of a path, wherever it comes from: a status that somebody wrote, or a server that lies.

use serde_json::{Value, json};

use super::cloud::{FakeCloud, lay_stack};
use crate::model::{Body, Call, Impact, Kind, Step, StepReason};
use crate::openstack::*;

const REGION: &str = "    region_name: R1\n";
const HOSTILE: [&str; 12] =
    ["", ".", "..", "../../v2.0/ports", "a/b", "a?admin=true", "a#b", "%2e%2e", "a%2fb", "a\\b", "a b", "ä"];

#[tokio::test(start_paused = true)]
async fn a_recorded_id_that_is_none_leads_to_no_load_balancer_and_to_no_call() {
    let fake = FakeCloud::quiet();
    let owner = lay_stack(&fake, 1);
    let cloud = fake.cloud_with(REGION);
    for id in HOSTILE.into_iter().chain([&*"x".repeat(1000)]) {
        assert_eq!(cloud.load_balancer(id).await, Ok(None), "{id:?}");
        let lists = fake.lines().into_iter().filter(|line| !line.ends_with("/loadbalancers"));
        assert_eq!(lists.collect::<Vec<_>>(), [""; 0], "{id:?}");
    }
    assert_eq!(cloud.cached_tree("..", &owner, std::time::Duration::from_secs(60)).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn ids_of_a_lying_server_are_not_followed() {
    type Change = fn(&mut Value, &str);
    let lies: [(&str, &str, Change); 4] = [
        ("/v2/lbaas/pools", "pool-1", |pool, id| pool["id"] = id.into()),
        ("/v2/lbaas/pools", "pool-1", |pool, id| pool["healthmonitor_id"] = id.into()),
        ("/v2/lbaas/l7policies", "policy-1", |policy, id| policy["id"] = id.into()),
        ("/v2/lbaas/loadbalancers", "lb-1", |lb, id| lb["id"] = id.into()),
    ];
    for (list, record, lie) in lies {
        for id in HOSTILE {
            let fake = FakeCloud::quiet();
            let owner = lay_stack(&fake, 1);
            let cloud = fake.cloud_with(REGION);
            let seen = cloud.load_balancer("lb-1").await.unwrap().unwrap();
            fake.change(list, record, |record| lie(record, id));
            let error = cloud.tree(seen, &owner).await.unwrap_err();
            assert!(matches!(error.class, ErrorClass::Locked | ErrorClass::NotFound), "{list} {id:?}: {error}");
            for seen in fake.calls() {
                let end = seen.path.rsplit('/').next().unwrap().to_owned();
                let known = ["loadbalancers", "lb-1", "listeners", "pools", "members", "l7policies", "rules"];
                let more = ["healthmonitors", "monitor-1", "floatingips"];
                assert!(known.into_iter().chain(more).any(|k| k == end), "{list} {id:?}: {}", seen.path);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_step_is_sent_to_an_id_that_is_none() {
    let fake = FakeCloud::new(|seen| (seen.method != "GET" && seen.token.is_some()).then(|| Ok((200, json!({})))));
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
