//! L7 policies and their rules.

use std::collections::BTreeMap;

use super::context::Context;
use super::keys::Keys;
use super::owned::Owned;
use super::values::{tags, unless_empty, unless_up};
use crate::api::{L7PolicySpec, L7RuleSpec};
use crate::model::{Id, L7CompareType, L7PolicyAction, L7RuleType, ObservedL7Policy, ObservedL7Rule};

/// Octavia's code of a redirect whose policy names none.
const DEFAULT_REDIRECT_CODE: u16 = 302;

/// The policies of a listener, in the order of their positions. `pools`: keys of the exported pools by id.
pub(super) fn policies(
    observed: &[ObservedL7Policy],
    listener: &str,
    pools: &BTreeMap<Id, String>,
    context: &mut Context,
) -> Vec<L7PolicySpec> {
    let mut sorted: Vec<&ObservedL7Policy> = observed.iter().collect();
    sorted.sort_by_key(|policy| policy.position);
    let mut keys = Keys::default();
    sorted.into_iter().filter_map(|policy| self::policy(policy, listener, pools, &mut keys, context)).collect()
}

fn policy(
    observed: &ObservedL7Policy,
    listener: &str,
    pools: &BTreeMap<Id, String>,
    keys: &mut Keys,
    context: &mut Context,
) -> Option<L7PolicySpec> {
    use L7PolicyAction as Action;
    let object = format!("L7 policy {:?} ({}) of {listener}", observed.name, observed.id);
    let Some(action) = Action::parse(&observed.action) else {
        context.add(&object, format_args!("action {} is unknown; it stays as it is", observed.action));
        return None;
    };
    let redirect_pool = observed.redirect_pool_id.as_ref().and_then(|id| pools.get(id));
    if action == Action::RedirectToPool && redirect_pool.is_none() {
        context.add(&object, "it redirects to no pool that a stack can have; it stays as it is");
        return None;
    }
    let name = keys.take(observed.key(), &observed.name, "policy");
    let redirects = matches!(action, Action::RedirectToUrl | Action::RedirectPrefix);
    let code = observed.redirect_http_code.filter(|code| redirects && *code != DEFAULT_REDIRECT_CODE);
    let url =
        |url: &Option<String>, of: Action| url.as_deref().filter(|_| action == of).map(|url| context.unspelled(url));
    let (redirect_url, redirect_prefix) =
        (url(&observed.redirect_url, Action::RedirectToUrl), url(&observed.redirect_prefix, Action::RedirectPrefix));
    Some(L7PolicySpec {
        display_name: unless_empty(&observed.name).filter(|shown| *shown != name),
        name,
        action,
        redirect_pool: redirect_pool.filter(|_| action == Action::RedirectToPool).cloned(),
        redirect_url,
        redirect_prefix,
        redirect_http_code: code.map(i32::from),
        description: Owned::of(&observed.tags).description(&observed.description),
        tags: tags(&observed.tags, &object, context),
        admin_state_up: unless_up(observed.admin_state_up),
        rules: observed.rules.iter().filter_map(|rule| self::rule(rule, &object, context)).collect(),
    })
}

fn rule(observed: &ObservedL7Rule, policy: &str, context: &mut Context) -> Option<L7RuleSpec> {
    let object = format!("L7 rule {} of {policy}", observed.id);
    let known = L7RuleType::parse(&observed.kind).zip(L7CompareType::parse(&observed.compare_type));
    let Some((kind, compare_type)) = known else {
        context.add(&object, format_args!("{} {} is unknown; it is removed", observed.kind, observed.compare_type));
        return None;
    };
    let has_key = matches!(kind, L7RuleType::Header | L7RuleType::Cookie | L7RuleType::SslDnField);
    Some(L7RuleSpec {
        kind,
        compare_type,
        key: observed.key.clone().filter(|_| has_key),
        value: match compare_type {
            L7CompareType::Regex => context.unspelled(&observed.value),
            _ => observed.value.clone(),
        },
        invert: observed.invert.then_some(true),
        admin_state_up: unless_up(observed.admin_state_up),
        tags: tags(&observed.tags, &object, context),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObservedLoadBalancer;

    #[test]
    fn escape_in_literal_of_rule_stays_four_characters() {
        let value_of = |compare_type: &str| {
            let observed = ObservedL7Rule {
                kind: "PATH".to_owned(),
                compare_type: compare_type.to_owned(),
                value: r"/a\x26b".to_owned(),
                ..ObservedL7Rule::default()
            };
            rule(&observed, "policy", &mut Context::new(&ObservedLoadBalancer::default())).unwrap().value
        };
        assert_eq!(value_of("EQUAL_TO"), r"/a\x26b");
        assert_eq!(value_of("REGEX"), "/a&b");
    }
}
