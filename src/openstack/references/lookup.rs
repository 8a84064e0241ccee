//! One look-up of a reference in Neutron or Octavia.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::records::{self, Resolution};
use crate::model::{Id, Reference, ReferenceKind, ResolveError, ResolvedReference, Selector};
use crate::openstack::collections::{
    AVAILABILITY_ZONES, Collection, FLAVORS, FLOATING_IPS, NETWORKS, PORTS, QOS_POLICIES, SECURITY_GROUPS, SUBNETS,
};
use crate::openstack::http::{ApiRequest, CloudError, ErrorClass};
use crate::openstack::pagination::Listing;
use crate::openstack::session::Session;

/// The ids of an ambiguous name that a message shows.
const MAX_AMBIGUOUS_IDS: usize = 5;

/// The collection of a kind, and the parser of its records.
struct Lookup {
    collection: Collection,
    parse: fn(Value) -> Option<Resolution>,
}

impl Lookup {
    /// `None` for kinds with a look-up of their own.
    fn of(kind: ReferenceKind) -> Option<Self> {
        let (collection, parse): (_, fn(Value) -> Option<Resolution>) = match kind {
            ReferenceKind::Subnet => (SUBNETS, records::subnet),
            ReferenceKind::Network => (NETWORKS, records::network),
            ReferenceKind::VipNetwork => (NETWORKS, records::vip_network),
            ReferenceKind::Port => (PORTS, records::port),
            ReferenceKind::QosPolicy => (QOS_POLICIES, records::object),
            ReferenceKind::SecurityGroup => (SECURITY_GROUPS, records::object),
            ReferenceKind::FloatingIp => (FLOATING_IPS, records::object),
            ReferenceKind::Flavor => (FLAVORS, records::flavor),
            ReferenceKind::AvailabilityZone | ReferenceKind::Provider | ReferenceKind::Certificate => return None,
        };
        Some(Self { collection, parse })
    }

    fn resolve(&self, record: Option<Value>, request: &ApiRequest) -> Result<Resolution, CloudError> {
        record.and_then(self.parse).ok_or_else(|| {
            let message = format!("the {} was not understood", self.collection.item_key);
            request.failed(ErrorClass::Transient(None), message)
        })
    }

    /// The only record of a list.
    fn resolve_only(&self, mut records: Vec<Value>) -> Result<Resolution, CloudError> {
        match records.len() {
            0 => Ok(Err(ResolveError::Missing)),
            1 => self.resolve(records.pop(), &self.collection.list()),
            _ => {
                let ids = records.iter().filter_map(|record| record.get("id")?.as_str()).map(str::to_owned);
                let mut ids: Vec<Id> = ids.collect();
                ids.sort();
                ids.truncate(MAX_AMBIGUOUS_IDS);
                Ok(Err(ResolveError::Ambiguous(ids)))
            }
        }
    }
}

impl Session {
    pub(super) async fn look_up(&self, reference: &Reference) -> Result<Resolution, CloudError> {
        match self.look_up_object(reference).await? {
            Ok(ResolvedReference::VipNetwork { id, subnet_ids, .. }) => {
                let cidrs = self.cidrs_of(&id).await?;
                Ok(Ok(ResolvedReference::VipNetwork { id, subnet_ids, cidrs }))
            }
            resolution => Ok(resolution),
        }
    }

    async fn cidrs_of(&self, network_id: &str) -> Result<Vec<IpNet>, CloudError> {
        #[derive(Deserialize)]
        struct Subnet {
            cidr: String,
        }
        let listing = Listing::lookup(SUBNETS).query("network_id", network_id);
        Ok(self.list::<Subnet>(&listing).await?.items.iter().filter_map(|subnet| subnet.cidr.parse().ok()).collect())
    }

    async fn look_up_object(&self, reference: &Reference) -> Result<Resolution, CloudError> {
        let Reference { kind, by } = reference;
        match (kind, Lookup::of(*kind), by) {
            (ReferenceKind::AvailabilityZone, _, Selector::Id(name) | Selector::Name(name)) => self.zone(name).await,
            (ReferenceKind::Provider, _, Selector::Id(name) | Selector::Name(name)) => self.provider(name).await,
            (ReferenceKind::Certificate, _, Selector::Id(text) | Selector::Name(text)) => self.certificate(text).await,
            (ReferenceKind::FloatingIp, Some(lookup), Selector::Id(id)) => self.in_project(&lookup, "id", id).await,
            (ReferenceKind::FloatingIp, Some(lookup), Selector::Address(address)) => {
                self.in_project(&lookup, "floating_ip_address", &address.to_string()).await
            }
            (_, Some(lookup), Selector::Id(id)) => self.by_id(&lookup, id).await,
            // Floating IPs have no names.
            (ReferenceKind::FloatingIp, _, Selector::Name(_)) | (_, _, Selector::Address(_)) => {
                Ok(Err(ResolveError::Missing))
            }
            (_, Some(lookup), Selector::Name(name)) => self.by_name(*kind, &lookup, name).await,
            (_, None, _) => Ok(Err(ResolveError::Missing)),
        }
    }

    /// A 404 of Neutron for a missing extension names no object, but means a missing object here.
    async fn by_id(&self, lookup: &Lookup, id: &str) -> Result<Resolution, CloudError> {
        let request = lookup.collection.item(id);
        let mut body: Map<String, Value> = match self.send(&request).await {
            Err(error) if error.class == ErrorClass::NotFound || error.is_absent() => {
                return Ok(Err(ResolveError::Missing));
            }
            response => response?.json()?,
        };
        lookup.resolve(body.remove(lookup.collection.item_key), &request)
    }

    /// Compares the exact name, since databases may ignore case. Objects that are shared with the project count; objects
    /// that only an administrator is shown do not.
    async fn by_name(&self, kind: ReferenceKind, lookup: &Lookup, name: &str) -> Result<Resolution, CloudError> {
        let mut listing = Listing::lookup(lookup.collection).query("name", name);
        if kind == ReferenceKind::Port {
            listing = self.of_project(listing).await?;
        }
        let mut listed = match self.list::<Value>(&listing).await {
            Err(error) if error.is_absent() => return Ok(Err(ResolveError::Missing)),
            listed => listed?.items,
        };
        listed.retain(|object| object.get("name").is_some_and(|n| n == name));
        lookup.resolve_only(self.in_scope(kind, listed).await?)
    }

    /// Looks in the project only, even for an administrator: an object of another project may be in use there, which no
    /// list of this project would show.
    async fn in_project(&self, lookup: &Lookup, field: &'static str, value: &str) -> Result<Resolution, CloudError> {
        let listing = Listing::lookup(lookup.collection).query(field, value);
        match self.list::<Value>(&self.of_project(listing).await?).await {
            Err(error) if error.is_absent() => Ok(Err(ResolveError::Missing)),
            listed => lookup.resolve_only(listed?.items),
        }
    }

    /// Zones have no id other than their name.
    async fn zone(&self, name: &str) -> Result<Resolution, CloudError> {
        #[derive(Deserialize)]
        struct Zone {
            name: String,
            #[serde(default)]
            enabled: bool,
        }
        let zones = match self.list::<Zone>(&Listing::lookup(AVAILABILITY_ZONES).query("name", name)).await {
            // Octavia before 2.14 has no zones.
            Err(error) if error.is_absent() => return Ok(Err(ResolveError::Missing)),
            zones => zones?.items,
        };
        Ok(match zones.into_iter().find(|zone| zone.name == name) {
            None => Err(ResolveError::Missing),
            Some(Zone { enabled, .. }) => Ok(ResolvedReference::AvailabilityZone { enabled }),
        })
    }

    async fn provider(&self, name: &str) -> Result<Resolution, CloudError> {
        let providers = self.providers().await?;
        let exists = providers.iter().any(|provider| provider.name == name);
        Ok(if exists { Ok(ResolvedReference::Provider) } else { Err(ResolveError::Missing) })
    }
}
