//! The little of Neutron that a load balancer needs: its floating IPs.

use std::sync::atomic::Ordering;

use super::CloudError;
use super::lists::Listing;
use super::session::{Service, Session};
use crate::model::{Owner, SeenFloatingIp};

impl Session {
    /// The floating IPs on this port, and those that carry the owner's mark wherever they are.
    ///
    /// Most projects have few: then one list shows them all. Where there are more than a page of them, three precise
    /// questions are cheaper.
    pub(super) async fn floating_ips(
        &self,
        owner: &Owner,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<SeenFloatingIp>, CloudError> {
        let mut found = match self.all_floating_ips().await? {
            Some(all) => all,
            None => self.marked_floating_ips(owner, vip_port_id).await?,
        };
        found.retain(|seen| concerns(seen, owner, vip_port_id));
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    /// `None` when they do not fit on a page; that is remembered.
    async fn all_floating_ips(&self) -> Result<Option<Vec<SeenFloatingIp>>, CloudError> {
        if self.many_floating_ips.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (found, all) = self.first_page(&self.floating_ip_list().await?).await?;
        self.many_floating_ips.store(!all, Ordering::Relaxed);
        Ok(all.then_some(found))
    }

    async fn marked_floating_ips(
        &self,
        owner: &Owner,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<SeenFloatingIp>, CloudError> {
        let marked = self.floating_ip_list().await?.with("description", owner.floating_ip_mark());
        let tagged = self.floating_ip_list().await?.with("tags", owner.uid_tag());
        let mut found = self.list(&marked).await?.items;
        found.extend(self.list(&tagged).await?.items);
        if let Some(port) = vip_port_id {
            found.extend(self.list(&self.floating_ip_list().await?.with("port_id", port)).await?.items);
        }
        Ok(found)
    }

    /// All floating IPs of the project; without `port_details`, which are most of each record.
    pub(super) async fn floating_ip_list(&self) -> Result<Listing, CloudError> {
        let listing = Listing::new(Service::Network, "/v2.0/floatingips", "floatingips");
        let fields =
            ["id", "floating_ip_address", "floating_network_id", "fixed_ip_address", "port_id", "description", "tags"];
        let listing = fields.into_iter().fold(listing, |listing, field| listing.with("fields", field));
        self.of_project(listing).await
    }
}

/// On the port, ours by its description, or borrowed by the owner, which is a tag.
pub(super) fn concerns(seen: &SeenFloatingIp, owner: &Owner, vip_port_id: Option<&str>) -> bool {
    let on_port = vip_port_id.is_some() && seen.port_id.as_deref() == vip_port_id;
    on_port || seen.description == owner.floating_ip_mark() || seen.tags.contains(&owner.uid_tag())
}
