//! Everything that a project may use in its cloud, for people: providers, flavors, zones, networks and quotas.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::collections::{
    AVAILABILITY_ZONES, Collection, FLAVORS, FLOATING_IPS, NETWORKS, PROVIDERS, QOS_POLICIES, SUBNETS,
};
use super::http::{ApiRequest, CloudError, Service};
use super::keystone::Project;
use super::pagination::Listing;
use super::quota::QuotaUse;
use super::session::Session;
use crate::model::{ApiVersion, Id, ReferenceKind};

/// The offer of one cloud to one project. A list is `None` where the cloud does not have such things, or does not let
/// these credentials read them.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub project: Project,
    pub api_version: ApiVersion,
    pub providers: Option<Vec<Choice>>,
    pub flavors: Option<Vec<Choice>>,
    pub availability_zones: Option<Vec<Choice>>,
    /// Kinds with a limit, with their use.
    pub quotas: Option<Vec<QuotaUse>>,
    /// Networks that the project may use, by name.
    pub networks: Vec<Network>,
    pub missing: Vec<Extension>,
}

/// A provider, flavor or availability zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Absent for providers and zones, which have a name only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// False where the operator lets no new load balancer use it.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

const fn enabled() -> bool {
    true
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub id: Id,
    #[serde(default)]
    pub name: String,
    /// Floating IPs come from external networks.
    #[serde(rename(deserialize = "router:external"), default)]
    pub external: bool,
    /// Subnets that a VIP may be on.
    #[serde(skip_deserializing)]
    pub subnets: Vec<Subnet>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    pub id: Id,
    #[serde(default)]
    pub name: String,
    pub cidr: String,
    #[serde(skip_serializing)]
    network_id: Id,
}

/// A part of a cloud that not every cloud has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    FloatingIps,
    QosPolicies,
    KeyManager,
}

impl Session {
    pub(super) async fn inventory(&self) -> Result<Inventory, CloudError> {
        let api_version = self.api_version().await?;
        let project = self.login(None).await?.project.clone();
        let providers = if_offered(self.providers().await)?;
        let flavors = if_offered(self.choices(FLAVORS).await)?;
        let availability_zones = if_offered(self.choices(AVAILABILITY_ZONES).await)?;
        let quotas = if_offered(self.quota_uses().await)?;
        let networks = self.usable_networks_with_subnets().await?;
        let missing = self.missing_extensions().await?;
        Ok(Inventory { project, api_version, providers, flavors, availability_zones, quotas, networks, missing })
    }

    /// Providers have no pages.
    pub(super) async fn providers(&self) -> Result<Vec<Choice>, CloudError> {
        #[derive(Deserialize)]
        struct Providers {
            providers: Vec<Choice>,
        }
        Ok(self.send(&PROVIDERS.list()).await?.json::<Providers>()?.providers)
    }

    async fn choices(&self, collection: Collection) -> Result<Vec<Choice>, CloudError> {
        let mut choices = self.list::<Choice>(&Listing::lookup(collection)).await?.items;
        choices.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(choices)
    }

    async fn usable_networks_with_subnets(&self) -> Result<Vec<Network>, CloudError> {
        let networks: Vec<Network> = self.usable(ReferenceKind::VipNetwork, NETWORKS).await?;
        let subnets: Vec<Subnet> = self.usable(ReferenceKind::Subnet, SUBNETS).await?;
        let mut by_network: BTreeMap<Id, Vec<Subnet>> = BTreeMap::new();
        for subnet in subnets {
            by_network.entry(subnet.network_id.clone()).or_default().push(subnet);
        }
        let with_subnets = |network: Network| {
            let mut subnets = by_network.remove(&network.id).unwrap_or_default();
            subnets.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            Network { subnets, ..network }
        };
        let mut networks: Vec<Network> = networks.into_iter().map(with_subnets).collect();
        networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(networks)
    }

    /// The objects of a list that the project may use.
    async fn usable<T: DeserializeOwned>(
        &self,
        kind: ReferenceKind,
        collection: Collection,
    ) -> Result<Vec<T>, CloudError> {
        let listing = Listing::lookup(collection);
        let listed = self.list::<Value>(&listing).await?.items;
        let usable = self.in_scope(kind, listed).await?;
        usable.into_iter().map(|one| serde_json::from_value(one).map_err(|_| listing.unexpected_record())).collect()
    }

    async fn missing_extensions(&self) -> Result<Vec<Extension>, CloudError> {
        let mut missing = Vec::new();
        for (collection, extension) in [(FLOATING_IPS, Extension::FloatingIps), (QOS_POLICIES, Extension::QosPolicies)]
        {
            let one = collection.list().query("limit", "1").query("fields", "id");
            if if_offered(self.send(&one).await)?.is_none() {
                missing.push(extension);
            }
        }
        let login = self.login(None).await?;
        if self.endpoint(&ApiRequest::get(Service::KeyManager, "/"), &login).is_err() {
            missing.push(Extension::KeyManager);
        }
        Ok(missing)
    }
}

/// The result of a read; `None` where the service has no such path, or a policy forbids the read.
fn if_offered<T>(read: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match read {
        Err(error) if error.is_absent() || error.status == Some(403) => Ok(None),
        read => read.map(Some),
    }
}
