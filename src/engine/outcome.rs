//! What one pass came to: a value from which conditions, events, metrics and the next look are computed.

use std::time::Duration;

use crate::model::{ObservedFloatingIp, ObservedLoadBalancer, ObservedTree, Plan, Problem, ProblemReason, Step};
use crate::openstack::{CloudError, ErrorClass};

#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub state: State,
    pub seen: Seen,
    /// What is left to do, would be done (Observe), or is held back.
    pub plan: Plan,
    /// The call that was made in this pass.
    pub executed: Option<Step>,
    /// A second load balancer of this stack, which is not ours to delete.
    pub duplicates: Vec<String>,
    /// The load balancer went into ERROR in its own create.
    pub never_served: bool,
    /// A certificate of the cloud is not accepted, which may pass as any other outage does.
    pub untrusted: bool,
    pub retry: Retry,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// The cloud is as the stack wants it.
    InSync,
    /// A step was executed; Octavia is at work.
    Progressing,
    Waiting {
        reason: WaitReason,
        message: String,
    },
    /// Everything is done but what would interrupt traffic.
    Blocked {
        message: String,
    },
    Stalled {
        reason: StallReason,
        message: String,
    },
    /// Observe: `differs` says whether a plan would do anything.
    Observed {
        differs: bool,
    },
    /// Nothing of the stack is left in the cloud.
    Deleted,
    /// The cloud's objects stay, without our marks; or with them, and why.
    Orphaned {
        left_behind: Option<String>,
    },
}

/// Reasons, which conditions and Events call by their own names.
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
    /// Why it does not go on now, although it will by itself.
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
        /// Octavia takes a change, its data plane does not, again and again.
        ProvisioningFailed,
        /// Somebody else was faster: look again.
        Conflict,
        /// The object changed while we looked at it.
        ObjectChanged,
        /// The Kubernetes API does not let the controller read or write the Secret with the credentials.
        CredentialsInaccessible,
    }
);

reasons!(
    /// Why somebody has to do something.
    StallReason {
        InvalidSpec,
        UnsupportedByCloud,
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
        /// The cloud rejected a request for what is in it.
        RequestRejected,
        /// The load balancer is in ERROR, which a tenant cannot mend.
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
            ProblemReason::ReferenceNotFound => Self::ReferenceNotFound,
            ProblemReason::ReferenceAmbiguous => Self::ReferenceAmbiguous,
            ProblemReason::ReferenceUnusable => Self::ReferenceUnusable,
            ProblemReason::ImmutableField => Self::ImmutableField,
            ProblemReason::ResourceConflict => Self::ResourceConflict,
        }
    }
}

impl StallReason {
    /// The spec itself is at fault: condition `Accepted` is False.
    pub const fn is_spec(self) -> bool {
        matches!(self, Self::InvalidSpec | Self::UnsupportedByCloud | Self::ImmutableField)
    }

    /// Something that the spec points at is at fault: condition `ResolvedRefs` is False.
    pub const fn is_reference(self) -> bool {
        matches!(
            self,
            Self::ReferenceNotFound
                | Self::ReferenceAmbiguous
                | Self::ReferenceUnusable
                | Self::CredentialsMissing
                | Self::CredentialsInvalid
        )
    }
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    After(Duration),
    /// Growing from a second, until something succeeds.
    Backoff,
    /// Rarely: nothing changes by itself, but somebody may have mended it.
    Fixed,
    /// Growing from a minute to an hour: the same call will hardly be accepted.
    SlowBackoff,
    /// At the stack's resync period.
    Resync,
    Never,
}

/// What the pass saw of the cloud.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Seen {
    #[default]
    Nothing,
    LoadBalancer(Box<ObservedLoadBalancer>),
    Tree(Box<ObservedTree>),
}

impl Seen {
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
            seen: Seen::Nothing,
            plan,
            executed: None,
            duplicates,
            never_served: false,
            untrusted: false,
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
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Self::stalled(reason, texts.join("; "))
    }

    pub fn seeing_load_balancer(mut self, load_balancer: ObservedLoadBalancer) -> Self {
        self.seen = Seen::LoadBalancer(Box::new(load_balancer));
        self
    }

    pub fn seeing(mut self, tree: ObservedTree) -> Self {
        self.seen = Seen::Tree(Box::new(tree));
        self
    }

    pub fn planning(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    pub fn load_balancer(&self) -> Option<&ObservedLoadBalancer> {
        self.seen.load_balancer()
    }

    pub fn tree(&self) -> Option<&ObservedTree> {
        match &self.seen {
            Seen::Tree(tree) => Some(tree),
            Seen::Nothing | Seen::LoadBalancer(_) => None,
        }
    }

    pub fn floating_ips(&self) -> &[ObservedFloatingIp] {
        self.tree().map(|tree| tree.floating_ips.as_slice()).unwrap_or_default()
    }

    /// What a failed call means for the stack.
    pub fn failed(error: CloudError) -> Self {
        let message = error.to_string();
        match error.class {
            ErrorClass::Locked => Self::waiting(WaitReason::Locked, message, Retry::After(Duration::from_secs(1))),
            ErrorClass::Conflict => Self::waiting(WaitReason::Conflict, message, Retry::Backoff),
            ErrorClass::NotFound => Self::waiting(WaitReason::Conflict, message, Retry::Backoff),
            ErrorClass::Quota => {
                let message = format!("{message}; delete something, or ask the operator of the cloud for more");
                Self::waiting(WaitReason::QuotaExceeded, message, Retry::After(Duration::from_secs(60)))
            }
            ErrorClass::Transient(Some(delay)) => {
                Self::waiting(WaitReason::CloudUnreachable, message, Retry::After(delay.max(Duration::from_secs(1))))
            }
            ErrorClass::Transient(None) => Self::waiting(WaitReason::CloudUnreachable, message, Retry::Backoff),
            ErrorClass::Rejected => {
                Self { retry: Retry::SlowBackoff, ..Self::stalled(StallReason::RequestRejected, message) }
            }
            // Looked at again each minute: the certificate may be renewed on the server.
            ErrorClass::Untrusted => {
                Self { untrusted: true, ..Self::stalled(StallReason::CredentialsInvalid, message) }
            }
            ErrorClass::Credentials => Self::stalled(
                StallReason::CredentialsInvalid,
                format!("{message}: check the Secret of spec.cloudCredentialsRef, and the roles of its user"),
            ),
        }
    }
}
