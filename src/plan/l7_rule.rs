//! L7 rules: a multiset without order and without identity, all of which must match.

use serde_json::json;

use super::Patch;
use super::diff::{add_some, object};
use super::step::Target;
use crate::model::{Body, Call, Change, Kind, L7Rule, ObservedL7Rule, RuleType, Step};

/// The body that makes it, or makes another rule into it: always whole, because Octavia checks the merged rule.
pub(super) fn body(rule: &L7Rule) -> Body {
    let L7Rule { kind, compare, key, value, invert, admin_state_up, tags } = rule;
    let mut body = object([
        ("type", json!(kind)),
        ("compare_type", json!(compare)),
        ("value", json!(value)),
        ("invert", json!(invert)),
        ("admin_state_up", json!(admin_state_up)),
        ("tags", json!(tags)),
    ]);
    add_some(&mut body, [("key", key.as_ref().filter(|_| has_key(kind.as_str())).map(|k| json!(k)))]);
    body
}

/// Other types keep a key on create and lose it on the next change, so it is neither sent nor compared.
fn has_key(kind: &str) -> bool {
    [RuleType::Header, RuleType::Cookie, RuleType::SslDnField].iter().any(|with| with.as_str() == kind)
}

/// What a rule matches; everything but its tags.
#[derive(PartialEq, Eq)]
struct Meaning<'a> {
    kind: &'a str,
    compare: &'a str,
    key: Option<&'a str>,
    value: &'a str,
    invert: bool,
    up: bool,
}

fn wanted(rule: &L7Rule) -> Meaning<'_> {
    let L7Rule { kind, compare, key, value, invert, admin_state_up, tags: _ } = rule;
    let kind = kind.as_str();
    let key = key.as_deref().filter(|_| has_key(kind));
    Meaning { kind, compare: compare.as_str(), key, value, invert: *invert, up: *admin_state_up }
}

fn observed(seen: &ObservedL7Rule) -> Meaning<'_> {
    let key = seen.key.as_deref().filter(|_| has_key(&seen.kind));
    Meaning {
        kind: &seen.kind,
        compare: &seen.compare_type,
        key,
        value: &seen.value,
        invert: seen.invert,
        up: seen.admin_state_up,
    }
}

fn print(meaning: &Meaning<'_>) -> String {
    let Meaning { kind, compare, key, value, invert, up: _ } = meaning;
    let not = if *invert { "not " } else { "" };
    match key {
        Some(key) => format!("{not}{kind} {key} {compare} {value}"),
        None => format!("{not}{kind} {compare} {value}"),
    }
}

/// What has to happen to the rules of one policy.
#[derive(Debug, Default)]
pub(super) struct RuleDiff<'a> {
    /// Same meaning, other tags: changed in place at any time.
    retag: Vec<(&'a ObservedL7Rule, &'a L7Rule)>,
    missing: Vec<&'a L7Rule>,
    surplus: Vec<&'a ObservedL7Rule>,
    /// Does the policy match anything, before and after? One without enabled rules is not rendered at all.
    matches: (bool, bool),
}

impl<'a> RuleDiff<'a> {
    pub fn new(want: &'a [L7Rule], seen: &'a [ObservedL7Rule]) -> Self {
        let mut missing: Vec<&L7Rule> = want.iter().collect();
        let mut surplus: Vec<&ObservedL7Rule> = seen.iter().collect();
        surplus.sort_by_key(|rule| &rule.id);
        let matches = (seen.iter().any(|r| r.admin_state_up), want.iter().any(|r| r.admin_state_up));
        take_pairs(&mut missing, &mut surplus, |want, seen| want.tags == seen.tags && wanted(want) == observed(seen));
        let retag = take_pairs(&mut missing, &mut surplus, |want, seen| wanted(want) == observed(seen));
        Self { retag, missing, surplus, matches }
    }

    pub fn is_empty(&self) -> bool {
        self.retag.is_empty() && self.missing.is_empty() && self.surplus.is_empty()
    }

    /// Would the policy, live all the time, match something in between that neither the old nor the new one matches?
    /// Rules only narrow, but for the first and the last one: no rule matches nothing, one of two matches too much.
    pub fn is_unsafe_live(&self) -> bool {
        let enabled_missing = self.missing.iter().filter(|r| r.admin_state_up).count();
        let enabled_surplus = self.surplus.iter().filter(|r| r.admin_state_up).count();
        let (before, after) = self.matches;
        (!before && enabled_missing > 1) || (!after && enabled_surplus > 1)
    }

    /// The steps around a change of the policy: what narrows comes before it, what widens after.
    ///
    /// With all new rules added the policy matches what both the old and the new one match; without the old ones, what
    /// the new one matches. So at every moment each request is treated as the old policy or as the new one says. Where
    /// the action stays, one old rule may become a new one at the turning point, which saves a write.
    pub fn steps(&self, policy_name: &str, policy: &Target, action_changes_live: bool) -> (Vec<Step>, Vec<Step>) {
        let (mut missing, mut surplus) = (self.missing.as_slice(), self.surplus.as_slice());
        let mut turn = None;
        let turns = !action_changes_live || self.matches != (true, true);
        if turns && let (Some((new, others)), Some((old, rest))) = (missing.split_last(), surplus.split_first()) {
            (missing, surplus, turn) = (others, rest, Some((*old, *new)));
        }
        let at = Place { policy_name, policy };
        let retag = self.retag.iter().flat_map(|(seen, want)| at.update(seen, want));
        let narrow = retag.chain(missing.iter().map(|want| at.create(want))).collect();
        let widen =
            turn.iter().flat_map(|(old, new)| at.update(old, new)).chain(surplus.iter().map(|seen| at.delete(seen)));
        // A policy that matches nothing takes its action before its rules, or loses its rules before its action.
        let (narrow, widen): (Vec<Step>, Vec<Step>) = (narrow, widen.collect());
        match self.matches {
            (false, _) => (Vec::new(), narrow.into_iter().chain(widen).collect()),
            (_, false) => (narrow.into_iter().chain(widen).collect(), Vec::new()),
            _ => (narrow, widen),
        }
    }
}

/// Takes the pairs that are alike out of both lists.
fn take_pairs<'a>(
    missing: &mut Vec<&'a L7Rule>,
    surplus: &mut Vec<&'a ObservedL7Rule>,
    alike: impl Fn(&L7Rule, &ObservedL7Rule) -> bool,
) -> Vec<(&'a ObservedL7Rule, &'a L7Rule)> {
    let mut pairs = Vec::new();
    missing.retain(|want| {
        let Some(at) = surplus.iter().position(|seen| alike(want, seen)) else { return true };
        pairs.push((surplus.remove(at), *want));
        false
    });
    pairs
}

/// The policy whose rules these are.
struct Place<'a> {
    policy_name: &'a str,
    policy: &'a Target,
}

impl Place<'_> {
    fn step(&self, meaning: &Meaning<'_>, call: Call) -> Step {
        Step::new(Kind::L7Rule, format!("{} {}", self.policy_name, print(meaning)), call).after(self.policy)
    }

    fn create(&self, want: &L7Rule) -> Step {
        self.step(&wanted(want), Call::Create { parent: Some(self.policy.id.clone()), body: body(want) })
    }

    /// One `PUT`, or two where a tag takes the place of its equal.
    fn update(&self, seen: &ObservedL7Rule, want: &L7Rule) -> Vec<Step> {
        let mut edit = Patch::default();
        let (was, becomes) = (observed(seen), wanted(want));
        if print(&was) != print(&becomes) {
            edit.changes.push(Change { field: "rule".into(), was: json!(print(&was)), want: json!(print(&becomes)) });
        }
        if was.up != becomes.up {
            edit.changes.push(Change { field: "admin_state_up".into(), was: json!(was.up), want: json!(becomes.up) });
        }
        if seen.tags != want.tags {
            edit.changes.push(Change { field: "tags".into(), was: json!(seen.tags), want: json!(want.tags) });
        }
        edit.body = body(want);
        let first = edit.tags_first(&seen.tags);
        let Patch { mut body, changes } = edit;
        // Octavia 19 checks the merged rule. Of these two types it does not drop the old key by itself, but refuses it;
        // and null crashes.
        let refuses_key = matches!(want.kind, RuleType::SslConnHasCert | RuleType::SslVerifyResult);
        if refuses_key && seen.key.is_some() {
            body.insert("key".to_owned(), json!(""));
        }
        let put = |Patch { body, changes }| {
            let call = Call::Update { parent: Some(self.policy.id.clone()), id: seen.id.clone(), body };
            Step { changes, ..self.step(&was, call) }
        };
        first.into_iter().chain([Patch { body, changes }]).map(put).collect()
    }

    fn delete(&self, seen: &ObservedL7Rule) -> Step {
        self.step(&observed(seen), Call::Delete { parent: Some(self.policy.id.clone()), id: seen.id.clone() })
    }
}

pub(super) fn name(policy_name: &str, seen: &ObservedL7Rule) -> String {
    format!("{policy_name} {}", print(&observed(seen)))
}
