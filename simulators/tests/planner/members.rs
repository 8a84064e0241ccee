//! Members: the fewest writes, in bodies that Octavia takes.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::properties::converge;
use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan::{MAX_BODY, update};

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

#[test]
fn pool_with_unknown_members_is_not_replaced() {
    let with = |protocol: PoolProtocol, want: Desired| {
        let mut want = want;
        http(&mut want).protocol = ListenerProtocol::Tcp;
        web(&mut want).protocol = protocol;
        want
    };
    let before = with(PoolProtocol::Tcp, stack());
    assert_eq!(plan(&before, &with(PoolProtocol::Proxy, unknown(|_| ()))), Plan::default());
    let known = plan(&before, &with(PoolProtocol::Proxy, stack()));
    assert_eq!(known.summary(), "create pool web; update members of pool web; update listener http; delete pool web");
}

#[test]
fn created_pool_gets_unknown_members_once_they_are_known() {
    let mut octavia = made(&unknown(|_| ()));
    assert_eq!(update(&unknown(|_| ()), octavia.tree.as_ref().unwrap()), Plan::default());
    let plan = converge(&mut octavia, &stack(), |_, step| assert_eq!(step.object(), "members of pool web"));
    assert!(plan.is_empty(), "{plan}");
}
