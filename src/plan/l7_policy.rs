//! L7 policies of one listener: an ordered list with keys. Each of them is live at once, half-built or not, so traffic
//! depends on the order of the steps.
//!
//! * A new policy is created disabled, gets its rules, and is then enabled. With a single rule it is complete at once,
//!   because Octavia does not render a policy without rules.
//! * Rules of a live policy change so that at every moment each request is treated as the old or as the new policy says
//!   ([`RuleDiff::steps`](super::l7_rule::RuleDiff::steps)): new rules first, then the action, then the deletion of the
//!   old.
//! * Obsolete policies go after those that come. Of duplicates of one key, one goes before anything else.
//! * Positions are moved one at a time, and only those outside a longest run of well-ordered ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::diff::{FieldRules, Patch, Reset, add_some, object, without_empties};
use super::l7_rule::{self, RuleDiff, RuleSteps};
use super::policy_order::{Move, PolicyOrder};
use super::step::Target;
use crate::model::{
    Body, Call, Impact, Kind, L7Action, L7Policy, ObservedL7Policy, OwnedFields, PrunePolicy, Step, key_tag,
};

const ACTION_FIELDS: [&str; 5] =
    ["action", "redirect_pool_id", "redirect_url", "redirect_prefix", "redirect_http_code"];

const RULES: FieldRules = FieldRules {
    operator_defaulted: &[("description", Reset::EmptyText)],
    // An action without its target is rejected, and a URL without its code resets the code.
    groups: &[&ACTION_FIELDS],
};

/// The listener whose policies are planned.
pub(super) struct PolicyContext<'a> {
    pub listener_key: &'a str,
    pub listener: Target,
    /// It serves while the policies change.
    pub live: bool,
    pub prune: PrunePolicy,
    /// Pools of the stack, by key.
    pub pools: &'a BTreeMap<&'a str, Target>,
}

impl PolicyContext<'_> {
    fn redirect_pool(&self, policy: &L7Policy) -> Option<&Target> {
        policy.action.pool().and_then(|pool| self.pools.get(pool.as_str()))
    }
}

fn desired_body(policy: &L7Policy, redirect_pool: Option<&Target>) -> Body {
    let L7Policy { key, name, description, tags, admin_state_up, action, rules: _ } = policy;
    let mut body = object([("name", json!(name)), ("admin_state_up", json!(admin_state_up))]);
    add_some(&mut body, [("description", description.as_ref().map(|d| json!(d)))]);
    let tags = RULES.tags(tags, [key_tag(key)], &body);
    body.insert("tags".to_owned(), json!(tags));
    body.insert("action".to_owned(), json!(action.kind()));
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

/// Fields that the desired action does not use are not compared: Octavia clears them by itself, or leaves them unused.
fn observed_body(policy: &ObservedL7Policy) -> Body {
    object([
        ("name", json!(policy.name)),
        ("description", json!(policy.description)),
        ("tags", json!(policy.tags)),
        ("admin_state_up", json!(policy.admin_state_up)),
        ("action", json!(policy.action)),
        ("redirect_pool_id", json!(policy.redirect_pool_id)),
        ("redirect_url", json!(policy.redirect_url)),
        ("redirect_prefix", json!(policy.redirect_prefix)),
        ("redirect_http_code", json!(policy.redirect_http_code)),
    ])
}

/// True if the policy does what the desired one does, to the same requests. Its pool is left out: pools of an adopted
/// load balancer are recognised by their policies.
pub(super) fn has_same_content(desired: &L7Policy, observed: &ObservedL7Policy) -> bool {
    let (want, is) = (desired_body(desired, None), observed_body(observed));
    let differs = |field: &str| want.get(field).is_some_and(|value| is.get(field) != Some(value));
    let mut compared = ACTION_FIELDS.into_iter().filter(|field| *field != "redirect_pool_id");
    !compared.any(differs) && RuleDiff::new(&desired.rules, &observed.rules).has_same_meaning()
}

/// The body that creates it inside the single POST, with its rules; it refers to the pool by name.
pub(super) fn nested_body(policy: &L7Policy, position: usize, pool_name: Option<&str>) -> Body {
    let mut body = without_empties(desired_body(policy, None));
    add_some(&mut body, [("redirect_pool", pool_name.map(|name| json!({"name": name})))]);
    let rules: Vec<Body> = policy.rules.iter().map(|rule| without_empties(l7_rule::body(rule))).collect();
    if !rules.is_empty() {
        body.insert("rules".to_owned(), json!(rules));
    }
    body.insert("position".to_owned(), json!(position));
    body
}

pub(super) fn name(listener_key: &str, policy_key: &str) -> String {
    format!("{listener_key}/{policy_key}")
}

/// The stack's policies that a listener has.
#[derive(Default)]
struct MatchedPolicies<'a> {
    /// One for each desired key.
    kept: BTreeMap<&'a str, &'a ObservedL7Policy>,
    /// Others of a desired key: an answer was lost, and the policy was created twice.
    duplicates: Vec<&'a ObservedL7Policy>,
    /// Policies whose key the stack does not have.
    obsolete: Vec<&'a ObservedL7Policy>,
}

fn match_policies<'a>(desired: &[L7Policy], observed: &'a [ObservedL7Policy]) -> MatchedPolicies<'a> {
    let keys: BTreeSet<&str> = desired.iter().map(|policy| policy.key.as_str()).collect();
    let mut matched = MatchedPolicies::default();
    for policy in observed {
        let Some(key) = policy.key() else { continue };
        // Of duplicates the one that serves stays, or the one that is nearer to serving.
        let rank = |p: &ObservedL7Policy| (p.admin_state_up, p.rules.len(), std::cmp::Reverse(p.position));
        match matched.kept.get(key).copied() {
            _ if !keys.contains(key) => matched.obsolete.push(policy),
            Some(other) if rank(other) >= rank(policy) => matched.duplicates.push(policy),
            other => {
                matched.duplicates.extend(other);
                matched.kept.insert(key, policy);
            }
        }
    }
    matched
}

/// The policy that serves each desired key.
pub(super) fn kept<'a>(
    desired: &[L7Policy],
    observed: &'a [ObservedL7Policy],
) -> BTreeMap<&'a str, &'a ObservedL7Policy> {
    match_policies(desired, observed).kept
}

/// Steps from the observed policies of a listener to the desired ones. Duplicates go first, because the choice between
/// them depends on fields that the steps change.
pub(super) fn steps(context: &PolicyContext<'_>, desired: &[L7Policy], observed: &[ObservedL7Policy]) -> Vec<Step> {
    let MatchedPolicies { kept, duplicates, obsolete } = match_policies(desired, observed);
    let delete = |policy: &&ObservedL7Policy| {
        let key = policy.key().unwrap_or(&policy.name);
        Step::delete(Kind::L7Policy, name(context.listener_key, key), &policy.id)
    };
    let mut steps: Vec<Step> = duplicates.iter().map(delete).collect();
    let adopted = desired.iter().filter_map(|policy| Some((policy, *kept.get(policy.key.as_str())?)));
    steps.extend(adopted.flat_map(|(policy, observed)| adopt(context, policy, observed)));
    let remaining = observed.iter().filter(|policy| duplicates.iter().all(|duplicate| duplicate.id != policy.id));
    let mut order = PolicyOrder::new(desired, remaining, &kept);
    for policy in desired {
        match kept.get(policy.key.as_str()) {
            Some(observed) => {
                let position = order.move_into_place(&policy.key);
                steps.extend(update(context, policy, observed, position));
            }
            None => steps.extend(create(context, policy, order.insert(&policy.key))),
        }
    }
    if context.prune != PrunePolicy::None {
        steps.extend(obsolete.iter().map(delete));
    }
    steps
}

fn create(context: &PolicyContext<'_>, desired: &L7Policy, position: usize) -> Vec<Step> {
    let name = name(context.listener_key, &desired.key);
    let target = Target::pending(Kind::L7Policy, &name);
    let redirect_pool = context.redirect_pool(desired);
    let rules = RuleDiff::new(&desired.rules, &[]);
    let enable_last = desired.admin_state_up && context.live && rules.is_unsafe_live();
    let mut body = without_empties(desired_body(desired, redirect_pool));
    body.insert("listener_id".to_owned(), context.listener.json());
    body.insert("position".to_owned(), json!(position));
    body.insert("admin_state_up".to_owned(), json!(desired.admin_state_up && !enable_last));
    let mut create = Step::new(Kind::L7Policy, &name, Call::Create { parent: None, body });
    if let Some(pool) = redirect_pool {
        create = create.after(pool);
    }
    let mut steps = vec![create.after(&context.listener)];
    steps.extend(rules.steps(&name, &target, false).all());
    if enable_last {
        steps.push(Step::update(Kind::L7Policy, &name, &target, Patch::enable()));
    }
    steps
}

/// Fields that say nothing about the content of a policy.
const LABELS: [&str; 3] = ["tags", "name", "description"];

/// Tags, name and description of a policy that the stack adopts. They come before all other changes of the listener's
/// policies: until then the content of the policy tells its key.
fn adopt(context: &PolicyContext<'_>, desired: &L7Policy, observed: &ObservedL7Policy) -> Vec<Step> {
    if observed.adopted_as.is_none() {
        return Vec::new();
    }
    let want = desired_body(desired, None);
    let mut whole = RULES.compare(&want, &observed_body(observed), &OwnedFields::of(&observed.tags));
    let mut patch = LABELS.map(|field| whole.take(field)).into_iter().fold(Patch::default(), Patch::and);
    let first = patch.tags_first(&observed.tags);
    let (name, target) = (name(context.listener_key, &desired.key), Target::existing(&observed.id));
    let put = |patch: Patch| Step::update(Kind::L7Policy, &name, &target, patch);
    first.into_iter().chain([patch]).filter(|patch| !patch.is_empty()).map(put).collect()
}

/// Changes a policy in place.
///
/// One that comes up gets its rules first, one that goes down loses them last. One that stays up changes between the
/// rules that narrow it and those that widen it. Where that cannot be done safely, it pauses meanwhile.
fn update(
    context: &PolicyContext<'_>,
    desired: &L7Policy,
    observed: &ObservedL7Policy,
    position: Option<Move>,
) -> Vec<Step> {
    let name = name(context.listener_key, &desired.key);
    let target = Target::existing(&observed.id);
    let redirect_pool = context.redirect_pool(desired);
    let owned = OwnedFields::of(&observed.tags);
    let mut patch = RULES.compare(&desired_body(desired, redirect_pool), &observed_body(observed), &owned);
    let tags_first = if observed.adopted_as.is_some() {
        for field in LABELS {
            patch.take(field);
        }
        None
    } else {
        patch.tags_first(&observed.tags)
    };
    if let Some(Move { from, to }) = position {
        patch.set("position", json!(from), json!(to));
    }
    let put = |patch: Patch| {
        let needed = redirect_pool.filter(|pool| patch.body.get("redirect_pool_id") == Some(&pool.json()));
        let step = Step::update(Kind::L7Policy, &name, &target, patch);
        if let Some(pool) = needed { step.after(pool) } else { step }
    };
    let rules = RuleDiff::new(&desired.rules, &observed.rules);
    let serves = context.live && observed.admin_state_up && desired.admin_state_up;
    let pauses = serves && rules.is_unsafe_live();
    let action_changes = ACTION_FIELDS.iter().any(|field| patch.changes(field));
    let rules = rules.steps(&name, &target, serves && !pauses && action_changes);

    let mut steps: Vec<Step> = tags_first.map(put).into_iter().collect();
    if pauses {
        patch.set("admin_state_up", json!(true), json!(false));
        steps.push(put(patch).impact(Impact::NewConnections));
        steps.extend(rules.all());
        steps.push(put(Patch::enable()));
        return steps;
    }
    let own = (!patch.is_empty()).then(|| put(patch));
    match (observed.admin_state_up, desired.admin_state_up) {
        (false, true) => steps.extend(rules.all().chain(own)),
        (true, false) => steps.extend(own.into_iter().chain(rules.all())),
        _ => {
            let RuleSteps { before, after } = rules;
            steps.extend(before.into_iter().chain(own).chain(after));
        }
    }
    steps
}
