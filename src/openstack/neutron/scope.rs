//! The objects that a name may lead to: those of the project, and those that are shared with it.
//!
//! Neutron lists the objects of all projects to an administrator (`neutron_lib.context.is_admin`). References by id are
//! exempt: an id is chosen on purpose.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::ports::{IDS_PER_QUERY, is_denied};
use crate::model::{Id, ReferenceKind};
use crate::openstack::collections::{NETWORKS, RBAC_POLICIES};
use crate::openstack::http::CloudError;
use crate::openstack::pagination::Listing;
use crate::openstack::session::Session;

/// A network with the facts that decide its use. `shared` is computed for the project of the token, for an administrator too
/// (neutron/db/db_base_plugin_common.py, `_is_network_shared`).
#[derive(Deserialize)]
struct Network {
    id: Id,
    #[serde(default)]
    project_id: Id,
    #[serde(default)]
    shared: bool,
    #[serde(rename = "router:external", default)]
    external: bool,
}

impl Session {
    /// Keeps the objects that the project may use. Neutron lists others to administrators only.
    pub(in crate::openstack) async fn in_scope(
        &self,
        kind: ReferenceKind,
        listed: Vec<Value>,
    ) -> Result<Vec<Value>, CloudError> {
        let login = self.login(None).await?;
        let project = login.project.id.as_str();
        match kind {
            ReferenceKind::Network | ReferenceKind::VipNetwork => self.usable_networks(project, listed).await,
            ReferenceKind::Subnet => self.subnets_of_usable_networks(project, listed).await,
            _ => Ok(listed.into_iter().filter(|object| is_usable(object, project, login.is_admin)).collect()),
        }
    }

    async fn usable_networks(&self, project: &str, listed: Vec<Value>) -> Result<Vec<Value>, CloudError> {
        let mut usable = Vec::new();
        for object in listed {
            // A malformed record is kept: its reader reports the fault.
            let is_usable = match Network::deserialize(&object) {
                Ok(network) => self.may_use(&network, project).await?,
                Err(_) => true,
            };
            usable.extend(is_usable.then_some(object));
        }
        Ok(usable)
    }

    /// A subnet has no `shared` in the API: it is shared with its network.
    async fn subnets_of_usable_networks(
        &self,
        project: &str,
        mut listed: Vec<Value>,
    ) -> Result<Vec<Value>, CloudError> {
        let network_of = |subnet: &Value| subnet.get("network_id").and_then(Value::as_str).map(str::to_owned);
        let foreign = listed.iter().filter(|subnet| !is_own(subnet, project)).filter_map(network_of);
        let mut foreign: Vec<Id> = foreign.collect();
        foreign.sort();
        foreign.dedup();
        let mut usable = BTreeMap::new();
        for ids in foreign.chunks(IDS_PER_QUERY) {
            for network in self.networks(ids).await? {
                let is_usable = self.may_use(&network, project).await?;
                usable.insert(network.id, is_usable);
            }
        }
        // A policy may hide a network and show its subnets, to users but not to administrators.
        let fits = |subnet: &Value| network_of(subnet).is_none_or(|id| usable.get(&id).copied().unwrap_or(true));
        listed.retain(|subnet| is_own(subnet, project) || fits(subnet));
        Ok(listed)
    }

    async fn networks(&self, ids: &[Id]) -> Result<Vec<Network>, CloudError> {
        let fields = ["id", "project_id", "shared", "router:external"];
        let listing =
            fields.into_iter().fold(Listing::lookup(NETWORKS), |listing, field| listing.query("fields", field));
        let listing = ids.iter().fold(listing, |listing, id| listing.query("id", id));
        Ok(self.list(&listing).await?.items)
    }

    async fn may_use(&self, network: &Network, project: &str) -> Result<bool, CloudError> {
        if network.project_id == project || network.shared {
            return Ok(true);
        }
        Ok(network.external && self.is_external_for(&network.id, project).await?)
    }

    /// True for an external network that this project may use. Administrators see every such network as external, even one
    /// for certain projects only; the difference is in its RBAC policies, which only they and the owner may list.
    async fn is_external_for(&self, network: &str, project: &str) -> Result<bool, CloudError> {
        #[derive(Deserialize)]
        struct Policy {
            #[serde(alias = "target_project")]
            target_tenant: String,
        }
        if !self.login(None).await?.is_admin {
            return Ok(true);
        }
        let listing = Listing::lookup(RBAC_POLICIES)
            .query("object_type", "network")
            .query("action", "access_as_external")
            .query("object_id", network);
        let policies = match self.list::<Policy>(&listing.query("fields", "target_tenant")).await {
            Err(error) if is_denied(&error) => return Ok(true),
            policies => policies?.items,
        };
        let is_for = |policy: &Policy| policy.target_tenant == "*" || policy.target_tenant == project;
        Ok(policies.is_empty() || policies.iter().any(is_for))
    }
}

/// True for an object of the project, and for kinds without a project, such as flavors.
fn is_own(object: &Value, project: &str) -> bool {
    object.get("project_id").is_none_or(|id| id == project)
}

/// True for an object of the project or shared with it (neutron/objects/rbac_db.py). Security groups have `shared` since
/// Neutron 19.1: before that, a name leads administrators to groups of the project only.
fn is_usable(object: &Value, project: &str, is_admin: bool) -> bool {
    is_own(object, project) || object.get("shared").and_then(Value::as_bool).unwrap_or(!is_admin)
}
