//! Children of a load balancer that its stack does not name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Id, Kind};

/// Handling of the children of a load balancer that the stack does not name.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PrunePolicy {
    /// Deletes children that the stack made or adopted, and keeps those of other clients.
    #[default]
    Owned,
    /// Deletes all children.
    All,
    /// Keeps all children.
    None,
}

/// A listener, pool or L7 policy that the stack does not name and that stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignChild {
    pub kind: Kind,
    pub name: String,
    pub id: Id,
}
