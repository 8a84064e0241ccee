//! Healing: what Octavia left in ERROR is sent again.
//!
//! After a failed change Octavia shows the new values although the data plane never got them, so comparing finds
//! nothing; any PUT of the object applies what is stored and brings it back to ACTIVE. A pool in ERROR refuses writes to
//! its members and its monitor, a policy in ERROR those to its rules: so parents come first. An object that another
//! step writes or deletes anyway needs no write of its own.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};

use super::diff::object;
use super::matching::Matching;
use super::{l7_policy, l7_rule, member};
use crate::model::{
    Body, Call, Kind, ObservedL7Policy, ObservedListener, ObservedMember, ObservedPool, Provisioning, Step, StepReason,
    key_of,
};

/// The writes that bring back what is ours, is in ERROR and is not written by `planned`.
pub(super) fn steps(survey: &Matching<'_>, planned: &[Step]) -> Vec<Step> {
    let planned = Planned::new(planned);
    let (mut pools, mut below_pools, mut healed_pools) = (Vec::new(), Vec::new(), HashSet::new());
    for pool in survey.tree.pools.iter().filter(|pool| !planned.deleted.contains(pool.id.as_str())) {
        let Some(key) = key_of(&pool.tags) else { continue };
        let below = below_pool(key, pool, &planned);
        let needs_own = !below.is_empty() || !planned.writes(&pool.id);
        let own = pool.provisioning_status == Provisioning::Error && needs_own;
        if own || !below.is_empty() {
            healed_pools.insert(pool.id.as_str());
        }
        pools.extend(own.then(|| reapply(Kind::Pool, key, None, &pool.id, super::pool::reapply_body(pool))));
        below_pools.extend(below);
    }
    let (mut listeners, mut policies, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    for listener in survey.tree.listeners.iter().filter(|listener| !planned.deleted.contains(listener.id.as_str())) {
        let Some(key) = key_of(&listener.tags) else { continue };
        let before = policies.len() + rules.len();
        for policy in listener.policies.iter().filter(|policy| !planned.deleted.contains(policy.id.as_str())) {
            below_listener(key, policy, &planned, &mut policies, &mut rules);
        }
        let with_its_pool = listener.default_pool_id.as_deref().is_some_and(|pool| healed_pools.contains(pool));
        let healed_below = policies.len() + rules.len() > before || with_its_pool || planned.reach(listener);
        if listener.provisioning_status == Provisioning::Error && !healed_below {
            listeners.push(reapply(Kind::Listener, key, None, &listener.id, super::listener::reapply_body(listener)));
        }
    }
    [pools, listeners, policies, rules, below_pools].into_iter().flatten().collect()
}

fn below_listener(
    listener_key: &str,
    policy: &ObservedL7Policy,
    planned: &Planned<'_>,
    policies: &mut Vec<Step>,
    rules: &mut Vec<Step>,
) {
    let Some(key) = key_of(&policy.tags) else { return };
    let name = l7_policy::name(listener_key, key);
    let is_sick = |rule: &&crate::model::ObservedL7Rule| {
        rule.provisioning_status == Provisioning::Error
            && !planned.writes(&rule.id)
            && !planned.deleted.contains(rule.id.as_str())
    };
    let sick: Vec<Step> = policy
        .rules
        .iter()
        .filter(is_sick)
        .map(|r| {
            let body = object([("admin_state_up", json!(r.admin_state_up))]);
            reapply(Kind::L7Rule, l7_rule::name(&name, r), Some(&policy.id), &r.id, body)
        })
        .collect();
    let needs_own = !sick.is_empty() || !planned.writes_before_children(&policy.id);
    if policy.provisioning_status == Provisioning::Error && needs_own {
        policies.push(reapply(Kind::L7Policy, name, None, &policy.id, no_op_body(&policy.name)));
    }
    rules.extend(sick);
}

fn below_pool(key: &str, pool: &ObservedPool, planned: &Planned<'_>) -> Vec<Step> {
    let sick: Vec<&ObservedMember> = pool
        .members
        .iter()
        .filter(|m| m.provisioning_status == Provisioning::Error && !planned.sends_member(&pool.id, m))
        .collect();
    let monitor = pool
        .monitor
        .iter()
        .filter(|m| m.provisioning_status == Provisioning::Error)
        .filter(|m| !planned.writes(&m.id) && !planned.deleted.contains(m.id.as_str()))
        .map(|m| reapply(Kind::HealthMonitor, key, None, &m.id, no_op_body(&m.name)));
    let members = (!sick.is_empty()).then(|| member::heal(key, &pool.id, &sick));
    members.into_iter().chain(monitor).collect()
}

/// A harmless field with the value that it has: Octavia applies the whole object. (An empty body would do for all but
/// policies, where it is a 400.)
pub(super) fn no_op_body(name: &str) -> Body {
    object([("name", json!(name))])
}

fn reapply(kind: Kind, name: impl Into<String>, parent: Option<&str>, id: &str, body: Body) -> Step {
    let call = Call::Update { parent: parent.map(str::to_owned), id: id.to_owned(), body };
    Step::new(kind, name, call).because(StepReason::Heal)
}

/// What the other steps of the plan write anyway.
struct Planned<'a> {
    /// Changed by id, with the place in the plan.
    written: Vec<(&'a str, usize)>,
    /// Parents of what is written, likewise.
    parents: Vec<(&'a str, usize)>,
    deleted: HashSet<&'a str>,
    /// Pools whose members are all sent.
    whole: BTreeSet<&'a str>,
    /// Pool, address and port of members that are sent one by one.
    members: HashSet<(&'a str, &'a str, u64)>,
}

impl<'a> Planned<'a> {
    fn new(steps: &'a [Step]) -> Self {
        let mut planned = Self {
            written: Vec::new(),
            parents: Vec::new(),
            deleted: HashSet::new(),
            whole: BTreeSet::new(),
            members: HashSet::new(),
        };
        for (at, step) in steps.iter().enumerate() {
            planned.note(at, &step.call);
        }
        planned
    }

    fn note(&mut self, at: usize, call: &'a Call) {
        match call {
            Call::Update { parent, id, .. } => {
                self.written.push((id, at));
                self.parents.extend(parent.as_deref().map(|parent| (parent, at)));
            }
            Call::Delete { parent, id } => {
                self.deleted.insert(id);
                self.parents.extend(parent.as_deref().map(|parent| (parent, at)));
            }
            Call::Create { parent, body } => {
                let named = ["listener_id", "pool_id"].iter().filter_map(|field| body.get(*field)?.as_str());
                self.parents.extend(parent.as_deref().into_iter().chain(named).map(|parent| (parent, at)));
            }
            Call::ReplaceMembers { pool, additive, members, .. } => {
                self.parents.push((pool, at));
                if !additive {
                    self.whole.insert(pool);
                }
                self.members.extend(members.iter().filter_map(|m| {
                    Some((pool.as_str(), m.get("address")?.as_str()?, m.get("protocol_port").and_then(Value::as_u64)?))
                }));
            }
            _ => {}
        }
    }

    fn writes(&self, id: &str) -> bool {
        self.written.iter().any(|(written, _)| *written == id)
    }

    fn writes_before_children(&self, id: &str) -> bool {
        let first = |list: &[(&str, usize)]| list.iter().filter(|(of, _)| *of == id).map(|(_, at)| *at).min();
        first(&self.written).is_some_and(|own| first(&self.parents).is_none_or(|child| own < child))
    }

    fn sends_member(&self, pool: &str, member: &ObservedMember) -> bool {
        self.whole.contains(pool)
            || self.deleted.contains(member.id.as_str())
            || self.members.contains(&(pool, member.address.as_str(), u64::from(member.protocol_port)))
    }

    /// Does a write to the listener, its policies, their rules or its pool push it again? (All of these send the
    /// listener through PENDING_UPDATE.)
    fn reach(&self, listener: &ObservedListener) -> bool {
        let touched = |id: &str| self.writes(id) || self.parents.iter().any(|(parent, _)| *parent == id);
        touched(&listener.id)
            || listener.default_pool_id.as_deref().is_some_and(touched)
            || listener.policies.iter().any(|p| touched(&p.id) || self.deleted.contains(p.id.as_str()))
    }
}
