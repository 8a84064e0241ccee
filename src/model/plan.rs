//! The plan as a value: ordered steps, one HTTP call each, that the planner computes and the executor carries out.
//!
//! A [`Plan`] prints (for people) and serialises (for machines). A [`Step`] holds every id and every value: its
//! execution needs no look-up and no choice. Only the first step of a plan is ever executed; then the cloud is observed
//! again and a new plan is made. A later step may refer to an object that an earlier one creates: its body then has
//! `"<pool web>"` in place of the id, and [`Step::depends_on`] names the object. So it does where the order of two
//! steps keeps something from being lost: a secret is deleted after the change of the last listener that names it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Id, Problem, StoredSecret};

/// A JSON object for Octavia or Neutron, without the root key: null, absent and a value are three different things.
pub type Body = Map<String, Value>;

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Plan {
    /// Steps that will run, in this order.
    pub steps: Vec<Step>,
    /// Steps that would interrupt traffic while the stack forbids it, and all steps that have to follow these.
    pub held_back: Vec<Step>,
    /// Differences that no call can resolve. `steps` has nothing about them.
    pub problems: Vec<Problem>,
}

/// Effect of a step on traffic, from harmless to harmful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Impact {
    /// No effect but the reload that every write costs.
    None,
    /// Some new connections go elsewhere, or health checks pause for a moment.
    NewConnections,
    /// Connections are refused or cut.
    Interrupts,
}

impl std::fmt::Display for Impact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::NewConnections => "new connections",
            Self::Interrupts => "interrupts",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    LoadBalancer,
    Listener,
    Pool,
    Member,
    HealthMonitor,
    L7Policy,
    L7Rule,
    FloatingIp,
    Secret,
}

impl Kind {
    /// The kind in messages and metric labels.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load balancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::HealthMonitor => "health monitor",
            Self::L7Policy => "L7 policy",
            Self::L7Rule => "L7 rule",
            Self::FloatingIp => "floating IP",
            Self::Secret => "secret",
        }
    }
}

/// One call of a plan, with its effect and its reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub kind: Kind,
    /// Name for people: the key in the stack where there is one (`web`, `https/api`, `web 10.0.0.1:80`), else the name.
    pub name: String,
    pub call: Call,
    /// Differing fields, before and after. Empty when the step creates, deletes or only heals.
    pub changes: Vec<Change>,
    pub impact: Impact,
    pub reason: StepReason,
    /// An object that an earlier step creates or changes, and without which this one must not run; `None` for the first
    /// step of every plan.
    pub depends_on: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepReason {
    /// Difference from the desired state.
    Wanted,
    /// The object is in ERROR; the same values are sent again.
    Heal,
    /// Part of the replacement of an object that Octavia cannot change in place.
    Replace,
    /// The stack becomes the owner of a load balancer of another client.
    Adopt,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Octavia's name of the field.
    pub field: String,
    /// Observed value.
    pub was: Value,
    /// Desired value.
    pub want: Value,
}

/// Exactly one HTTP call, with every id and value. Every POST, and a `ReplaceMembers` that grows, takes quota.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// `POST /loadbalancers`, the whole tree.
    CreateLoadBalancer { body: Body },
    /// `PUT /loadbalancers/{id}`
    UpdateLoadBalancer { id: Id, body: Body },
    /// `DELETE /loadbalancers/{id}?cascade=true`
    DeleteLoadBalancer { id: Id },
    /// `POST` of a listener, pool, health monitor, L7 policy; of a member or rule below its `parent`.
    Create { parent: Option<Id>, body: Body },
    /// `PUT`, likewise.
    Update { parent: Option<Id>, id: Id, body: Body },
    /// `DELETE`, likewise.
    Delete { parent: Option<Id>, id: Id },
    /// `PUT /pools/{pool}/members`, with `?additive_only=true` where `additive`.
    ReplaceMembers { pool: Id, additive: bool, members: Vec<Body>, grows: bool },
    /// `POST /floatingips`
    CreateFloatingIp { body: Body },
    /// `PUT /floatingips/{id}`
    UpdateFloatingIp {
        id: Id,
        body: Body,
        /// Revision of the record that the change was planned against: Neutron rejects the write at another one.
        #[serde(skip)]
        revision: Option<i64>,
    },
    /// `DELETE /floatingips/{id}`
    DeleteFloatingIp {
        id: Id,
        /// As in [`UpdateFloatingIp`](Self::UpdateFloatingIp).
        #[serde(skip)]
        revision: Option<i64>,
    },
    /// `PUT` or `DELETE /floatingips/{id}/tags/{tag}`
    TagFloatingIp { id: Id, tag: String, present: bool },
    /// `POST /v1/secrets`, with the content. Printed and serialised without it.
    CreateSecret { secret: StoredSecret },
    /// `DELETE /v1/secrets/{id}`
    DeleteSecret { id: Id },
}

impl Call {
    /// True for calls during which Octavia locks the quota of the project, so that others queue.
    pub const fn takes_quota(&self) -> bool {
        match self {
            Self::CreateLoadBalancer { .. } | Self::Create { .. } => true,
            Self::ReplaceMembers { grows, .. } => *grows,
            _ => false,
        }
    }

    /// True for writes to Octavia, which reload the data plane; those to Neutron and Barbican do not.
    pub const fn is_octavia(&self) -> bool {
        !matches!(
            self,
            Self::CreateFloatingIp { .. }
                | Self::UpdateFloatingIp { .. }
                | Self::DeleteFloatingIp { .. }
                | Self::TagFloatingIp { .. }
                | Self::CreateSecret { .. }
                | Self::DeleteSecret { .. }
        )
    }

    /// `create`, `update` or `delete`, for printing and metrics.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::CreateLoadBalancer { .. }
            | Self::Create { .. }
            | Self::CreateFloatingIp { .. }
            | Self::CreateSecret { .. } => "create",
            Self::DeleteLoadBalancer { .. }
            | Self::Delete { .. }
            | Self::DeleteFloatingIp { .. }
            | Self::DeleteSecret { .. } => "delete",
            Self::UpdateLoadBalancer { .. }
            | Self::Update { .. }
            | Self::ReplaceMembers { .. }
            | Self::UpdateFloatingIp { .. }
            | Self::TagFloatingIp { .. } => "update",
        }
    }

    /// True if this is the same call as another one, whatever happened to the object in between.
    fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::UpdateFloatingIp { id, body, revision: _ },
                Self::UpdateFloatingIp { id: other_id, body: other_body, revision: _ },
            ) => id == other_id && body == other_body,
            (Self::DeleteFloatingIp { id, revision: _ }, Self::DeleteFloatingIp { id: other_id, revision: _ }) => {
                id == other_id
            }
            _ => self == other,
        }
    }
}

impl Step {
    /// A step that the stack wants, depends on nothing, does no harm and shows no changes.
    pub fn new(kind: Kind, name: impl Into<String>, call: Call) -> Self {
        Self {
            kind,
            name: name.into(),
            call,
            changes: Vec::new(),
            impact: Impact::None,
            reason: StepReason::Wanted,
            depends_on: None,
        }
    }

    pub fn impact(self, impact: Impact) -> Self {
        Self { impact, ..self }
    }

    /// The same step without key material, for a memory or a report. It compares as equal.
    pub fn without_content(self) -> Self {
        match self.call {
            Call::CreateSecret { secret } => {
                Self { call: Call::CreateSecret { secret: secret.without_payload() }, ..self }
            }
            _ => self,
        }
    }

    /// True if this is the same change as another one, whatever happened to the object in between.
    pub fn repeats(&self, other: &Self) -> bool {
        let Self { kind, name, call, changes, impact, reason, depends_on } = self;
        *kind == other.kind
            && *name == other.name
            && call.repeats(&other.call)
            && *changes == other.changes
            && *impact == other.impact
            && *reason == other.reason
            && *depends_on == other.depends_on
    }
}
