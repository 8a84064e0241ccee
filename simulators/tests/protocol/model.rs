//! The model: its bounds, and all that can happen next.

use stateright::{Model, Property};

use super::invariants;
use super::rules::Rule;
use super::state::{
    ApiServer, Attempt, DeletionPolicy, Faults, LoadBalancer, OF_ANOTHER_CLUSTER, Octavia, OwnerTags, State, Uid,
};

/// Time by which a POST has committed or failed, counted from the first sight of its record by any process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestCommit {
    WithinQuietPeriod,
    /// Later than that, but before the watch for duplicates is over.
    WithinDuplicateWatch,
    /// At any time.
    AnyTime,
}

/// The protocol within bounds.
#[derive(Debug, Clone)]
pub struct Protocol {
    pub without: Option<Rule>,
    pub replicas: usize,
    pub attempts: Attempt,
    pub stacks: Uid,
    pub faults: Faults,
    pub latest_commit: LatestCommit,
    pub deletions: &'static [DeletionPolicy],
    /// Octavia answers from several replicas of its database: the answer to a POST may precede the sight of it.
    pub replicated_reads: bool,
    /// A load balancer is PENDING_CREATE at first. Otherwise it is ACTIVE at once.
    pub slow_worker: bool,
    /// Stacks are backed up, lost and restored.
    pub restores: bool,
    /// The cloud cannot be used for a while, and a stack with nothing on record goes without it.
    pub outages: bool,
    /// Other clients: a load balancer of another cluster, one with copied tags, persons who use a duplicate.
    pub strangers: bool,
    /// A wall clock jumps.
    pub clock_jumps: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    CreateStack,
    DeleteStack(DeletionPolicy),
    BackUp,
    /// The object and its finalizer are removed by force, as with a lost cluster.
    LoseStack,
    RestoreBackup,
    /// A person puts a floating IP on a load balancer.
    UseByHand(Attempt),
    /// Another client makes a load balancer with the owner tags of the stack.
    CopyTags,
    ClockJumps,
    /// The POST commits in Octavia's database.
    Commit(Attempt),
    /// Every read shows it from now on.
    Replicate(Attempt),
    /// The POST is rolled back, or never arrived.
    RollBack(Attempt),
    BecomeActive(Attempt),
    LateWriteArrives,
    LeaseExpires,
    Replica(usize, Step),
}

/// A step of one replica, named after the function of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `LeaderElection::acquire`, and the first list of the watch.
    Acquire,
    /// `LeaderElection::renew_until_lost` ends the process.
    LeadershipLost,
    Crash,
    /// The watch shows the newest stack.
    Watch,
    QuietPeriodEnds(Attempt),
    DuplicateWatchEnds(Attempt),
    /// `finalizer::add`
    AddFinalizer,
    /// `locate`, and the answer to what was found: `settle`, `take_over`, `delete`, `orphan`.
    Locate,
    /// The same; its write arrives late.
    LocateAndWriteLate,
    /// `check_pending_create` as a step of its own. Only without `Rule::AgeBeforeRead`.
    CheckPendingCreate,
    RecordAttempt,
    /// `record_attempt` is carried out, and its answer is lost.
    RecordAttemptUnanswered,
    Post,
    /// `created`
    Created,
    /// `create_failed` with a clear rejection.
    CreateRejected,
    /// `create_failed` in doubt.
    CreateInDoubt,
    /// `status::write`
    WriteStatus,
    WriteStatusFails,
    /// `finalizer::remove`
    RemoveFinalizer,
    /// `with_orphan_policy`: nothing is on record, and the cloud cannot be used.
    NeverMade,
}

impl Protocol {
    pub fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}

/// The bit of an attempt in a set.
pub const fn bit(attempt: Attempt) -> u8 {
    1 << attempt
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut octavia = Octavia::default();
        if self.strangers {
            octavia.load_balancers.push(LoadBalancer {
                id: OF_ANOTHER_CLUSTER,
                tags: Some(OwnerTags { other_cluster: true, uid: Uid::MAX }),
                made_for: Uid::MAX,
                is_active: true,
                is_used: false,
            });
        }
        vec![State {
            api: ApiServer::default(),
            octavia,
            lease: None,
            replicas: vec![None; self.replicas],
            faults: self.faults.clone(),
            clock_jumped: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.user_actions(state, actions);
        self.octavia_actions(state, actions);
        if state.lease.is_some() && state.faults.lost_leases > 0 {
            actions.push(Action::LeaseExpires);
        }
        for replica in 0..self.replicas {
            let mut steps = Vec::new();
            self.replica_steps(state, replica, &mut steps);
            actions.extend(steps.into_iter().map(|step| Action::Replica(replica, step)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Replica(replica, step) => self.step(&mut state, replica, step),
            Action::LeaseExpires => {
                state.faults.lost_leases -= 1;
                state.lease = None;
            }
            other => self.surroundings(&mut state, other),
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariants::properties(self)
    }
}
