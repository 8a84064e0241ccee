//! The engine: what a reconcile finds in the cloud, and the one write that it answers with.

use super::model::{Protocol, bit};
use super::rules::Rule;
use super::state::{
    At, Attempt, DeletionPolicy, End, LoadBalancer, Memory, Misdeed, OwnerTags, Stack, State, Uid, View, Write,
};

/// The load balancer of a stack, by its relation to the owner (`engine::Located`).
enum Located {
    Owned(LoadBalancer),
    Orphaned(LoadBalancer),
    Foreign,
    Nowhere,
}

/// Writer of one reconcile.
#[derive(Clone, Copy)]
struct Writer {
    replica: usize,
    /// The write arrives after the reconcile has gone on.
    is_late: bool,
}

impl Protocol {
    /// Reads the cloud and acts on what is there (`Reconciliation::run`). Reading and deciding is one step, because
    /// Octavia has no conditional writes: what happens between the read and the write of one request is out of reach.
    pub fn reconcile(&self, state: &mut State, replica: usize, view: View, is_late: bool) {
        let writer = Writer { replica, is_late };
        let found = self.locate(state, &view.stack);
        match (view.stack.deleting, found) {
            (None, Located::Owned(found)) => self.converge_existing(state, writer, view, &found),
            (_, Located::Orphaned(_))
                if self.has(Rule::FreshReadBeforeTakeover) && !self.is_unchanged(state, &view) => {}
            (None | Some(DeletionPolicy::Orphan), Located::Orphaned(found)) => {
                self.take_over(state, writer, view, &found);
            }
            (None, Located::Foreign) => {
                let id = view.stack.recorded;
                state.go_to(replica, At::Report(view, id));
            }
            (Some(DeletionPolicy::Delete), Located::Owned(found) | Located::Orphaned(found)) => {
                self.delete(state, writer, view, &found);
            }
            (Some(DeletionPolicy::Orphan), Located::Owned(found)) => self.orphan(state, writer, view, &found),
            (Some(_), Located::Foreign) => state.go_to(replica, At::RemoveFinalizer(view, End::NothingLeft)),
            (_, Located::Nowhere) => match self.has(Rule::AgeBeforeRead) {
                true => {
                    let in_doubt = self.is_in_doubt(state, replica, &view.stack);
                    self.nothing_found(state, replica, view, in_doubt);
                }
                false => state.go_to(replica, At::Nowhere(view)),
            },
        }
    }

    /// By the recorded id, else by tags, the oldest first.
    fn locate(&self, state: &State, stack: &Stack) -> Located {
        let recorded = stack.recorded.and_then(|id| state.octavia.find(id));
        if let Some(found) = recorded
            && (self.owns(found, stack) || !self.has(Rule::RecordedIdNeedsTags))
        {
            return Located::Owned(found.clone());
        }
        let of_name = |found: &&LoadBalancer| found.tags.is_some_and(|tags| self.names_stack(tags));
        let mut candidates: Vec<&LoadBalancer> = state.octavia.load_balancers.iter().filter(of_name).collect();
        if !self.has(Rule::FindByTags) {
            candidates.clear();
        }
        let owned = candidates.iter().find(|found| self.owns(found, stack));
        match (owned, candidates.first(), recorded) {
            (Some(owned), ..) => Located::Owned((*owned).clone()),
            (None, Some(orphaned), _) => Located::Orphaned((*orphaned).clone()),
            (None, None, Some(_)) => Located::Foreign,
            (None, None, None) => Located::Nowhere,
        }
    }

    fn owns(&self, found: &LoadBalancer, stack: &Stack) -> bool {
        found.tags.is_some_and(|tags| self.names_stack(tags) && tags.uid == stack.uid)
    }

    /// `converge_existing` with nothing left to change, so `settle`.
    fn converge_existing(&self, state: &mut State, writer: Writer, mut view: View, kept: &LoadBalancer) {
        if kept.is_active {
            let stack = view.stack.clone();
            let is_recorded = stack.recorded == Some(kept.id);
            let given_up_counts = stack.any_given_up() && self.has(Rule::GivenUpStaysOnRecord);
            if is_recorded && !stack.pending.is_empty() && !given_up_counts {
                self.write_pending(state, writer.replica, &mut view, Vec::new());
            }
            if stack.any_given_up() {
                self.settle(state, writer, &mut view, kept.id);
            }
        }
        state.note_if_foreign(kept.id, view.stack.uid);
        state.go_to(writer.replica, At::Report(view, Some(kept.id)));
    }

    fn settle(&self, state: &mut State, writer: Writer, view: &mut View, kept: Attempt) {
        let stack = view.stack.clone();
        let duplicates = self.find_duplicates(state, &stack, kept);
        if let Some(id) = duplicates.deletable {
            let duplicate = state.octavia.find(id);
            if duplicate.is_some_and(|found| found.is_used || !stack.gave_up(id)) {
                state.octavia.misdeed = Some(Misdeed::DeletedWanted);
            }
            self.send(state, writer, stack.uid, Write::Delete(id));
        }
        let watched = state.memory_has(writer.replica, |memory| memory.watched, stack.newest_pending());
        let nothing_found = match self.has(Rule::ClearWithoutDuplicate) {
            true => duplicates.found == 0,
            false => duplicates.reported == 0,
        };
        let is_over = watched || !self.has(Rule::DuplicateWatch);
        if stack.recorded == Some(kept) && is_over && nothing_found {
            self.write_pending(state, writer.replica, view, Vec::new());
        }
    }

    fn find_duplicates(&self, state: &State, stack: &Stack, kept: Attempt) -> Duplicates {
        let mut duplicates = Duplicates::default();
        for other in state.octavia.load_balancers.iter().filter(|other| other.id != kept && self.owns(other, stack)) {
            duplicates.found += 1;
            let is_given_up = stack.gave_up(other.id) || !self.has(Rule::DuplicateIsGivenUp);
            let is_used = other.is_used && self.has(Rule::DuplicateIsUnused);
            if !is_given_up || is_used {
                duplicates.reported += 1;
            } else if other.is_active {
                duplicates.deletable = Some(other.id);
                break;
            }
        }
        duplicates
    }

    fn take_over(&self, state: &mut State, writer: Writer, view: View, found: &LoadBalancer) {
        if found.is_active {
            let tags = OwnerTags { other_cluster: false, uid: view.stack.uid };
            self.send(state, writer, view.stack.uid, Write::PutTags(found.id, Some(tags)));
        }
        state.go_to(writer.replica, At::Report(view, Some(found.id)));
    }

    fn delete(&self, state: &mut State, writer: Writer, mut view: View, found: &LoadBalancer) {
        // `confirm_pending`
        let is_newest = view.stack.newest_pending() == Some(found.id);
        if self.owns(found, &view.stack) && view.stack.recorded == Some(found.id) && is_newest {
            self.write_pending(state, writer.replica, &mut view, Vec::new());
        }
        if found.is_active {
            self.send(state, writer, view.stack.uid, Write::Delete(found.id));
            if !self.has(Rule::EndAfterRead) {
                return state.go_to(writer.replica, At::RemoveFinalizer(view, End::NothingLeft));
            }
        }
        state.go_to(writer.replica, At::Report(view, Some(found.id)));
    }

    fn orphan(&self, state: &mut State, writer: Writer, view: View, found: &LoadBalancer) {
        if found.is_active {
            self.send(state, writer, view.stack.uid, Write::PutTags(found.id, None));
        }
        state.go_to(writer.replica, At::Report(view, Some(found.id)));
    }

    fn send(&self, state: &mut State, writer: Writer, acting: Uid, write: Write) {
        let (Write::Delete(id) | Write::PutTags(id, _)) = write;
        state.note_if_foreign(id, acting);
        if writer.is_late {
            state.faults.late_writes -= 1;
            state.octavia.late_write = Some(write);
        } else {
            state.octavia.carry_out(write);
        }
    }

    /// `check_pending_create`: the newest create may still appear.
    pub fn is_in_doubt(&self, state: &State, replica: usize, stack: &Stack) -> bool {
        let rule = match stack.deleting {
            None => Rule::QuietPeriodBeforeCreate,
            Some(_) => Rule::QuietPeriodBeforeEnd,
        };
        let is_old = state.memory_has(replica, |memory| memory.quiet, stack.newest_pending())
            || state.clock_jumped && !self.has(Rule::AgeFromFirstSight);
        !stack.pending.is_empty() && self.has(rule) && !is_old
    }

    pub fn nothing_found(&self, state: &mut State, replica: usize, view: View, in_doubt: bool) {
        let recorded = view.stack.recorded;
        let next = match view.stack.deleting {
            _ if in_doubt => At::Report(view, recorded),
            None => At::RecordAttempt(view),
            Some(_) => At::RemoveFinalizer(view, End::NothingLeft),
        };
        state.go_to(replica, next);
    }
}

#[derive(Default)]
struct Duplicates {
    found: usize,
    /// Number of those that are of unknown origin, or in use.
    reported: usize,
    deletable: Option<Attempt>,
}

impl State {
    fn memory_has(&self, replica: usize, set: impl Fn(&Memory) -> u8, attempt: Option<Attempt>) -> bool {
        let process = self.replicas[replica].as_ref();
        process.zip(attempt).is_some_and(|(process, attempt)| set(&process.memory) & bit(attempt) != 0)
    }
}
