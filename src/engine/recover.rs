//! Recovers a load balancer from ERROR: says what preceded it, and recreates one that has never served.
//!
//! In ERROR Octavia takes nothing but the deletion and an administrator's failover. A load balancer that went into
//! ERROR in its own create has never served, so it is deleted and recreated as soon as the spec changes: nothing is
//! lost by that, and the spec may have been the cause. That needs proof, because nothing that served is ever deleted;
//! without proof it stays.
//!
//! # Proof
//!
//! Octavia's worker makes listeners, pools and everything below them ACTIVE before the load balancer, when a create or
//! a failover succeeds (`MarkLBActiveInDB(mark_subobjects=True)` in `load_balancer_flows.py`), and leaves them
//! PENDING_CREATE when a create fails; only listeners go into ERROR, where the configuration was rejected
//! (`ListenersUpdate.revert`). Nothing makes an object PENDING_CREATE again. So a child that still is, beside none that
//! ever was ACTIVE, is proof. And the create has to be on record still: it is cleared when the load balancer is first
//! seen ACTIVE.

use crate::model::{
    Desired, Id, Impact, ObservedLoadBalancer, ObservedTree, Plan, Provisioning, attempt_of, generation_of,
};
use crate::openstack::CloudError;
use crate::plan;

use super::memory::Memory;
use super::messages::{children, delayed};
use super::outcome::{Observed, Outcome, StallReason};
use super::preconditions::CreateBlocker;
use super::reconciliation::Reconciliation;
use super::step_history::Cause;
use super::stop::Stop;

/// Objects that a message names.
const NAMED: usize = 6;

impl Reconciliation<'_> {
    /// Outcome for the stack's own load balancer in ERROR: it is recreated if it has never served and the spec has
    /// changed since its create, else reported.
    pub(super) async fn converge_failed(
        &self,
        desired: &Desired,
        load_balancer: ObservedLoadBalancer,
        memory: &mut Memory,
    ) -> Result<Outcome, Stop> {
        let tree = self.cloud.tree(load_balancer, self.owner).await?;
        if !self.failed_in_create(&tree, memory) || !self.is_of_another_spec(&tree.load_balancer) {
            return Ok(self.failed_outcome(tree, memory, true));
        }
        match self.create_blocker(desired).await? {
            Some(CreateBlocker { outcome, in_use }) => {
                let outcome = Outcome { never_served: true, ..outcome.with_tree(tree) };
                Ok(memory.contend(desired, in_use, outcome))
            }
            None => Ok(self.discard(desired, tree, memory).await),
        }
    }

    /// Outcome for a load balancer in ERROR that is only observed, or that a deleted stack left behind.
    pub(super) async fn failed_load_balancer(
        &self,
        load_balancer: ObservedLoadBalancer,
        memory: &Memory,
    ) -> Result<Outcome, CloudError> {
        let tree = self.cloud.tree(load_balancer, self.owner).await?;
        Ok(self.failed_outcome(tree, memory, false))
    }

    /// Tells whether there is proof that it has never served.
    fn failed_in_create(&self, tree: &ObservedTree, memory: &Memory) -> bool {
        let attempt = attempt_of(&tree.load_balancer.tags);
        let pending = &self.record.pending_creates;
        let on_record = attempt.is_some() && pending.newest().map(|newest| newest.attempt.as_str()) == attempt;
        let states: Vec<Provisioning> = children(tree).map(|(_, status)| status).collect();
        let never_active =
            states.iter().all(|status| matches!(status, Provisioning::PendingCreate | Provisioning::Error));
        let some_unmade = states.contains(&Provisioning::PendingCreate);
        let unmade = states.iter().all(|status| *status == Provisioning::PendingCreate);
        // A create behind another one stays on record for a while after the load balancer was seen ACTIVE.
        let alone = !pending.any_given_up();
        let proven = match states.as_slice() {
            [] => alone,
            _ => unmade || alone && (some_unmade || memory.service_history.saw_failing(&tree.load_balancer)),
        };
        on_record && never_active && proven && !memory.service_history.saw_serving(&tree.load_balancer)
    }

    /// Tells whether the spec has changed since the create, whose name holds its generation.
    fn is_of_another_spec(&self, load_balancer: &ObservedLoadBalancer) -> bool {
        let made_from = attempt_of(&load_balancer.tags).and_then(generation_of);
        made_from.is_some_and(|generation| generation != self.generation)
    }

    /// Deletes it with everything under it; its floating IP stays. The next reconciles make the new one.
    async fn discard(&self, desired: &Desired, tree: ObservedTree, memory: &mut Memory) -> Outcome {
        let seen = &tree.load_balancer;
        let deletion = plan::delete(self.owner, true, Some(seen), &[], &[]).steps.into_iter();
        let plan = Plan { steps: deletion.map(|step| step.impact(Impact::None)).collect(), ..Plan::default() };
        let Some(step) = plan.steps.first().cloned() else { return self.failed_outcome(tree, memory, true) };
        if let Some(delay) = memory.backoff.delay(&step) {
            return delayed(plan, delay, &memory.history).with_tree(tree);
        }
        let attempt = attempt_of(&seen.tags).map(str::to_owned);
        if has_other_place(desired, seen) {
            memory.address_conflicts.give_up(self.record.vip_address.as_slice());
        }
        let outcome = self.execute(step, plan, Observed::Tree(Box::new(tree)), memory).await;
        if outcome.executed.is_some() {
            memory.deleted_attempt = attempt;
        }
        outcome
    }

    /// Outcome that reports the ERROR. `remade`: a change of the spec has the load balancer recreated if it has never
    /// served.
    fn failed_outcome(&self, tree: ObservedTree, memory: &Memory, remade: bool) -> Outcome {
        let id = &tree.load_balancer.id;
        let never_served = self.failed_in_create(&tree, memory);
        let message = if never_served {
            let remade = remade && attempt_of(&tree.load_balancer.tags).and_then(generation_of).is_some();
            never_served_message(&tree, remade)
        } else {
            let objects = named(&tree, "in ERROR", |status| status == Provisioning::Error);
            self.broken_message(id, &objects, memory.history.cause())
        };
        Outcome { never_served, ..Outcome::stalled(StallReason::LoadBalancerError, message).with_tree(tree) }
    }

    /// A failover applies what Octavia has stored, so it helps only where that is not the cause.
    fn broken_message(&self, id: &str, objects: &str, cause: Cause<'_>) -> String {
        let failover = format!("ask the operator of the cloud for a failover (openstack loadbalancer failover {id})");
        let worker = "ask the operator of the cloud what the log of Octavia's worker says; Octavia takes no change before \
                      the operator has made the load balancer ACTIVE again";
        match cause {
            Cause::Change(step) => format!(
                "load balancer {id} is in ERROR since Evenkeel changed it: {step}{objects}; that is the likely cause: \
                 correct the spec, and {worker}"
            ),
            Cause::None => format!(
                "load balancer {id} is in ERROR{objects}, without a change by Evenkeel; Octavia takes no change of it: \
                 {failover}"
            ),
            Cause::Unknown => format!(
                "load balancer {id} is in ERROR{objects}; Octavia takes no change of it: {failover}; if the stack was \
                 changed shortly before, that is the likely cause: correct the spec first"
            ),
        }
    }
}

/// Listeners are in ERROR where their configuration was rejected, and nowhere else (`ListenersUpdate.revert`). Without
/// that the worker did not come so far: there is no amphora, or it is not reached.
fn never_served_message(tree: &ObservedTree, remade: bool) -> String {
    let rejected = tree.listeners.iter().any(|listener| listener.provisioning_status == Provisioning::Error);
    let advice = if rejected {
        "most likely Octavia cannot carry out the spec: correct the spec; the operator of the cloud finds the cause in the \
         log of Octavia's worker"
    } else {
        "its configuration was not rejected, so most likely its amphora did not come up: ask the operator of the cloud \
         what the log of Octavia's worker says"
    };
    let remade = if remade { "; after any change of the spec it is deleted and recreated" } else { "" };
    format!(
        "load balancer {} went into ERROR in its own create and has never served{}; {advice}{remade}",
        tree.load_balancer.id,
        named(tree, "not made", |status| status != Provisioning::Active),
    )
}

/// The new one cannot have the address of the old one.
fn has_other_place(desired: &Desired, seen: &ObservedLoadBalancer) -> bool {
    let vip = &desired.load_balancer.vip;
    let differs = |want: &Option<Id>, is: &Option<Id>| want.is_some() && want != is;
    differs(&vip.subnet_id, &seen.vip_subnet_id) || differs(&vip.network_id, &seen.vip_network_id)
}

/// `; in ERROR: listener http, pool web and 3 more`.
fn named(tree: &ObservedTree, what: &str, which: impl Fn(Provisioning) -> bool) -> String {
    let mut names: Vec<String> = children(tree).filter(|(_, status)| which(*status)).map(|(name, _)| name).collect();
    // Listeners and pools before what belongs to them.
    names.sort_by_key(|name| !(name.starts_with("listener ") || name.starts_with("pool ")));
    if names.is_empty() {
        return String::new();
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("; {what}: {}{more}", names.join(", "))
}
