//! The existence of VIP ports, for load balancers whose loss no floating IP would reveal.

use std::collections::BTreeSet;

use http::StatusCode;

use crate::model::{Id, IdRef, ObservedLoadBalancer, Provisioning};
use crate::openstack::collections::{PORTS, SECURITY_GROUPS};
use crate::openstack::http::{CloudError, ErrorClass};
use crate::openstack::pagination::{Budget, Listing};
use crate::openstack::session::Session;

/// The `device_owner` of the VIP ports that Octavia creates.
const OCTAVIA: &str = "Octavia";
/// So many ids in one query take some 2 KiB of its URL.
pub(super) const IDS_PER_QUERY: usize = 50;

impl Session {
    /// True when Neutron has lost this VIP port. Both its list and a read of the port have to say so.
    pub(in crate::openstack) async fn is_port_gone(&self, port: &str, budget: &Budget) -> Result<bool, CloudError> {
        if self.unlisted_ports(BTreeSet::from([port.to_owned()]), budget).await?.is_empty() {
            return Ok(false);
        }
        match self.send(&PORTS.item(port).query("fields", "id")).await {
            Err(error) if error.class == ErrorClass::NotFound => {
                Ok(error.status == Some(StatusCode::NOT_FOUND.as_u16()))
            }
            Err(error) if is_denied(&error) => Ok(false),
            response => response.map(|_| false),
        }
    }

    /// The ports of this set that Neutron does not list; none when its policy hides ports. A large set is compared with all
    /// ports that Octavia has created in the project. The rest is queried by id: ports of a user, of another project, and of
    /// a provider that does not mark them.
    pub(in crate::openstack) async fn unlisted_ports(
        &self,
        mut ports: BTreeSet<Id>,
        budget: &Budget,
    ) -> Result<BTreeSet<Id>, CloudError> {
        let list = || Listing::lookup(PORTS).with_budget(budget).query("fields", "id");
        if ports.len() > IDS_PER_QUERY {
            let of_octavia = self.of_project(list()).await?.query("device_owner", OCTAVIA);
            let Some(listed) = self.ids(&of_octavia).await? else { return Ok(BTreeSet::new()) };
            ports.retain(|port| !listed.contains(port));
        }
        let left: Vec<Id> = ports.iter().cloned().collect();
        for ids in left.chunks(IDS_PER_QUERY) {
            let by_id = ids.iter().fold(list(), |listing, id| listing.query("id", id));
            let Some(listed) = self.ids(&by_id).await? else { return Ok(BTreeSet::new()) };
            ports.retain(|port| !listed.contains(port));
        }
        if !ports.is_empty() && !self.may_read_project(budget).await? {
            ports.clear();
        }
        Ok(ports)
    }

    /// False when the credentials lack the role `reader`: then Neutron shows an empty list and a 404 instead of a rejection.
    /// Security groups need the same role, and every project has one.
    async fn may_read_project(&self, budget: &Budget) -> Result<bool, CloudError> {
        let groups = Listing::lookup(SECURITY_GROUPS).with_budget(budget);
        let groups = self.ids(&self.of_project(groups.query("fields", "id")).await?).await?;
        Ok(groups.is_some_and(|groups| !groups.is_empty()))
    }

    /// The listed ids; `None` when these credentials may not list them.
    async fn ids(&self, listing: &Listing) -> Result<Option<BTreeSet<Id>>, CloudError> {
        match self.list::<IdRef>(listing).await {
            Err(error) if is_denied(&error) => Ok(None),
            listed => Ok(Some(listed?.items.into_iter().map(|record| record.id).collect())),
        }
    }
}

/// True when Neutron, or a proxy in front of it, does not serve this call to these credentials.
pub(super) fn is_denied(error: &CloudError) -> bool {
    error.is_absent() || matches!(error.class, ErrorClass::Credentials | ErrorClass::Rejected)
}

/// A VIP port whose loss would go unnoticed: no floating IP leads to it. None while Octavia works on the load balancer, since
/// a failover may replace the port.
pub(in crate::openstack) fn unwatched_port(
    load_balancer: &ObservedLoadBalancer,
    has_floating_ip: impl FnOnce(&str) -> bool,
) -> Option<&str> {
    let port = load_balancer.vip_port_id.as_deref().filter(|port| !port.is_empty())?;
    (load_balancer.provisioning_status == Provisioning::Active && !has_floating_ip(port)).then_some(port)
}
