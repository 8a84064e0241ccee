//! L7 rules: a multiset without order and without identity. A policy matches when all of its rules do.

use serde_json::json;

use super::diff::{Patch, add_some, object};
use super::step::Target;
use crate::model::{Body, Call, Change, Kind, L7Rule, L7RuleType, ObservedL7Rule, Step, without_twins};

/// The body that creates the rule, or turns another rule into it: always whole, because Octavia checks the merged rule.
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

/// True for types that use a key. Others keep one on create and lose it on the next change, so it is neither sent nor
/// compared.
fn has_key(kind: &str) -> bool {
    [L7RuleType::Header, L7RuleType::Cookie, L7RuleType::SslDnField].iter().any(|with| with.as_str() == kind)
}

/// Everything of a rule that decides what it matches, so all but its tags.
#[derive(PartialEq, Eq)]
struct Meaning<'a> {
    kind: &'a str,
    compare: &'a str,
    key: Option<&'a str>,
    value: &'a str,
    invert: bool,
    up: bool,
}

fn desired_meaning(rule: &L7Rule) -> Meaning<'_> {
    let L7Rule { kind, compare, key, value, invert, admin_state_up, tags: _ } = rule;
    let kind = kind.as_str();
    let key = key.as_deref().filter(|_| has_key(kind));
    Meaning { kind, compare: compare.as_str(), key, value, invert: *invert, up: *admin_state_up }
}

fn observed_meaning(rule: &ObservedL7Rule) -> Meaning<'_> {
    let key = rule.key.as_deref().filter(|_| has_key(&rule.kind));
    Meaning {
        kind: &rule.kind,
        compare: &rule.compare_type,
        key,
        value: &rule.value,
        invert: rule.invert,
        up: rule.admin_state_up,
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

/// Difference between the desired and the observed rules of one policy.
#[derive(Debug, Default)]
pub(super) struct RuleDiff<'a> {
    /// Same meaning, other tags: changed in place at any time.
    retagged: Vec<(&'a ObservedL7Rule, &'a L7Rule)>,
    missing: Vec<&'a L7Rule>,
    surplus: Vec<&'a ObservedL7Rule>,
    /// An enabled rule is there, so Octavia renders the policy.
    rendered_before: bool,
    /// An enabled rule will be there.
    rendered_after: bool,
}

/// Steps for the rules of a policy, around a change of the policy itself.
#[derive(Debug, Default)]
pub(super) struct RuleSteps {
    pub before: Vec<Step>,
    pub after: Vec<Step>,
}

impl RuleSteps {
    pub(super) fn all(self) -> impl Iterator<Item = Step> {
        self.before.into_iter().chain(self.after)
    }
}

impl<'a> RuleDiff<'a> {
    pub(super) fn new(desired: &'a [L7Rule], observed: &'a [ObservedL7Rule]) -> Self {
        let mut missing: Vec<&L7Rule> = desired.iter().collect();
        let mut surplus: Vec<&ObservedL7Rule> = observed.iter().collect();
        surplus.sort_by_key(|rule| &rule.id);
        let same_meaning = |one: &L7Rule, other: &ObservedL7Rule| desired_meaning(one) == observed_meaning(other);
        take_pairs(&mut missing, &mut surplus, |one, other| one.tags == other.tags && same_meaning(one, other));
        // One write each. A pair that needs two would be equal to one of these rules after the first of them.
        let mut retagged = take_pairs(&mut missing, &mut surplus, |one, other| {
            without_twins(&other.tags, &one.tags).is_none() && same_meaning(one, other)
        });
        retagged.extend(take_pairs(&mut missing, &mut surplus, same_meaning));
        Self {
            retagged,
            missing,
            surplus,
            rendered_before: observed.iter().any(|rule| rule.admin_state_up),
            rendered_after: desired.iter().any(|rule| rule.admin_state_up),
        }
    }

    /// True if the rules match the same requests, whatever their tags.
    pub(super) fn has_same_meaning(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }

    /// True if the policy, live all the time, would match requests in between that neither the old nor the new one
    /// matches.
    ///
    /// Rules only narrow, except the first and the last one: a policy without rules matches nothing, and one of two
    /// rules alone matches too much.
    pub(super) fn is_unsafe_live(&self) -> bool {
        let missing = self.missing.iter().filter(|rule| rule.admin_state_up).count();
        let surplus = self.surplus.iter().filter(|rule| rule.admin_state_up).count();
        (!self.rendered_before && missing > 1) || (!self.rendered_after && surplus > 1)
    }

    /// Steps around a change of the policy: narrowing ones come before it, widening ones after.
    ///
    /// With all new rules added the policy matches the requests that both the old and the new one match. Without the
    /// old rules it matches those of the new one. So at every moment each request is treated as the old or as the new
    /// policy says. Example: rules `/a`, `/b` become `/c`, `/d`, and the action changes. `/c` and `/d` are created,
    /// then the action changes, then `/a` and `/b` are deleted.
    ///
    /// One old rule becomes a new one at the turning point where the action stays, which saves a write.
    pub(super) fn steps(&self, policy_name: &str, policy: &Target, action_changes_live: bool) -> RuleSteps {
        let writer = RuleWriter { policy_name, policy };
        let turned = self.turning_pair(action_changes_live);
        let reused = usize::from(turned.is_some());
        let created = self.missing.iter().take(self.missing.len() - reused).map(|rule| writer.create(rule));
        let deleted = self.surplus.iter().skip(reused).map(|rule| writer.delete(rule));
        let retagged = self.retagged.iter().flat_map(|(old, new)| writer.update(old, new));
        let narrowing: Vec<Step> = retagged.chain(created).collect();
        let widening: Vec<Step> =
            turned.into_iter().flat_map(|(old, new)| writer.update(old, new)).chain(deleted).collect();
        match (self.rendered_before, self.rendered_after) {
            // A policy that matches nothing takes its action before its rules.
            (false, _) => RuleSteps { before: Vec::new(), after: [narrowing, widening].concat() },
            // One that will match nothing loses its rules before its action changes.
            (true, false) => RuleSteps { before: [narrowing, widening].concat(), after: Vec::new() },
            (true, true) => RuleSteps { before: narrowing, after: widening },
        }
    }

    /// An old rule and the new one that it becomes by one update, in place of a create and a delete. None for a live
    /// change of the action, where the old rules have to outlive it.
    fn turning_pair(&self, action_changes_live: bool) -> Option<(&'a ObservedL7Rule, &'a L7Rule)> {
        let rendered_throughout = self.rendered_before && self.rendered_after;
        if action_changes_live && rendered_throughout {
            return None;
        }
        self.surplus.first().copied().zip(self.missing.last().copied())
    }
}

/// Takes the pairs that are alike out of both lists.
fn take_pairs<'a>(
    missing: &mut Vec<&'a L7Rule>,
    surplus: &mut Vec<&'a ObservedL7Rule>,
    alike: impl Fn(&L7Rule, &ObservedL7Rule) -> bool,
) -> Vec<(&'a ObservedL7Rule, &'a L7Rule)> {
    let mut pairs = Vec::new();
    missing.retain(|desired| {
        let Some(at) = surplus.iter().position(|observed| alike(desired, observed)) else { return true };
        pairs.push((surplus.remove(at), *desired));
        false
    });
    pairs
}

/// Makes steps for rules of one policy.
struct RuleWriter<'a> {
    policy_name: &'a str,
    policy: &'a Target,
}

impl RuleWriter<'_> {
    fn step(&self, meaning: &Meaning<'_>, call: Call) -> Step {
        Step::new(Kind::L7Rule, format!("{} {}", self.policy_name, print(meaning)), call).after(self.policy)
    }

    fn create(&self, rule: &L7Rule) -> Step {
        self.step(&desired_meaning(rule), Call::Create { parent: Some(self.policy.id.clone()), body: body(rule) })
    }

    /// One `PUT`, or two where a tag takes the place of its equal.
    fn update(&self, observed: &ObservedL7Rule, desired: &L7Rule) -> Vec<Step> {
        let was = observed_meaning(observed);
        let mut patch = Patch { body: body(desired), changes: changes(observed, desired) };
        let first = patch.tags_first(&observed.tags);
        // Octavia 19 checks the merged rule. Of these two types it does not drop the old key by itself, but rejects it;
        // and null crashes.
        let rejects_key = matches!(desired.kind, L7RuleType::SslConnHasCert | L7RuleType::SslVerifyResult);
        if rejects_key && observed.key.is_some() {
            patch.body.insert("key".to_owned(), json!(""));
        }
        let put = |Patch { body, changes }| {
            let call = Call::Update { parent: Some(self.policy.id.clone()), id: observed.id.clone(), body };
            Step { changes, ..self.step(&was, call) }
        };
        first.into_iter().chain([patch]).map(put).collect()
    }

    fn delete(&self, rule: &ObservedL7Rule) -> Step {
        let call = Call::Delete { parent: Some(self.policy.id.clone()), id: rule.id.clone() };
        self.step(&observed_meaning(rule), call)
    }
}

fn changes(observed: &ObservedL7Rule, desired: &L7Rule) -> Vec<Change> {
    let (was, want) = (observed_meaning(observed), desired_meaning(desired));
    let fields = [
        ("rule", json!(print(&was)), json!(print(&want))),
        ("admin_state_up", json!(was.up), json!(want.up)),
        ("tags", json!(observed.tags), json!(desired.tags)),
    ];
    let differing = fields.into_iter().filter(|(_, was, want)| was != want);
    differing.map(|(field, was, want)| Change { field: field.to_owned(), was, want }).collect()
}

pub(super) fn name(policy_name: &str, rule: &ObservedL7Rule) -> String {
    format!("{policy_name} {}", print(&observed_meaning(rule)))
}
