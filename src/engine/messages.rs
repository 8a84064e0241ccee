//! Outcomes that need words: each says what happened, to which object, and what to do next.

use crate::model::{ObservedLoadBalancer, ObservedTree, Plan, Provisioning, foreign_owner};

use super::backoff::Delay;
use super::outcome::{Outcome, Retry, StallReason, State, WaitReason};
use super::step_history::StepHistory;

/// The recorded load balancer carries the tags of another owner, or none.
pub(super) fn foreign_outcome(load_balancer: &ObservedLoadBalancer) -> Outcome {
    let message = format!(
        "{}; it is left alone: put the evenkeel: tags of this stack back",
        foreign_owner_message(load_balancer)
    );
    Outcome::stalled(StallReason::OwnershipConflict, message)
}

/// Reason to leave the recorded load balancer alone.
pub(super) fn foreign_owner_message(load_balancer: &ObservedLoadBalancer) -> String {
    let id = &load_balancer.id;
    match foreign_owner(&load_balancer.tags) {
        Some(owner) => format!("load balancer {id} belongs to {owner} now"),
        None => format!("load balancer {id} does not carry the tags of this stack any more"),
    }
}

/// Neutron does not know the VIP port: a client deleted it.
pub(super) fn missing_vip_port(tree: &ObservedTree) -> Option<Outcome> {
    let port = tree.load_balancer.vip_port_id.as_deref().filter(|_| tree.vip_port_missing)?;
    Some(Outcome::stalled(StallReason::VipPortMissing, missing_vip_port_message(&tree.load_balancer, port)))
}

/// Octavia's load balancer stays ACTIVE without its port and cannot be given another one.
pub(super) fn missing_vip_port_message(load_balancer: &ObservedLoadBalancer, port: &str) -> String {
    let id = &load_balancer.id;
    format!(
        "port {port}, the VIP of load balancer {id}, was deleted in Neutron, so nothing reaches it; delete the load balancer \
         (openstack loadbalancer delete --cascade {id}), and it is recreated with its addresses, or on the port that \
         spec.loadBalancer.vip.port names by then"
    )
}

/// Every step of the plan has to wait: Octavia rejected it, or accepted it before without an effect.
pub(super) fn delayed(plan: Plan, delay: Delay, history: &StepHistory) -> Outcome {
    let retry = Retry::After(delay.left);
    let outcome = match delay.rejection {
        Some(error) => Outcome { retry, ..Outcome::failed(error) },
        None => Outcome::waiting(WaitReason::ProvisioningFailed, no_effect_message(&plan, history), retry),
    };
    outcome.with_plan(plan)
}

fn no_effect_message(plan: &Plan, history: &StepHistory) -> String {
    format!(
        "Octavia accepts a change, but it does not take effect: {}; it is sent again ever more rarely, at most every 10 \
         minutes; correct the spec if it is the cause, or ask the operator of the cloud what the log of Octavia's worker says",
        history.describe(&plan.steps)
    )
}

/// A step ran in place of one that has to wait. Below an object in ERROR Octavia rejects it as if that were locked:
/// then all of them wait.
pub(super) fn deferred(outcome: Outcome, delay: Delay, history: &StepHistory) -> Outcome {
    match outcome.state {
        State::Waiting { reason: WaitReason::Locked, .. } => {
            Outcome { observed: outcome.observed, ..delayed(outcome.plan, delay, history) }
        }
        _ => outcome,
    }
}

/// Nothing is left but steps that the disruption policy forbids.
pub(super) fn blocked_outcome(tree: ObservedTree, plan: Plan) -> Outcome {
    let message = format!(
        "held back, because it interrupts traffic: {}; set spec.disruptionPolicy to Allow to let it run",
        plan.held_back.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    );
    Outcome::new(State::Blocked { message }, Retry::Resync).with_tree(tree).with_plan(plan)
}

/// Every object below the load balancer, named for people, with its status.
pub(super) fn children(tree: &ObservedTree) -> impl Iterator<Item = (String, Provisioning)> {
    let pools = tree.pools.iter().flat_map(|pool| {
        let monitor =
            pool.monitor.iter().map(|m| (format!("the health monitor of pool {}", pool.name), m.provisioning_status));
        let members = pool.members.iter().map(|m| {
            (format!("member {}:{} of pool {}", m.address, m.protocol_port, pool.name), m.provisioning_status)
        });
        std::iter::once((format!("pool {}", pool.name), pool.provisioning_status)).chain(monitor).chain(members)
    });
    let listeners = tree.listeners.iter().flat_map(|listener| {
        let policies = listener.policies.iter().flat_map(|policy| {
            let rules = policy
                .rules
                .iter()
                .map(|rule| (format!("a {} rule of L7 policy {}", rule.kind, policy.name), rule.provisioning_status));
            std::iter::once((format!("L7 policy {}", policy.name), policy.provisioning_status)).chain(rules)
        });
        std::iter::once((format!("listener {}", listener.name), listener.provisioning_status)).chain(policies)
    });
    pools.chain(listeners)
}

/// A child that is PENDING below an ACTIVE load balancer: Octavia is at work there.
pub(super) fn pending_child(tree: &ObservedTree) -> Option<String> {
    children(tree).find(|(_, status)| status.is_pending()).map(|(name, _)| name)
}
