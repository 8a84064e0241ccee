//! The resource `ClusterOpenStackCloud`: credentials of one project that several namespaces share.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::member_source::LabelSelectorSpec;
use super::object_name::object_name;
use super::patterns;
use super::rules::cluster_cloud as rules;
use super::schema;
use super::status::Condition;

/// Credentials of an OpenStack project, and the namespaces that may use them.
#[allow(clippy::duplicated_attributes, reason = "several columns have the same type")]
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "evenkeel.dev",
    version = "v1alpha1",
    kind = "ClusterOpenStackCloud",
    plural = "clusteropenstackclouds",
    singular = "clusteropenstackcloud",
    shortname = "coscloud",
    category = "evenkeel",
    status = "ClusterOpenStackCloudStatus",
    derive = "PartialEq",
    doc = "A ClusterOpenStackCloud is the credentials of an OpenStack project that several namespaces share. It grants their use to namespaces, and says what their stacks may ask for.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Cloud", type_ = "string", json_path = ".spec.cloudName"),
    printcolumn(name = "Project", type_ = "string", priority = 1, json_path = ".status.projectID"),
    printcolumn(name = "Users", type_ = "integer", json_path = ".status.users"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOpenStackCloudSpec {
    /// Secret with the credentials, in the namespace that the flag --cluster-resource-namespace names (default: the
    /// controller's own). Its key clouds.yaml holds the credentials, its optional key cacert a bundle of trusted
    /// certificates (PEM).
    pub secret_ref: ClusterSecretRef,

    /// Name of the entry of clouds.yaml to use, 1 to 255 characters.
    #[schemars(length(min = 1, max = 255))]
    pub cloud_name: String,

    /// Namespaces whose stacks may use the credentials. Default: none.
    #[serde(default)]
    pub allowed_namespaces: AllowedNamespacesSpec,

    /// Permissions of the stacks of these namespaces. Default: no object by id that another stack may own, which means no
    /// existing load balancer, floating IP or port, and no Barbican secret.
    #[serde(default)]
    pub allow: AllowSpec,
}

impl ClusterOpenStackCloudSpec {
    /// The name of the Secret; `None` if no Secret can have it.
    pub fn secret(&self) -> Option<&str> {
        object_name(&self.secret_ref.name)
    }
}

/// Reference to a Secret in the namespace of cluster-wide credentials.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSecretRef {
    /// Name of the Secret, a DNS subdomain of at most 253 characters.
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::OBJECT_NAME))]
    pub name: String,
}

/// Namespaces to which the use of a cloud is granted.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::selection_suits_from(), validation = rules::selector_is_not_empty())]
pub struct AllowedNamespacesSpec {
    /// Kind of the grant. `None`: no namespace. `All`: every namespace. `Selected`: namespaces that names lists or selector
    /// selects. Default: `None`.
    #[serde(default)]
    pub from: NamespacesFrom,

    /// Names of namespaces, at most 256, for `Selected`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::namespaces")]
    pub names: Vec<String>,

    /// Labels of namespaces, for `Selected`. Use labels that tenants cannot change, for example
    /// kubernetes.io/metadata.name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelectorSpec>,
}

/// Kind of a grant to namespaces.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NamespacesFrom {
    /// No namespace.
    #[default]
    None,
    /// Every namespace.
    All,
    /// Namespaces by name or by label.
    Selected,
}

/// Permissions of stacks that share a cloud: objects of its project that belong to others are out of reach by default.
/// A stack that asks for more is stalled, and nothing is changed in the cloud.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowSpec {
    /// Networks of VIPs, by id or name: at most 32. Subnets and ports of these networks count. Default: any network that the
    /// project sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::allowed_objects")]
    pub vip_networks: Option<Vec<String>>,

    /// Networks of the subnets that members and member sources name, by id or name: at most 32. Default: any network that
    /// the project sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::allowed_objects")]
    pub member_networks: Option<Vec<String>>,

    /// External networks of floating IPs, by id or name: at most 32. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::allowed_objects")]
    pub external_networks: Option<Vec<String>>,

    /// Security groups of VIP ports, by id or name: at most 32. Default: any that the project sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::allowed_objects")]
    pub security_groups: Option<Vec<String>>,

    /// QoS policies of VIP ports, by id or name: at most 32. Default: any that the project sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::allowed_objects")]
    pub qos_policies: Option<Vec<String>>,

    /// Networks (CIDR) of the addresses of members, of their monitorAddress, and of the endpoints of member sources: at most
    /// 256. Default: any address.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "memberCIDRs")]
    #[schemars(schema_with = "schema::cidrs")]
    pub member_cidrs: Option<Vec<String>>,

    /// Permission to adopt load balancers that exist (adopt): any of the project that has no owner, and any whose owner the
    /// stack names in fromOwner. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<bool>,

    /// Permission to borrow floating IPs that exist (floatingIP.existing): any that no stack holds. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "existingFloatingIPs")]
    pub existing_floating_ips: Option<bool>,

    /// Permission to put a VIP on a port that exists (vip.port): any that nothing uses. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip_ports: Option<bool>,

    /// Permission to name Barbican secrets by URL (barbicanRef): any that the credentials can read, among them those that
    /// Evenkeel stores for the certificates of other namespaces. secretRef and configMapRef need no permission. Default:
    /// false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barbican_refs: Option<bool>,

    /// Most load balancers of one namespace, 0 to 10000. One that exists is kept. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub max_load_balancers_per_namespace: Option<i32>,
}

/// Observed state of a cloud and of its use.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOpenStackCloudStatus {
    /// Generation of the spec that this status describes; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Id of the project of the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "projectID")]
    pub project_id: Option<String>,

    /// Region of the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,

    /// Number of stacks that need the credentials. The object and its Secret are kept while there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<i64>,

    /// Conditions: Ready is True while the credentials work. Reconciling and Stalled are present only while they are
    /// true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
