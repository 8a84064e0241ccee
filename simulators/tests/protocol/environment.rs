//! Everything outside the controller: users, Octavia, the API server, and the clocks.

use super::model::{Action, Protocol};
use super::rules::Rule;
use super::state::{
    At, Attempt, COPY, DeletionPolicy, LoadBalancer, Misdeed, Octavia, OwnerTags, Post, PostEnd, Stack, State, Uid,
    Write,
};

impl Protocol {
    pub fn surroundings(&self, state: &mut State, action: Action) {
        match action {
            Action::CreateStack => state.create_stack(Stack::new(state.api.uids)),
            Action::RestoreBackup => {
                let backup = state.api.backup.take().unwrap_or_else(|| Stack::new(0));
                state.create_stack(Stack { uid: state.api.uids, has_finalizer: false, deleting: None, ..backup });
            }
            Action::DeleteStack(policy) => state.delete_stack(policy),
            Action::BackUp => state.api.backup = state.api.stack.clone(),
            Action::LoseStack => state.change_stack(|_| None),
            Action::UseByHand(id) => state.octavia.change(id, |found| found.is_used = true),
            Action::CopyTags => {
                let tags = state.api.stack.as_ref().map(|stack| OwnerTags { other_cluster: false, uid: stack.uid });
                state.octavia.add(LoadBalancer { id: COPY, tags, made_for: Uid::MAX, is_active: true, is_used: false });
            }
            Action::ClockJumps => state.clock_jumped = true,
            Action::Commit(attempt) => {
                state.end_of_post(attempt, PostEnd::Created);
                match self.replicated_reads {
                    true => state.octavia.commit(attempt),
                    false => state.octavia.show(attempt, !self.slow_worker),
                }
            }
            Action::Replicate(attempt) => state.octavia.show(attempt, !self.slow_worker),
            Action::RollBack(attempt) => {
                state.end_of_post(attempt, PostEnd::Rejected);
                state.octavia.posts.retain(|post| post.attempt != attempt);
            }
            Action::BecomeActive(id) => state.octavia.change(id, |found| found.is_active = true),
            Action::LateWriteArrives => {
                if let Some(write) = state.octavia.late_write.take() {
                    state.octavia.carry_out(write);
                }
            }
            Action::LeaseExpires | Action::Replica(..) => {}
        }
    }
}

impl State {
    fn create_stack(&mut self, stack: Stack) {
        self.api.uids += 1;
        self.change_stack(|_| Some(stack));
    }

    fn delete_stack(&mut self, policy: DeletionPolicy) {
        let Some(stack) = self.api.stack.clone() else { return };
        if stack.has_finalizer {
            self.change_stack(|_| Some(Stack { deleting: Some(policy), ..stack }));
        } else {
            self.api.ended_unasked = Some(stack.uid);
            self.change_stack(|_| None);
        }
    }

    /// Changes the object, which gets a new resource version: what processes have read is older than that.
    pub fn change_stack(&mut self, change: impl FnOnce(Option<Stack>) -> Option<Stack>) {
        self.api.stack = change(self.api.stack.take());
        for process in self.replicas.iter_mut().flatten() {
            process.is_current = false;
            match &mut process.at {
                At::Begun(view)
                | At::Nowhere(view)
                | At::RecordAttempt(view)
                | At::Post(view, _)
                | At::Posted(view, ..)
                | At::Report(view, _)
                | At::RemoveFinalizer(view, _) => view.is_current = false,
                At::Rest => {}
            }
        }
    }

    fn end_of_post(&mut self, attempt: Attempt, ended: PostEnd) {
        for process in self.replicas.iter_mut().flatten() {
            match &mut process.at {
                At::Posted(_, posted, end) if *posted == attempt => *end = Some(ended),
                _ => {}
            }
        }
    }

    /// Notes a write to a load balancer that does not belong to the stack with this UID, when it is decided.
    pub fn note_if_foreign(&mut self, id: Attempt, acting: Uid) {
        let tags = self.octavia.find(id).and_then(|found| found.tags);
        let is_alive = |uid: Uid| self.api.stack.as_ref().is_some_and(|stack| stack.uid == uid);
        let is_own =
            tags.is_some_and(|OwnerTags { other_cluster, uid }| !other_cluster && (uid == acting || !is_alive(uid)));
        if !is_own {
            self.octavia.misdeed = Some(Misdeed::TouchedForeign);
        }
    }
}

impl Octavia {
    pub fn post(&mut self, attempt: Attempt, uid: Uid) {
        self.posts.push(Post { attempt, uid, is_committed: false });
        self.posts.sort_by_key(|post| post.attempt);
    }

    fn commit(&mut self, attempt: Attempt) {
        for post in self.posts.iter_mut().filter(|post| post.attempt == attempt) {
            post.is_committed = true;
        }
    }

    fn show(&mut self, attempt: Attempt, is_active: bool) {
        let Some(index) = self.posts.iter().position(|post| post.attempt == attempt) else { return };
        let Post { uid, .. } = self.posts.remove(index);
        let tags = Some(OwnerTags { other_cluster: false, uid });
        self.add(LoadBalancer { id: attempt, tags, made_for: uid, is_active, is_used: false });
    }

    fn add(&mut self, load_balancer: LoadBalancer) {
        self.load_balancers.push(load_balancer);
    }

    fn change(&mut self, id: Attempt, change: impl Fn(&mut LoadBalancer)) {
        self.load_balancers.iter_mut().filter(|found| found.id == id).for_each(change);
    }

    pub fn carry_out(&mut self, write: Write) {
        match write {
            Write::Delete(id) => self.load_balancers.retain(|found| found.id != id),
            Write::PutTags(id, tags) => self.change(id, |found| found.tags = tags),
        }
    }
}

impl Protocol {
    /// Owner tags by which a load balancer counts as one of the stack's name.
    pub fn names_stack(&self, tags: OwnerTags) -> bool {
        !tags.other_cluster || !self.has(Rule::TagsNameCluster)
    }
}
