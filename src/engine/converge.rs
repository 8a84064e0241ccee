//! Brings the cloud to the desired state of a stack.

use crate::model::{Desired, ObservedLoadBalancer, ObservedTree, Provisioning};
use crate::plan;

use super::backoff::NextStep;
use super::duplicates::Duplicates;
use super::locate::Located;
use super::memory::Memory;
use super::messages::{blocked_outcome, deferred, delayed, missing_vip_port};
use super::outcome::{Observed, Outcome, Retry, State};
use super::reconciliation::Reconciliation;
use super::settings::FIRST_POLL;
use super::stop::Stop;

impl Reconciliation<'_> {
    pub(super) async fn converge(&self, desired: &Desired, memory: &mut Memory) -> Result<Outcome, Stop> {
        self.check_contended(desired, memory.contended.as_ref()).await?;
        if let Some(tree) = self.still_in_sync(desired, memory).await? {
            return Ok(Outcome::new(State::InSync, Retry::Resync).with_tree(tree));
        }
        match self.locate().await? {
            Located::Owned(load_balancer) => {
                memory.service_history.record(&load_balancer);
                match load_balancer.provisioning_status {
                    Provisioning::Error => self.converge_failed(desired, *load_balancer, memory).await,
                    _ => self.converge_existing(desired, *load_balancer, memory).await,
                }
            }
            Located::Orphaned(load_balancer) => self.take_over(*load_balancer, memory).await,
            Located::Foreign(_) | Located::Nowhere if let Some(adoption) = &desired.adopt => {
                self.adopt(desired, adoption, memory).await
            }
            Located::Foreign(load_balancer) => Ok(self.foreign(*load_balancer)),
            Located::Nowhere => self.create(desired, memory).await,
        }
    }

    async fn converge_existing(
        &self,
        desired: &Desired,
        load_balancer: ObservedLoadBalancer,
        memory: &mut Memory,
    ) -> Result<Outcome, Stop> {
        let tree = self.observe_tree(load_balancer, desired.tree_query(), memory).await?;
        self.clear_outdated_pending(&tree.load_balancer).await;
        let plan = plan::update(desired, &tree);
        memory.plan_made(&plan);
        if !plan.steps.iter().any(|step| step.call.is_octavia()) {
            // Also where Neutron keeps the stack from being in sync.
            memory.history.settled();
        }
        if let Some(problem) = plan.problems.first().filter(|_| plan.steps.is_empty()) {
            let in_use = Some((problem.clone(), tree.floating_ips.clone()));
            let outcome = Outcome::problem(problem).with_tree(tree).with_plan(plan);
            return Ok(memory.contend(desired, in_use, outcome));
        }
        match memory.backoff.next_runnable(&plan.steps) {
            Some(NextStep::Run { step, instead }) => {
                let step = step.clone();
                let outcome = self.execute(step, plan, Observed::Tree(Box::new(tree)), memory).await;
                Ok(match instead {
                    Some(delay) => deferred(outcome, delay, &memory.history),
                    None => outcome,
                })
            }
            Some(NextStep::AllDelayed(delay)) => Ok(delayed(plan, delay, &memory.history).with_tree(tree)),
            None if !plan.held_back.is_empty() => {
                memory.backoff.forget();
                Ok(blocked_outcome(tree, plan))
            }
            None => self.settle(tree, memory).await,
        }
    }

    /// Ends a reconcile with nothing left to do. After a create that was in doubt, a duplicate of it is looked for.
    async fn settle(&self, tree: ObservedTree, memory: &mut Memory) -> Result<Outcome, Stop> {
        memory.backoff.forget();
        let mut outcome = missing_vip_port(&tree).unwrap_or_else(|| Outcome::new(State::InSync, Retry::Resync));
        let Some(newest) = self.record.pending_creates.newest() else { return Ok(outcome.with_tree(tree)) };
        let gave_up = self.record.pending_creates.any_given_up();
        let duplicates = match gave_up {
            true => self.find_duplicates(&tree.load_balancer.id).await?,
            false => Duplicates::default(),
        };
        let watched_enough = memory.attempt_age(&newest.attempt) > self.settings.duplicate_watch();
        if !self.record.names(&tree.load_balancer) {
            // The outcome of this reconcile puts the id on record.
            outcome.retry = Retry::After(FIRST_POLL);
        } else if gave_up && watched_enough && duplicates.is_empty() {
            self.clear_pending().await;
        } else if gave_up && (!watched_enough || duplicates.any_deletable()) {
            outcome.retry = Retry::After(self.settings.duplicate_interval());
        }
        if let Some(step) = duplicates.deletion {
            self.cloud.execute(&step).await?;
            outcome.executed = Some(step);
        }
        outcome.duplicates = duplicates.reported;
        Ok(outcome.with_tree(tree))
    }
}
