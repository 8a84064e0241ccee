//! Load balancers by id, by owner and by port, and the API version of Octavia.

use serde::Deserialize;

use crate::model::{
    AdoptionSelector, ApiVersion, ObservedLoadBalancer, Owner, Provisioning, cluster_tag, foreign_owner,
};
use crate::openstack::collections::LOAD_BALANCERS;
use crate::openstack::http::{ApiRequest, CloudError, ErrorClass, Service};
use crate::openstack::pagination::Listing;
use crate::openstack::session::Session;

impl Session {
    /// One load balancer; `None` when Octavia has none with this id.
    pub(in crate::openstack) async fn load_balancer(
        &self,
        id: &str,
    ) -> Result<Option<ObservedLoadBalancer>, CloudError> {
        #[derive(Deserialize)]
        struct Root {
            loadbalancer: ObservedLoadBalancer,
        }
        match self.send(&LOAD_BALANCERS.item(id)).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            response => Ok(Some(response?.json::<Root>()?.loadbalancer)),
        }
    }

    /// The load balancers of this owner, and of deleted stacks with its name, found by tags. Octavia's database may ignore
    /// case in tags, so they are compared again here.
    pub(in crate::openstack) async fn find(&self, owner: &Owner) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        let listing = self.of_project(Listing::records(LOAD_BALANCERS)).await?;
        let listing = listing.query("tags", owner.place_tags().join(","));
        let mut found = self.list::<ObservedLoadBalancer>(&listing).await?.items;
        found.retain(|observed| owner.owns(&observed.tags) || owner.can_take_over(&observed.tags));
        Ok(found)
    }

    /// The load balancers that a stack names for adoption: one by id, whatever its project, or all of the project with this
    /// name and these tags.
    pub(in crate::openstack) async fn candidates(
        &self,
        selector: &AdoptionSelector,
    ) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        let mut found = match selector {
            AdoptionSelector::Id(id) => self.load_balancer(id).await?.into_iter().collect(),
            AdoptionSelector::NameAndTags { name, tags } => {
                let mut listing = self.of_project(Listing::records(LOAD_BALANCERS)).await?;
                if let Some(name) = name {
                    listing = listing.query("name", name.as_str());
                }
                if !tags.is_empty() {
                    listing = listing.query("tags", tags.iter().cloned().collect::<Vec<_>>().join(","));
                }
                self.list::<ObservedLoadBalancer>(&listing).await?.items
            }
        };
        found.retain(|one| selector.matches(one) && one.provisioning_status != Provisioning::Deleted);
        Ok(found)
    }

    /// The load balancers of all stacks, or of those of one cluster, found by tags as in [`find`](Self::find).
    pub(in crate::openstack) async fn of_stacks(
        &self,
        cluster: Option<&str>,
    ) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        let mut listing = self.of_project(Listing::records(LOAD_BALANCERS)).await?;
        let tag = cluster.map(cluster_tag);
        if let Some(tag) = &tag {
            listing = listing.query("tags", tag.as_str());
        }
        let mut found = self.list::<ObservedLoadBalancer>(&listing).await?.items;
        found.retain(|observed| match &tag {
            Some(tag) => observed.tags.contains(tag),
            None => foreign_owner(&observed.tags).is_some(),
        });
        Ok(found)
    }

    /// The load balancers with this port as their VIP.
    pub(in crate::openstack) async fn on_port(&self, port: &str) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        let listing = self.of_project(Listing::records(LOAD_BALANCERS)).await?.query("vip_port_id", port);
        let mut found = self.list::<ObservedLoadBalancer>(&listing).await?.items;
        found.retain(|observed| observed.provisioning_status != Provisioning::Deleted);
        Ok(found)
    }

    /// The newest API version of Octavia.
    ///
    /// # Errors
    /// `Rejected` when Octavia has no version 2.
    pub(in crate::openstack) async fn api_version(&self) -> Result<ApiVersion, CloudError> {
        #[derive(Deserialize)]
        struct Versions {
            versions: Vec<Version>,
        }
        #[derive(Deserialize)]
        struct Version {
            id: String,
        }
        let request = ApiRequest::get(Service::LoadBalancer, "/");
        let versions = self.send(&request).await?.json::<Versions>()?.versions;
        let minors = versions.iter().filter_map(|version| version.id.strip_prefix("v2.")?.parse().ok());
        let minor = minors.max().ok_or_else(|| {
            let ids: Vec<&str> = versions.iter().map(|version| version.id.as_str()).filter(is_version).collect();
            let message = format!("Octavia offers no version v2 of its API, but {}", ids.join(", "));
            request.failed(ErrorClass::Rejected, message)
        })?;
        Ok(ApiVersion { minor })
    }
}

/// True for an id like `v2.27`. Any other text of the response stays out of messages.
fn is_version(id: &&str) -> bool {
    id.len() <= 10 && id.strip_prefix('v').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}
