//! The steps of one replica around the engine: lease, watch, time, finalizer, status.

use super::model::{Protocol, Step, bit};
use super::state::{At, Attempt, End, Memory, Process, Stack, State, View};

impl Protocol {
    pub fn step(&self, state: &mut State, replica: usize, step: Step) {
        match step {
            Step::Acquire => {
                state.lease = Some(replica);
                let cache = state.api.stack.clone();
                let process = Process { cache, is_current: true, memory: Memory::default(), at: At::Rest };
                state.replicas[replica] = Some(process);
            }
            Step::LeadershipLost => state.replicas[replica] = None,
            Step::Crash => {
                state.faults.crashes -= 1;
                state.replicas[replica] = None;
                if state.lease == Some(replica) {
                    state.lease = None;
                }
            }
            other => self.step_of_process(state, replica, other),
        }
    }

    fn step_of_process(&self, state: &mut State, replica: usize, step: Step) {
        let Some(process) = &mut state.replicas[replica] else { return };
        match step {
            Step::Watch => (process.cache, process.is_current) = (state.api.stack.clone(), true),
            Step::QuietPeriodEnds(attempt) => process.memory.quiet |= bit(attempt),
            Step::DuplicateWatchEnds(attempt) => process.memory.watched |= bit(attempt),
            Step::AddFinalizer => self.add_finalizer(state, replica),
            Step::Locate | Step::LocateAndWriteLate => {
                let Some(view) = self.begin(state, replica) else { return };
                let late = step == Step::LocateAndWriteLate;
                self.reconcile(state, replica, view, late);
            }
            Step::NeverMade => {
                let Some(view) = self.begin(state, replica) else { return };
                // The overlay of what was written may hold more than the store.
                if view.stack.pending.is_empty() {
                    state.go_to(replica, At::RemoveFinalizer(view, End::NeverMade));
                }
            }
            Step::WriteStatusFails => {
                state.faults.lost_answers -= 1;
                state.go_to(replica, At::Rest);
            }
            other => {
                let at = std::mem::replace(&mut process.at, At::Rest);
                self.step_in_reconcile(state, replica, other, at);
            }
        }
    }

    fn step_in_reconcile(&self, state: &mut State, replica: usize, step: Step, at: At) {
        match (step, at) {
            (Step::CheckPendingCreate, At::Nowhere(view)) => {
                let in_doubt = self.is_in_doubt(state, replica, &view.stack);
                self.nothing_found(state, replica, view, in_doubt);
            }
            (Step::RecordAttempt, At::RecordAttempt(view)) => self.record_attempt(state, replica, view),
            (Step::RecordAttemptUnanswered, At::RecordAttempt(view)) => {
                state.faults.lost_answers -= 1;
                self.record_attempt(state, replica, view);
                state.forget_own_writes(replica);
            }
            (Step::Post, At::Post(view, attempt)) => {
                state.octavia.post(attempt, view.stack.uid);
                state.go_to(replica, At::Posted(view, attempt, None));
            }
            (Step::Created, At::Posted(view, attempt, _)) => self.created(state, replica, view, attempt),
            (Step::CreateRejected, At::Posted(view, attempt, _)) => {
                self.take_off_record(state, replica, view, attempt);
            }
            (Step::CreateInDoubt, At::Posted(view, attempt, _)) => {
                state.faults.lost_answers -= 1;
                self.create_in_doubt(state, replica, view, attempt);
            }
            (Step::WriteStatus, At::Report(view, id)) => state.write_status(replica, &view, id),
            (Step::RemoveFinalizer, At::RemoveFinalizer(view, end)) => state.remove_finalizer(replica, &view, end),
            (_, at) => state.go_to(replica, at),
        }
    }

    /// The stack as a reconcile begins with it: `record_of` and `track_pending`.
    fn begin(&self, state: &mut State, replica: usize) -> Option<View> {
        let process = state.replicas[replica].as_mut()?;
        if let At::Begun(view) = std::mem::replace(&mut process.at, At::Rest) {
            return Some(view);
        }
        let mut stack = process.cache.clone()?;
        let memory = &mut process.memory;
        if memory.uid != stack.uid {
            *memory = Memory { uid: stack.uid, ..Memory::default() };
        }
        if memory.written.as_ref() == Some(&stack.pending) {
            memory.written = None;
        }
        if let Some(written) = &memory.written {
            stack.pending.clone_from(written);
        }
        memory.forget_all_but(&stack.pending);
        if let Some(newest) = stack.newest_pending() {
            memory.known |= bit(newest);
        }
        Some(View { stack, is_current: process.is_current })
    }

    /// Adds the finalizer; its answer brings the metadata of now, and no status.
    fn add_finalizer(&self, state: &mut State, replica: usize) {
        let Some(view) = self.begin(state, replica) else { return };
        let Some(live) = state.api.stack.clone() else { return };
        if live.uid != view.stack.uid || live.deleting != view.stack.deleting {
            return;
        }
        if !live.has_finalizer {
            state.change_stack(|stack| stack.map(|stack| Stack { has_finalizer: true, ..stack }));
        }
        let stack = Stack { has_finalizer: true, recorded: view.stack.recorded, ..live };
        if let Some(process) = &mut state.replicas[replica]
            && let Some(newest) = stack.newest_pending()
        {
            process.memory.known |= bit(newest);
        }
        state.go_to(replica, At::Begun(View { stack, is_current: true }));
    }
}

impl State {
    pub fn go_to(&mut self, replica: usize, at: At) {
        if let Some(process) = &mut self.replicas[replica] {
            process.at = at;
        }
    }

    /// Server-side apply of the status, against the UID alone.
    fn write_status(&mut self, replica: usize, view: &View, id: Option<Attempt>) {
        let is_same = self.api.stack.as_ref().is_some_and(|stack| stack.uid == view.stack.uid);
        if !is_same {
            return;
        }
        if self.api.stack.as_ref().is_some_and(|stack| stack.recorded != id) {
            self.change_stack(|stack| stack.map(|stack| Stack { recorded: id, ..stack }));
        }
        // `LastWrittenStatus` lies over the store until the watch has caught up.
        self.overlay(replica, view, |cache| cache.recorded = id);
    }

    /// Lays an own write over the store of this replica, if that still has the same stack.
    pub fn overlay(&mut self, replica: usize, view: &View, write: impl Fn(&mut Stack)) {
        let cache = self.replicas[replica].as_mut().and_then(|process| process.cache.as_mut());
        if let Some(cache) = cache.filter(|cache| cache.uid == view.stack.uid) {
            write(cache);
        }
    }

    /// Removes the finalizer, fenced by UID and generation, so that the object goes.
    fn remove_finalizer(&mut self, replica: usize, view: &View, end: End) {
        let uid = view.stack.uid;
        let is_same =
            |stack: &Stack| stack.uid == uid && stack.deleting.is_some() && stack.deleting == view.stack.deleting;
        let is_there = self.api.stack.as_ref().is_some_and(is_same);
        if is_there {
            self.change_stack(|_| None);
            match end {
                End::NothingLeft => self.api.ended_below = self.api.uids,
                End::NeverMade => self.api.ended_unasked = Some(uid),
            }
        }
        if let Some(process) = &mut self.replicas[replica] {
            process.memory = Memory { uid, has_ended: true, ..Memory::default() };
        }
    }

    /// The answer to the last write was lost: the process does not know of it, and the watch will show it.
    fn forget_own_writes(&mut self, replica: usize) {
        if let Some(process) = &mut self.replicas[replica] {
            process.at = At::Rest;
            process.memory.written = None;
        }
    }
}
