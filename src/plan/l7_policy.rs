//! L7 policies of one listener: an ordered list with keys. Everything here is live at once, half-built or not, so the
//! order of the steps is the care that traffic gets.
//!
//! * A new policy is made disabled, gets its rules, is then enabled; with a single rule it is complete at once, because
//!   Octavia does not render a policy without rules.
//! * Rules of a live policy change so that at every moment each request is treated as the old or as the new policy
//!   says ([`rule::Diff::steps`](super::rule::Diff::steps)): new rules first, then the action, then away with the old.
//! * Policies that go, go after those that come; of two with one key, one goes before anything else.
//! * Positions are moved one at a time, and only those that a longest run of well-ordered ones leaves over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::diff::{FieldRules, Patch, Reset, add_some, object, without_empties};
use super::l7_rule;
use super::step::Target;
use crate::model::{
    Body, Call, Impact, Key, Kind, L7Action, L7Policy, ObservedL7Policy, OwnedFields, Step, key_of, key_tag,
};

const RULES: FieldRules = FieldRules {
    operator_defaulted: &[("description", Reset::EmptyText)],
    // An action without its target is refused, and a URL without its code resets the code.
    groups: &[&["action", "redirect_pool_id", "redirect_url", "redirect_prefix", "redirect_http_code"]],
};

const ACTION_FIELDS: [&str; 5] =
    ["action", "redirect_pool_id", "redirect_url", "redirect_prefix", "redirect_http_code"];

/// The listener under which the policies are.
pub(super) struct PolicyContext<'a> {
    pub listener_key: &'a str,
    pub listener: Target,
    /// Does it serve while the policies change?
    pub live: bool,
    /// The pools of the stack.
    pub pools: &'a BTreeMap<&'a str, Target>,
}

fn wanted(policy: &L7Policy, redirect_pool: Option<&Target>) -> Body {
    let L7Policy { key, name, description, tags, admin_state_up, action, rules: _ } = policy;
    let mut body = object([("name", json!(name)), ("admin_state_up", json!(admin_state_up))]);
    add_some(&mut body, [("description", description.as_ref().map(|d| json!(d)))]);
    let tags = RULES.tags(tags, [key_tag(key)], &body);
    body.insert("tags".to_owned(), json!(tags));
    body.insert("action".to_owned(), json!(action.word()));
    match action {
        L7Action::RedirectToPool { pool: _ } => {
            body.insert("redirect_pool_id".to_owned(), redirect_pool.map_or(Value::Null, Target::json));
        }
        L7Action::RedirectToUrl { url, code } => {
            body.extend(object([("redirect_url", json!(url)), ("redirect_http_code", json!(code))]));
        }
        L7Action::RedirectPrefix { prefix, code } => {
            body.extend(object([("redirect_prefix", json!(prefix)), ("redirect_http_code", json!(code))]));
        }
        L7Action::Reject => {}
    }
    body
}

/// What the action of the stack does not use is not compared: Octavia clears it by itself, or lets it lie unused.
fn observed(seen: &ObservedL7Policy) -> Body {
    object([
        ("name", json!(seen.name)),
        ("description", json!(seen.description)),
        ("tags", json!(seen.tags)),
        ("admin_state_up", json!(seen.admin_state_up)),
        ("action", json!(seen.action)),
        ("redirect_pool_id", json!(seen.redirect_pool_id)),
        ("redirect_url", json!(seen.redirect_url)),
        ("redirect_prefix", json!(seen.redirect_prefix)),
        ("redirect_http_code", json!(seen.redirect_http_code)),
    ])
}

/// The body that makes it inside the single POST, with its rules; the pool is referred to by name.
pub(super) fn nested_body(policy: &L7Policy, position: usize, pool_name: Option<&str>) -> Body {
    let mut body = without_empties(wanted(policy, None));
    add_some(&mut body, [("redirect_pool", pool_name.map(|name| json!({"name": name})))]);
    let rules: Vec<Body> = policy.rules.iter().map(|r| without_empties(l7_rule::body(r))).collect();
    if !rules.is_empty() {
        body.insert("rules".to_owned(), json!(rules));
    }
    body.insert("position".to_owned(), json!(position));
    body
}

pub(super) fn name(listener_key: &str, policy_key: &str) -> String {
    format!("{listener_key}/{policy_key}")
}

/// The policies of ours that are there.
#[derive(Default)]
struct Sorted<'a> {
    /// One for each wanted key.
    kept: BTreeMap<&'a str, &'a ObservedL7Policy>,
    /// Others of a wanted key: an answer was lost, and it was made twice.
    doubles: Vec<&'a ObservedL7Policy>,
    /// Of keys that are not wanted.
    leaving: Vec<&'a ObservedL7Policy>,
}

fn sort_out<'a>(want: &[L7Policy], seen: &'a [ObservedL7Policy]) -> Sorted<'a> {
    let wanted: BTreeSet<&str> = want.iter().map(|policy| policy.key.as_str()).collect();
    let mut sorted = Sorted::default();
    for policy in seen {
        let Some(key) = key_of(&policy.tags) else { continue };
        // Of two the one that serves stays, or the one that is nearer to serving.
        let rank = |p: &ObservedL7Policy| (p.admin_state_up, p.rules.len(), std::cmp::Reverse(p.position));
        match sorted.kept.get(key).copied() {
            _ if !wanted.contains(key) => sorted.leaving.push(policy),
            Some(other) if rank(other) >= rank(policy) => sorted.doubles.push(policy),
            other => {
                sorted.doubles.extend(other);
                sorted.kept.insert(key, policy);
            }
        }
    }
    sorted
}

/// The policy that serves each wanted key.
pub(super) fn kept<'a>(want: &[L7Policy], seen: &'a [ObservedL7Policy]) -> BTreeMap<&'a str, &'a ObservedL7Policy> {
    sort_out(want, seen).kept
}

/// The steps from the policies that a listener has to those that it should have. Doubles go first: which of two is kept
/// rests on what the steps change.
pub(super) fn steps(place: &PolicyContext<'_>, want: &[L7Policy], seen: &[ObservedL7Policy]) -> Vec<Step> {
    let Sorted { kept, doubles, leaving } = sort_out(want, seen);
    let delete = |policy: &ObservedL7Policy| {
        let key = key_of(&policy.tags).unwrap_or(&policy.name);
        Step::delete(Kind::L7Policy, name(place.listener_key, key), &policy.id)
    };
    let mut steps: Vec<Step> = doubles.iter().map(|double| delete(double)).collect();
    let remaining = seen.iter().filter(|policy| doubles.iter().all(|double| double.id != policy.id));
    let mut order = Order::new(want, remaining, &kept);
    for policy in want {
        let redirect_pool = policy.action.pool().and_then(|pool| place.pools.get(pool.as_str()));
        match kept.get(policy.key.as_str()) {
            Some(seen) => {
                let position = order.move_to_its_place(&policy.key);
                steps.extend(update(place, policy, redirect_pool, seen, position));
            }
            None => steps.extend(create(place, policy, redirect_pool, order.insert(&policy.key))),
        }
    }
    steps.extend(leaving.iter().map(|policy| delete(policy)));
    steps
}

fn create(place: &PolicyContext<'_>, want: &L7Policy, redirect_pool: Option<&Target>, position: usize) -> Vec<Step> {
    let name = name(place.listener_key, &want.key);
    let target = Target::pending(Kind::L7Policy, &name);
    let rules = l7_rule::RuleDiff::new(&want.rules, &[]);
    let enable_last = want.admin_state_up && place.live && rules.is_unsafe_live();
    let mut body = without_empties(wanted(want, redirect_pool));
    body.insert("listener_id".to_owned(), place.listener.json());
    body.insert("position".to_owned(), json!(position));
    body.insert("admin_state_up".to_owned(), json!(want.admin_state_up && !enable_last));
    let mut create = Step::new(Kind::L7Policy, &name, Call::Create { parent: None, body });
    if let Some(pool) = redirect_pool {
        create = create.after(pool);
    }
    let (before, after) = rules.steps(&name, &target, false);
    let mut steps = vec![create.after(&place.listener)];
    steps.extend(before.into_iter().chain(after));
    if enable_last {
        let mut enable = Patch::default();
        enable.set("admin_state_up", json!(false), json!(true));
        steps.push(Step::update(Kind::L7Policy, &name, &target, enable));
    }
    steps
}

/// In place. `position`: from where and to where it has to be moved, if at all.
fn update(
    place: &PolicyContext<'_>,
    want: &L7Policy,
    redirect_pool: Option<&Target>,
    seen: &ObservedL7Policy,
    position: Option<(usize, usize)>,
) -> Vec<Step> {
    let name = name(place.listener_key, &want.key);
    let target = Target::existing(&seen.id);
    let mut edit = RULES.compare(&wanted(want, redirect_pool), &observed(seen), &OwnedFields::of(&seen.tags));
    let tags_first = edit.tags_first(&seen.tags);
    if let Some((was, position)) = position {
        edit.set("position", json!(was), json!(position));
    }
    let rules = l7_rule::RuleDiff::new(&want.rules, &seen.rules);
    let put = |edit: Patch| {
        let needed = redirect_pool.filter(|pool| edit.body.get("redirect_pool_id") == Some(&pool.json()));
        let step = Step::update(Kind::L7Policy, &name, &target, edit);
        if let Some(pool) = needed { step.after(pool) } else { step }
    };
    let mut steps: Vec<Step> = tags_first.map(put).into_iter().collect();
    if rules.is_empty() {
        steps.extend((!edit.is_empty()).then(|| put(edit)));
        return steps;
    }
    let serves = place.live && seen.admin_state_up && want.admin_state_up;
    let pauses = serves && rules.is_unsafe_live();
    let action_changes = ACTION_FIELDS.iter().any(|field| edit.changes(field));
    let (before, after) = rules.steps(&name, &target, serves && !pauses && action_changes);
    let rules_then = |last: Patch| before.iter().chain(&after).cloned().chain([put(last)]);
    match (seen.admin_state_up, want.admin_state_up) {
        (false, true) => steps.extend(rules_then(edit)),
        _ if pauses => {
            let (mut off, mut on) = (edit, Patch::default());
            off.set("admin_state_up", json!(true), json!(false));
            on.set("admin_state_up", json!(false), json!(true));
            steps.push(put(off).impact(Impact::NewConnections));
            steps.extend(rules_then(on));
        }
        (true, false) => steps.extend([put(edit)].into_iter().chain(before).chain(after)),
        _ if edit.is_empty() => steps.extend(before.into_iter().chain(after)),
        _ => steps.extend(before.into_iter().chain([put(edit)]).chain(after)),
    }
    steps
}

/// The order of a listener's policies while steps change it, as Octavia keeps it: dense, from 1; a move takes the
/// policy out and puts it back in (`L7PolicyRepository.update`).
struct Order {
    /// Ids of what is there; keys of what is made on the way.
    list: Vec<String>,
    /// Wanted keys in order, each with its entry in the list.
    wanted: Vec<(Key, String)>,
    /// Entries that may stay where they are.
    resting: BTreeSet<String>,
}

impl Order {
    fn new<'a>(
        want: &[L7Policy],
        seen: impl Iterator<Item = &'a ObservedL7Policy>,
        kept: &BTreeMap<&str, &ObservedL7Policy>,
    ) -> Self {
        let entry = |key: &Key| kept.get(key.as_str()).map_or_else(|| format!("new {key}"), |seen| seen.id.clone());
        let wanted: Vec<(Key, String)> = want.iter().map(|policy| (policy.key.clone(), entry(&policy.key))).collect();
        let mut sorted: Vec<&ObservedL7Policy> = seen.collect();
        sorted.sort_by_key(|policy| policy.position);
        let list: Vec<String> = sorted.into_iter().map(|policy| policy.id.clone()).collect();
        let at: BTreeMap<&str, usize> = list.iter().enumerate().map(|(i, id)| (id.as_str(), i)).collect();
        let present: Vec<(&str, usize)> =
            wanted.iter().filter_map(|(_, entry)| Some((entry.as_str(), *at.get(entry.as_str())?))).collect();
        let resting = longest_run(&present).into_iter().map(str::to_owned).collect();
        Self { list, wanted, resting }
    }

    /// From where and to where a policy that is there has to be moved; `None` if it rests.
    fn move_to_its_place(&mut self, key: &str) -> Option<(usize, usize)> {
        let entry = self.wanted.iter().find(|(k, _)| k == key)?.1.clone();
        if self.resting.contains(&entry) {
            return None;
        }
        let was = self.list.iter().position(|other| *other == entry)? + 1;
        self.list.remove(was - 1);
        Some((was, self.put(key, entry)))
    }

    /// Where a new one has to be made.
    fn insert(&mut self, key: &str) -> usize {
        self.put(key, format!("new {key}"))
    }

    /// Right behind its predecessor; the first one of all before the first of ours, so that what is not ours keeps its
    /// place.
    fn put(&mut self, key: &str, entry: String) -> usize {
        let mine = self.wanted.iter().position(|(k, _)| k == key).unwrap_or_default();
        let place_of = |entry: &String| self.list.iter().position(|other| other == entry);
        let behind_predecessor =
            mine.checked_sub(1).and_then(|before| place_of(&self.wanted[before].1)).map(|index| index + 1);
        let before_ours = || self.wanted.iter().filter_map(|(_, entry)| place_of(entry)).min();
        let index = behind_predecessor.or_else(before_ours).unwrap_or(self.list.len());
        self.resting.insert(entry.clone());
        self.list.insert(index, entry);
        index + 1
    }
}

/// The longest subsequence whose places rise. (Lists of at most some dozens: the quadratic way is the readable one.)
fn longest_run<'a>(entries: &[(&'a str, usize)]) -> Vec<&'a str> {
    let mut best: Vec<Vec<usize>> = Vec::with_capacity(entries.len());
    for (i, (_, place)) in entries.iter().enumerate() {
        let longest = (0..i).filter(|j| entries[*j].1 < *place).max_by_key(|j| (best[*j].len(), std::cmp::Reverse(*j)));
        let mut run = longest.map_or_else(Vec::new, |j| best[j].clone());
        run.push(i);
        best.push(run);
    }
    let run = best.into_iter().max_by_key(Vec::len).unwrap_or_default();
    run.into_iter().map(|i| entries[i].0).collect()
}
