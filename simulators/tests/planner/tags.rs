//! Tags that take the place of their equals: Octavia's database holds `Web` and `web` for one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::properties::converge;
use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan::update;

fn tags(tags: &[&str]) -> BTreeSet<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

/// The stack with everything, each object with this tag.
fn tagged(tag: &str) -> Desired {
    let all = tags(&[tag, "kept"]);
    edited(|want| {
        want.load_balancer.tags.clone_from(&all);
        let mut policy = policy("api", to_pool("api"), &["/a"]);
        policy.tags.clone_from(&all);
        policy.rules[0].tags.clone_from(&all);
        http(want).tags.clone_from(&all);
        http(want).policies = vec![policy];
        web(want).tags.clone_from(&all);
        web(want).monitor = Some(HealthMonitor { tags: all.clone(), ..monitor(MonitorType::Tcp) });
        web_members(want).get_mut(&member_key("10.0.0.11")).unwrap().tags = all;
    })
}

/// The tags of the first body that has some.
fn tags_of(call: &Call) -> Value {
    match call {
        Call::Update { body, .. } | Call::UpdateLoadBalancer { body, .. } => body["tags"].clone(),
        Call::ReplaceMembers { members, .. } => members[0]["tags"].clone(),
        call => panic!("{call:?}"),
    }
}

fn of_plan(plan: &Plan) -> Vec<String> {
    let is_user_tag = |tag: &&Value| !tag.as_str().unwrap().starts_with("evenkeel:");
    let user_tags =
        |call: &Call| tags_of(call).as_array().unwrap().iter().filter(is_user_tag).cloned().collect::<Vec<_>>();
    plan.steps.iter().map(|step| format!("{} {}", step.kind.noun(), json!(user_tags(&step.call)))).collect()
}

#[test]
fn tag_replaces_its_equal_in_two_writes() {
    for other in ["Web", "w\u{e9}b", "web "] {
        let plan = plan(&tagged("web"), &tagged(other));
        let both = json!(tags(&["kept", other]));
        let twice = |kind: &str| [format!("{kind} [\"kept\"]"), format!("{kind} {both}")];
        let mut expected: Vec<String> =
            ["load balancer", "pool", "member", "health monitor", "L7 policy", "L7 rule", "listener"]
                .into_iter()
                .flat_map(twice)
                .collect();
        expected.sort();
        let mut steps = of_plan(&plan);
        steps.sort();
        assert_eq!(steps, expected, "{plan}");
        converge(&mut made(&tagged("web")), &tagged(other), |tree, _| {
            assert!(owner().owns(&tree.load_balancer.tags), "{:?}", tree.load_balancer.tags);
            assert!(tree.listeners.iter().all(|seen| key_of(&seen.tags) == Some("http")));
            assert!(tree.pools.iter().all(|seen| key_of(&seen.tags).is_some()));
        });
    }
}

#[test]
fn rule_between_two_writes_of_tags_is_not_taken_for_its_double() {
    let rules = |all: &[&[&str]]| {
        edited(|want| {
            let values = vec!["/a"; all.len()];
            let mut policy = policy("api", to_pool("api"), &values);
            policy.rules.iter_mut().zip(all).for_each(|(rule, some)| rule.tags = tags(some));
            http(want).policies = vec![policy];
        })
    };
    let (before, after) = (rules(&[&["Web"]]), rules(&[&["web"], &[]]));
    let step = |plan: &Plan| plan.steps.iter().map(|step| step.kind).collect::<Vec<_>>();
    assert_eq!(step(&plan(&before, &after)), [Kind::L7Rule; 2], "one loses its tag, one is created");
    converge(&mut made(&before), &after, |_, _| {});
}

#[test]
fn other_tag_changes_are_one_write() {
    let plan = plan(&tagged("web"), &tagged("Webs"));
    assert_eq!(plan.steps.len(), 7, "{plan}");
}

#[test]
fn member_with_twin_tag_blocks_no_batch() {
    let mut after = tagged("Web");
    let members = web_members(&mut after);
    members.get_mut(&member_key("10.0.0.11")).unwrap().weight = 7;
    members.insert(member_key("10.0.0.13"), member());
    members.remove(&member_key("10.0.0.12"));
    let plan = update(&after, made(&tagged("web")).tree.as_ref().unwrap());
    let batches: Vec<Value> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.call {
            Call::ReplaceMembers { members, additive, .. } => Some(json!([additive, members])),
            _ => None,
        })
        .collect();
    let at = |address: &str| json!({"address": address, "protocol_port": 8080});
    let with = |tags: Value| json!({"address": "10.0.0.11", "protocol_port": 8080, "weight": 7, "tags": tags});
    let first = json!([false, [with(json!(["kept"])), at("10.0.0.13")]]);
    assert_eq!(batches, [first, json!([true, [with(json!(["Web", "kept"]))]])], "{plan}");
}

/// The tag of owned fields says which ones have to be reset once. It goes only with the write that resets them.
#[test]
fn first_of_two_tag_writes_keeps_owned_fields() {
    let mut before = tagged("web");
    before.load_balancer.description = Some("old".into());
    let plan = plan(&before, &tagged("Web"));
    assert!(
        tags_of(&plan.steps[0].call).as_array().unwrap().contains(&json!("evenkeel:owned-fields=description")),
        "{plan}"
    );
    converge(&mut made(&before), &tagged("Web"), |_, _| {});
}
