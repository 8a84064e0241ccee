//! Members: the fewest writes, in bodies that Octavia takes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use proptest::prelude::*;

use super::properties::{self, Continuity, cases, converge, converged};
use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan::{MAX_BODY, update};
use evenkeel_simulators::arbitrary::{World, stack_and_edit};

fn batch(plan: &Plan) -> (bool, Value, bool) {
    assert_eq!(plan.steps.len(), 1, "{plan}");
    match &plan.steps[0].call {
        Call::ReplaceMembers { additive, members, grows, .. } => (*additive, json!(members), *grows),
        call => panic!("{call:?}"),
    }
}

#[test]
fn only_changed_member_is_sent() {
    let want = edited(|want| web_members(want).get_mut(&member_key("10.0.0.11")).unwrap().weight = 5);
    let sent = json!([{"address": "10.0.0.11", "protocol_port": 8080, "weight": 5}]);
    assert_eq!(batch(&plan(&stack(), &want)), (true, sent, false));
    // A batch resets omitted fields, but the default is spelled out all the same.
    let back = json!([{"address": "10.0.0.11", "protocol_port": 8080, "weight": 1}]);
    assert_eq!(batch(&plan(&want, &stack())), (true, back, false));
}

#[test]
fn member_write_repeats_spelling_of_cloud() {
    let want = |weight| {
        edited(|want| *web_members(want) = [(member_key("2001:db8::1"), Member { weight, ..member() })].into())
    };
    let mut tree = made(&want(1)).tree.unwrap();
    tree.pools.iter_mut().find(|p| p.name == "web").unwrap().members[0].address = "2001:DB8::0:1".into();
    let (_, members, _) = batch(&update(&want(2), &tree));
    assert_eq!(members, json!([{"address": "2001:DB8::0:1", "protocol_port": 8080, "weight": 2}]));
}

#[test]
fn one_member_goes_by_delete_and_several_by_whole_batch() {
    let one = edited(|want| drop(web_members(want).remove(&member_key("10.0.0.11"))));
    let plan_of_one = plan(&stack(), &one);
    assert!(matches!(plan_of_one.steps[..], [ref step] if matches!(step.call, Call::Delete { parent: Some(_), .. })));
    assert_eq!(plan_of_one.steps[0].impact, Impact::NewConnections);
    let swapped = edited(|want| *web_members(want) = [(member_key("10.0.0.13"), member())].into());
    let sent = json!([{"address": "10.0.0.13", "protocol_port": 8080}]);
    assert_eq!(batch(&plan(&stack(), &swapped)), (false, sent, false));
}

#[test]
fn whole_batch_repeats_unchanged_members_minimally() {
    let named =
        Member { name: "a".into(), weight: 7, subnet_id: Some("s".into()), tags: ["t".to_owned()].into(), ..member() };
    let with = |others: &[&str]| {
        edited(|want| {
            *web_members(want) = others.iter().map(|address| (member_key(address), member())).collect();
            web_members(want).insert(member_key("10.0.0.9"), named.clone());
        })
    };
    let after = with(&["10.0.0.13"]);
    let (additive, members, grows) = batch(&plan(&with(&["10.0.0.11", "10.0.0.12"]), &after));
    assert!(!additive && !grows);
    let kept = json!({"address": "10.0.0.9", "protocol_port": 8080, "weight": 7});
    assert_eq!(
        members,
        json!([{"address": "10.0.0.13", "protocol_port": 8080}, kept])
            .as_array()
            .map(|m| {
                let mut sorted = m.clone();
                sorted.sort_by_key(|m| m["address"] == "10.0.0.13");
                json!(sorted)
            })
            .unwrap()
    );
    let mut octavia = made(&with(&["10.0.0.11", "10.0.0.12"]));
    converge(&mut octavia, &after, |_, _| {});
}

#[test]
fn removed_subnet_of_member_is_sent_as_null() {
    let with = |subnet: Option<&str>| {
        edited(|want| {
            let subnet_id = subnet.map(str::to_owned);
            *web_members(want) = [(member_key("10.0.0.11"), Member { subnet_id, ..member() })].into();
        })
    };
    let (_, members, _) = batch(&plan(&with(Some("s")), &with(None)));
    assert_eq!(members[0]["subnet_id"], Value::Null);
    assert!(members[0].as_object().unwrap().contains_key("subnet_id"));
}

#[test]
fn invalid_and_duplicate_member_addresses_are_removed() {
    let want = edited(|want| *web_members(want) = [(member_key("2001:db8::1"), member())].into());
    let mut octavia = made(&want);
    let pool = octavia.tree.as_mut().unwrap().pools.iter_mut().find(|p| p.name == "web").unwrap();
    let first = pool.members[0].clone();
    pool.members.insert(0, ObservedMember { id: "0".into(), address: "2001:DB8::1".into(), ..first.clone() });
    pool.members.push(ObservedMember { id: "1".into(), address: "what?".into(), ..first.clone() });
    converge(&mut octavia, &want, |_, _| {});
    let tree = octavia.tree.unwrap();
    let left = &tree.pools.iter().find(|p| p.name == "web").unwrap().members;
    assert_eq!(left.iter().map(|m| &m.id).collect::<Vec<_>>(), [&first.id]);
}

/// Members whose names make each take about 300 bytes.
fn wordy(numbers: std::ops::Range<u32>) -> std::collections::BTreeMap<MemberKey, Member> {
    let address = |n: u32| Ipv4Addr::from(0x0a00_0000 + n);
    numbers
        .map(|n| (MemberKey { address: address(n).into(), port: 80 }, Member { name: "n".repeat(255), ..member() }))
        .collect()
}

#[test]
fn oversized_member_batch_is_sent_in_pieces() {
    let with = |numbers| edited(|want| *web_members(want) = wordy(numbers));
    let plan = plan(&stack(), &with(0..1000));
    for step in &plan.steps {
        assert!(serde_json::to_vec(&step.call).unwrap().len() <= MAX_BODY + 200);
    }
    let adding = plan.steps.iter().filter(|s| matches!(s.call, Call::ReplaceMembers { additive: true, .. })).count();
    assert_eq!(
        (adding, plan.steps.len()),
        (3, 4),
        "three pieces; the rest is in the whole batch, beside the others in few words"
    );
    let mut octavia = made(&stack());
    converge(&mut octavia, &with(0..1000), |_, _| {});
    // A thousand minimal items still fit, so all obsolete members go at once.
    converge(&mut octavia, &with(500..1000), |_, _| {});
    assert_eq!(octavia.tree.unwrap().pools.iter().map(|p| p.members.len()).max(), Some(500));
}

#[test]
fn draining_impacts_new_connections_and_adding_none() {
    let weight = |weight| edited(|want| web_members(want).get_mut(&member_key("10.0.0.11")).unwrap().weight = weight);
    assert_eq!(plan(&weight(1), &weight(0)).steps[0].impact, Impact::NewConnections);
    assert_eq!(plan(&weight(1), &weight(9)).steps[0].impact, Impact::None);
}

/// The source of the members cannot be read at present.
fn unknown(edit: impl FnOnce(&mut Desired)) -> Desired {
    edited(|want| {
        web(want).members = Members::Unknown;
        edit(want);
    })
}

#[test]
fn unknown_members_are_left_alone() {
    assert_eq!(plan(&stack(), &unknown(|_| ())), Plan::default());
    let renamed = plan(&stack(), &unknown(|want| web(want).name = "renamed".into()));
    assert_eq!(renamed.to_string(), "~ pool web: name web -> renamed\n");
}

const WAITS: &str = "pool web keeps protocol TCP and does not become PROXY yet: its members cannot be read now, and a \
                     new pool would have none. It is replaced once they can be read";

fn tcp_listener(want: Desired, protocol: PoolProtocol) -> Desired {
    let mut want = want;
    http(&mut want).protocol = ListenerProtocol::Tcp;
    web(&mut want).protocol = protocol;
    want
}

#[test]
fn pool_with_unknown_members_is_not_replaced() {
    let before = tcp_listener(stack(), PoolProtocol::Tcp);
    let edit = |want: &mut Desired| {
        web(want).name = "renamed".into();
        web(want).monitor = Some(monitor(MonitorType::Http));
        want.pools.get_mut("api").unwrap().algorithm = Algorithm::SourceIp;
    };
    let after = tcp_listener(unknown(edit), PoolProtocol::Proxy);
    let waiting = plan(&before, &after);
    let api = "~ pool api: lb_algorithm ROUND_ROBIN -> SOURCE_IP [new connections]";
    shows(&waiting, &format!("{api}\ncannot be done:\n  {WAITS}\n"));
    assert_eq!(waiting.problems[0].field, "spec.pools[web].protocol");
    let known = plan(&before, &tcp_listener(stack(), PoolProtocol::Proxy));
    assert_eq!(known.summary(), "create pool web; update members of pool web; update listener http; delete pool web");
}

#[test]
fn listener_that_unreplaced_pool_does_not_suit_waits() {
    let to_http = |want: Desired| Desired { allow_interruption: true, ..want };
    let before = tcp_listener(stack(), PoolProtocol::Tcp);
    let replaced = plan(&before, &to_http(unknown(|want| http(want).name = "renamed".into())));
    assert!(replaced.steps.is_empty() && replaced.held_back.is_empty(), "{replaced}");
    assert_eq!(
        replaced.problems[1].message,
        "listener http waits for the replacement of pool web, whose protocol TCP does not suit protocol HTTP"
    );
    // A moved listener keeps serving at its old port, with its pool.
    let moved = plan(&before, &to_http(unknown(|want| http(want).port = 81)));
    assert!(moved.steps.is_empty() && moved.held_back.is_empty(), "{moved}");
    // A policy is a use of the pool as the default pool is.
    let policies = unknown(|want| {
        let policies = vec![policy("p", to_pool("web"), &["/p"])];
        let other = Listener { policies, ..listener("other", ListenerProtocol::Http, 82, Some("api")) };
        want.listeners.insert("other".into(), other);
    });
    let created = plan(&before, &to_http(policies));
    assert!(created.steps.is_empty() && created.problems.len() == 3, "{created}");
}

#[test]
fn serving_listener_waits_for_new_pool_with_unknown_members() {
    let to_new = |members: Members| {
        edited(|want| {
            let new = Pool { name: "new".into(), members, ..want.pools["web"].clone() };
            want.pools.insert("new".into(), new);
            http(want).default_pool = Some("new".into());
            http(want).name = "renamed".into();
        })
    };
    let waiting = plan(&stack(), &to_new(Members::Unknown));
    assert!(waiting.steps.is_empty() && waiting.held_back.is_empty(), "{waiting}");
    let message = "listener http stays as it is: pool new does not exist yet, and without its members, which cannot be \
                   read now, it would serve nobody. The listener changes once they can be read";
    assert_eq!(waiting.problems[0].message, message);
    let known = plan(&stack(), &to_new(stack().pools["web"].members.clone()));
    assert!(
        known.summary().starts_with("create pool new; update members of pool new; update listener http"),
        "{known}"
    );
    // A listener that serves nobody has nothing to lose, nor has one that does not exist yet.
    let empty = edited(|want| web(want).members = Members::Known(BTreeMap::new()));
    assert!(plan(&empty, &to_new(Members::Unknown)).problems.is_empty());
    let added = edited(|want| {
        let new = Pool { name: "new".into(), members: Members::Unknown, ..want.pools["web"].clone() };
        want.pools.insert("new".into(), new);
        want.listeners.insert("other".into(), listener("other", ListenerProtocol::Http, 82, Some("new")));
    });
    assert_eq!(plan(&stack(), &added).summary(), "create pool new; create listener other");
}

#[test]
fn waiting_listener_keeps_pool_that_stack_drops() {
    let before = edited(|want| {
        http(want).default_pool = Some("api".into());
        web(want).protocol = PoolProtocol::Tcp;
    });
    let waiting = plan(&before, &unknown(|want| drop(want.pools.remove("api"))));
    assert!(waiting.steps.is_empty() && waiting.problems.len() == 2, "{waiting}");
}

#[test]
fn half_done_replacement_with_unknown_members_waits() {
    let mut octavia = made(&tcp_listener(stack(), PoolProtocol::Tcp));
    let tree = octavia.tree.as_mut().unwrap();
    let mut replacement = tree.pools.iter().find(|pool| pool.name == "web").unwrap().clone();
    replacement.id = "0".into();
    replacement.protocol = "HTTP".into();
    let missing = replacement.members.pop().unwrap();
    tree.pools.push(replacement);
    let want = Desired { allow_interruption: true, ..unknown(|_| ()) };
    let waiting = update(&want, tree);
    assert!(waiting.steps.is_empty(), "{waiting}");
    // A complete one takes over.
    tree.pools.last_mut().unwrap().members.push(missing);
    let ready = update(&want, tree);
    assert_eq!(ready.summary(), "delete listener http; create listener http; 1 cannot be done");
}

#[test]
fn duplicate_with_unknown_members_is_deleted_only_if_empty() {
    let mut octavia = made(&stack());
    let tree = octavia.tree.as_mut().unwrap();
    let web = tree.pools.iter().find(|pool| pool.name == "web").unwrap().clone();
    let copy = |id: &str, members| ObservedPool { id: id.into(), members, ..web.clone() };
    tree.pools.push(copy("full", web.members.clone()));
    tree.pools.push(copy("empty", Vec::new()));
    let plan = update(&unknown(|_| ()), tree);
    assert!(
        matches!(&plan.steps[..], [step] if step.call == Call::Delete { parent: None, id: "empty".into() }),
        "{plan}"
    );
    assert!(matches!(&plan.problems[..], [problem] if problem.message.contains("full")), "{plan}");
}

#[test]
fn created_pool_gets_unknown_members_once_they_are_known() {
    let mut octavia = made(&unknown(|_| ()));
    assert_eq!(update(&unknown(|_| ()), octavia.tree.as_ref().unwrap()), Plan::default());
    let plan = converge(&mut octavia, &stack(), |_, step| assert_eq!(step.object(), "members of pool web"));
    assert!(plan.is_empty(), "{plan}");
}

/// The stack while the members of the pools that `chosen` names by their order cannot be read.
fn unreadable(want: &Desired, chosen: &[bool]) -> Desired {
    let mut want = want.clone();
    for (pool, _) in want.pools.values_mut().zip(chosen).filter(|(_, chosen)| **chosen) {
        pool.members = Members::Unknown;
    }
    want
}

/// Members of the pools of the cloud whose desired members are unknown.
fn members_at_risk(tree: &ObservedTree, want: &Desired) -> Vec<(Id, Vec<Id>)> {
    let at_risk = |pool: &&ObservedPool| {
        key_of(&pool.tags).and_then(|key| want.pools.get(key)).is_some_and(|pool| pool.members == Members::Unknown)
    };
    let ids = |pool: &ObservedPool| pool.members.iter().map(|member| member.id.clone()).collect::<Vec<_>>();
    let pools = tree.pools.iter().filter(at_risk).map(|pool| (pool.id.clone(), ids(pool)));
    pools.filter(|(_, members)| !members.is_empty()).collect()
}

proptest! {
    #![proptest_config(cases(600))]

    /// Members that are unknown stay as they are, and so does a pool of another protocol, with a reason. All other
    /// differences are corrected, and these once the members are known.
    #[test]
    fn unknown_members_of_edited_stack_are_never_lost(
        (before, after) in stack_and_edit(&World::whole()),
        chosen in prop::collection::vec(any::<bool>(), 8),
        steps_before in prop_oneof![Just(0), 1..12usize],
    ) {
        let mut octavia = properties::made(&World::whole(), &before);
        converge(&mut octavia, &before, |_, _| {});
        let after = Desired { allow_interruption: true, ..after };
        // The source of the members fails at any moment of the change.
        for _ in 0..steps_before {
            let plan = update(&after, octavia.tree.as_ref().unwrap());
            let Some(step) = plan.steps.first() else { break };
            octavia.apply(step).unwrap();
        }
        let want = unreadable(&after, &chosen);
        let tree = octavia.tree.clone().unwrap();
        let (at_risk, continuity) = (members_at_risk(&tree, &want), Continuity::new(&tree, &want));
        let waiting = |pool: &&ObservedPool| {
            let desired = key_of(&pool.tags).and_then(|key| want.pools.get(key));
            desired.is_some_and(|d| d.members == Members::Unknown && d.protocol.as_str() != pool.protocol)
        };
        let waiting: Vec<&ObservedPool> = tree.pools.iter().filter(waiting).collect();
        let plan = converge(&mut octavia, &want, |tree, step| {
            assert_eq!(at_risk, members_at_risk(tree, &want), "{step}");
            if steps_before == 0 {
                continuity.check(tree, step);
            }
        });
        prop_assert!(plan.steps.is_empty() && plan.held_back.is_empty(), "{}", plan);
        prop_assert!(plan.problems.iter().all(|problem| problem.reason == ProblemReason::MembersUnknown), "{}", plan);
        let tree = octavia.tree.as_ref().unwrap();
        for pool in waiting.iter().filter(|pool| !pool.members.is_empty()) {
            prop_assert!(tree.pools.contains(pool), "pool {} was changed", pool.name);
            prop_assert!(!plan.problems.is_empty(), "pool {} waits without a reason", pool.name);
        }
        converged(&converge(&mut octavia, &after, |_, _| {}), &after);
    }
}
