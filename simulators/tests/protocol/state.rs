//! Everything that the model remembers: the API server, Octavia, the replicas, and the faults that may still happen.

/// UID of a stack; each new object has the next number.
pub type Uid = u8;

/// Number of a create, and the id of the load balancer that it makes.
pub type Attempt = u8;

/// Load balancer of another cluster with the same id of the project, namespace and name.
pub const OF_ANOTHER_CLUSTER: Attempt = 100;
/// Load balancer that another client has given copies of the owner tags, with an attempt of its own.
pub const COPY: Attempt = 101;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub api: ApiServer,
    pub octavia: Octavia,
    /// Replica that holds the lease.
    pub lease: Option<usize>,
    /// Each replica: the process that leads, or believes so; `None` stands by.
    pub replicas: Vec<Option<Process>>,
    pub faults: Faults,
    /// The wall clock of a machine has jumped ahead by more than the quiet period.
    pub clock_jumped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeletionPolicy {
    Delete,
    Orphan,
}

/// The one `LoadBalancerStack`, as far as the protocol depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stack {
    pub uid: Uid,
    /// Set with the deletion timestamp, which also changes the generation.
    pub deleting: Option<DeletionPolicy>,
    pub has_finalizer: bool,
    /// Id in `status.loadBalancer`.
    pub recorded: Option<Attempt>,
    /// Annotation `evenkeel.dev/create-pending`, newest first.
    pub pending: Vec<Attempt>,
}

impl Stack {
    pub fn new(uid: Uid) -> Self {
        Self { uid, deleting: None, has_finalizer: false, recorded: None, pending: Vec::new() }
    }

    pub fn newest_pending(&self) -> Option<Attempt> {
        self.pending.first().copied()
    }

    pub fn gave_up(&self, attempt: Attempt) -> bool {
        self.pending.iter().skip(1).any(|pending| *pending == attempt)
    }

    pub fn any_given_up(&self) -> bool {
        self.pending.len() > 1
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ApiServer {
    pub stack: Option<Stack>,
    /// Stacks that were made so far.
    pub uids: Uid,
    pub backup: Option<Stack>,
    /// Stacks below this UID have ended, after the cloud was asked.
    pub ended_below: Uid,
    /// Stack that has ended without asking the cloud: nothing was on record, or it had no finalizer yet.
    pub ended_unasked: Option<Uid>,
}

/// Owner tags of a load balancer. All have the same namespace and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerTags {
    pub other_cluster: bool,
    pub uid: Uid,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoadBalancer {
    pub id: Attempt,
    pub tags: Option<OwnerTags>,
    pub made_for: Uid,
    /// ACTIVE, so no more PENDING_CREATE.
    pub is_active: bool,
    /// A person has put a floating IP on it.
    pub is_used: bool,
}

impl LoadBalancer {
    pub fn is_tagged_for(&self, uid: Uid) -> bool {
        self.tags == Some(OwnerTags { other_cluster: false, uid })
    }
}

/// Progress of a POST within Octavia.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Post {
    pub attempt: Attempt,
    pub uid: Uid,
    /// Committed, and not yet in every replica of the database: its client may have the answer, no read shows it.
    pub is_committed: bool,
}

/// Write to an existing load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Write {
    Delete(Attempt),
    PutTags(Attempt, Option<OwnerTags>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Octavia {
    /// Load balancers that reads show, in the order of `created_at`.
    pub load_balancers: Vec<LoadBalancer>,
    /// Creates in flight.
    pub posts: Vec<Post>,
    /// Write that was sent and not carried out yet; its client does not wait any more.
    pub late_write: Option<Write>,
    /// Attempts that were begun so far.
    pub attempts: Attempt,
    pub misdeed: Option<Misdeed>,
}

impl Octavia {
    /// The load balancer with this id, as a read shows it.
    pub fn find(&self, id: Attempt) -> Option<&LoadBalancer> {
        self.load_balancers.iter().find(|found| found.id == id)
    }
}

/// A decision that no rule may allow, noted when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Misdeed {
    /// Write to a load balancer that had no owner, another cluster's, or a living stack's of another UID.
    TouchedForeign,
    /// Deletion, as a duplicate, of a load balancer that a person uses or that no attempt of the stack made.
    DeletedWanted,
}

/// Process that leads, or still believes so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    /// Stack in the store of the watch, with what this process wrote itself.
    pub cache: Option<Stack>,
    /// The store has the newest resource version.
    pub is_current: bool,
    pub memory: Memory,
    pub at: At,
}

/// Memory of the stack with this UID (`StackState` and `engine::Memory`), lost with the process. Sets of attempts are bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Memory {
    pub uid: Uid,
    /// Attempts whose age is measured.
    pub known: u8,
    /// Attempts older than the quiet period.
    pub quiet: u8,
    /// Attempts older than the watch for duplicates.
    pub watched: u8,
    /// Pending creates that this process wrote (`StackState::pending_creates`). Kept only without `Rule::NewerRecordWins`.
    pub written: Option<Vec<Attempt>>,
    /// The finalizer was removed by this process.
    pub has_ended: bool,
}

impl Memory {
    /// Forgets attempts that are on record no more. (The code remembers the last few, to the same effect: an age that is
    /// measured anew may be over at once.)
    pub fn forget_all_but(&mut self, pending: &[Attempt]) {
        let kept = pending.iter().fold(0, |set, attempt| set | 1 << attempt);
        for set in [&mut self.known, &mut self.quiet, &mut self.watched] {
            *set &= kept;
        }
    }
}

/// The stack as one reconcile knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    pub stack: Stack,
    /// The resource version is the newest one.
    pub is_current: bool,
}

/// Place of a process in its reconcile: between any two of these another actor may act, and the process may die.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum At {
    Rest,
    /// The finalizer is on the object.
    Begun(View),
    /// No load balancer was found.
    Nowhere(View),
    /// No create can still appear, so a new one is next.
    RecordAttempt(View),
    Post(View, Attempt),
    /// The POST was sent; its end, once Octavia has one.
    Posted(View, Attempt, Option<PostEnd>),
    /// The status is written with this id.
    Report(View, Option<Attempt>),
    RemoveFinalizer(View, End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostEnd {
    Created,
    Rejected,
}

/// Reason for which a stack may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The cloud has nothing of it any more.
    NothingLeft,
    /// The cloud cannot be used, and nothing is on record.
    NeverMade,
}

/// Faults that may still happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Faults {
    /// A process dies.
    pub crashes: u8,
    /// The answer to a request is lost, or a request gets none.
    pub lost_answers: u8,
    /// The lease expires while its holder lives.
    pub lost_leases: u8,
    /// A write to an existing load balancer arrives after its client has gone on.
    pub late_writes: u8,
}
