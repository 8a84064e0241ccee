//! The entry of the engine: the order of everything that one reconcile does.

use super::memory::Memory;
use super::outcome::Outcome;
use super::reconciliation::{Goal, Reconciliation};
use super::stop::Stop;

/// Reconciles one stack once: at most one write to the cloud. Never sleeps while Octavia works.
pub async fn reconcile(stack: Reconciliation<'_>, goal: Goal, memory: &mut Memory) -> Outcome {
    memory.begin();
    stack.run(goal, memory).await.unwrap_or_else(Outcome::from)
}

impl Reconciliation<'_> {
    async fn run(&self, goal: Goal, memory: &mut Memory) -> Result<Outcome, Stop> {
        self.check_preconditions().await?;
        let end = match goal {
            Goal::Converge => {
                let desired = self.resolve().await?;
                let outcome = self.converge(&desired, memory).await;
                outcome.map(|outcome| outcome.with_foreign_of(&desired).with_unresolved(desired.source_problems))
            }
            Goal::Observe => {
                let desired = self.resolve().await?;
                self.observe(&desired, memory).await.map(|outcome| outcome.with_foreign_of(&desired))
            }
            Goal::Delete { retain_floating_ip } => self.delete(retain_floating_ip, memory).await,
            Goal::Orphan => self.orphan(memory).await,
        };
        Ok(memory.conclude(end))
    }
}
