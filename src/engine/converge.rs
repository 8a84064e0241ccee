//! Making the cloud as the stack wants it, and looking without touching.

use std::time::Duration;

use crate::model::{Desired, ObservedLoadBalancer, ObservedTree, Plan, Provisioning, TreeQuery, foreign_owner};
use crate::openstack::{CloudError, ErrorClass};
use crate::plan;

use super::*;

/// A step of Neutron locks nothing: the next one may follow at once.
const AT_ONCE: Retry = Retry::After(Duration::ZERO);

impl Reconciliation<'_> {
    pub(super) async fn converge(&self, desired: &Desired, memory: &mut Memory) -> Result<Outcome, CloudError> {
        if let Some(outcome) = self.still_contended(desired, memory).await? {
            return Ok(outcome);
        }
        if let Some(tree) = self.still_in_sync(desired, memory).await? {
            return Ok(Outcome::new(State::InSync, Retry::Resync).seeing(tree));
        }
        match self.locate().await? {
            Located::Ours(load_balancer) => {
                memory.service_history.look(&load_balancer);
                match load_balancer.provisioning_status {
                    Provisioning::Error => self.converge_failed(desired, *load_balancer, memory).await,
                    _ => self.converge_existing(desired, *load_balancer, memory).await,
                }
            }
            Located::Foreign(load_balancer) => Ok(foreign(*load_balancer)),
            Located::Orphaned(load_balancer) => self.take_over(*load_balancer, memory).await,
            Located::Nowhere => self.create(desired, memory).await,
        }
    }

    /// The load balancer of a stack of this name that is no more becomes ours.
    pub(super) async fn take_over(
        &self,
        load_balancer: ObservedLoadBalancer,
        memory: &mut Memory,
    ) -> Result<Outcome, CloudError> {
        match load_balancer.provisioning_status {
            Provisioning::Active => {}
            Provisioning::Error => return self.failed_load_balancer(load_balancer, memory).await,
            _ => return Ok(self.locked(load_balancer, memory)),
        }
        let plan = self.takeover_plan(&load_balancer).await?;
        let seen = Seen::LoadBalancer(Box::new(load_balancer));
        match plan.steps.first().cloned() {
            Some(step) => self.step(step, plan, seen, memory).await,
            None => Ok(Outcome::new(State::Progressing, AT_ONCE)),
        }
    }

    async fn takeover_plan(&self, load_balancer: &ObservedLoadBalancer) -> Result<Plan, CloudError> {
        let predecessor = self.owner.predecessor(&load_balancer.tags);
        let floating_ips = self.cloud.floating_ips(&predecessor, load_balancer.vip_port_id.as_deref()).await?;
        Ok(plan::take_over(self.owner, load_balancer, &floating_ips))
    }

    /// The cheap answer for a quiet stack, from lists that others use too. Anything else than "nothing to do" is looked
    /// at again, by ourselves.
    async fn still_in_sync(&self, desired: &Desired, memory: &Memory) -> Result<Option<ObservedTree>, CloudError> {
        if memory.needs_fresh_read || !self.record.pending_creates.is_empty() {
            return Ok(None);
        }
        let Some(id) = &self.record.load_balancer_id else { return Ok(None) };
        let tree = self.cloud.cached_tree(id, desired.tree_query(), self.settings.shared_age).await?;
        Ok(tree.filter(|tree| {
            self.owner.owns(&tree.load_balancer.tags)
                && tree.load_balancer.provisioning_status == Provisioning::Active
                && pending_child(tree).is_none()
                && !tree.vip_port_gone
                && plan::update(desired, tree) == Plan::default()
        }))
    }

    async fn converge_existing(
        &self,
        desired: &Desired,
        load_balancer: ObservedLoadBalancer,
        memory: &mut Memory,
    ) -> Result<Outcome, CloudError> {
        let tree = match self.observe_tree(load_balancer, desired.tree_query(), memory).await? {
            Observation::Tree(tree) => *tree,
            Observation::NotNow(outcome) => return Ok(*outcome),
        };
        self.clear_outdated_pending(&tree.load_balancer).await;
        let plan = plan::update(desired, &tree);
        if !plan.steps.iter().any(|step| step.call.is_octavia()) {
            // Also where Neutron keeps the stack from being in sync.
            memory.history.settled();
        }
        if let Some(problem) = plan.problems.first().filter(|_| plan.steps.is_empty()) {
            let outcome = Outcome::problem(problem).seeing(tree.clone()).planning(plan.clone());
            return Ok(memory.contend(desired, problem, &tree.floating_ips, outcome));
        }
        match memory.backoff.next_runnable(&plan.steps) {
            Some(NextStep::Of { step, instead }) => {
                let step = step.clone();
                let outcome = self.step(step, plan, Seen::Tree(Box::new(tree)), memory).await?;
                Ok(match instead {
                    Some(delay) => deferred(outcome, delay, &memory.history),
                    None => outcome,
                })
            }
            Some(NextStep::None(delay)) => Ok(delayed(plan, delay, &memory.history).seeing(tree)),
            None if !plan.held_back.is_empty() => {
                memory.backoff.forget();
                Ok(blocked(tree, plan))
            }
            None => self.settle(tree, memory).await,
        }
    }

    /// Nothing left that we could do. After a create that was in doubt, one more look for its double.
    async fn settle(&self, tree: ObservedTree, memory: &mut Memory) -> Result<Outcome, CloudError> {
        memory.backoff.forget();
        let mut outcome = missing_vip_port(&tree).unwrap_or_else(|| Outcome::new(State::InSync, Retry::Resync));
        if let Some(newest) = self.record.pending_creates.newest() {
            let gave_up = self.record.pending_creates.0.len() > 1;
            if gave_up {
                let kept = &tree.load_balancer.id;
                if let Some(step) = self.delete_duplicates(kept, &mut outcome.duplicates).await? {
                    self.cloud.execute(&step).await?;
                    outcome.executed = Some(step);
                }
            }
            let recorded = self.record.load_balancer_id.as_ref() == Some(&tree.load_balancer.id);
            let settled = memory.attempt_age(&newest.attempt) > self.settings.quiet_period * 2;
            if !recorded {
                // Only this pass puts it into the status.
                outcome.retry = Retry::After(poll_interval(Duration::ZERO));
            } else if gave_up && settled && outcome.duplicates.is_empty() {
                self.clear_pending().await;
            } else if gave_up && !settled {
                outcome.retry = Retry::After(self.settings.quiet_period / 4);
            }
        }
        Ok(outcome.seeing(tree))
    }

    /// Finds a tree that can be planned against, or says why not now.
    async fn observe_tree(
        &self,
        load_balancer: ObservedLoadBalancer,
        interest: TreeQuery<'_>,
        memory: &mut Memory,
    ) -> Result<Observation, CloudError> {
        match load_balancer.provisioning_status {
            Provisioning::Active => {}
            Provisioning::Error => {
                return self.failed_load_balancer(load_balancer, memory).await.map(Observation::not_now);
            }
            _ => return Ok(Observation::not_now(self.locked(load_balancer, memory))),
        }
        let made = memory.created_tree.take().filter(|made| made.load_balancer.id == load_balancer.id);
        let tree = match made {
            Some(made) => self.cloud.confirm(ObservedTree { load_balancer, ..made }, interest).await?,
            None => self.cloud.tree(load_balancer, interest).await?,
        };
        if let Some(child) = pending_child(&tree) {
            let child = format!("{child} of load balancer {}", tree.load_balancer.id);
            return Ok(Observation::not_now(self.busy(&child, &tree.load_balancer, memory).seeing(tree)));
        }
        memory.locked_since = None;
        Ok(Observation::Tree(Box::new(tree)))
    }

    /// Executes the first step of a plan.
    pub(super) async fn step(
        &self,
        step: Step,
        mut plan: Plan,
        seen: Seen,
        memory: &mut Memory,
    ) -> Result<Outcome, CloudError> {
        let locks = step.call.is_octavia();
        match self.perform(step.clone(), memory).await {
            Ok(performed) => {
                plan.steps.retain(|planned| *planned != performed.step);
                let retry = if locks { Retry::After(poll_interval(Duration::ZERO)) } else { AT_ONCE };
                let mut outcome = Outcome::new(State::Progressing, retry).planning(plan);
                outcome.executed = Some(performed.step);
                outcome.seen = seen;
                Ok(outcome)
            }
            Err(mut error) => {
                if is_wait(&error) {
                    memory.locked_since.get_or_insert_with(Instant::now);
                }
                if error.class == ErrorClass::Conflict && locks && memory.backoff.repeats_conflict(&step) {
                    error.class = ErrorClass::Rejected;
                }
                let refused = matches!(error.class, ErrorClass::Quota | ErrorClass::Rejected);
                if refused {
                    memory.backoff.rejected(&step, &error);
                }
                let missing = self.missing(&error, &step, &seen).await;
                let mut outcome = missing.unwrap_or_else(|| Outcome::failed(error));
                if refused && let Some(turn) = memory.backoff.next_runnable(&plan.steps) {
                    outcome.retry = match turn {
                        NextStep::Of { .. } => AT_ONCE,
                        NextStep::None(delay) => Retry::After(delay.left),
                    };
                }
                outcome.seen = seen;
                Ok(outcome.planning(plan))
            }
        }
    }

    /// Reads and plans; writes nothing.
    pub(super) async fn observe(&self, desired: &Desired, memory: &mut Memory) -> Result<Outcome, CloudError> {
        let observed = |plan: Plan| {
            Outcome::new(State::Observed { differs: plan != Plan::default() }, Retry::Resync).planning(plan)
        };
        if let Some(tree) = self.still_in_sync(desired, memory).await? {
            return Ok(observed(Plan::default()).seeing(tree));
        }
        match self.locate().await? {
            Located::Ours(load_balancer) => {
                memory.service_history.look(&load_balancer);
                match self.observe_tree(*load_balancer, desired.tree_query(), memory).await? {
                    Observation::Tree(tree) => {
                        let plan = plan::update(desired, &tree);
                        let lost = missing_vip_port(&tree).filter(|_| plan == Plan::default());
                        Ok(lost.unwrap_or_else(|| observed(plan)).seeing(*tree))
                    }
                    Observation::NotNow(outcome) => Ok(*outcome),
                }
            }
            Located::Foreign(load_balancer) => Ok(foreign(*load_balancer)),
            Located::Orphaned(load_balancer) => {
                Ok(observed(self.takeover_plan(&load_balancer).await?).seeing_load_balancer(*load_balancer))
            }
            Located::Nowhere => {
                if let Some(hindered) = self.check_create_preconditions(desired).await? {
                    return Ok(hindered.outcome);
                }
                let plan = Plan { steps: vec![plan::create(desired, "")], ..Plan::default() };
                Ok(observed(plan))
            }
        }
    }
}

enum Observation {
    Tree(Box<ObservedTree>),
    NotNow(Box<Outcome>),
}

impl Observation {
    fn not_now(outcome: Outcome) -> Self {
        Self::NotNow(Box::new(outcome))
    }
}

fn foreign(load_balancer: ObservedLoadBalancer) -> Outcome {
    let message = format!(
        "{}; it is left alone: put the evenkeel: tags of this stack back",
        foreign_owner_message(&load_balancer)
    );
    Outcome::stalled(StallReason::OwnershipConflict, message).seeing_load_balancer(load_balancer)
}

/// Why a load balancer whose id we recorded is not touched.
pub(super) fn foreign_owner_message(load_balancer: &ObservedLoadBalancer) -> String {
    let id = &load_balancer.id;
    match foreign_owner(&load_balancer.tags) {
        Some(owner) => format!("load balancer {id} belongs to {owner} now"),
        None => format!("load balancer {id} does not carry the tags of this stack any more"),
    }
}

/// Neutron does not know the VIP port: its tenant deleted it.
fn missing_vip_port(tree: &ObservedTree) -> Option<Outcome> {
    let port = tree.load_balancer.vip_port_id.as_deref().filter(|_| tree.vip_port_gone)?;
    Some(Outcome::stalled(StallReason::VipPortMissing, missing_vip_port_message(&tree.load_balancer, port)))
}

/// Octavia's load balancer stays ACTIVE without its port and cannot be given another one.
pub(super) fn missing_vip_port_message(load_balancer: &ObservedLoadBalancer, port: &str) -> String {
    let id = &load_balancer.id;
    format!(
        "port {port}, the VIP of load balancer {id}, was deleted in Neutron, so nothing reaches it; delete the load balancer \
         (openstack loadbalancer delete --cascade {id}), and it is made again with its addresses, or on the port that \
         spec.loadBalancer.vip.port names by then"
    )
}

/// What is left of the plan may not run yet: Octavia refused it; or took it before, and it did not last.
pub(super) fn delayed(plan: Plan, delay: Delay, trail: &StepHistory) -> Outcome {
    let retry = Retry::After(delay.left);
    let outcome = match delay.refusal {
        Some(error) => Outcome { retry, ..Outcome::failed(error) },
        None => Outcome::waiting(WaitReason::ProvisioningFailed, no_effect_message(&plan, trail), retry),
    };
    outcome.planning(plan)
}

fn no_effect_message(plan: &Plan, trail: &StepHistory) -> String {
    format!(
        "Octavia accepts a change, but it does not take effect: {}; it is sent again ever more rarely, at most every 10 \
         minutes; correct the spec if it is the cause, or ask the operator of the cloud what the log of Octavia's worker says",
        trail.tell(&plan.steps)
    )
}

/// A step ran in place of one that has to wait. Below an object in ERROR it is refused as if that were locked: then all
/// of them wait.
fn deferred(outcome: Outcome, delay: Delay, trail: &StepHistory) -> Outcome {
    match outcome.state {
        State::Waiting { reason: WaitReason::Locked, .. } => {
            Outcome { seen: outcome.seen, ..delayed(outcome.plan, delay, trail) }
        }
        _ => outcome,
    }
}

fn blocked(tree: ObservedTree, plan: Plan) -> Outcome {
    let message = format!(
        "held back, because it interrupts traffic: {}; set spec.disruptionPolicy to Allow to let it run",
        plan.held_back.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    );
    Outcome::new(State::Blocked { message }, Retry::Resync).seeing(tree).planning(plan)
}

/// Every object below the load balancer, with its state, for people to read.
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

/// A child that is PENDING below an ACTIVE load balancer: a wait like any other.
fn pending_child(tree: &ObservedTree) -> Option<String> {
    children(tree).find(|(_, status)| status.is_pending()).map(|(name, _)| name)
}
