//! From a tree that is there to the one that is wanted: the order of everything.
//!
//! 1. heal what is in ERROR and gets no other write ([`heal`](super::heal));
//! 2. the load balancer itself, unless it has to wait ([`load_balancer::Update`]);
//! 3. pools with members and monitors, so that whatever refers to them finds them complete;
//! 4. listeners in place: policies and default pools switch;
//! 5. listeners that replace another at their port, then those at free ports: made disabled when they have policies,
//!    and enabled when these are complete;
//! 6. away with listeners, then with pools that nobody refers to any more;
//! 7. the load balancer, if it had to wait; the floating IP, whose troubles must not hold up the rest.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::diff::Patch;
use super::matching::{Gate, ListenerMatch, Matching};
use super::step::Target;
use super::{floating_ip, heal, l7_policy, listener, load_balancer, member, pool};
use crate::model::{
    Call, Desired, Impact, Kind, Listener, Member, MemberKey, ObservedListener, ObservedLoadBalancer, ObservedPool,
    ObservedTree, Plan, Step, StepReason, key_of,
};

/// What has to be done. The load balancer is there and ACTIVE, and no child is PENDING.
///
/// A difference in a field that cannot change stops everything but the healing: half a change of such a stack would
/// help nobody.
pub fn update(desired: &Desired, tree: &ObservedTree) -> Plan {
    let survey = Matching::new(desired, tree);
    let problems = load_balancer::immutable(&desired.load_balancer, &tree.load_balancer);
    if !problems.is_empty() {
        return Plan { steps: heal::steps(&survey, &[]), held_back: Vec::new(), problems };
    }
    let mut draft = PlanBuilder { survey, pools: BTreeMap::new(), steps: Vec::new(), held: Vec::new() };
    draft.pools = draft.survey.pool_targets();
    let mut problems = draft.survey.problems();

    let own = load_balancer::update(desired, &tree.load_balancer);
    draft.steps.extend(own.first);
    draft.change_pools();
    draft.change_listeners();
    draft.replace_listeners();
    draft.create_listeners();
    draft.delete_listeners();
    draft.delete_pools();
    draft.steps.extend(own.last);
    let floating_ip = floating_ip::change(desired, tree);
    draft.steps.extend(floating_ip.steps);
    draft.held.extend(floating_ip.held_back);
    problems.extend(floating_ip.problems);

    let mut steps = heal::steps(&draft.survey, &draft.steps);
    steps.extend(draft.steps);
    Plan { steps, held_back: draft.held, problems }
}

struct PlanBuilder<'a> {
    survey: Matching<'a>,
    pools: BTreeMap<&'a str, Target>,
    steps: Vec<Step>,
    held: Vec<Step>,
}

impl<'a> PlanBuilder<'a> {
    fn extend(&mut self, leave: Gate, steps: impl IntoIterator<Item = Step>) {
        match leave {
            Gate::Open => self.steps.extend(steps),
            Gate::HeldBack => self.held.extend(steps),
            Gate::Blocked => {}
        }
    }

    fn change_pools(&mut self) {
        let load_balancer = &self.survey.tree.load_balancer.id;
        for (key, want) in &self.survey.desired.pools {
            let seen = self.survey.pool(key);
            let leave = if seen.is_some() { Gate::Open } else { self.survey.may_create(key) };
            self.extend(leave, pool::steps(load_balancer, key, want, seen));
        }
        self.keep_members_of_held_pools();
    }

    /// A pool of another protocol whose listener cannot be replaced yet goes on serving, perhaps for days: its members
    /// must not grow old meanwhile.
    fn keep_members_of_held_pools(&mut self) {
        let mut serving = self.survey.pools_in_use(Gate::HeldBack);
        serving.extend(self.survey.pools_in_use(Gate::Blocked));
        let serving = self.survey.leaving_pools.iter().filter(|pool| serving.contains(pool.id.as_str()));
        for pool in serving {
            let Some((key, want)) = key_of(&pool.tags).and_then(|key| self.survey.desired.pools.get_key_value(key))
            else {
                continue;
            };
            let members = reachable(&self.survey.tree.load_balancer, pool, &want.members);
            self.steps.extend(member::steps(key, &Target::existing(&pool.id), &members, &pool.members));
        }
    }

    fn change_listeners(&mut self) {
        for (key, want) in &self.survey.desired.listeners {
            if let ListenerMatch::InPlace(seen) = self.survey.place(key) {
                let steps = self.change_listener(key, want, seen);
                self.steps.extend(steps);
            }
        }
    }

    /// In place. Going down comes first and coming up last, so that policies never change half in view.
    fn change_listener(&self, key: &'a str, want: &Listener, seen: &ObservedListener) -> Vec<Step> {
        let target = Target::existing(&seen.id);
        let pool = want.default_pool.as_ref().and_then(|key| self.pools.get(key.as_str()));
        let mut edit = listener::compare(key, want, pool, seen);
        let put = |edit: Patch| {
            let impact = listener::impact(&edit);
            let needed = pool.filter(|pool| edit.body.get("default_pool_id") == Some(&pool.json()));
            let step = Step::update(Kind::Listener, key, &target, edit).impact(impact);
            if let Some(pool) = needed { step.after(pool) } else { step }
        };
        let goes_down = edit.switches_off();
        let first = listener::first(&mut edit, seen);
        let puts: Vec<Step> = first.into_iter().chain([edit]).filter(|edit| !edit.is_empty()).map(put).collect();
        let live = seen.admin_state_up && !goes_down && self.load_balancer_serves();
        let place = l7_policy::PolicyContext { listener_key: key, listener: target.clone(), live, pools: &self.pools };
        let policies = l7_policy::steps(&place, &want.policies, &seen.policies);
        if goes_down { puts.into_iter().chain(policies).collect() } else { policies.into_iter().chain(puts).collect() }
    }

    fn load_balancer_serves(&self) -> bool {
        self.survey.tree.load_balancer.admin_state_up && self.survey.desired.load_balancer.admin_state_up
    }

    /// Another protocol on the same port: the old listener has to go before the new one can come.
    fn replace_listeners(&mut self) {
        for (key, want) in &self.survey.desired.listeners {
            if let ListenerMatch::NeedsReplace(old) = self.survey.place(key) {
                let delete = Step::delete(Kind::Listener, own_name(old), &old.id);
                let mut steps = vec![delete.impact(Impact::Interrupts).because(StepReason::Replace)];
                steps.extend(self.create_listener(key, want, StepReason::Replace));
                self.extend(self.survey.leave(key), steps);
            }
        }
    }

    fn create_listeners(&mut self) {
        for (key, want) in &self.survey.desired.listeners {
            if let ListenerMatch::Missing = self.survey.place(key) {
                let steps = self.create_listener(key, want, StepReason::Wanted);
                self.steps.extend(steps);
            }
        }
    }

    fn create_listener(&self, key: &'a str, want: &Listener, why: StepReason) -> Vec<Step> {
        let target = Target::pending(Kind::Listener, key);
        let enable_last = want.admin_state_up && !want.policies.is_empty();
        let mut body = listener::body(key, want);
        body.insert("loadbalancer_id".to_owned(), json!(self.survey.tree.load_balancer.id));
        if enable_last {
            body.insert("admin_state_up".to_owned(), Value::Bool(false));
        }
        let pool = want.default_pool.as_ref().and_then(|key| self.pools.get(key.as_str()));
        body.extend(pool.map(|pool| ("default_pool_id".to_owned(), pool.json())));
        let mut create = Step::new(Kind::Listener, key, Call::Create { parent: None, body }).because(why);
        if let Some(pool) = pool {
            create = create.after(pool);
        }
        let place =
            l7_policy::PolicyContext { listener_key: key, listener: target.clone(), live: false, pools: &self.pools };
        let mut steps = vec![create];
        steps.extend(l7_policy::steps(&place, &want.policies, &[]));
        if enable_last {
            let mut enable = Patch::default();
            enable.set("admin_state_up", json!(false), json!(true));
            steps.push(Step::update(Kind::Listener, key, &target, enable));
        }
        steps
    }

    fn delete_listeners(&mut self) {
        for old in self.survey.leaving_listeners.clone() {
            let moved = key_of(&old.tags).is_some_and(|key| self.survey.desired.listeners.contains_key(key));
            let why = if moved { StepReason::Replace } else { StepReason::Wanted };
            let step = Step::delete(Kind::Listener, own_name(old), &old.id).impact(Impact::Interrupts).because(why);
            self.extend(self.survey.may_delete(old), [step]);
        }
    }

    /// A pool that something foreign uses stays, silently: it harms nobody, and no call would be accepted.
    fn delete_pools(&mut self) {
        let foreign = self.survey.pools_in_use(Gate::Blocked);
        let held = self.survey.pools_in_use(Gate::HeldBack);
        for old in self.survey.leaving_pools.clone() {
            let leave = match old.id.as_str() {
                id if foreign.contains(id) => Gate::Blocked,
                id if held.contains(id) => Gate::HeldBack,
                _ => Gate::Open,
            };
            let key = key_of(&old.tags).unwrap_or(&old.name);
            let why =
                if self.survey.desired.pools.contains_key(key) { StepReason::Replace } else { StepReason::Wanted };
            self.extend(leave, [Step::delete(Kind::Pool, key, &old.id).because(why)]);
        }
    }
}

/// A pool of UDP or SCTP takes no members of a version of IP that the load balancer does not have (501). They may be wanted
/// for the pool of another protocol that cannot come yet.
fn reachable(
    load_balancer: &ObservedLoadBalancer,
    pool: &ObservedPool,
    members: &BTreeMap<MemberKey, Member>,
) -> BTreeMap<MemberKey, Member> {
    let crosses_over = !matches!(pool.protocol.as_str(), "UDP" | "SCTP");
    let additional = load_balancer.additional_vips.iter().filter_map(|vip| vip.ip_address.as_deref());
    let addresses = load_balancer.vip_address.as_deref().into_iter().chain(additional);
    let here: Vec<bool> = addresses.filter_map(|text| Some(text.parse::<IpAddr>().ok()?.is_ipv6())).collect();
    let reached = |key: &MemberKey| crosses_over || here.contains(&key.address.is_ipv6());
    members.iter().filter(|(key, _)| reached(key)).map(|(key, member)| (key.clone(), member.clone())).collect()
}

fn own_name(listener: &ObservedListener) -> &str {
    key_of(&listener.tags).unwrap_or(&listener.name)
}
