//! Requests while the policies of a listener change: at every moment each is treated as the old or as the new policy
//! says.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::properties::{cases, converge};
use super::stack::{http, made, policy, pool, stack, to_pool};
use evenkeel::model::*;
use evenkeel_simulators::arbitrary::rule;

/// The question of a rule, apart from being inverted. A request is the set of questions whose result is true.
type Question = (String, String, Option<String>, String);

fn question(rule: &ObservedL7Rule) -> Question {
    (rule.kind.clone(), rule.compare_type.clone(), rule.key.clone(), rule.value.clone())
}

/// The route of a request through the policies of the first listener, as haproxy is rendered: without disabled rules
/// and policies, and without policies that have no rules.
fn route(tree: &ObservedTree, request: &BTreeSet<Question>) -> Option<(String, Option<Id>)> {
    let matches = |rule: &&ObservedL7Rule| request.contains(&question(rule)) != rule.invert;
    let policies = tree.listeners[0].policies.iter().filter(|policy| policy.admin_state_up);
    policies
        .filter(|policy| {
            let rules: Vec<&ObservedL7Rule> = policy.rules.iter().filter(|rule| rule.admin_state_up).collect();
            !rules.is_empty() && rules.iter().all(matches)
        })
        .map(|policy| (policy.action.clone(), policy.redirect_pool_id.clone()))
        .next()
}

/// Every request that the rules of two trees can distinguish.
fn requests(trees: [&ObservedTree; 2]) -> Vec<BTreeSet<Question>> {
    let rules = trees.iter().flat_map(|tree| &tree.listeners[0].policies).flat_map(|policy| &policy.rules);
    let questions: Vec<Question> = rules.map(question).collect::<BTreeSet<_>>().into_iter().collect();
    let yes = |bits: usize| questions.iter().enumerate().filter(move |(i, _)| bits & (1 << i) != 0);
    (0..1usize << questions.len()).map(|bits| yes(bits).map(|(_, q)| q.clone()).collect()).collect()
}

fn any_policy() -> impl Strategy<Value = L7Policy> {
    let action = prop_oneof![Just(to_pool("web")), Just(to_pool("api")), Just(L7Action::Reject)];
    (action, prop::collection::vec(rule(), 0..4), prop::bool::weighted(0.8)).prop_map(|(action, mut rules, up)| {
        // The listener is plain HTTP.
        rules.retain(|rule| !rule.kind.as_str().starts_with("SSL_"));
        L7Policy { rules, admin_state_up: up, ..policy("only", action, &[]) }
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn each_request_meets_old_or_new_policy(old in any_policy(), new in any_policy()) {
        let (mut before, mut after) = (stack(), stack());
        before.pools.insert("spare".into(), pool("spare", PoolProtocol::Http, &[]));
        after.pools.clone_from(&before.pools);
        http(&mut before).policies = vec![old];
        http(&mut after).policies = vec![new];
        let mut octavia = made(&before);
        let first = octavia.tree.clone().unwrap();
        let mut states = Vec::new();
        converge(&mut octavia, &after, |tree, step| states.push((tree.clone(), step.to_string())));
        let last = octavia.tree.unwrap();
        for request in requests([&first, &last]) {
            let allowed = [route(&first, &request), route(&last, &request)];
            for (state, step) in &states {
                let met = route(state, &request);
                prop_assert!(allowed.contains(&met), "{:?} met {:?} after {}", request, met, step);
            }
        }
    }
}
