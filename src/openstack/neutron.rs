//! The little of Neutron that a load balancer needs: its floating IPs.

use std::sync::atomic::Ordering;

use super::CloudError;
use super::lists::{Budget, Listing};
use super::session::{Service, Session};
use crate::model::{Interest, SeenFloatingIp};

impl Session {
    /// The floating IPs on this port, those that carry the owner's mark wherever they are, and the one asked for.
    ///
    /// Most projects have few: then one list shows them all. Where there are more than a page of them, some precise
    /// questions are cheaper.
    pub(super) async fn floating_ips(
        &self,
        interest: Interest<'_>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<SeenFloatingIp>, CloudError> {
        let mut found = match self.all_floating_ips().await? {
            Some(all) => all,
            None => self.marked_floating_ips(interest, vip_port_id).await?,
        };
        found.retain(|seen| concerns(seen, interest, vip_port_id));
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    /// `None` when they do not fit on a page; that is remembered.
    async fn all_floating_ips(&self) -> Result<Option<Vec<SeenFloatingIp>>, CloudError> {
        if self.many_floating_ips.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (found, all) = match self.first_page(&self.floating_ip_list().await?).await {
            Err(error) if error.absent => return Ok(Some(Vec::new())),
            page => page?,
        };
        self.has_floating_ips.store(true, Ordering::Relaxed);
        self.many_floating_ips.store(!all, Ordering::Relaxed);
        Ok(all.then_some(found))
    }

    /// A cloud may do without Neutron's L3 extension: then it has no floating IPs, and nothing fails for that.
    pub(super) async fn has_floating_ips(&self) -> Result<bool, CloudError> {
        if !self.has_floating_ips.load(Ordering::Relaxed) {
            self.all_floating_ips().await?;
        }
        Ok(self.has_floating_ips.load(Ordering::Relaxed))
    }

    /// All of the project, however many.
    pub(super) async fn every_floating_ip(&self, budget: &Budget) -> Result<Vec<SeenFloatingIp>, CloudError> {
        self.list_floating_ips(&self.floating_ip_list().await?.within(budget)).await
    }

    async fn marked_floating_ips(
        &self,
        interest: Interest<'_>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<SeenFloatingIp>, CloudError> {
        let marked = self.floating_ip_list().await?.with("description", interest.owner.floating_ip_mark());
        let tagged = self.floating_ip_list().await?.with("tags", interest.owner.uid_tag());
        let mut found = self.list_floating_ips(&marked).await?;
        found.extend(self.list_floating_ips(&tagged).await?);
        let single = [("port_id", vip_port_id), ("id", interest.floating_ip)];
        for (field, value) in single.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            found.extend(self.list_floating_ips(&self.floating_ip_list().await?.with(field, value)).await?);
        }
        Ok(found)
    }

    async fn list_floating_ips(&self, listing: &Listing) -> Result<Vec<SeenFloatingIp>, CloudError> {
        match self.list(listing).await {
            Err(error) if error.absent => Ok(Vec::new()),
            listed => Ok(listed?.items),
        }
    }

    /// Those of the project; without `port_details`, which are most of each record.
    async fn floating_ip_list(&self) -> Result<Listing, CloudError> {
        let listing = Listing::new(Service::Network, "/v2.0/floatingips", "floatingips");
        let fields =
            ["id", "floating_ip_address", "floating_network_id", "fixed_ip_address", "port_id", "description", "tags"];
        let listing = fields.into_iter().fold(listing, |listing, field| listing.with("fields", field));
        self.of_project(listing).await
    }
}

/// On the port, ours by its description, borrowed by the owner, which is a tag, or about to be.
pub(super) fn concerns(seen: &SeenFloatingIp, interest: Interest<'_>, vip_port_id: Option<&str>) -> bool {
    let Interest { owner, floating_ip } = interest;
    let on_port = vip_port_id.is_some() && seen.port_id.as_deref() == vip_port_id;
    let marked = seen.description == owner.floating_ip_mark() || seen.tags.contains(&owner.uid_tag());
    on_port || marked || floating_ip == Some(seen.id.as_str())
}
