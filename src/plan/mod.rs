//! The pure heart: from what is wanted and what is there to the ordered list of calls that Octavia will accept.
//!
//! No async, no clock, no I/O. A [`Plan`] is a value that prints (for people) and serialises (for machines). A
//! [`Step`] holds every id and every value: executing it needs no look-up and no choice. Only the first step of a plan
//! is ever executed; then the cloud is looked at again and a new plan is made. So a later step may speak of an object
//! that an earlier one makes; its body then says `"<pool web>"` where the id will be, and [`Step::waits`] is set.
//!
//! # What is done in place, what is replaced, what is held back
//!
//! [`Impact`] says what a step does to traffic that flows now, wanted or not: deleting a listener interrupts, and so
//! does switching one off. But only a *detour* is held back while the stack forbids interruptions: deleting something
//! that has to be made again at once, because Octavia cannot change it where it stands (a listener's protocol on the
//! same port; another floating IP on the same address). What the stack itself asks for, a listener gone or switched
//! off, is the goal and runs.
//!
//! What is held back leaves the old object in service, and its pool's members go on being kept as the stack says.

mod create;
mod diff;
mod display;
mod floating_ip;
mod heal;
mod health_monitor;
mod l7_policy;
mod l7_rule;
mod listener;
mod load_balancer;
mod matching;
mod member;
mod ownership;
mod pool;
mod step;
mod tls;
mod update;

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
#[cfg(test)]
mod tests;

pub use create::create;
use diff::Patch;
pub use floating_ip::{RETAIN, floating_ip_in_use};
pub use ownership::{delete, orphan, take_over};
pub use update::update;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::Id;

/// Bytes of one body. Octavia's limit is 114,688 (413 beyond); the rest is left to whoever stands between.
pub const MAX_BODY: usize = 100 * 1024;

/// A JSON object for Octavia or Neutron, without the root key: null, absent and a value are three different things.
pub type Body = Map<String, Value>;

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Plan {
    /// What will run, in this order.
    pub steps: Vec<Step>,
    /// What would interrupt traffic while the stack forbids it, and everything that has to follow it.
    pub held: Vec<Step>,
    /// What cannot be done at all; nothing of it is in `steps`.
    pub refusals: Vec<Refusal>,
}

/// A difference that no call can mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub reason: RefusalReason,
    /// Where in the spec, for instance `spec.loadBalancer.vip.subnet`.
    pub field: String,
    /// What is wanted, what is there, and what to do.
    pub message: String,
    /// The floating IP that it is about: as long as that looks the same, so does this.
    #[serde(skip)]
    pub floating_ip: Option<Id>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RefusalReason {
    /// Octavia cannot change it once the load balancer exists.
    ImmutableField,
    /// Something that is not ours, inside our load balancer, is in the way: a listener on the same port.
    ResourceConflict,
}

/// What a step does to traffic, from harmless to harmful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Impact {
    /// Nobody notices, but for the reload that every write costs.
    None,
    /// Some new connections go elsewhere, or members are unwatched for a moment.
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
}

impl Kind {
    /// The name for people. Metric labels have it in snake case: `load_balancer`.
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
        }
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub kind: Kind,
    /// For people: the key in the stack where there is one (`web`, `https/api`, `web 10.0.0.1:80`), else the name.
    pub name: String,
    pub call: Call,
    /// What differs, before and after. Empty when the step creates, deletes or only heals.
    pub changes: Vec<Change>,
    pub impact: Impact,
    pub why: StepReason,
    /// An object that an earlier step makes first; `None` for the first step of every plan.
    pub waits: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepReason {
    /// The stack wants it so.
    Wanted,
    /// The object is in ERROR; the same values are sent again.
    Heal,
    /// Part of replacing something that Octavia cannot change in place.
    Replace,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Octavia's name of the field.
    pub field: String,
    pub was: Value,
    pub want: Value,
}

/// Exactly one HTTP call each. Every POST, and a `ReplaceMembers` that grows, takes quota.
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
        /// That of the record which the change was planned against.
        #[serde(skip)]
        revision: Option<i64>,
    },
    /// `DELETE /floatingips/{id}`
    DeleteFloatingIp { id: Id },
    /// `PUT` or `DELETE /floatingips/{id}/tags/{tag}`
    TagFloatingIp { id: Id, tag: String, present: bool },
}

impl Call {
    /// Octavia holds the project's quota row for the whole call and queues the others.
    pub const fn takes_quota(&self) -> bool {
        match self {
            Self::CreateLoadBalancer { .. } | Self::Create { .. } => true,
            Self::ReplaceMembers { grows, .. } => *grows,
            _ => false,
        }
    }

    /// Writes of Octavia reload the data plane; those of Neutron do not.
    pub const fn is_octavia(&self) -> bool {
        !matches!(
            self,
            Self::CreateFloatingIp { .. }
                | Self::UpdateFloatingIp { .. }
                | Self::DeleteFloatingIp { .. }
                | Self::TagFloatingIp { .. }
        )
    }

    /// `create`, `update` or `delete`, for printing and metrics.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::CreateLoadBalancer { .. } | Self::Create { .. } | Self::CreateFloatingIp { .. } => "create",
            Self::DeleteLoadBalancer { .. } | Self::Delete { .. } | Self::DeleteFloatingIp { .. } => "delete",
            Self::UpdateLoadBalancer { .. }
            | Self::Update { .. }
            | Self::ReplaceMembers { .. }
            | Self::UpdateFloatingIp { .. }
            | Self::TagFloatingIp { .. } => "update",
        }
    }
}
