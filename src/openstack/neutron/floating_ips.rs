//! The floating IPs of a stack, among those of its project.

use std::sync::atomic::Ordering;

use crate::model::{ObservedFloatingIp, ObservedLoadBalancer, Ownership, Rival, TreeQuery, rival, stack_named, tag_of};
use crate::openstack::collections::{FLOATING_IPS, LOAD_BALANCERS};
use crate::openstack::http::CloudError;
use crate::openstack::pagination::{Budget, Listing};
use crate::openstack::session::Session;

impl Session {
    /// The floating IPs on this port, those that carry the owner's description or tags, and the one that the query names.
    ///
    /// Most projects have few, so one list shows them all. In a project with more than a page of them, several filtered
    /// lists are cheaper.
    pub(in crate::openstack) async fn floating_ips(
        &self,
        query: TreeQuery<'_>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        let mut found = match self.all_floating_ips().await? {
            Some(all) => all,
            None => self.filtered_floating_ips(query, vip_port_id).await?,
        };
        found.retain(|ip| is_relevant(ip, query, vip_port_id));
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        self.name_holder(query, &mut found).await?;
        Ok(found)
    }

    pub(in crate::openstack) async fn floating_ip(&self, id: &str) -> Result<Option<ObservedFloatingIp>, CloudError> {
        Ok(self.list_floating_ips(&self.floating_ip_list().await?.query("id", id)).await?.pop())
    }

    /// Names the stack that holds the queried floating IP. The tags of its load balancer have the name, for which those of a
    /// floating IP have no room. Calls Octavia only if there is such a stack.
    async fn name_holder(&self, query: TreeQuery<'_>, found: &mut [ObservedFloatingIp]) -> Result<(), CloudError> {
        let TreeQuery { owner, floating_ip } = query;
        let queried = found.iter_mut().find(|ip| floating_ip == Some(ip.id.as_str()));
        let Some(queried) = queried.filter(|ip| Ownership::between(owner, ip) != Ownership::Created) else {
            return Ok(());
        };
        let Some(Rival { uid, .. }) = rival(owner, queried) else { return Ok(()) };
        let listing = self.of_project(Listing::records(LOAD_BALANCERS)).await?.query("tags", tag_of(&uid));
        let load_balancers = self.list::<ObservedLoadBalancer>(&listing).await?.items;
        queried.holder = load_balancers
            .iter()
            .filter(|load_balancer| load_balancer.tags.contains(&tag_of(&uid)))
            .find_map(|load_balancer| stack_named(&load_balancer.tags, &owner.cluster));
        Ok(())
    }

    /// All of the project; `None` when they exceed one page, which is remembered.
    async fn all_floating_ips(&self) -> Result<Option<Vec<ObservedFloatingIp>>, CloudError> {
        if self.many_floating_ips.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let page = match self.first_page(&self.floating_ip_list().await?).await {
            Err(error) if error.is_absent() => return Ok(Some(Vec::new())),
            page => page?,
        };
        self.has_floating_ips.store(true, Ordering::Relaxed);
        self.many_floating_ips.store(!page.is_last(), Ordering::Relaxed);
        Ok(page.is_last().then_some(page.items))
    }

    /// False for a cloud without Neutron's L3 extension. Such a cloud has no floating IPs, which fails no read.
    pub(in crate::openstack) async fn has_floating_ips(&self) -> Result<bool, CloudError> {
        if !self.has_floating_ips.load(Ordering::Relaxed) {
            self.all_floating_ips().await?;
        }
        Ok(self.has_floating_ips.load(Ordering::Relaxed))
    }

    /// All of the project, on however many pages.
    pub(in crate::openstack) async fn every_floating_ip(
        &self,
        budget: &Budget,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        self.list_floating_ips(&self.floating_ip_list().await?.with_budget(budget)).await
    }

    async fn filtered_floating_ips(
        &self,
        query: TreeQuery<'_>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        let tags = [query.owner.uid_tag(), query.owner.created_tag()].join(",");
        let filters = [
            ("description", Some(query.owner.owner_description())),
            ("tags-any", Some(tags)),
            ("port_id", vip_port_id.map(str::to_owned)),
            ("id", query.floating_ip.map(str::to_owned)),
        ];
        let mut found = Vec::new();
        for (field, value) in filters.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            found.extend(self.list_floating_ips(&self.floating_ip_list().await?.query(field, value)).await?);
        }
        Ok(found)
    }

    async fn list_floating_ips(&self, listing: &Listing) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        match self.list(listing).await {
            Err(error) if error.is_absent() => Ok(Vec::new()),
            listed => Ok(listed?.items),
        }
    }

    /// The list of the project's floating IPs, without `port_details`, which make up most of each record.
    async fn floating_ip_list(&self) -> Result<Listing, CloudError> {
        let fields = [
            "id",
            "floating_ip_address",
            "floating_network_id",
            "fixed_ip_address",
            "port_id",
            "description",
            "tags",
            "revision_number",
        ];
        let listing = Listing::lookup(FLOATING_IPS);
        let listing = fields.into_iter().fold(listing, |listing, field| listing.query("fields", field));
        self.of_project(listing).await
    }
}

/// True for a floating IP on the port, one that the owner created or borrowed, and the one that the query names.
pub(in crate::openstack) fn is_relevant(
    ip: &ObservedFloatingIp,
    query: TreeQuery<'_>,
    vip_port_id: Option<&str>,
) -> bool {
    let TreeQuery { owner, floating_ip } = query;
    let on_port = vip_port_id.is_some() && ip.port_id.as_deref() == vip_port_id;
    on_port || Ownership::between(owner, ip) != Ownership::Foreign || floating_ip == Some(ip.id.as_str())
}
