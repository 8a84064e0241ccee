//! Random policies and rules.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::values::{description, mostly, name, pool_key, tags};
use evenkeel::model::*;

/// Distinct keys in any order.
pub(super) fn policies() -> impl Strategy<Value = Vec<L7Policy>> {
    let keyed = btree_map((0..6u8).prop_map(|n| format!("policy{n}")), policy(), 0..5);
    keyed
        .prop_map(|map| map.into_iter().map(|(key, policy)| L7Policy { key, ..policy }).collect::<Vec<_>>())
        .prop_shuffle()
}

fn policy() -> impl Strategy<Value = L7Policy> {
    (name(), description(), tags(), mostly(true), action(), vec(rule(), 0..4)).prop_map(
        |(name, description, tags, admin_state_up, action, rules)| L7Policy {
            key: String::new(),
            name,
            description,
            tags,
            admin_state_up,
            action,
            rules,
        },
    )
}

fn action() -> impl Strategy<Value = L7Action> {
    let code = || select(vec![301u16, 302, 303, 307, 308]);
    let url =
        || select(vec!["https://a.example/", "http://b.example/x", r"https://c.example/?a=1\x26b=it\x27s\x23top"]);
    prop_oneof![
        3 => pool_key().prop_map(|pool| L7Action::RedirectToPool { pool }),
        1 => (url(), code()).prop_map(|(url, code)| L7Action::RedirectToUrl { url: url.to_owned(), code }),
        1 => (url(), code()).prop_map(|(url, code)| L7Action::RedirectPrefix { prefix: url.to_owned(), code }),
        1 => Just(L7Action::Reject),
    ]
}

/// A rule of every type, with a few values, so that two policies share some.
pub fn rule() -> impl Strategy<Value = L7Rule> {
    use L7CompareType as C;
    let what = prop_oneof![
        3 => (Just(L7RuleType::Path), select(vec!["/a", "/b", "/c"])),
        1 => (Just(L7RuleType::HostName), select(vec!["a.example", "b.example"])),
        1 => (Just(L7RuleType::FileType), Just("jpg")),
        1 => (Just(L7RuleType::Header), select(vec!["one", "$(two)\\%[src]"])),
        1 => (Just(L7RuleType::Cookie), Just("blue")),
        1 => (Just(L7RuleType::SslConnHasCert), Just("true")),
        1 => (Just(L7RuleType::SslVerifyResult), Just("0")),
        1 => (Just(L7RuleType::SslDnField), Just("shop")),
    ];
    let compare = prop_oneof![4 => select(vec![C::StartsWith, C::EqualTo]), 1 => select(C::ALL.to_vec())];
    // In the form that validation passes on: characters that Octavia would break in haproxy.cfg are escaped.
    let regex = select(vec!["^* ?$", r"^*\x26\x27\x22\x3c\x3e\x23$", r"\x2d*\\"]);
    (what, (compare, regex), select(vec!["x-kind", "x-`other"]), mostly(false), mostly(true), tags()).prop_map(
        |((kind, value), (compare, regex), key, invert, admin_state_up, tags)| {
            let compare = match kind {
                L7RuleType::SslConnHasCert | L7RuleType::SslVerifyResult => C::EqualTo,
                L7RuleType::FileType if compare != C::Regex => C::EqualTo,
                _ => compare,
            };
            let key = match kind {
                L7RuleType::Header | L7RuleType::Cookie => Some(key.to_owned()),
                L7RuleType::SslDnField => Some("O-DN".to_owned()),
                _ => None,
            };
            let value = if compare == C::Regex { regex.replace('*', value) } else { value.to_owned() };
            L7Rule { kind, compare, key, value, invert, admin_state_up, tags }
        },
    )
}

/// True for rules about client certificates, which only a listener that terminates TLS knows.
pub(super) const fn is_of_certificates(rule: &L7Rule) -> bool {
    matches!(rule.kind, L7RuleType::SslConnHasCert | L7RuleType::SslVerifyResult | L7RuleType::SslDnField)
}
