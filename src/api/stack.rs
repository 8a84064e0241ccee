//! The resource, and the policies by which Evenkeel manages it.

use std::time::Duration;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adoption::AdoptSpec;
use super::credentials::CloudCredentialsRef;
use super::duration;
use super::listener::ListenerSpec;
use super::load_balancer::{ADDITIONAL_VIPS_MAX, LoadBalancerSpec};
use super::pool::PoolSpec;
use super::rules::{amphora, immutable, stack};
use super::schema;
use super::status::LoadBalancerStackStatus;
use crate::model::PrunePolicy;

/// Interval of the checks for drift, unless the stack says otherwise.
const RESYNC_PERIOD_DEFAULT: Duration = Duration::from_secs(600);
const RESYNC_PERIOD_MIN: Duration = Duration::from_secs(10);

/// Annotation that wins over `spec.deletionPolicy`. No schema checks its value.
pub const DELETION_POLICY_ANNOTATION: &str = "evenkeel.dev/deletion-policy";

/// Desired state of one Octavia load balancer and everything under it.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[kube(
    group = "evenkeel.dev",
    version = "v1alpha1",
    kind = "LoadBalancerStack",
    plural = "loadbalancerstacks",
    singular = "loadbalancerstack",
    shortname = "lbstack",
    category = "evenkeel",
    namespaced,
    status = "LoadBalancerStackStatus",
    derive = "PartialEq",
    doc = "A LoadBalancerStack is one OpenStack Octavia load balancer with its listeners, pools, members, health monitors, L7 policies and floating IP. Evenkeel creates it and keeps it equal to the spec.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "VIP", type_ = "string", json_path = ".status.loadBalancer.vipAddress"),
    printcolumn(name = "Floating IP", type_ = "string", json_path = ".status.loadBalancer.floatingIP"),
    printcolumn(name = "Provisioning", type_ = "string", json_path = ".status.loadBalancer.provisioningStatus"),
    printcolumn(name = "Operating", type_ = "string", json_path = ".status.loadBalancer.operatingStatus"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        priority = 1,
        json_path = ".status.conditions[?(@.type=='Ready')].reason"
    ),
    printcolumn(name = "Provider", type_ = "string", priority = 1, json_path = ".status.loadBalancer.provider"),
    printcolumn(name = "ID", type_ = "string", priority = 1, json_path = ".status.loadBalancer.id"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = immutable::text("provider"),
    validation = immutable::reference("flavor"),
    validation = immutable::text("availabilityZone"),
    validation = immutable::reference("vip.subnet"),
    validation = immutable::reference("vip.network"),
    validation = immutable::reference("vip.port"),
    validation = immutable::text("vip.address"),
    validation = immutable::entries("vip.additional", ADDITIONAL_VIPS_MAX, &["subnet.id", "subnet.name", "address"])
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = stack::credentials_are_named(),
    validation = stack::default_pool_exists(),
    validation = stack::default_pool_suits_listener(),
    validation = stack::redirect_pool_exists(),
    validation = stack::redirect_pool_takes_http(),
    validation = stack::one_filter_of_clients(),
    validation = amphora::connection_limit_zero(),
    validation = amphora::timeouts_zero(),
    validation = amphora::timeouts_of_datagrams(),
    validation = amphora::timeouts_of_metrics(),
    validation = amphora::headers_never_added(),
    validation = amphora::headers_in_proxy_pools(),
    validation = amphora::certificate_beside_sni(),
    validation = amphora::cookies_out_of_sight(),
    validation = amphora::persistence_of_datagrams(),
    validation = amphora::granularity(),
    validation = amphora::versions_of_pools_with_a_gap(),
    validation = amphora::backup_of_datagrams(),
    validation = amphora::weights_of_datagrams(),
    validation = amphora::monitors_of_datagrams(),
    validation = amphora::pings_of_members()
)]
pub struct LoadBalancerStackSpec {
    /// Credentials of the OpenStack project: a Secret in the same namespace, or a ClusterOpenStackCloud. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_credentials_ref: Option<CloudCredentialsRef>,

    /// Authority of Evenkeel over the load balancer. `Managed`: Evenkeel creates it and keeps it equal to this spec.
    /// `Observe`: Evenkeel only reads it, and shows the changes it would make in status.plan. Changeable either way at
    /// any time. Default: `Managed`.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// Load balancer that exists and that this object takes in place of a new one. Its listeners, pools and L7 policies
    /// become those of this spec by their ports, users and contents, with as few changes as possible. If it cannot be
    /// adopted, nothing is created. Only a load balancer of the stack itself wins over this field. Default: a new load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<AdoptSpec>,

    /// Handling of the load balancer when this object is deleted. `Delete`: it is deleted with everything under it.
    /// `Orphan`: it stays as it is and loses Evenkeel's owner tags. The annotation evenkeel.dev/deletion-policy with
    /// one of these values wins over this field; any other value of it counts as `Orphan`. Default: `Delete`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// Permission for changes that Octavia can only make by deleting an object and creating it again, which interrupts
    /// traffic, such as another protocol on the same port of a listener. `Forbid`: such a change is held back and shown
    /// in status.plan; all other changes run, including the removal of a listener. `Allow`: it runs. Default: `Forbid`.
    #[serde(default)]
    pub disruption_policy: DisruptionPolicy,

    /// Handling of listeners, pools, members, health monitors and L7 policies that the load balancer has and this spec does
    /// not name. `Owned`: those that this object made or adopted are deleted, those of other clients stay; a pool of this
    /// object has exactly its members. `All`: those of other clients are deleted as well. `None`: all stay, also when they
    /// leave this spec. Listeners, pools and L7 policies that stay are in status.foreignChildren. Default: `Owned`.
    #[serde(default)]
    pub prune_policy: PrunePolicy,

    /// Pause: true stops all calls to OpenStack, even those for a deletion. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,

    /// Interval at which Evenkeel checks for drift and corrects it, with some jitter: duration in whole seconds, 10s to
    /// 24h, for example 10m; 0s disables it. Default: 10m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::resync_period")]
    pub resync_period: Option<String>,

    /// Load balancer itself.
    pub load_balancer: LoadBalancerSpec,

    /// Ports on which the load balancer listens, at most 64. A listener that is removed here is removed from Octavia;
    /// those of other clients stay. No two may
    /// have the same port, except that TCP, UDP and SCTP each have their own ports (HTTP, HTTPS, TERMINATED_HTTPS and
    /// PROMETHEUS belong to TCP). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = stack::listener_ports_differ()
    )]
    pub listeners: Vec<ListenerSpec>,

    /// Groups of members that serve the traffic: at most 100, with at most 4096 members in all. Several listeners and
    /// policies may use one pool. A pool that is removed here is removed from Octavia; those of other clients stay. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = stack::members_in_all_pools(),
        validation = stack::pool_display_names_differ()
    )]
    pub pools: Vec<PoolSpec>,
}

/// Authority of Evenkeel over a load balancer.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ManagementPolicy {
    /// Evenkeel creates the load balancer and keeps it equal to the spec.
    #[default]
    Managed,
    /// Evenkeel only reads and plans.
    Observe,
}

/// Handling of the load balancer of a deleted stack.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// The load balancer is deleted with everything under it.
    #[default]
    Delete,
    /// The load balancer stays and loses Evenkeel's owner tags.
    Orphan,
}

/// Permission for changes that interrupt traffic.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DisruptionPolicy {
    /// Changes that interrupt traffic are held back.
    #[default]
    Forbid,
    /// Changes that interrupt traffic run.
    Allow,
}

impl LoadBalancerStackSpec {
    /// Interval of the checks for drift; `None` if the stack disables them. An invalid duration (stored before the schema
    /// rejected it) counts as absent.
    pub fn resync_period(&self) -> Option<Duration> {
        let period = self.resync_period.as_deref().and_then(duration::parse).unwrap_or(RESYNC_PERIOD_DEFAULT);
        (!period.is_zero()).then_some(period.max(RESYNC_PERIOD_MIN))
    }

    pub fn is_paused(&self) -> bool {
        self.paused.unwrap_or_default()
    }

    pub fn observes_only(&self) -> bool {
        self.management_policy == ManagementPolicy::Observe
    }

    pub fn allows_interruption(&self) -> bool {
        self.disruption_policy == DisruptionPolicy::Allow
    }
}

impl super::LoadBalancerStack {
    /// The deletion policy in force: the annotation wins over the spec. Unknown values of the annotation fall back to
    /// `Orphan`, the safe choice.
    pub fn deletion_policy(&self) -> DeletionPolicy {
        let annotation = self.metadata.annotations.as_ref().and_then(|a| a.get(DELETION_POLICY_ANNOTATION));
        match annotation.map(String::as_str) {
            None => self.spec.deletion_policy,
            Some("Delete") => DeletionPolicy::Delete,
            Some(_) => DeletionPolicy::Orphan,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::LoadBalancerStack;

    #[test]
    fn annotation_wins_and_unknown_value_means_orphan() {
        let policy = |spec, annotation: Option<&str>| {
            let spec = LoadBalancerStackSpec { deletion_policy: spec, ..Default::default() };
            let mut stack = LoadBalancerStack::new("web", spec);
            stack.metadata.annotations =
                annotation.map(|value| [(DELETION_POLICY_ANNOTATION.to_owned(), value.to_owned())].into());
            stack.deletion_policy()
        };
        assert_eq!(policy(DeletionPolicy::Delete, None), DeletionPolicy::Delete);
        assert_eq!(policy(DeletionPolicy::Orphan, None), DeletionPolicy::Orphan);
        assert_eq!(policy(DeletionPolicy::Delete, Some("Orphan")), DeletionPolicy::Orphan);
        assert_eq!(policy(DeletionPolicy::Orphan, Some("Delete")), DeletionPolicy::Delete);
        assert_eq!(policy(DeletionPolicy::Delete, Some("orphan")), DeletionPolicy::Orphan);
    }

    #[test]
    fn resync_period_has_default_minimum_and_off_switch() {
        let period = |text: Option<&str>| {
            LoadBalancerStackSpec { resync_period: text.map(str::to_owned), ..Default::default() }.resync_period()
        };
        assert_eq!(period(None), Some(RESYNC_PERIOD_DEFAULT));
        assert_eq!(period(Some("1h30m")), Some(Duration::from_secs(5400)));
        assert_eq!(period(Some("0s")), None);
        assert_eq!(period(Some("1s")), Some(RESYNC_PERIOD_MIN));
        assert_eq!(period(Some("1d")), Some(RESYNC_PERIOD_DEFAULT));
    }
}
