//! Heals objects that Octavia left in ERROR, by sending them again.
//!
//! After a failed change Octavia shows the new values although the data plane never got them, so a comparison finds no
//! difference. Any PUT of the object applies what is stored and brings it back to ACTIVE. A pool in ERROR rejects
//! writes to its members and its monitor, a policy in ERROR those to its rules: so parents come first. An object that
//! another step writes or deletes anyway needs no write of its own.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::diff::{no_op_body, object};
use super::matching::Matching;
use super::{l7_policy, l7_rule, listener, member, pool};
use crate::model::{
    Body, Call, Kind, ObservedL7Policy, ObservedL7Rule, ObservedListener, ObservedMember, ObservedPool, Provisioning,
    Step, StepReason,
};

/// Writes that bring back the stack's objects which are in ERROR and which no step of the plan writes.
pub(super) fn steps(matching: &Matching<'_>, planned: &[Step]) -> Vec<Step> {
    let planned = PlannedWrites::new(planned);
    let mut heal = HealSteps::default();
    for pool in matching.tree.pools.iter().filter(|pool| !planned.deletes(&pool.id)) {
        heal.add_pool(pool, &planned);
    }
    for listener in matching.tree.listeners.iter().filter(|listener| !planned.deletes(&listener.id)) {
        heal.add_listener(listener, &planned);
    }
    heal.in_order()
}

#[derive(Default)]
struct HealSteps<'a> {
    pools: Vec<Step>,
    /// Pools that are written, themselves or below: their listeners are healed with them.
    written_pools: HashSet<&'a str>,
    listeners: Vec<Step>,
    policies: Vec<Step>,
    rules: Vec<Step>,
    members_and_monitors: Vec<Step>,
}

impl<'a> HealSteps<'a> {
    fn in_order(self) -> Vec<Step> {
        let Self { pools, written_pools: _, listeners, policies, rules, members_and_monitors } = self;
        [pools, listeners, policies, rules, members_and_monitors].into_iter().flatten().collect()
    }

    fn add_pool(&mut self, pool: &'a ObservedPool, planned: &PlannedWrites<'_>) {
        let Some(key) = pool.key() else { return };
        let below = members_and_monitor(key, pool, planned);
        let needs_own = !below.is_empty() || !planned.writes(&pool.id);
        if is_failed(pool.provisioning_status) && needs_own {
            self.written_pools.insert(&pool.id);
            self.pools.push(reapply(Kind::Pool, key, None, &pool.id, pool::reapply_body(pool)));
        }
        if !below.is_empty() {
            self.written_pools.insert(&pool.id);
        }
        self.members_and_monitors.extend(below);
    }

    fn add_listener(&mut self, listener: &ObservedListener, planned: &PlannedWrites<'_>) {
        let Some(key) = listener.key() else { return };
        let mut healed_below = false;
        for policy in listener.policies.iter().filter(|policy| !planned.deletes(&policy.id)) {
            healed_below |= self.add_policy(key, policy, planned);
        }
        let with_its_pool = listener.default_pool_id.as_deref().is_some_and(|pool| self.written_pools.contains(pool));
        let healed = healed_below || with_its_pool || planned.reach(listener);
        if is_failed(listener.provisioning_status) && !healed {
            let body = listener::reapply_body(listener);
            self.listeners.push(reapply(Kind::Listener, key, None, &listener.id, body));
        }
    }

    /// True if the policy or one of its rules is written.
    fn add_policy(&mut self, listener_key: &str, policy: &ObservedL7Policy, planned: &PlannedWrites<'_>) -> bool {
        let Some(key) = policy.key() else { return false };
        let name = l7_policy::name(listener_key, key);
        let is_untouched = |rule: &&ObservedL7Rule| !planned.writes(&rule.id) && !planned.deletes(&rule.id);
        let failed = policy.rules.iter().filter(|rule| is_failed(rule.provisioning_status)).filter(is_untouched);
        let rules: Vec<Step> = failed
            .map(|rule| {
                let body = object([("admin_state_up", json!(rule.admin_state_up))]);
                reapply(Kind::L7Rule, l7_rule::name(&name, rule), Some(&policy.id), &rule.id, body)
            })
            .collect();
        let has_failed_rules = !rules.is_empty();
        self.rules.extend(rules);
        let needs_own = has_failed_rules || !planned.writes_before_children(&policy.id);
        let heals_own = is_failed(policy.provisioning_status) && needs_own;
        if heals_own {
            self.policies.push(reapply(Kind::L7Policy, name, None, &policy.id, no_op_body(&policy.name)));
        }
        heals_own || has_failed_rules
    }
}

fn is_failed(status: Provisioning) -> bool {
    status == Provisioning::Error
}

fn members_and_monitor(key: &str, pool: &ObservedPool, planned: &PlannedWrites<'_>) -> Vec<Step> {
    let failed: Vec<&ObservedMember> = pool
        .members
        .iter()
        .filter(|member| is_failed(member.provisioning_status) && !planned.sends_member(&pool.id, member))
        .collect();
    let members = (!failed.is_empty()).then(|| member::heal(key, &pool.id, &failed));
    let monitor = pool
        .monitor
        .iter()
        .filter(|monitor| is_failed(monitor.provisioning_status))
        .filter(|monitor| !planned.writes(&monitor.id) && !planned.deletes(&monitor.id))
        .map(|monitor| reapply(Kind::HealthMonitor, key, None, &monitor.id, no_op_body(&monitor.name)));
    members.into_iter().chain(monitor).collect()
}

fn reapply(kind: Kind, name: impl Into<String>, parent: Option<&str>, id: &str, body: Body) -> Step {
    let call = Call::Update { parent: parent.map(str::to_owned), id: id.to_owned(), body };
    Step::new(kind, name, call).because(StepReason::Heal)
}

/// Writes of the other steps of the plan, by id.
#[derive(Default)]
struct PlannedWrites<'a> {
    /// Updated objects, each with the index of its first update.
    updated: HashMap<&'a str, usize>,
    /// Parents of written objects, each with the index of the first such write.
    parents: HashMap<&'a str, usize>,
    deleted: HashSet<&'a str>,
    /// Pools of which all members are sent.
    whole_batches: HashSet<&'a str>,
    /// Members that are sent one by one.
    members: HashSet<MemberWrite<'a>>,
}

/// A member as an item of a batch identifies it.
#[derive(PartialEq, Eq, Hash)]
struct MemberWrite<'a> {
    pool: &'a str,
    address: &'a str,
    port: u64,
}

impl<'a> PlannedWrites<'a> {
    fn new(steps: &'a [Step]) -> Self {
        let mut planned = Self::default();
        for (index, step) in steps.iter().enumerate() {
            planned.add(index, &step.call);
        }
        planned
    }

    fn add(&mut self, index: usize, call: &'a Call) {
        match call {
            Call::Update { parent, id, .. } => {
                self.updated.entry(id).or_insert(index);
                self.add_parent(index, parent.as_deref());
            }
            Call::Delete { parent, id } => {
                self.deleted.insert(id);
                self.add_parent(index, parent.as_deref());
            }
            Call::Create { parent, body } => {
                self.add_parent(index, parent.as_deref());
                for field in ["listener_id", "pool_id"] {
                    self.add_parent(index, body.get(field).and_then(Value::as_str));
                }
            }
            Call::ReplaceMembers { pool, additive, members, .. } => {
                self.add_parent(index, Some(pool));
                if !additive {
                    self.whole_batches.insert(pool);
                }
                self.members.extend(members.iter().filter_map(|item| {
                    let address = item.get("address")?.as_str()?;
                    Some(MemberWrite { pool, address, port: item.get("protocol_port")?.as_u64()? })
                }));
            }
            _ => {}
        }
    }

    fn add_parent(&mut self, index: usize, parent: Option<&'a str>) {
        if let Some(parent) = parent {
            self.parents.entry(parent).or_insert(index);
        }
    }

    fn writes(&self, id: &str) -> bool {
        self.updated.contains_key(id)
    }

    fn deletes(&self, id: &str) -> bool {
        self.deleted.contains(id)
    }

    fn writes_before_children(&self, id: &str) -> bool {
        let first_child = self.parents.get(id);
        self.updated.get(id).is_some_and(|own| first_child.is_none_or(|child| own < child))
    }

    fn sends_member(&self, pool: &str, member: &ObservedMember) -> bool {
        self.whole_batches.contains(pool)
            || self.deletes(&member.id)
            || self.members.contains(&MemberWrite { pool, address: &member.address, port: member.protocol_port.into() })
    }

    /// True if a write to the listener, its policies, their rules or its pool pushes it again: all of these send the
    /// listener through PENDING_UPDATE.
    fn reach(&self, listener: &ObservedListener) -> bool {
        let touches = |id: &str| self.writes(id) || self.parents.contains_key(id);
        touches(&listener.id)
            || listener.default_pool_id.as_deref().is_some_and(touches)
            || listener.policies.iter().any(|policy| touches(&policy.id) || self.deletes(&policy.id))
    }
}
