//! Reads of floating IPs from Neutron: those that matter to one stack, or all of a project.
//!
//! Neutron answers 404 to any list of floating IPs if the cloud lacks the L3 extension. Such a cloud has no floating
//! IPs, so every read here takes that answer for an empty list.

use std::sync::atomic::Ordering;

use crate::model::{ObservedFloatingIp, ObservedLoadBalancer, Ownership, Rival, TreeQuery, rival, stack_named, tag_of};
use crate::openstack::collections::{FLOATING_IPS, LOAD_BALANCERS};
use crate::openstack::http::CloudError;
use crate::openstack::pagination::{Budget, Listing};
use crate::openstack::session::Session;

impl Session {
    /// The floating IPs that matter to a stack: those on its VIP port, those that it created or borrows, and the one
    /// that its spec names by id.
    ///
    /// Most projects have few, so one list of the project has them all. In a project with more than a page of them,
    /// several filtered lists are cheaper.
    pub(in crate::openstack) async fn floating_ips(
        &self,
        query: TreeQuery<'_>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        let mut found = match self.floating_ips_on_one_page().await? {
            Some(all) => all,
            None => self.filtered_floating_ips(query, vip_port_id).await?,
        };
        found.retain(|ip| is_relevant(ip, query, vip_port_id));
        // Several filters may have found the same one.
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        self.fill_in_holder(query, &mut found).await?;
        Ok(found)
    }

    /// One floating IP of the project, by a list: its `holder` stays empty.
    pub(in crate::openstack) async fn floating_ip(&self, id: &str) -> Result<Option<ObservedFloatingIp>, CloudError> {
        Ok(self.list_floating_ips(&self.floating_ip_listing().await?.query("id", id)).await?.pop())
    }

    /// Fills in the name of another stack that created or borrows the floating IP of the query, for messages to people.
    ///
    /// A tag of Neutron has room for the UID of that stack only. Its name is in the tags of its load balancer, so
    /// Octavia is asked, and only if there is such a stack.
    async fn fill_in_holder(&self, query: TreeQuery<'_>, found: &mut [ObservedFloatingIp]) -> Result<(), CloudError> {
        let TreeQuery { owner, floating_ip, .. } = query;
        let named = found.iter_mut().find(|ip| floating_ip == Some(ip.id.as_str()));
        let Some(named) = named.filter(|ip| Ownership::between(owner, ip) != Ownership::Created) else {
            return Ok(());
        };
        let Some(Rival { uid, .. }) = rival(owner, named) else { return Ok(()) };
        if !self.settings().names_other_owners {
            named.holder = Some("another stack".to_owned());
            return Ok(());
        }
        let listing = self.of_project(Listing::records(LOAD_BALANCERS)).await?.query("tags", tag_of(&uid));
        let load_balancers = self.list::<ObservedLoadBalancer>(&listing).await?.items;
        named.holder = load_balancers
            .iter()
            // Octavia's database may ignore case in the filter, so the tag is compared again.
            .filter(|load_balancer| load_balancer.tags.contains(&tag_of(&uid)))
            .find_map(|load_balancer| stack_named(&load_balancer.tags, &owner.cluster));
        Ok(())
    }

    /// All floating IPs of the project if they fit on one page, else `None`. A project with more is remembered, and not
    /// asked again.
    async fn floating_ips_on_one_page(&self) -> Result<Option<Vec<ObservedFloatingIp>>, CloudError> {
        if self.many_floating_ips.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let page = match self.first_page(&self.floating_ip_listing().await?).await {
            Err(error) if error.is_absent() => return Ok(Some(Vec::new())),
            page => page?,
        };
        self.has_l3_extension.store(true, Ordering::Relaxed);
        self.many_floating_ips.store(!page.is_last(), Ordering::Relaxed);
        Ok(page.is_last().then_some(page.items))
    }

    /// False for a cloud without Neutron's L3 extension. Only a positive answer is remembered.
    pub(in crate::openstack) async fn has_l3_extension(&self) -> Result<bool, CloudError> {
        if !self.has_l3_extension.load(Ordering::Relaxed) {
            self.floating_ips_on_one_page().await?;
        }
        Ok(self.has_l3_extension.load(Ordering::Relaxed))
    }

    /// All floating IPs of the project, on however many pages.
    pub(in crate::openstack) async fn every_floating_ip(
        &self,
        budget: &Budget,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        self.list_floating_ips(&self.floating_ip_listing().await?.with_budget(budget)).await
    }

    /// The floating IPs that matter to the stack, by one list for each way in which they can matter.
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
        // Neutron combines the filters of one list by AND.
        for (field, value) in filters.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            found.extend(self.list_floating_ips(&self.floating_ip_listing().await?.query(field, value)).await?);
        }
        Ok(found)
    }

    /// Reads a list of floating IPs to its end; it is empty on a cloud without the L3 extension.
    async fn list_floating_ips(&self, listing: &Listing) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        match self.list(listing).await {
            Err(error) if error.is_absent() => Ok(Vec::new()),
            listed => Ok(listed?.items),
        }
    }

    /// The request for a list of the project's floating IPs. It leaves out `port_details`, which make up most of each
    /// record.
    async fn floating_ip_listing(&self) -> Result<Listing, CloudError> {
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

/// True for a floating IP on the VIP port, one that the owner created or borrows, and the one that the spec names by
/// id.
pub(in crate::openstack) fn is_relevant(
    ip: &ObservedFloatingIp,
    query: TreeQuery<'_>,
    vip_port_id: Option<&str>,
) -> bool {
    let TreeQuery { owner, floating_ip, .. } = query;
    let on_port = vip_port_id.is_some() && ip.port_id.as_deref() == vip_port_id;
    on_port || Ownership::between(owner, ip) != Ownership::Foreign || floating_ip == Some(ip.id.as_str())
}
