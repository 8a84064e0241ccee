//! Everything that can happen next in a state.

use super::model::{Action, LatestCommit, Protocol, Step, bit};
use super::rules::Rule;
use super::state::{At, Attempt, COPY, OF_ANOTHER_CLUSTER, PostEnd, Process, State};

impl Protocol {
    pub fn user_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let api = &state.api;
        match &api.stack {
            None => {
                if api.uids < self.stacks && !state.earlier_create_may_appear() {
                    actions.push(Action::CreateStack);
                    if api.backup.is_some() {
                        actions.push(Action::RestoreBackup);
                    }
                }
            }
            Some(stack) => {
                if stack.deleting.is_none() {
                    actions.extend(self.deletions.iter().map(|policy| Action::DeleteStack(*policy)));
                }
                if self.restores {
                    if api.backup.is_none() && api.uids < self.stacks {
                        actions.push(Action::BackUp);
                    }
                    actions.push(Action::LoseStack);
                }
            }
        }
        if self.strangers {
            let own = || state.octavia.load_balancers.iter().filter(|found| found.id < OF_ANOTHER_CLUSTER);
            actions.extend(own().filter(|found| !found.is_used).map(|found| Action::UseByHand(found.id)));
            if own().next().is_some() && state.octavia.find(COPY).is_none() {
                actions.push(Action::CopyTags);
            }
        }
        if self.clock_jumps && !state.clock_jumped {
            actions.push(Action::ClockJumps);
        }
    }

    pub fn octavia_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for post in &state.octavia.posts {
            if post.is_committed {
                actions.push(Action::Replicate(post.attempt));
            } else {
                actions.push(Action::Commit(post.attempt));
                actions.push(Action::RollBack(post.attempt));
            }
        }
        let pending = state.octavia.load_balancers.iter().filter(|found| !found.is_active);
        actions.extend(pending.map(|found| Action::BecomeActive(found.id)));
        if state.octavia.late_write.is_some() {
            actions.push(Action::LateWriteArrives);
        }
    }

    pub fn replica_steps(&self, state: &State, replica: usize, steps: &mut Vec<Step>) {
        let Some(process) = &state.replicas[replica] else {
            // Those that stand by are alike: the first of them stands for all.
            let is_first = state.replicas.iter().position(Option::is_none) == Some(replica);
            if is_first && (state.lease.is_none() || !self.has(Rule::Lease)) {
                steps.push(Step::Acquire);
            }
            return;
        };
        if state.lease != Some(replica) && self.has(Rule::Lease) {
            steps.push(Step::LeadershipLost);
        }
        if state.faults.crashes > 0 {
            steps.push(Step::Crash);
        }
        self.steps_within_reconcile(state, process, steps);
    }

    fn steps_within_reconcile(&self, state: &State, process: &Process, steps: &mut Vec<Step>) {
        let answers_get_lost = state.faults.lost_answers > 0;
        match &process.at {
            At::Rest => {
                if process.cache != state.api.stack || !process.is_current {
                    steps.push(Step::Watch);
                }
                self.steps_at_rest(state, process, steps);
            }
            At::Begun(_) => self.steps_to_locate(state, steps),
            At::Nowhere(_) => {
                self.time_steps(state, process, steps);
                steps.push(Step::CheckPendingCreate);
            }
            At::RecordAttempt(_) => {
                if state.octavia.attempts < self.attempts {
                    steps.push(Step::RecordAttempt);
                    if answers_get_lost {
                        steps.push(Step::RecordAttemptUnanswered);
                    }
                }
            }
            At::Post(..) => steps.push(Step::Post),
            At::Posted(_, _, end) => {
                match end {
                    Some(PostEnd::Created) => steps.push(Step::Created),
                    Some(PostEnd::Rejected) => steps.push(Step::CreateRejected),
                    None => {}
                }
                if answers_get_lost {
                    steps.push(Step::CreateInDoubt);
                }
            }
            At::Report(..) => {
                steps.push(Step::WriteStatus);
                if answers_get_lost {
                    steps.push(Step::WriteStatusFails);
                }
            }
            At::RemoveFinalizer(..) => steps.push(Step::RemoveFinalizer),
        }
    }

    fn time_steps(&self, state: &State, process: &Process, steps: &mut Vec<Step>) {
        let Some(stack) = &process.cache else { return };
        let Some(newest) = stack.newest_pending() else { return };
        let memory = &process.memory;
        let [is_known, is_quiet, is_watched] =
            [memory.known, memory.quiet, memory.watched].map(|set| set & bit(newest) != 0);
        if is_known && !is_quiet && self.quiet_period_may_end(state, newest) {
            steps.push(Step::QuietPeriodEnds(newest));
        }
        if is_quiet && !is_watched && stack.any_given_up() && self.duplicate_watch_may_end(state, newest) {
            steps.push(Step::DuplicateWatchEnds(newest));
        }
    }

    fn steps_at_rest(&self, state: &State, process: &Process, steps: &mut Vec<Step>) {
        self.time_steps(state, process, steps);
        let Some(stack) = &process.cache else { return };
        if process.memory.uid == stack.uid && process.memory.has_ended {
            return;
        }
        if stack.deleting.is_none() && !stack.has_finalizer && self.has(Rule::FinalizerBeforeCreate) {
            steps.push(Step::AddFinalizer);
            return;
        }
        if stack.deleting.is_some() && !stack.has_finalizer {
            return;
        }
        self.steps_to_locate(state, steps);
        if self.outages && stack.deleting.is_some() && stack.recorded.is_none() && stack.pending.is_empty() {
            steps.push(Step::NeverMade);
        }
    }

    fn steps_to_locate(&self, state: &State, steps: &mut Vec<Step>) {
        steps.push(Step::Locate);
        if state.faults.late_writes > 0 && state.octavia.late_write.is_none() {
            steps.push(Step::LocateAndWriteLate);
        }
    }

    /// The assumption behind the quiet period: once it is over, a POST has committed or never will.
    fn quiet_period_may_end(&self, state: &State, attempt: Attempt) -> bool {
        match self.latest_commit {
            LatestCommit::WithinQuietPeriod => !state.create_may_appear(attempt),
            LatestCommit::WithinDuplicateWatch | LatestCommit::AnyTime => true,
        }
    }

    fn duplicate_watch_may_end(&self, state: &State, newest: Attempt) -> bool {
        self.latest_commit == LatestCommit::AnyTime || (0..=newest).all(|attempt| !state.create_may_appear(attempt))
    }
}

impl State {
    /// The create is in flight, or a process is about to send it.
    pub fn create_may_appear(&self, attempt: Attempt) -> bool {
        let is_sending = |at: &At| matches!(at, At::Post(_, sending) if *sending == attempt);
        self.octavia.posts.iter().any(|post| post.attempt == attempt)
            || self.replicas.iter().flatten().any(|process| is_sending(&process.at))
    }

    fn earlier_create_may_appear(&self) -> bool {
        self.api.ended_below < self.api.uids
            && ((0..self.octavia.attempts).any(|attempt| self.create_may_appear(attempt))
                || self.octavia.late_write.is_some())
    }
}
