//! Outcome of a reconcile: the value from which the shell computes conditions, Events, metrics and the next reconcile.

use std::time::Duration;

use crate::model::{
    Desired, ForeignChild, ObservedFloatingIp, ObservedLoadBalancer, ObservedTree, Plan, Problem, ProblemReason, Step,
};
use crate::openstack::{CloudError, ErrorClass};
use crate::plan;

use super::settings::QUOTA_RETRY;

/// Delay after a lock that a call has met.
const LOCK_RETRY: Duration = Duration::from_secs(1);
/// Shortest delay that a server may ask for.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// End of one reconcile.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub state: State,
    /// The part of the cloud that was read.
    pub observed: Observed,
    /// Steps that are left to do, would be done (Observe), or are held back.
    pub plan: Plan,
    /// The write that was made.
    pub executed: Option<Step>,
    /// Ids of further load balancers that carry the owner's tags and may not be deleted.
    pub duplicates: Vec<String>,
    /// Children of the load balancer that the stack does not name and that stay; `None` where they were not looked for.
    pub foreign: Option<Vec<ForeignChild>>,
    /// Problems of references that only parts of the stack need; everything else is carried out.
    pub unresolved: Vec<Problem>,
    /// Set for a load balancer that went into ERROR in its own create.
    pub never_served: bool,
    /// Set where a TLS certificate of the cloud is not accepted, which may pass as any other outage does.
    pub untrusted: bool,
    /// Remedies that the shell has to put into words: they depend on where the stack is stored.
    pub remedies: Vec<Remedy>,
    pub retry: Retry,
}

/// Something that a person can do about a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Correct the credentials, or the roles of their user.
    CheckCredentials,
    /// Delete the stack and leave its load balancer in the cloud.
    OrphanLoadBalancer,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// The cloud is in the desired state.
    InSync,
    /// A step was executed; Octavia is at work.
    Progressing,
    Waiting {
        reason: WaitReason,
        message: String,
    },
    /// Everything is done but steps that would interrupt traffic.
    Blocked {
        message: String,
    },
    Stalled {
        reason: StallReason,
        message: String,
    },
    /// Goal Observe: `differs` says whether a plan would do anything.
    Observed {
        differs: bool,
    },
    /// Nothing of the stack is left in the cloud.
    Deleted,
    /// The cloud's objects stay: without the owner tags, or with them for the reason in `left_behind`.
    Orphaned {
        left_behind: Option<String>,
    },
}

/// Declares an enum of reasons, which conditions and Events call by their own names.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $reason:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$about])* $reason),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$reason),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$reason => stringify!($reason)),+ }
            }
        }
    };
}

reasons!(
    /// Reason for a transient wait: the next reconcile may end it.
    WaitReason {
        /// Octavia works on it.
        Locked,
        /// Octavia has worked on it for too long.
        StuckPending,
        /// Other creates of the project go first.
        Queued,
        /// A create is in doubt: it may still appear.
        CreateInDoubt,
        CloudUnreachable,
        QuotaExceeded,
        /// Octavia accepts a change, its data plane does not, again and again.
        ProvisioningFailed,
        /// Concurrent modification: the cloud is read again.
        Conflict,
        /// The stack changed during the reconcile.
        ObjectChanged,
        /// The credentials of the stack cannot be read or protected now.
        CredentialsInaccessible,
    }
);

reasons!(
    /// Reason for a stall: a person has to act.
    StallReason {
        InvalidSpec,
        UnsupportedByCloud,
        /// Namespaces share the cloud, and it does not allow what the stack asks for.
        ForbiddenByCloud,
        ReferenceNotFound,
        ReferenceAmbiguous,
        ReferenceUnusable,
        ImmutableField,
        ResourceConflict,
        OwnershipConflict,
        ProjectMismatch,
        OctaviaTooOld,
        CredentialsMissing,
        CredentialsInvalid,
        /// The namespace of the stack may not use the credentials.
        CloudNotGranted,
        /// The cloud rejected a request for what is in it.
        RequestRejected,
        /// The load balancer is in ERROR, which a tenant cannot repair.
        LoadBalancerError,
        /// The port of the VIP was deleted in Neutron, which Octavia does not notice.
        VipPortMissing,
        ProviderCannotDelete,
    }
);

impl From<ProblemReason> for StallReason {
    fn from(reason: ProblemReason) -> Self {
        match reason {
            ProblemReason::InvalidSpec => Self::InvalidSpec,
            ProblemReason::UnsupportedByCloud => Self::UnsupportedByCloud,
            ProblemReason::ForbiddenByCloud => Self::ForbiddenByCloud,
            ProblemReason::ReferenceNotFound => Self::ReferenceNotFound,
            ProblemReason::ReferenceAmbiguous => Self::ReferenceAmbiguous,
            // The source of the members is a reference, too.
            ProblemReason::ReferenceUnusable | ProblemReason::MembersUnknown => Self::ReferenceUnusable,
            ProblemReason::ImmutableField => Self::ImmutableField,
            ProblemReason::ResourceConflict => Self::ResourceConflict,
        }
    }
}

impl StallReason {
    /// Tells whether the spec itself is at fault: condition `Accepted` is False.
    pub const fn is_spec(self) -> bool {
        matches!(self, Self::InvalidSpec | Self::UnsupportedByCloud | Self::ForbiddenByCloud | Self::ImmutableField)
    }

    /// Tells whether a reference of the spec is at fault: condition `ResolvedRefs` is False.
    pub const fn is_reference(self) -> bool {
        matches!(
            self,
            Self::ReferenceNotFound
                | Self::ReferenceAmbiguous
                | Self::ReferenceUnusable
                | Self::CredentialsMissing
                | Self::CredentialsInvalid
                | Self::CloudNotGranted
        )
    }
}

/// Time of the next reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    After(Duration),
    /// Growing from a second, until something succeeds.
    Backoff,
    /// Every minute: nothing changes by itself, but a person may have repaired it.
    Fixed,
    /// Growing from a minute to an hour: the same call will hardly be accepted.
    SlowBackoff,
    /// After the stack's resync period.
    Resync,
    Never,
}

/// The part of the cloud that a reconcile has read.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Observed {
    #[default]
    Nothing,
    LoadBalancer(Box<ObservedLoadBalancer>),
    Tree(Box<ObservedTree>),
}

impl Observed {
    pub fn load_balancer(&self) -> Option<&ObservedLoadBalancer> {
        match self {
            Self::Nothing => None,
            Self::LoadBalancer(lb) => Some(lb),
            Self::Tree(tree) => Some(&tree.load_balancer),
        }
    }
}

impl Outcome {
    pub fn new(state: State, retry: Retry) -> Self {
        let (plan, duplicates) = (Plan::default(), Vec::new());
        Self {
            state,
            observed: Observed::Nothing,
            plan,
            executed: None,
            duplicates,
            foreign: None,
            unresolved: Vec::new(),
            never_served: false,
            untrusted: false,
            remedies: Vec::new(),
            retry,
        }
    }

    pub fn waiting(reason: WaitReason, message: String, retry: Retry) -> Self {
        Self::new(State::Waiting { reason, message }, retry)
    }

    pub fn stalled(reason: StallReason, message: String) -> Self {
        Self::new(State::Stalled { reason, message }, Retry::Fixed)
    }

    pub fn problem(problem: &Problem) -> Self {
        Self::stalled(problem.reason.into(), problem.to_string())
    }

    /// All problems in one message, with the reason of the first.
    pub fn problems(problems: &[Problem]) -> Self {
        let reason = problems.first().map_or(StallReason::InvalidSpec, |problem| problem.reason.into());
        Self::stalled(reason, Problem::joined(problems))
    }

    pub fn with_load_balancer(mut self, load_balancer: ObservedLoadBalancer) -> Self {
        self.observed = Observed::LoadBalancer(Box::new(load_balancer));
        self
    }

    pub fn with_tree(mut self, tree: ObservedTree) -> Self {
        self.observed = Observed::Tree(Box::new(tree));
        self
    }

    pub fn with_plan(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    /// Removes key material from steps: an outcome is kept and reported.
    pub fn without_contents(mut self) -> Self {
        let bare = |steps: Vec<Step>| steps.into_iter().map(Step::without_content).collect();
        self.plan.steps = bare(self.plan.steps);
        self.plan.held_back = bare(self.plan.held_back);
        self.executed = self.executed.map(Step::without_content);
        self
    }

    /// Adds problems of references that only parts of the stack need. A stack is not in sync with them, and a person has to
    /// act; the next event of such an object, or the resync, tries again.
    pub fn with_unresolved(mut self, problems: Vec<Problem>) -> Self {
        if !problems.is_empty() {
            self.state = match (Self::problems(&problems).state, self.state) {
                (unresolved, State::InSync) => unresolved,
                // The cause comes before what waits for it.
                (State::Stalled { reason, message: cause }, State::Stalled { reason: after, message })
                    if after.is_reference() =>
                {
                    State::Stalled { reason, message: format!("{cause}; {message}") }
                }
                (_, state) => state,
            };
        }
        self.unresolved = problems;
        self
    }

    /// Adds the children that the stack does not name, if the whole tree was read.
    pub fn with_foreign_of(mut self, desired: &Desired) -> Self {
        self.foreign = self.tree().map(|tree| plan::foreign_children(desired, tree)).or(self.foreign);
        self
    }

    pub fn with_remedy(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }

    /// Appends to the message of the state, if it has one.
    pub fn add_to_message(&mut self, text: &str) {
        if let State::Waiting { message, .. } | State::Blocked { message } | State::Stalled { message, .. } =
            &mut self.state
        {
            message.push_str(text);
        }
    }

    pub fn load_balancer(&self) -> Option<&ObservedLoadBalancer> {
        self.observed.load_balancer()
    }

    pub fn tree(&self) -> Option<&ObservedTree> {
        match &self.observed {
            Observed::Tree(tree) => Some(tree),
            Observed::Nothing | Observed::LoadBalancer(_) => None,
        }
    }

    pub fn floating_ips(&self) -> &[ObservedFloatingIp] {
        self.tree().map(|tree| tree.floating_ips.as_slice()).unwrap_or_default()
    }

    /// Outcome of a reconcile that a failed call has ended.
    pub fn failed(error: CloudError) -> Self {
        let message = error.to_string();
        match error.class {
            ErrorClass::Locked => Self::waiting(WaitReason::Locked, message, Retry::After(LOCK_RETRY)),
            ErrorClass::Conflict => Self::waiting(WaitReason::Conflict, message, Retry::Backoff),
            ErrorClass::NotFound => Self::waiting(WaitReason::Conflict, message, Retry::Backoff),
            ErrorClass::Quota => {
                let message = format!("{message}; delete something, or ask the operator of the cloud for more");
                Self::waiting(WaitReason::QuotaExceeded, message, Retry::After(QUOTA_RETRY))
            }
            ErrorClass::Transient(Some(delay)) => {
                Self::waiting(WaitReason::CloudUnreachable, message, Retry::After(delay.max(SHORTEST_RETRY)))
            }
            ErrorClass::Transient(None) => Self::waiting(WaitReason::CloudUnreachable, message, Retry::Backoff),
            ErrorClass::Rejected => {
                Self { retry: Retry::SlowBackoff, ..Self::stalled(StallReason::RequestRejected, message) }
            }
            // Retried each minute: the certificate may be renewed on the server.
            ErrorClass::Untrusted => {
                Self { untrusted: true, ..Self::stalled(StallReason::CredentialsInvalid, message) }
            }
            ErrorClass::Credentials => {
                Self::stalled(StallReason::CredentialsInvalid, message).with_remedy(Remedy::CheckCredentials)
            }
        }
    }
}
