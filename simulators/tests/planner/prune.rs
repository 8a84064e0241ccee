//! Children that the stack does not name: deleted or kept, by the prune policy.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::octavia::Octavia;
use super::properties::{Continuity, cases, converge, converged, made as made_in};
use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan::{foreign_children, update};
use evenkeel_simulators::arbitrary::{World, stack_and_edit};

fn with(prune: PrunePolicy, want: &Desired) -> Desired {
    Desired { prune, ..want.clone() }
}

/// The stack `stack()` with a listener, a pool and a policy of another client beside its own.
fn beside_another_client() -> Octavia {
    let mut octavia = made(&edited(|want| {
        http(want).policies = vec![policy("theirs", to_pool("other"), &["/x"])];
        want.pools.insert("other".into(), pool("other", PoolProtocol::Http, &["10.0.0.41"]));
        want.listeners.insert("admin".into(), listener("admin", ListenerProtocol::Http, 8080, Some("other")));
    }));
    let tree = octavia.tree.as_mut().unwrap();
    let strip = |tags: &mut BTreeSet<String>| tags.clear();
    for listener in &mut tree.listeners {
        listener.policies.iter_mut().for_each(|policy| strip(&mut policy.tags));
        if listener.name == "admin" {
            strip(&mut listener.tags);
        }
    }
    tree.pools.iter_mut().filter(|pool| pool.name == "other").for_each(|pool| strip(&mut pool.tags));
    octavia
}

fn names(children: &[ForeignChild]) -> Vec<String> {
    children.iter().map(|child| format!("{} {}", child.kind.noun(), child.name)).collect()
}

#[test]
fn children_of_another_client_stay_and_are_listed() {
    for policy in [PrunePolicy::Owned, PrunePolicy::None] {
        let (want, octavia) = (with(policy, &stack()), beside_another_client());
        let tree = octavia.tree.as_ref().unwrap();
        shows(&update(&want, tree), "nothing to do");
        let foreign = foreign_children(&want, tree);
        assert_eq!(names(&foreign), ["listener admin", "pool other", "L7 policy theirs"]);
    }
}

#[test]
fn prune_all_deletes_children_of_another_client_in_order() {
    let (want, mut octavia) = (with(PrunePolicy::All, &stack()), beside_another_client());
    let verbs: Vec<String> =
        update(&want, octavia.tree.as_ref().unwrap()).steps.iter().map(ToString::to_string).collect();
    let kinds: Vec<&str> = verbs.iter().map(|step| step.split(" (").next().unwrap()).collect();
    assert_eq!(kinds, ["- L7 policy http/theirs", "- listener admin", "- pool other"]);
    assert!(foreign_children(&want, octavia.tree.as_ref().unwrap()).is_empty());
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
    assert_eq!(octavia.tree.unwrap().listeners.len(), 1);
}

#[test]
fn prune_all_takes_listener_on_wanted_port_in_place() {
    let mut octavia = made(&stack());
    octavia.tree.as_mut().unwrap().listeners[0].tags.clear();
    let plan = update(&with(PrunePolicy::All, &stack()), octavia.tree.as_ref().unwrap());
    shows(&plan, "\n~ listener http: tags [] -> [\"evenkeel:key=http\"]\n");
}

#[test]
fn prune_none_keeps_everything_that_leaves_the_stack() {
    let before = edited(|want| {
        http(want).policies = vec![policy("gone", to_pool("api"), &["/x"])];
        web(want).monitor = Some(monitor(MonitorType::Http));
        want.listeners.insert("admin".into(), listener("admin", ListenerProtocol::Http, 8080, Some("api")));
    });
    let want = with(
        PrunePolicy::None,
        &edited(|want| {
            want.pools.remove("api");
            web_members(want).remove(&member_key("10.0.0.11"));
            web_members(want).insert(member_key("10.0.0.13"), member());
        }),
    );
    let mut octavia = made(&before);
    let plan = update(&want, octavia.tree.as_ref().unwrap());
    shows(&plan, "\n~ members of pool web: +10.0.0.13:8080\n");
    let foreign = foreign_children(&want, octavia.tree.as_ref().unwrap());
    assert_eq!(names(&foreign), ["listener admin", "pool api", "L7 policy gone"]);
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
    assert_eq!(octavia.tree.unwrap().pools.iter().map(|pool| pool.members.len()).sum::<usize>(), 4);
}

#[test]
fn prune_none_still_replaces_pool_of_another_protocol() {
    let want = with(PrunePolicy::None, &edited(|want| web(want).protocol = PoolProtocol::Proxy));
    let mut octavia = made(&stack());
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
    assert_eq!(octavia.tree.unwrap().pools.len(), 2);
}

fn ids(tree: &ObservedTree) -> BTreeSet<Id> {
    tree.listeners.iter().map(|one| one.id.clone()).collect()
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn prune_none_of_any_edit_converges_and_keeps_ports((before, after) in stack_and_edit(&World::whole())) {
        // Security groups exclude the CIDRs of listeners, also of those that stay.
        let without_groups = |mut stack: Desired| {
            stack.load_balancer.security_group_ids = None;
            stack
        };
        let (before, after) = (without_groups(before), without_groups(after));
        let mut octavia = made_in(&World::whole(), &before);
        converge(&mut octavia, &before, |_, _| {});
        let want = with(PrunePolicy::None, &after);
        let continuity = Continuity::new(octavia.tree.as_ref().unwrap(), &want);
        converged(&converge(&mut octavia, &want, |tree, step| continuity.check(tree, step)), &want);
        let tree = octavia.tree.as_ref().unwrap();
        // A listener goes only to make way for the one of its key at another port, or at its own with another protocol.
        for (key, listener) in before.listeners.iter().filter(|(key, _)| !after.listeners.contains_key(*key)) {
            prop_assert!(tree.listeners.iter().any(|one| one.protocol_port == listener.port), "{} is gone", key);
        }
    }

    #[test]
    fn prune_all_of_any_edit_leaves_no_other_child((before, after) in stack_and_edit(&World::whole())) {
        let mut octavia = made_in(&World::whole(), &before);
        converge(&mut octavia, &before, |_, _| {});
        let tree = octavia.tree.as_mut().unwrap();
        for (index, listener) in tree.listeners.iter_mut().enumerate().filter(|(index, _)| index % 2 == 0) {
            listener.tags.retain(|tag| !tag.starts_with(PREFIX) || index % 4 == 2);
            listener.policies.iter_mut().for_each(|policy| policy.tags.clear());
        }
        tree.pools.iter_mut().step_by(2).for_each(|pool| pool.tags.clear());
        let want = Desired { allow_interruption: true, ..with(PrunePolicy::All, &after) };
        converged(&converge(&mut octavia, &want, |_, _| {}), &want);
        let tree = octavia.tree.as_ref().unwrap();
        prop_assert_eq!((ids(tree).len(), tree.pools.len()), (want.listeners.len(), want.pools.len()));
        prop_assert!(foreign_children(&want, tree).is_empty());
    }
}
