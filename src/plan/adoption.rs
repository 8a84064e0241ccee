//! Adoption of a load balancer: the write that makes the stack its owner, and everything that follows from the desired
//! state.

use super::floating_ip;
use super::foreign::foreign_children;
use super::load_balancer::{self, Update};
use super::update::update_with;
use crate::model::{Desired, ObservedTree, Owner, Plan, Problem, ProblemReason, StepReason};

/// Problems that prevent an adoption: differences that Octavia cannot resolve. They are looked for before the first write,
/// because the stack would else own a load balancer that it can never bring into its desired state.
pub fn adoption_problems(desired: &Desired, tree: &ObservedTree) -> Vec<Problem> {
    let immutable = load_balancer::immutable(&desired.load_balancer, &tree.load_balancer);
    immutable.into_iter().chain(excluded_cidrs(desired, tree)).collect()
}

/// Problem of the CIDRs of a listener beside the security groups of the VIP, which exclude each other, where one of them is
/// the other client's. Removing either would open ports that it closes.
fn excluded_cidrs(desired: &Desired, tree: &ObservedTree) -> Option<Problem> {
    let groups = "spec.loadBalancer.vip.securityGroups";
    let (field, message) = match &desired.load_balancer.security_group_ids {
        None if !tree.load_balancer.vip_sg_ids.is_empty() => {
            let (key, _) = desired.listeners.iter().find(|(_, listener)| !listener.allowed_cidrs.is_empty())?;
            let message = format!(
                "load balancer {} has security groups, with which Octavia accepts no allowedCIDRs. Remove allowedCIDRs, or \
                 set {groups} to [] to take the groups off",
                tree.load_balancer.id
            );
            (format!("spec.listeners[{key}].allowedCIDRs"), message)
        }
        Some(wanted) if !wanted.is_empty() => {
            let foreign = foreign_children(desired, tree);
            let stays = |id: &str| foreign.iter().any(|child| child.id == id);
            let has_cidrs = tree.listeners.iter().filter(|listener| !listener.allowed_cidrs.is_empty());
            let listener = has_cidrs.into_iter().find(|listener| stays(&listener.id))?;
            let message = format!(
                "listener {}, which the stack does not name, has allowed_cidrs, with which Octavia accepts no security \
                 groups. Remove its CIDRs, or the security groups of the stack",
                listener.id
            );
            (groups.to_owned(), message)
        }
        _ => return None,
    };
    Some(Problem::new(field, ProblemReason::ResourceConflict, message))
}

/// The plan for a load balancer that the stack does not own yet.
///
/// Its first steps hand over the floating IPs of the former owner, a stack, and write the owner tags. All others are
/// those of [`update`](super::update()), which the next plans repeat: an equal tree gets tags and nothing else.
pub fn adopt(desired: &Desired, tree: &ObservedTree, former: Option<&Owner>) -> Plan {
    let floating_ips = &tree.floating_ips;
    let handed_over = former.map(|former| floating_ip::take_over(&desired.owner, former, floating_ips));
    let later = former.map(|former| floating_ip::taken_over(&desired.owner, former, floating_ips));
    let claim = load_balancer::claim(desired, tree);
    let own = Update { first: Vec::new(), last: claim.last };
    let mut plan = match later {
        Some(floating_ips) => update_with(desired, &ObservedTree { floating_ips, ..tree.clone() }, own),
        None => update_with(desired, tree, own),
    };
    let claimed = claim.first.into_iter().map(|step| step.because(StepReason::Adopt));
    plan.steps.splice(..0, handed_over.into_iter().flatten().chain(claimed));
    plan
}
