//! Facts about a cloud, as they are printed.

use serde::Serialize;

use crate::model::{ApiVersion, Kind};
use crate::openstack::{Choice, Extension, Inventory, Network, QuotaUse};
use crate::translate::{API_FEATURES, ApiFeature};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CloudReport {
    pub(super) project_id: String,
    pub(super) region: String,
    pub(super) octavia_api_version: String,
    /// Null, like the next lists, where the cloud has none or does not let these credentials read them.
    pub(super) providers: Option<Vec<Choice>>,
    pub(super) flavors: Option<Vec<Choice>>,
    pub(super) availability_zones: Option<Vec<Choice>>,
    pub(super) quotas: Option<Vec<QuotaReport>>,
    pub(super) networks: Vec<Network>,
    pub(super) unsupported: Vec<Unsupported>,
}

/// The quota of a kind of object that has a limit.
#[derive(Debug, Serialize)]
pub(super) struct QuotaReport {
    pub(super) kind: Kind,
    pub(super) used: i64,
    pub(super) limit: i64,
}

/// A field of a stack, or some of its values, that this cloud does not support.
#[derive(Debug, Serialize)]
pub(super) struct Unsupported {
    pub(super) field: &'static str,
    pub(super) reason: String,
}

impl From<Inventory> for CloudReport {
    fn from(inventory: Inventory) -> Self {
        let Inventory { project, api_version, providers, flavors, availability_zones, quotas, networks, missing } =
            inventory;
        let newer = API_FEATURES.iter().filter(|feature| feature.since > api_version);
        let newer = newer.map(|feature| Unsupported::newer(feature, api_version));
        Self {
            project_id: project.id,
            region: project.region,
            octavia_api_version: api_version.to_string(),
            providers,
            flavors,
            availability_zones,
            quotas: quotas.map(|quotas| quotas.iter().map(QuotaReport::of).collect()),
            networks,
            unsupported: missing.into_iter().flat_map(Unsupported::missing).chain(newer).collect(),
        }
    }
}

impl QuotaReport {
    const fn of(quota: &QuotaUse) -> Self {
        Self { kind: quota.kind, used: quota.used, limit: quota.limit }
    }
}

impl Unsupported {
    fn newer(feature: &ApiFeature, present: ApiVersion) -> Self {
        let ApiFeature { field, name, since } = feature;
        Self { field, reason: format!("{name} needs Octavia API {since}, and this cloud has {present}") }
    }

    fn missing(extension: Extension) -> Vec<Self> {
        let (fields, reason): (&[&str], _) = match extension {
            Extension::FloatingIps => (&["spec.loadBalancer.floatingIP"], "Neutron has no floating IPs"),
            Extension::QosPolicies => (&["spec.loadBalancer.vip.qosPolicy"], "Neutron has no QoS policies"),
            Extension::KeyManager => (
                &["spec.listeners[].tls", "spec.pools[].tls"],
                "the service catalogue has no key manager (Barbican), which stores certificates",
            ),
        };
        fields.iter().map(|field| Self { field, reason: reason.to_owned() }).collect()
    }
}
