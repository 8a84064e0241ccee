//! Adoption of a load balancer that exists.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rules::adoption;
use super::schema;

/// Load balancer to adopt: one by id, or the only one with a name and tags.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = adoption::id_or_name_and_tags())]
pub struct AdoptSpec {
    /// Id of the load balancer: a UUID in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::uuid")]
    pub id: Option<String>,

    /// Name of the load balancer: 1 to 255 characters on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::name")]
    pub name: Option<String>,

    /// Tags that the load balancer has, at most 32; it may have others. Exactly one load balancer of the project must have
    /// the name and all of these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selecting_tags")]
    pub tags: Vec<String>,

    /// Owner that the load balancer is taken from, as the condition Stalled names it: cluster/uid of a stack, or the
    /// kube_service_ or kube_ingress_ name of another controller; at most 510 characters. Default: a load balancer with an
    /// owner is rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::owner")]
    pub from_owner: Option<String>,
}
