//! The resource and the fields that say how it is looked after.

use std::time::Duration;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amphora;
use super::duration;
use super::immutable;
use super::load_balancer::MOST_ADDITIONAL_VIPS;
use super::patterns;
use super::schema;
use super::{ListenerSpec, LoadBalancerSpec, LoadBalancerStackStatus, PoolSpec};

/// How often drift is looked for where the stack does not say.
const DEFAULT_RESYNC_PERIOD: Duration = Duration::from_secs(600);
const SHORTEST_RESYNC_PERIOD: Duration = Duration::from_secs(10);

/// On the object: wins over `spec.deletionPolicy`, and no schema can refuse it.
pub const DELETION_POLICY_ANNOTATION: &str = "evenkeel.dev/deletion-policy";

/// What one Octavia load balancer and everything under it should be.
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
    doc = "A LoadBalancerStack is one OpenStack Octavia load balancer with its listeners, pools, members, health monitors, L7 policies and floating IP. Evenkeel makes it and keeps it equal to the spec.",
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
    validation = immutable::entries("vip.additional", MOST_ADDITIONAL_VIPS, &["subnet.id", "subnet.name", "address"])
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.cloudCredentialsRef)")
        .message("cloudCredentialsRef is required: the Secret that says which cloud to use")
        .field_path(".cloudCredentialsRef"),
    validation = Rule::new("!has(self.listeners) || self.listeners.all(l, !has(l.defaultPool) || (has(self.pools) && self.pools.exists(p, p.name == l.defaultPool)))")
        .message("defaultPool must be the name of a pool in spec.pools")
        .field_path(".listeners"),
    validation = Rule::new("!has(self.listeners) || !has(self.pools) || self.listeners.all(l, !has(l.defaultPool) || self.pools.all(p, p.name != l.defaultPool || (l.protocol == 'TCP' ? p.protocol in ['TCP', 'HTTP', 'HTTPS', 'PROXY', 'PROXYV2'] : l.protocol in ['HTTP', 'TERMINATED_HTTPS'] ? p.protocol in ['HTTP', 'PROXY', 'PROXYV2'] : l.protocol == 'HTTPS' ? p.protocol in ['TCP', 'HTTPS', 'PROXY', 'PROXYV2'] : l.protocol == p.protocol)))")
        .message("the protocol of defaultPool must suit the listener: TCP takes TCP, HTTP, HTTPS, PROXY, PROXYV2; HTTP and TERMINATED_HTTPS take HTTP, PROXY, PROXYV2; HTTPS takes TCP, HTTPS, PROXY, PROXYV2; UDP takes UDP; SCTP takes SCTP; PROMETHEUS takes none")
        .field_path(".listeners"),
    validation = Rule::new("!has(self.listeners) || [has(self.pools) ? self.pools.map(p, p.name) : []].all(names, self.listeners.all(l, !has(l.l7Policies) || l.l7Policies.all(r, !has(r.redirectPool) || r.redirectPool in names)))")
        .message("redirectPool must be the name of a pool in spec.pools")
        .field_path(".listeners"),
    validation = Rule::new("!has(self.listeners) || !has(self.pools) || [self.pools.filter(p, !(p.protocol in ['HTTP', 'PROXY', 'PROXYV2'])).map(p, p.name)].all(others, self.listeners.all(l, !has(l.l7Policies) || l.l7Policies.all(r, !has(r.redirectPool) || !(r.redirectPool in others))))")
        .message("the protocol of redirectPool must be HTTP, PROXY or PROXYV2")
        .field_path(".listeners"),
    validation = Rule::new("!has(self.loadBalancer.vip.securityGroups) || size(self.loadBalancer.vip.securityGroups) == 0 || !has(self.listeners) || self.listeners.all(l, !has(l.allowedCIDRs) || size(l.allowedCIDRs) == 0)")
        .message("allowedCIDRs of a listener and loadBalancer.vip.securityGroups exclude each other: filter with the security groups, or remove them")
        .field_path(".listeners"),
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
    /// The Secret with the credentials of the OpenStack project. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_credentials_ref: Option<CloudCredentialsRef>,

    /// `Managed` (the default): the load balancer is made and kept equal to this spec. `Observe`: it is only read,
    /// and the status shows what would be done. May change either way at any time.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// What happens to the load balancer when this object is deleted. `Delete` (the default): it is deleted with
    /// everything under it. `Orphan`: it stays as it is and loses Evenkeel's tags. The annotation
    /// evenkeel.dev/deletion-policy with one of these values wins over this field; any other value of it counts as
    /// `Orphan`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// May a change run that Octavia can only make by deleting something and making it again, so that traffic is
    /// interrupted, such as another protocol on the same port of a listener? `Forbid` (the default): it is held back and
    /// shown in status.plan; everything else runs, also a listener that is removed here or switched off. `Allow`: it runs.
    #[serde(default)]
    pub disruption_policy: DisruptionPolicy,

    /// True: no calls to OpenStack at all, not even for deletion. Absent means false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,

    /// How often Evenkeel looks for changes made behind its back and corrects them, with some jitter: a duration in
    /// whole seconds from 10s to 24h, for example 10m. 0s switches it off. Absent means 10m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::resync_period")]
    pub resync_period: Option<String>,

    /// The load balancer itself.
    pub load_balancer: LoadBalancerSpec,

    /// Where the load balancer listens, at most 64. A listener that is removed here is removed from Octavia. No two
    /// may have the same port, except that TCP, UDP and SCTP each have their own ports (HTTP, HTTPS, TERMINATED_HTTPS
    /// and PROMETHEUS belong to TCP).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.all(a, self.exists_one(b, b.port == a.port && (b.protocol in ['UDP', 'SCTP'] ? b.protocol : 'TCP') == (a.protocol in ['UDP', 'SCTP'] ? a.protocol : 'TCP')))")
            .message("two listeners must not have the same port: TCP (with HTTP, HTTPS, TERMINATED_HTTPS and PROMETHEUS), UDP and SCTP each have their own ports")
    )]
    pub listeners: Vec<ListenerSpec>,

    /// Groups of members that serve the traffic, at most 100 with at most 4096 members in all. Each is named once and
    /// may be used by several listeners and policies. A pool that is removed here is removed from Octavia.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.map(p, has(p.members) ? size(p.members) : 0).sum() <= 4096")
            .message("all pools together must have at most 4096 members"),
        validation = Rule::new("[self.map(p, has(p.displayName) && p.displayName != '' ? p.displayName : p.name)].all(names, names.all(n, names.exists_one(m, m == n)))")
            .message("displayName (or name, where it is absent) must differ between pools")
    )]
    pub pools: Vec<PoolSpec>,
}

/// Where the credentials are.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudCredentialsRef {
    /// Name of a Secret in the same namespace. Its key clouds.yaml holds the credentials, its optional key cacert a
    /// bundle of certificates (PEM) to trust.
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::OBJECT_NAME))]
    pub secret_name: String,

    /// Which entry of clouds.yaml to use.
    #[schemars(length(min = 1, max = 255))]
    pub cloud_name: String,
}

impl CloudCredentialsRef {
    /// The name of the Secret; `None` where no Secret can have it. The client puts it in a path as it is, so one stored
    /// before the schema refused it must not be used.
    pub fn secret(&self) -> Option<&str> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_label = |label: &str| {
            label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-')
        };
        let name = self.secret_name.as_str();
        (name.len() <= 253 && name.split('.').all(is_label)).then_some(name)
    }
}

#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ManagementPolicy {
    #[default]
    Managed,
    Observe,
}

#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DeletionPolicy {
    #[default]
    Delete,
    Orphan,
}

#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DisruptionPolicy {
    #[default]
    Forbid,
    Allow,
}

impl LoadBalancerStackSpec {
    /// How often drift is looked for; `None` where the stack switches it off. A text that is no duration (stored
    /// before the schema refused it) counts as absent.
    pub fn resync_period(&self) -> Option<Duration> {
        let wanted = self.resync_period.as_deref().and_then(duration::parse).unwrap_or(DEFAULT_RESYNC_PERIOD);
        (!wanted.is_zero()).then_some(wanted.max(SHORTEST_RESYNC_PERIOD))
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
    /// What to do with the load balancer when the object goes: the annotation wins over the spec. A value of the
    /// annotation that is neither `Delete` nor `Orphan` is taken for `Orphan`: a slip of the pen deletes nothing.
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
    fn the_annotation_wins_over_the_spec_and_a_slip_of_the_pen_deletes_nothing() {
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
    fn a_secret_is_named_as_the_schema_says() {
        let pattern = regex::Regex::new(patterns::OBJECT_NAME).unwrap();
        let long = format!("a{}", ".a".repeat(126));
        let good = ["a", "openstack", "cloud-1.team-a.eu", "0", &long];
        let bad = [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a.",
            "-a",
            "a-",
            "a.-b",
            "A",
            "a_b",
            "a/b",
            "a b",
            "a%2fb",
            "a?b",
            "ä",
            "a\n",
            "../../kube-system/secrets/x",
        ];
        for (name, is_one) in good.map(|name| (name, true)).into_iter().chain(bad.map(|name| (name, false))) {
            let reference = CloudCredentialsRef { secret_name: name.to_owned(), ..Default::default() };
            assert_eq!(reference.secret().is_some(), is_one, "{name:?}");
            assert_eq!(pattern.is_match(name), is_one, "{name:?} by the pattern");
        }
        let longer = CloudCredentialsRef { secret_name: format!("{long}a"), ..Default::default() };
        assert_eq!(longer.secret(), None);
    }

    #[test]
    fn the_resync_period_has_a_default_a_floor_and_an_off_switch() {
        let period = |text: Option<&str>| {
            LoadBalancerStackSpec { resync_period: text.map(str::to_owned), ..Default::default() }.resync_period()
        };
        assert_eq!(period(None), Some(DEFAULT_RESYNC_PERIOD));
        assert_eq!(period(Some("1h30m")), Some(Duration::from_secs(5400)));
        assert_eq!(period(Some("0s")), None);
        assert_eq!(period(Some("1s")), Some(SHORTEST_RESYNC_PERIOD));
        assert_eq!(period(Some("1d")), Some(DEFAULT_RESYNC_PERIOD));
    }
}
