//! One pass over one stack: look, plan, execute at most one step, say what came of it. No Kubernetes in here.
//!
//! ```text
//! find or poll the load balancer ─> locked? wait ─> observe ─> plan (pure) ─> execute the first step ─> Outcome
//! ```
//!
//! A pass never sleeps: a locked load balancer is an [`Outcome`] that says when to look again. All memory that must
//! survive a crash is in the [`Record`], which the caller keeps on the stack object; the [`Memory`] beside it only saves
//! calls, and may be lost at any time.

mod addresses;
mod backoff;
mod contended;
mod converge;
mod create;
mod delete;
mod missing;
mod outcome;
mod pending_create;
mod preconditions;
mod recover;
mod step_history;

pub use outcome::*;
pub use pending_create::*;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::model::{ApiVersion, Desired, ObservedLoadBalancer, ObservedTree, Owner, Provisioning, Step};
use crate::openstack::{Cloud, CloudError, Done, ErrorClass};
use backoff::{Delay, NextStep, StepBackoff};
use contended::Contended;
use recover::ServiceHistory;
use step_history::StepHistory;

/// The oldest Octavia API that the engine drives (Train; `SOURCE_IP_PORT`). Below it nothing is written.
pub const OLDEST_API: ApiVersion = ApiVersion { minor: 13 };

/// Durations that an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a create whose answer was lost may take to become visible. Longer than the POST's own time-out.
    pub quiet_period: Duration,
    /// A lock that stands for longer is said to be stuck.
    pub stuck_after: Duration,
    /// A quiet stack may be judged by lists that are this old.
    pub shared_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quiet_period: Duration::from_secs(150),
            stuck_after: Duration::from_secs(900),
            shared_age: Duration::from_secs(20),
        }
    }
}

/// What is asked of a pass.
#[derive(Debug, Clone, Copy)]
pub enum Goal<'a> {
    /// Make it so, and keep it so.
    Converge(&'a Desired),
    /// Look and plan, write nothing.
    Observe(&'a Desired),
    /// The load balancer goes, with everything under it.
    Delete { retain_floating_ip: bool },
    /// Everything stays, our tags go.
    Orphan,
}

/// What one pass works with.
pub struct Reconciliation<'a> {
    pub cloud: &'a Cloud,
    pub owner: &'a Owner,
    pub record: &'a Record,
    /// Of the stack's spec.
    pub generation: i64,
    pub pending_create_store: &'a dyn PendingCreateStore,
    pub settings: &'a Settings,
    pub now: Timestamp,
}

/// What the passes over one stack remember between them. Losing it costs calls, never correctness.
#[derive(Debug, Default)]
pub struct Memory {
    /// The answer of our own POST, until its statuses are confirmed.
    created_tree: Option<ObservedTree>,
    /// Something was in flight at the end of the last pass, or the stack changed since. Otherwise, and after a start, lists
    /// shared with other stacks will do: a restart among a thousand stacks at rest costs some lists, not a thousand trees.
    needs_fresh_read: bool,
    /// Since when the load balancer has been locked, without a look that found it free.
    locked_since: Option<Instant>,
    /// How often an address that was asked for again was taken.
    address_conflicts: addresses::Conflicts,
    /// How often a create has failed within Octavia since the last that did not.
    failed_creates: u32,
    /// The create that Octavia refused last.
    rejected_create: Option<RejectedCreate>,
    /// Creates on record, and since when this process knows of them; the one that was asked for last is the last.
    known_attempts: Vec<(String, Instant)>,
    /// What was changed on the way to what the stack says, so that nothing is tried for ever without a pause.
    backoff: StepBackoff,
    /// A floating IP that somebody else has stalls the stack.
    contended: Option<Contended>,
    /// The changes since the load balancer was last as the stack says.
    history: StepHistory,
    /// The create under way, as this process saw it.
    service_history: ServiceHistory,
    /// The create whose load balancer this process has deleted: it is in doubt no more.
    deleted_attempt: Option<String>,
}

/// What is not sent again as long as stack and credentials stay as they are.
#[derive(Debug)]
struct RejectedCreate {
    session: u64,
    desired: Box<Desired>,
    message: String,
}

impl Memory {
    /// The stack or its credentials changed: look for ourselves.
    pub fn invalidate(&mut self) {
        self.needs_fresh_read = true;
        self.contended = None;
        self.failed_creates = 0;
        self.backoff.forget();
    }

    /// To be told of the record at every pass, also where the cloud cannot be asked: time passes all the same.
    pub fn track_pending(&mut self, record: &Record) {
        if let Some(newest) = record.pending_creates.newest() {
            self.attempt_age(&newest.attempt);
        }
    }

    /// How long this process has known of an attempt to create. The time on record was written by the clock of whoever
    /// led then, which may be an hour off ours; a restart waits anew rather than post on a stranger's word.
    fn attempt_age(&mut self, attempt: &str) -> Duration {
        let known = self.known_attempts.iter().position(|(known, _)| known == attempt);
        let (attempt, since) =
            known.map_or_else(|| (attempt.to_owned(), Instant::now()), |at| self.known_attempts.remove(at));
        // One more than the record holds: that of a create which is refused is taken off again.
        if self.known_attempts.len() > REMEMBERED {
            self.known_attempts.remove(0);
        }
        self.known_attempts.push((attempt, since));
        since.elapsed()
    }
}

impl Reconciliation<'_> {
    /// Runs the pass, after [`Pass::enter`] has let it in.
    pub async fn run(&self, goal: Goal<'_>, memory: &mut Memory) -> Outcome {
        let result = match goal {
            Goal::Converge(desired) => self.converge(desired, memory).await,
            Goal::Observe(desired) => self.observe(desired, memory).await,
            Goal::Delete { retain_floating_ip } => self.delete(retain_floating_ip, memory).await,
            Goal::Orphan => self.orphan(memory).await,
        };
        let mut outcome = result.unwrap_or_else(Outcome::failed);
        memory.history.explain(&mut outcome.plan, outcome.executed.as_mut());
        if matches!(outcome.state, State::InSync | State::Blocked { .. } | State::Observed { differs: false }) {
            memory.history.settled();
        }
        memory.needs_fresh_read = !matches!(outcome.state, State::InSync | State::Observed { .. });
        outcome
    }

    /// Another cloud is not an empty cloud. Also the floor of versions. To be asked before anything else is
    /// looked up; an outcome means that the pass ends here.
    pub async fn check_preconditions(&self) -> Option<Outcome> {
        self.check_cloud().await.unwrap_or_else(|error| Some(Outcome::failed(error)))
    }

    async fn check_cloud(&self) -> Result<Option<Outcome>, CloudError> {
        let project = self.cloud.project().await?;
        let moved = |recorded: &Option<String>, now: &str| recorded.as_deref().is_some_and(|recorded| recorded != now);
        if moved(&self.record.project_id, &project.id) || moved(&self.record.region, &project.region) {
            let place = |id: Option<&str>, region: Option<&str>| {
                format!("project {} of region {}", id.unwrap_or("?"), region.unwrap_or("?"))
            };
            return Ok(Some(Outcome::stalled(
                StallReason::ProjectMismatch,
                format!(
                    "the credentials lead to {} now, but load balancer {} was made in {}; nothing is written: point the \
                     credentials back",
                    place(Some(&project.id), Some(&project.region)),
                    self.record.load_balancer_id.as_deref().unwrap_or("of this stack"),
                    place(self.record.project_id.as_deref(), self.record.region.as_deref()),
                ),
            )));
        }
        let version = self.cloud.api_version().await?;
        if version < OLDEST_API {
            return Ok(Some(Outcome::stalled(
                StallReason::OctaviaTooOld,
                format!("this Octavia speaks API version {version}; {OLDEST_API} is the oldest that is supported"),
            )));
        }
        Ok(None)
    }

    /// Our load balancer, by the recorded id or else by our tags: a record that leads astray hides nothing.
    async fn locate(&self) -> Result<Located, CloudError> {
        let recorded = match &self.record.load_balancer_id {
            Some(id) => self.cloud.load_balancer(id).await?,
            None => None,
        };
        let recorded = recorded.filter(|lb| lb.provisioning_status != Provisioning::Deleted).map(Box::new);
        let foreign = match recorded {
            Some(found) if self.owner.owns(&found.tags) => return Ok(Located::Ours(found)),
            other => other,
        };
        let mut candidates = self.cloud.find(self.owner).await?;
        candidates.retain(|lb| lb.provisioning_status != Provisioning::Deleted);
        Ok(match (self.choose_owned(candidates), foreign) {
            (Located::Nowhere, Some(foreign)) => Located::Foreign(foreign),
            (chosen, _) => chosen,
        })
    }

    /// Two of ours can only come of a create whose answer was lost for longer than the quiet period. The older one
    /// stays; what becomes of the other is decided where duplicates are dealt with.
    fn choose_owned(&self, mut candidates: Vec<ObservedLoadBalancer>) -> Located {
        candidates.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
        let ours = candidates.iter().position(|lb| self.owner.owns(&lb.tags));
        if let Some(index) = ours {
            return Located::Ours(Box::new(candidates.swap_remove(index)));
        }
        match candidates.into_iter().find(|lb| self.owner.can_take_over(&lb.tags)) {
            Some(predecessor) => Located::Orphaned(Box::new(predecessor)),
            None => Located::Nowhere,
        }
    }

    /// A load balancer that Octavia works on: nothing can be written, and nobody waits for it here.
    fn locked(&self, load_balancer: ObservedLoadBalancer, memory: &mut Memory) -> Outcome {
        let what = format!("load balancer {}: {}", load_balancer.id, load_balancer.provisioning_status);
        self.busy(&what, &load_balancer, memory).seeing_load_balancer(load_balancer)
    }

    /// Octavia works on `what`, which is the load balancer or a part of it.
    fn busy(&self, what: &str, load_balancer: &ObservedLoadBalancer, memory: &mut Memory) -> Outcome {
        let waited = memory.locked_since.get_or_insert_with(Instant::now).elapsed();
        let stuck = waited >= self.settings.stuck_after;
        let mut message = format!("Octavia works on {what}");
        if stuck {
            message.push_str(&format!(
                " for {} minutes (last change {}); only the operator of the cloud can free it: ask them to look at its worker",
                waited.as_secs() / 60,
                load_balancer.updated_at.as_deref().unwrap_or("unknown"),
            ));
        }
        let reason = if stuck { WaitReason::StuckPending } else { WaitReason::Locked };
        Outcome::waiting(reason, message, Retry::After(poll_interval(waited)))
    }

    /// Carries out one step and says what came of it.
    async fn perform(&self, step: Step, memory: &mut Memory) -> Result<Performed, CloudError> {
        tracing::info!(step = %step, "executing");
        let done = self.cloud.execute(&step).await?;
        Ok(self.performed(step, done, memory))
    }

    fn performed(&self, step: Step, done: Done, memory: &mut Memory) -> Performed {
        memory.created_tree = None;
        memory.backoff.accepted(&step);
        memory.history.executed(&step);
        memory.locked_since = step.call.is_octavia().then(Instant::now);
        Performed { step, done }
    }
}

struct Performed {
    step: Step,
    done: Done,
}

enum Located {
    Ours(Box<ObservedLoadBalancer>),
    /// Of a stack of this name that is no more.
    Orphaned(Box<ObservedLoadBalancer>),
    /// Has our recorded id, but not our tags.
    Foreign(Box<ObservedLoadBalancer>),
    Nowhere,
}

/// Short at first, because most changes take a second or two; later a twelfth of what it has taken so far, which keeps
/// the delay that polling adds below a tenth.
fn poll_interval(waited: Duration) -> Duration {
    (waited / 12).clamp(Duration::from_millis(400), Duration::from_secs(10))
}

/// A refusal by state, not by content: look again soon.
fn is_wait(error: &CloudError) -> bool {
    matches!(error.class, ErrorClass::Locked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_attempt_is_as_old_as_we_have_known_of_it() {
        let mut memory = Memory::default();
        assert_eq!(memory.attempt_age("a1"), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(memory.attempt_age("a1"), Duration::from_secs(100));
        assert_eq!(memory.attempt_age("a2"), Duration::ZERO, "another one begins anew");
        assert_eq!(memory.attempt_age("a1"), Duration::from_secs(100), "and the first stays as old as it is");
        for refused in 0..20 {
            memory.attempt_age(&refused.to_string());
            assert_eq!(memory.attempt_age("a1"), Duration::from_secs(100), "as long as it is asked for");
        }
        assert!(memory.known_attempts.len() <= REMEMBERED + 1, "{}", memory.known_attempts.len());
    }
}
