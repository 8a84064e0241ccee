//! The record of pending creates on the stack, and the create that it fences.

use super::model::{Protocol, bit};
use super::rules::Rule;
use super::state::{At, Attempt, Stack, State, View};

impl Protocol {
    /// `PendingCreateAnnotation::write`: with the resource version that was read, or else, after a conflict, if
    /// everything that the create rests on is the same.
    pub fn write_pending(&self, state: &mut State, replica: usize, view: &mut View, pending: Vec<Attempt>) -> bool {
        let Some(live) = &state.api.stack else { return false };
        let passes = view.is_current || !self.has(Rule::Fence) || self.has_same_basis(live, &view.stack);
        if !passes {
            return false;
        }
        state.change_stack(|stack| stack.map(|stack| Stack { pending: pending.clone(), ..stack }));
        view.stack.pending.clone_from(&pending);
        view.is_current = true;
        if self.has(Rule::NewerRecordWins) {
            state.overlay(replica, view, |cache| cache.pending.clone_from(&pending));
        } else if let Some(process) = &mut state.replicas[replica] {
            process.memory.written = Some(pending);
        }
        true
    }

    /// `PendingCreateAnnotation::check_unchanged`
    pub fn is_unchanged(&self, state: &State, view: &View) -> bool {
        state.api.stack.as_ref().is_some_and(|live| self.has_same_basis(live, &view.stack))
    }

    fn has_same_basis(&self, live: &Stack, read: &Stack) -> bool {
        live.uid == read.uid
            && (live.deleting == read.deleting || !self.has(Rule::FenceGeneration))
            && (live.recorded == read.recorded || !self.has(Rule::FenceRecorded))
            && (live.pending == read.pending || !self.has(Rule::FencePending))
    }

    pub fn record_attempt(&self, state: &mut State, replica: usize, mut view: View) {
        let attempt = state.octavia.attempts;
        let pending = [&[attempt], view.stack.pending.as_slice()].concat();
        let is_recorded = !self.has(Rule::RecordBeforePost) || self.write_pending(state, replica, &mut view, pending);
        if !is_recorded {
            return;
        }
        state.octavia.attempts += 1;
        if let Some(process) = &mut state.replicas[replica] {
            process.memory.known |= bit(attempt);
            process.at = At::Post(view, attempt);
        }
    }

    pub fn created(&self, state: &mut State, replica: usize, mut view: View, attempt: Attempt) {
        if !self.has(Rule::RecordUntilId) {
            self.write_without(state, replica, &mut view, attempt);
        }
        state.go_to(replica, At::Report(view, Some(attempt)));
    }

    /// A clear no: nothing will appear, and the next create need not wait.
    pub fn take_off_record(&self, state: &mut State, replica: usize, mut view: View, attempt: Attempt) {
        self.write_without(state, replica, &mut view, attempt);
        let recorded = view.stack.recorded;
        state.go_to(replica, At::Report(view, recorded));
    }

    pub fn create_in_doubt(&self, state: &mut State, replica: usize, mut view: View, attempt: Attempt) {
        if !self.has(Rule::DoubtStaysOnRecord) {
            self.write_without(state, replica, &mut view, attempt);
        }
        let recorded = view.stack.recorded;
        state.go_to(replica, At::Report(view, recorded));
    }

    fn write_without(&self, state: &mut State, replica: usize, view: &mut View, attempt: Attempt) {
        let pending = view.stack.pending.iter().copied().filter(|pending| *pending != attempt).collect();
        self.write_pending(state, replica, view, pending);
    }
}
