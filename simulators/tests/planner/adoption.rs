//! Adoption of a load balancer of another client: children by their natural keys, and no more changes than needed.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::octavia::Octavia;
use super::properties::{Continuity, cases, converge, converged, made as made_in, stores_what_it_wants};
use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan;
use evenkeel_simulators::arbitrary::{World, stack_and_edit};

fn adopting(want: &Desired) -> Desired {
    let selector = AdoptionSelector::NameAndTags { name: Some("old".into()), tags: BTreeSet::new() };
    Desired { adopt: Some(Adoption { selector, from_owner: None }), ..want.clone() }
}

/// Removes everything by which a load balancer and its floating IPs tell their stack.
fn forget_owner(tree: &mut ObservedTree) {
    let strip = |tags: &mut BTreeSet<String>| tags.retain(|tag| !tag.starts_with(PREFIX));
    strip(&mut tree.load_balancer.tags);
    for listener in &mut tree.listeners {
        strip(&mut listener.tags);
        listener.policies.iter_mut().for_each(|policy| strip(&mut policy.tags));
    }
    tree.pools.iter_mut().for_each(|pool| strip(&mut pool.tags));
    for floating_ip in &mut tree.floating_ips {
        strip(&mut floating_ip.tags);
        floating_ip.description.clear();
    }
}

/// The cloud of a stack, as if another client had made it.
fn made_by_another(want: &Desired) -> Octavia {
    let mut octavia = made(want);
    forget_owner(octavia.tree.as_mut().unwrap());
    octavia
}

fn adoption(want: &Desired, octavia: &Octavia) -> Plan {
    plan::adopt(want, octavia.tree.as_ref().unwrap(), None)
}

/// Executes the steps that come before the load balancer has its owner, and the first plan.
fn claim(octavia: &mut Octavia, want: &Desired) -> Plan {
    let whole = adoption(want, octavia);
    while !want.owner.owns(&octavia.tree.as_ref().unwrap().load_balancer.tags) {
        let plan = adoption(want, octavia);
        octavia.apply(plan.steps.first().unwrap()).unwrap();
    }
    whole
}

#[test]
fn equal_tree_gets_tags_and_nothing_else() {
    let want = adopting(&edited(|want| {
        http(want).policies = vec![policy("a", to_pool("api"), &["/a"]), policy("b", L7Action::Reject, &["/b"])];
    }));
    shows(
        &adoption(&want, &made_by_another(&want)),
        r#"
~ load balancer shop/web: tags [] -> ["evenkeel:cluster=c1","evenkeel:name=web","evenkeel:namespace=shop","evenkeel:u… (adopt)
~ pool api: tags [] -> ["evenkeel:key=api"]
~ pool web: tags [] -> ["evenkeel:key=web"]
~ L7 policy http/a: tags [] -> ["evenkeel:key=a"]
~ L7 policy http/b: tags [] -> ["evenkeel:key=b"]
~ listener http: tags [] -> ["evenkeel:key=http"]
"#,
    );
}

#[test]
fn other_names_are_recognised_by_port_use_and_members() {
    let old = edited(|want| {
        let http = http(want);
        http.name = "front".into();
        http.policies = vec![policy("x", to_pool("api"), &["/a"])];
        for (key, pool) in &mut want.pools {
            pool.name = format!("old-{key}");
        }
        want.pools.insert("spare".into(), pool("old-spare", PoolProtocol::Tcp, &["10.0.0.31", "10.0.0.32"]));
    });
    let want = adopting(&edited(|want| {
        http(want).policies = vec![policy("api", to_pool("api"), &["/a"])];
        want.pools.insert("spare".into(), pool("spare", PoolProtocol::Tcp, &["10.0.0.32"]));
    }));
    shows(
        &adoption(&want, &made_by_another(&old)),
        r#"
~ load balancer shop/web: tags [] -> ["evenkeel:cluster=c1","evenkeel:name=web","evenkeel:namespace=shop","evenkeel:u… (adopt)
~ pool api: name old-api -> api, tags [] -> ["evenkeel:key=api"]
~ pool spare: name old-spare -> spare, tags [] -> ["evenkeel:key=spare"]
- member spare 10.0.0.31:8080 [new connections]
~ pool web: name old-web -> web, tags [] -> ["evenkeel:key=web"]
~ L7 policy http/api: tags [] -> ["evenkeel:key=api"], name x -> api
~ listener http: name front -> http, tags [] -> ["evenkeel:key=http"]
"#,
    );
}

#[test]
fn unnamed_children_stay_with_another_client() {
    let old = edited(|want| {
        http(want).policies = vec![policy("a", L7Action::Reject, &["/old"])];
        want.listeners.insert("admin".into(), listener("admin", ListenerProtocol::Http, 8080, Some("api")));
    });
    let want = adopting(&edited(|want| drop(want.pools.remove("api"))));
    let mut octavia = made_by_another(&old);
    let plan = claim(&mut octavia, &want);
    assert!(plan.steps.iter().all(|step| step.call.verb() == "update"), "{plan}");
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
    let tree = octavia.tree.unwrap();
    assert_eq!((tree.listeners.len(), tree.pools.len(), tree.listeners[1].policies.len()), (2, 2, 1));
}

#[test]
fn policy_with_other_rules_is_changed_in_its_place() {
    let with = |paths: [&str; 2]| {
        edited(|want| {
            let policies = [("a", paths[0]), ("b", paths[1])];
            http(want).policies = policies.map(|(key, path)| policy(key, L7Action::Reject, &[path])).into();
        })
    };
    let plan = adoption(&adopting(&with(["/x", "/y"])), &made_by_another(&with(["/y", "/z"])));
    let policies: Vec<String> = plan.steps.iter().map(ToString::to_string).filter(|step| step.contains("L7")).collect();
    assert_eq!(
        policies,
        [
            "~ L7 policy http/a: tags [] -> [\"evenkeel:key=a\"], name b -> a",
            "~ L7 policy http/b: tags [] -> [\"evenkeel:key=b\"], name a -> b",
            "~ L7 policy http/a: position 2 -> 1",
            "~ L7 rule http/a PATH STARTS_WITH /z: rule PATH STARTS_WITH /z -> PATH STARTS_WITH /x",
        ],
    );
}

#[test]
fn load_balancer_in_another_subnet_has_a_problem() {
    let want = adopting(&edited(|want| want.load_balancer.vip.subnet_id = Some("subnet-2".into())));
    let octavia = made_by_another(&stack());
    let problems = plan::adoption_problems(&want, octavia.tree.as_ref().unwrap());
    assert!(Problem::joined(&problems).contains("spec.loadBalancer.vip.subnet is subnet-1"), "{problems:?}");
}

#[test]
fn security_groups_of_one_side_exclude_cidrs_of_the_other() {
    let groups = |want: &mut Desired| want.load_balancer.security_group_ids = Some(["sg-1".into()].into());
    let cidrs = |want: &mut Desired| http(want).allowed_cidrs = ["10.0.0.0/8".parse().unwrap()].into();
    let problems = |want: &Desired, octavia: &Octavia| {
        Problem::joined(&plan::adoption_problems(want, octavia.tree.as_ref().unwrap()))
    };
    let want = adopting(&edited(cidrs));
    let message = problems(&want, &made_by_another(&edited(groups)));
    assert!(message.starts_with("spec.listeners[http].allowedCIDRs: ") && message.contains("set spec"), "{message}");
    let mut without_groups = want.clone();
    without_groups.load_balancer.security_group_ids = Some(BTreeSet::new());
    assert_eq!(problems(&without_groups, &made_by_another(&edited(groups))), "");

    let mut old = made_by_another(&edited(cidrs));
    assert_eq!(problems(&adopting(&edited(groups)), &old), "", "the stack takes the CIDRs off");
    old.tree.as_mut().unwrap().listeners[0].protocol_port = 8080;
    let message = problems(&adopting(&edited(groups)), &old);
    assert!(message.starts_with("spec.loadBalancer.vip.securityGroups: listener"), "{message}");
}

/// A cloud in which no random stack stores certificates of its own: those belong to an owner.
fn world() -> World {
    let mut world = World::whole();
    let is_existing = |reference: &CertificateRef| matches!(reference, CertificateRef::Existing(_));
    world.certificate_refs.retain(is_existing);
    world.authorities.retain(|(authority, _)| is_existing(authority));
    world
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn adoption_of_any_equal_tree_changes_only_tags((stack, _) in stack_and_edit(&world())) {
        let mut octavia = made_in(&world(), &stack);
        converge(&mut octavia, &stack, |_, _| {});
        forget_owner(octavia.tree.as_mut().unwrap());
        let want = adopting(&stack);
        let plan = claim(&mut octavia, &want);
        for step in &plan.steps {
            let is_description = |change: &Change| change.field == "description" && step.kind == Kind::FloatingIp;
            let is_of_owner = |change: &Change| change.field == "tags" || is_description(change);
            prop_assert!(!step.changes.is_empty() && step.changes.iter().all(is_of_owner), "{}\nof\n{}", step, plan);
        }
        converged(&converge(&mut octavia, &want, |_, _| {}), &want);
    }

    #[test]
    fn adoption_of_any_other_tree_converges((before, after) in stack_and_edit(&World::whole())) {
        // Another client's floating IP of another network would be in the way.
        let before = Desired { floating_ip: None, ..before };
        let mut octavia = made_in(&World::whole(), &before);
        converge(&mut octavia, &before, |_, _| {});
        forget_owner(octavia.tree.as_mut().unwrap());
        let want = adopting(&after);
        prop_assume!(plan::adoption_problems(&want, octavia.tree.as_ref().unwrap()).is_empty());
        claim(&mut octavia, &want);
        let continuity = Continuity::new(octavia.tree.as_ref().unwrap(), &want);
        let plan = converge(&mut octavia, &want, |tree, step| continuity.check(tree, step));
        converged(&plan, &want);
        let allowed = Desired { allow_interruption: true, ..want };
        converged(&converge(&mut octavia, &allowed, |_, _| {}), &allowed);
        // Secrets of a former owner stay: nothing of the load balancer leads to them.
        if before.stored_secrets().next().is_none() {
            stores_what_it_wants(&octavia, &allowed);
        }
    }
}
