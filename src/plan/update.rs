//! Plan from an observed tree to the desired one. The order of its steps:
//!
//! 1. heal objects in ERROR that no other step writes ([`heal`]);
//! 2. the load balancer itself, unless it has to wait ([`load_balancer::Update`]);
//! 3. secrets that listeners and pools will name ([`secrets`]), then pools with members and monitors, so that every
//!    reference finds them complete;
//! 4. listeners in place: policies and default pools switch;
//! 5. listeners that replace another at their port, then those at free ports: created disabled when they have policies,
//!    and enabled when these are complete;
//! 6. deletion of listeners, then of pools that nothing refers to any more;
//! 7. the load balancer, if it had to wait; the floating IP, whose troubles must not hold up the rest;
//! 8. deletion of secrets that nothing names any more.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::diff::Patch;
use super::matching::{Gate, ListenerMatch, Matching};
use super::natural_keys::recognised;
use super::step::Target;
use super::{certificates, floating_ip, heal, l7_policy, listener, load_balancer, member, pool, secrets};
use crate::model::{
    Call, Desired, Impact, Kind, Listener, Member, MemberKey, ObservedListener, ObservedLoadBalancer, ObservedPool,
    ObservedTree, Plan, PoolProtocol, Step, StepReason,
};

/// The plan for a load balancer that exists and is ACTIVE, and of which no child is PENDING.
///
/// A difference in a field that cannot change stops everything but healing: no change of such a stack is applied in
/// part.
///
/// A certificate that is unknown stays as it is in the cloud.
///
/// While the desired members of a pool are unknown, no pool with members is replaced by another, which would have none:
/// it gets no writes, a listener that its protocol does not suit waits with it, and a problem says so. All other changes
/// run.
pub fn update(desired: &Desired, tree: &ObservedTree) -> Plan {
    update_with(desired, tree, load_balancer::update(desired, tree))
}

/// The same with these steps for the load balancer itself.
pub(super) fn update_with(desired: &Desired, tree: &ObservedTree, own: load_balancer::Update) -> Plan {
    let tree = &*recognised(desired, tree);
    let resolved = certificates::resolved(desired, tree);
    let matching = Matching::new(&resolved, tree);
    let problems = load_balancer::immutable(&desired.load_balancer, &tree.load_balancer);
    if !problems.is_empty() {
        return Plan { steps: heal::steps(&matching, &[]), held_back: Vec::new(), problems };
    }
    let pools = matching.pool_targets();
    let mut problems = matching.problems();
    problems.extend(secrets::unreadable(desired, &tree.secrets));
    problems.extend(secrets::too_long(desired, &tree.secrets));
    let mut builder = PlanBuilder { matching, pools, steps: Vec::new(), held_back: Vec::new() };

    builder.change_pools();
    builder.change_listeners();
    builder.replace_listeners();
    builder.create_listeners();
    builder.delete_listeners();
    builder.delete_pools();
    let stored = secrets::creates(desired, &mut builder.steps);
    let stored_later = secrets::creates(desired, &mut builder.held_back);
    builder.held_back.splice(..0, stored_later.into_iter().filter(|create| !stored.contains(create)));
    builder.steps.splice(..0, own.first.into_iter().chain(stored));
    builder.steps.extend(own.last);
    let floating_ip = floating_ip::update(desired, tree);
    builder.steps.extend(floating_ip.steps);
    builder.held_back.extend(floating_ip.held_back);
    problems.extend(floating_ip.problems);

    let mut steps = heal::steps(&builder.matching, &builder.steps);
    steps.extend(builder.steps);
    steps.extend(secrets::deletes(desired, tree, &steps));
    Plan { steps, held_back: builder.held_back, problems }
}

struct PlanBuilder<'a> {
    matching: Matching<'a>,
    /// Every desired pool, existing or to be created.
    pools: BTreeMap<&'a str, Target>,
    steps: Vec<Step>,
    held_back: Vec<Step>,
}

impl<'a> PlanBuilder<'a> {
    fn extend(&mut self, gate: Gate, steps: impl IntoIterator<Item = Step>) {
        match gate {
            Gate::Open => self.steps.extend(steps),
            Gate::HeldBack => self.held_back.extend(steps),
            Gate::Blocked => {}
        }
    }

    fn change_pools(&mut self) {
        let load_balancer = &self.matching.tree.load_balancer.id;
        for (key, desired) in &self.matching.desired.pools {
            if self.matching.unreplaced_pool(key).is_some() {
                continue;
            }
            let observed = self.matching.pool(key);
            let gate = if observed.is_some() { Gate::Open } else { self.matching.may_create(key) };
            let prune = self.matching.desired.prune;
            self.extend(gate, pool::steps(load_balancer, key, desired, observed, prune));
        }
        self.update_members_of_waiting_pools();
    }

    /// A pool of another protocol keeps serving while its listener cannot be replaced, perhaps for days. So its members
    /// must stay up to date.
    fn update_members_of_waiting_pools(&mut self) {
        let in_use = self.matching.pools_in_use();
        let obsolete = self.matching.obsolete_pools.iter();
        for pool in obsolete.filter(|pool| in_use.may_delete(pool) != Gate::Open) {
            let key = pool.key();
            let Some((key, desired)) = key.and_then(|key| self.matching.desired.pools.get_key_value(key)) else {
                continue;
            };
            let Some(members) = desired.members.known() else { continue };
            let members = reachable(&self.matching.tree.load_balancer, pool, members);
            let (target, prune) = (Target::existing(&pool.id), self.matching.desired.prune);
            self.steps.extend(member::steps(key, &target, &members, &pool.members, prune));
        }
    }

    fn change_listeners(&mut self) {
        for (key, desired) in &self.matching.desired.listeners {
            if let ListenerMatch::InPlace(observed) = self.matching.listener(key) {
                let steps = self.change_listener(key, desired, observed);
                self.extend(self.matching.gate(key), steps);
            }
        }
    }

    /// Changes a listener in place. It goes down first and comes up last, so that clients never meet policies half
    /// changed.
    fn change_listener(&self, key: &'a str, desired: &Listener, observed: &ObservedListener) -> Vec<Step> {
        let target = Target::existing(&observed.id);
        let pool = self.default_pool(desired);
        let mut patch = listener::compare(key, desired, pool, observed);
        let put = |patch: Patch| {
            let impact = listener::impact(&patch);
            let needed = pool.filter(|pool| patch.body.get("default_pool_id") == Some(&pool.json()));
            let step = Step::update(Kind::Listener, key, &target, patch).impact(impact);
            if let Some(pool) = needed { step.after(pool) } else { step }
        };
        let goes_down = patch.switches_off();
        let first = listener::split_first(&mut patch, observed);
        let puts: Vec<Step> = first.into_iter().chain([patch]).filter(|patch| !patch.is_empty()).map(put).collect();
        let live = observed.admin_state_up && !goes_down && self.load_balancer_serves();
        let policies = self.policy_steps(key, &target, live, desired, observed);
        if goes_down { puts.into_iter().chain(policies).collect() } else { policies.into_iter().chain(puts).collect() }
    }

    fn policy_steps(
        &self,
        key: &str,
        listener: &Target,
        live: bool,
        desired: &Listener,
        observed: &ObservedListener,
    ) -> Vec<Step> {
        let listener = listener.clone();
        let prune = self.matching.desired.prune;
        let context = l7_policy::PolicyContext { listener_key: key, listener, live, prune, pools: &self.pools };
        l7_policy::steps(&context, &desired.policies, &observed.policies)
    }

    fn default_pool(&self, listener: &Listener) -> Option<&Target> {
        listener.default_pool.as_ref().and_then(|key| self.pools.get(key.as_str()))
    }

    fn load_balancer_serves(&self) -> bool {
        self.matching.tree.load_balancer.admin_state_up && self.matching.desired.load_balancer.admin_state_up
    }

    /// Another protocol on the same port: the old listener has to go before the new one can come.
    fn replace_listeners(&mut self) {
        for (key, desired) in &self.matching.desired.listeners {
            if let ListenerMatch::NeedsReplace(old) = self.matching.listener(key) {
                let delete = Step::delete(Kind::Listener, name(old), &old.id);
                let mut steps = vec![delete.impact(Impact::Interrupts).because(StepReason::Replace)];
                steps.extend(self.create_listener(key, desired, StepReason::Replace));
                self.extend(self.matching.gate(key), steps);
            }
        }
    }

    fn create_listeners(&mut self) {
        for (key, desired) in &self.matching.desired.listeners {
            if let ListenerMatch::Missing = self.matching.listener(key) {
                let steps = self.create_listener(key, desired, StepReason::Wanted);
                self.extend(self.matching.gate(key), steps);
            }
        }
    }

    fn create_listener(&self, key: &'a str, desired: &Listener, reason: StepReason) -> Vec<Step> {
        let target = Target::pending(Kind::Listener, key);
        let enable_last = desired.admin_state_up && !desired.policies.is_empty();
        let mut body = listener::create_body(key, desired);
        body.insert("loadbalancer_id".to_owned(), json!(self.matching.tree.load_balancer.id));
        if enable_last {
            body.insert("admin_state_up".to_owned(), Value::Bool(false));
        }
        let pool = self.default_pool(desired);
        body.extend(pool.map(|pool| ("default_pool_id".to_owned(), pool.json())));
        let mut create = Step::new(Kind::Listener, key, Call::Create { parent: None, body }).because(reason);
        if let Some(pool) = pool {
            create = create.after(pool);
        }
        let mut steps = vec![create];
        steps.extend(self.policy_steps(key, &target, false, desired, &ObservedListener::default()));
        if enable_last {
            steps.push(Step::update(Kind::Listener, key, &target, Patch::enable()));
        }
        steps
    }

    fn delete_listeners(&mut self) {
        for old in self.matching.obsolete_listeners.clone() {
            let moved = old.key().is_some_and(|key| self.matching.desired.listeners.contains_key(key));
            let reason = if moved { StepReason::Replace } else { StepReason::Wanted };
            let step = Step::delete(Kind::Listener, name(old), &old.id).impact(Impact::Interrupts).because(reason);
            self.extend(self.matching.may_delete(old), [step]);
        }
    }

    /// Deletes pools. One that another client's object uses stays without a word: it does no harm, and Octavia would
    /// reject the call.
    fn delete_pools(&mut self) {
        let in_use = self.matching.pools_in_use();
        for old in self.matching.obsolete_pools.clone() {
            let key = old.key().unwrap_or(&old.name);
            let replaced = self.matching.desired.pools.contains_key(key);
            let reason = if replaced { StepReason::Replace } else { StepReason::Wanted };
            self.extend(in_use.may_delete(old), [Step::delete(Kind::Pool, key, &old.id).because(reason)]);
        }
    }
}

/// The members that a pool can take: one of UDP or SCTP takes none of an IP version that the load balancer does not
/// have (501). Such members can be desired all the same, for the pool of another protocol that cannot come yet.
fn reachable(
    load_balancer: &ObservedLoadBalancer,
    pool: &ObservedPool,
    members: &BTreeMap<MemberKey, Member>,
) -> BTreeMap<MemberKey, Member> {
    let is_datagram = PoolProtocol::parse(&pool.protocol).is_some_and(PoolProtocol::is_datagram);
    let additional = load_balancer.additional_vips.iter().filter_map(|vip| vip.ip_address.as_deref());
    let addresses = load_balancer.vip_address.as_deref().into_iter().chain(additional);
    let has_v6: Vec<bool> = addresses.filter_map(|text| Some(text.parse::<IpAddr>().ok()?.is_ipv6())).collect();
    let reached = |key: &MemberKey| !is_datagram || has_v6.contains(&key.address.is_ipv6());
    members.iter().filter(|(key, _)| reached(key)).map(|(key, member)| (key.clone(), member.clone())).collect()
}

fn name(listener: &ObservedListener) -> &str {
    listener.key().unwrap_or(&listener.name)
}
