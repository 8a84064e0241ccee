//! The little of Neutron that a load balancer needs: its floating IPs, and whether its VIP port is still there.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use http::StatusCode;

use super::pagination::{Budget, Listing};
use super::session::{ApiRequest, Service, Session};
use super::{CloudError, ErrorClass};
use crate::model::{
    Id, IdRef, ObservedFloatingIp, ObservedLoadBalancer, Ownership, Provisioning, Rival, TreeQuery, rival, stack_named,
    tag_of,
};

const PORTS: &str = "/v2.0/ports";
/// Octavia's mark on the VIP ports that it makes.
const OCTAVIA: &str = "Octavia";
/// So many ids in one query take some 2 KiB of its URL.
pub(super) const IDS_AT_ONCE: usize = 50;

impl Session {
    /// The floating IPs on this port, those that carry the owner's mark wherever they are, and the one asked for.
    ///
    /// Most projects have few: then one list shows them all. Where there are more than a page of them, some precise
    /// questions are cheaper.
    pub(super) async fn floating_ips(
        &self,
        interest: TreeQuery<'_>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        let mut found = match self.all_floating_ips().await? {
            Some(all) => all,
            None => self.marked_floating_ips(interest, vip_port_id).await?,
        };
        found.retain(|seen| is_relevant(seen, interest, vip_port_id));
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        self.name_holder(interest, &mut found).await?;
        Ok(found)
    }

    pub(super) async fn floating_ip(&self, id: &str) -> Result<Option<ObservedFloatingIp>, CloudError> {
        Ok(self.list_floating_ips(&self.floating_ip_list().await?.query("id", id)).await?.pop())
    }

    /// Names the stack that has the one asked for: the tags of its load balancer tell what those of a floating IP have no
    /// room for. A call only where there is such a stack.
    async fn name_holder(&self, interest: TreeQuery<'_>, found: &mut [ObservedFloatingIp]) -> Result<(), CloudError> {
        let TreeQuery { owner, floating_ip } = interest;
        let wanted = found.iter_mut().find(|seen| floating_ip == Some(seen.id.as_str()));
        let Some(wanted) = wanted.filter(|seen| Ownership::between(owner, seen) != Ownership::Created) else {
            return Ok(());
        };
        let Some(Rival { uid, .. }) = rival(owner, wanted) else { return Ok(()) };
        let listing = self.of_project(Listing::octavia("loadbalancers")).await?.query("tags", tag_of(&uid));
        let found = self.list::<ObservedLoadBalancer>(&listing).await?.items;
        wanted.holder = found
            .iter()
            .filter(|seen| seen.tags.contains(&tag_of(&uid)))
            .find_map(|seen| stack_named(&seen.tags, &owner.cluster));
        Ok(())
    }

    /// `None` when they do not fit on a page; that is remembered.
    async fn all_floating_ips(&self) -> Result<Option<Vec<ObservedFloatingIp>>, CloudError> {
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
    pub(super) async fn every_floating_ip(&self, budget: &Budget) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        self.list_floating_ips(&self.floating_ip_list().await?.with_budget(budget)).await
    }

    async fn marked_floating_ips(
        &self,
        interest: TreeQuery<'_>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        let marked = self.floating_ip_list().await?.query("description", interest.owner.owner_description());
        let tags = [interest.owner.uid_tag(), interest.owner.created_tag()].join(",");
        let tagged = self.floating_ip_list().await?.query("tags-any", tags);
        let mut found = self.list_floating_ips(&marked).await?;
        found.extend(self.list_floating_ips(&tagged).await?);
        let single = [("port_id", vip_port_id), ("id", interest.floating_ip)];
        for (field, value) in single.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            found.extend(self.list_floating_ips(&self.floating_ip_list().await?.query(field, value)).await?);
        }
        Ok(found)
    }

    async fn list_floating_ips(&self, listing: &Listing) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        match self.list(listing).await {
            Err(error) if error.absent => Ok(Vec::new()),
            listed => Ok(listed?.items),
        }
    }

    /// Those of the project; without `port_details`, which are most of each record.
    async fn floating_ip_list(&self) -> Result<Listing, CloudError> {
        let listing = Listing::new(Service::Network, "/v2.0/floatingips", "floatingips");
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
        let listing = fields.into_iter().fold(listing, |listing, field| listing.query("fields", field));
        self.of_project(listing).await
    }
}

impl Session {
    /// Whether Neutron has lost this VIP port, by a list and by its own word: neither is taken alone.
    pub(super) async fn is_port_gone(&self, port: &str, budget: &Budget) -> Result<bool, CloudError> {
        if self.unlisted_ports(BTreeSet::from([port.to_owned()]), budget).await?.is_empty() {
            return Ok(false);
        }
        match self.send(&ApiRequest::get(Service::Network, PORTS).path_segment(port).query("fields", "id")).await {
            Err(error) if error.class == ErrorClass::NotFound => {
                Ok(error.status == Some(StatusCode::NOT_FOUND.as_u16()))
            }
            Err(error) if is_denied(&error) => Ok(false),
            answer => answer.map(|_| false),
        }
    }

    /// Those of these VIP ports that Neutron does not list; none where its policy hides ports. Many are looked for among all
    /// that Octavia has made in the project. A user's own, another project's, and those of a provider that does not mark
    /// them are asked for by their ids.
    pub(super) async fn unlisted_ports(
        &self,
        mut ports: BTreeSet<Id>,
        budget: &Budget,
    ) -> Result<BTreeSet<Id>, CloudError> {
        let list = || Listing::new(Service::Network, PORTS, "ports").with_budget(budget).query("fields", "id");
        if ports.len() > IDS_AT_ONCE {
            let marked = self.of_project(list()).await?.query("device_owner", OCTAVIA);
            let Some(listed) = self.ids(&marked).await? else { return Ok(BTreeSet::new()) };
            ports.retain(|port| !listed.contains(port));
        }
        let left: Vec<Id> = ports.iter().cloned().collect();
        for ids in left.chunks(IDS_AT_ONCE) {
            let named = ids.iter().fold(list(), |listing, id| listing.query("id", id));
            let Some(listed) = self.ids(&named).await? else { return Ok(BTreeSet::new()) };
            ports.retain(|port| !listed.contains(port));
        }
        if !ports.is_empty() && !self.sees_its_project(budget).await? {
            ports.clear();
        }
        Ok(ports)
    }

    /// Whoever may not look at ports, for want of the role `reader`, is shown an empty list and a 404 and no refusal. Neutron
    /// asks the same of him for a security group, and every project has one.
    async fn sees_its_project(&self, budget: &Budget) -> Result<bool, CloudError> {
        let groups = Listing::new(Service::Network, "/v2.0/security-groups", "security_groups").with_budget(budget);
        let groups = self.ids(&self.of_project(groups.query("fields", "id")).await?).await?;
        Ok(groups.is_some_and(|groups| !groups.is_empty()))
    }

    /// `None`: these credentials may not ask.
    async fn ids(&self, listing: &Listing) -> Result<Option<BTreeSet<Id>>, CloudError> {
        match self.list::<IdRef>(listing).await {
            Err(error) if is_denied(&error) => Ok(None),
            listed => Ok(Some(listed?.items.into_iter().map(|seen| seen.id).collect())),
        }
    }
}

/// Neutron, or who stands before it, does not let these credentials ask.
pub(super) fn is_denied(error: &CloudError) -> bool {
    error.absent || matches!(error.class, ErrorClass::Credentials | ErrorClass::Rejected)
}

/// The VIP port that would be missed by nobody: no floating IP leads to it. Not while Octavia works on the load balancer:
/// a failover may make the port anew.
pub(super) fn unwatched_port(
    load_balancer: &ObservedLoadBalancer,
    has_floating_ip: impl FnOnce(&str) -> bool,
) -> Option<&str> {
    let port = load_balancer.vip_port_id.as_deref().filter(|port| !port.is_empty())?;
    (load_balancer.provisioning_status == Provisioning::Active && !has_floating_ip(port)).then_some(port)
}

/// On the port, made or borrowed by the owner, or about to be.
pub(super) fn is_relevant(seen: &ObservedFloatingIp, interest: TreeQuery<'_>, vip_port_id: Option<&str>) -> bool {
    let TreeQuery { owner, floating_ip } = interest;
    let on_port = vip_port_id.is_some() && seen.port_id.as_deref() == vip_port_id;
    on_port || Ownership::between(owner, seen) != Ownership::Foreign || floating_ip == Some(seen.id.as_str())
}
