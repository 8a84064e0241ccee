//! What references lead to.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::pagination::Listing;
use super::session::{ApiRequest, Service, Session};
use super::{CloudError, ErrorClass};
use crate::model::{FixedIp, Id, Reference, ReferenceKind, Resolutions, ResolveError, ResolvedReference, Selector};

/// How long a good answer is good: names rarely move.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// For what may be another at any time.
const PASSING_FOR: Duration = Duration::from_secs(60);
const READS_AT_ONCE: usize = 4;
/// So many ids of an ambiguous name are told.
const TOLD: usize = 5;

pub(super) type Resolution = Result<ResolvedReference, ResolveError>;

/// The good answers of late.
pub(super) struct Resolver {
    known: Mutex<HashMap<Reference, (Instant, ResolvedReference)>>,
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default() }
    }

    pub(super) async fn resolve(
        &self,
        session: &Session,
        references: &BTreeSet<Reference>,
    ) -> Result<Resolutions, CloudError> {
        let mut answers = Resolutions::default();
        let mut open = Vec::new();
        for reference in references {
            match self.recall(reference) {
                Some(found) => drop(answers.0.insert(reference.clone(), Ok(found))),
                None => open.push(reference.clone()),
            }
        }
        let looks = open.into_iter().map(|reference| async move {
            let outcome = session.look_up(&reference).await?;
            Ok::<_, CloudError>((reference, outcome))
        });
        let looked: Vec<_> = futures::stream::iter(looks).buffered(READS_AT_ONCE).try_collect().await?;
        for (reference, outcome) in looked {
            if let Ok(found) = &outcome {
                self.remember(reference.clone(), found.clone());
            }
            answers.0.insert(reference, outcome);
        }
        Ok(answers)
    }

    fn recall(&self, reference: &Reference) -> Option<ResolvedReference> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, found) = known.get(reference)?;
        (Instant::now() < *until).then(|| found.clone())
    }

    /// What was found is there no more.
    pub(super) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remember(&self, reference: Reference, found: ResolvedReference) {
        let now = Instant::now();
        let good_for = if is_passing(&found) { PASSING_FOR } else { GOOD_FOR };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (until, _)| now < *until);
        known.insert(reference, (now + good_for, found));
    }
}

/// Somebody waits for it to end: that a port is in use, that a flavor or zone is disabled.
fn is_passing(found: &ResolvedReference) -> bool {
    let in_use = matches!(found, ResolvedReference::Port { device_id, .. } if !device_id.is_empty());
    in_use || found.is_disabled()
}

/// How objects of a kind are asked for, and read.
struct Lookup {
    service: Service,
    /// Of the list; one object is below it.
    path: &'static str,
    /// The key of the list in the answer.
    many: &'static str,
    /// The key of one object.
    one: &'static str,
    read: fn(Value) -> Option<Resolution>,
}

const fn lookup(kind: ReferenceKind) -> Option<Lookup> {
    let (service, path, many, one, read): (_, _, _, _, fn(Value) -> Option<Resolution>) = match kind {
        ReferenceKind::Subnet => (Service::Network, "/v2.0/subnets", "subnets", "subnet", found::subnet),
        ReferenceKind::Network => (Service::Network, "/v2.0/networks", "networks", "network", found::network),
        ReferenceKind::VipNetwork => (Service::Network, "/v2.0/networks", "networks", "network", found::vip_network),
        ReferenceKind::Port => (Service::Network, "/v2.0/ports", "ports", "port", found::port),
        ReferenceKind::QosPolicy => (Service::Network, "/v2.0/qos/policies", "policies", "policy", found::object),
        ReferenceKind::SecurityGroup => {
            (Service::Network, "/v2.0/security-groups", "security_groups", "security_group", found::object)
        }
        ReferenceKind::FloatingIp => {
            (Service::Network, "/v2.0/floatingips", "floatingips", "floatingip", found::object)
        }
        ReferenceKind::Flavor => (Service::LoadBalancer, "/v2/lbaas/flavors", "flavors", "flavor", found::flavor),
        ReferenceKind::AvailabilityZone | ReferenceKind::Provider | ReferenceKind::Certificate => return None,
    };
    Some(Lookup { service, path, many, one, read })
}

impl Session {
    async fn look_up(&self, reference: &Reference) -> Result<Resolution, CloudError> {
        match self.find_object(reference).await? {
            Ok(ResolvedReference::VipNetwork { id, subnet_ids, .. }) => {
                let cidrs = self.cidrs_of(&id).await?;
                Ok(Ok(ResolvedReference::VipNetwork { id, subnet_ids, cidrs }))
            }
            outcome => Ok(outcome),
        }
    }

    async fn cidrs_of(&self, network_id: &str) -> Result<Vec<IpNet>, CloudError> {
        #[derive(Deserialize)]
        struct Subnet {
            cidr: String,
        }
        let listing = Listing::new(Service::Network, "/v2.0/subnets", "subnets").query("network_id", network_id);
        Ok(self.list::<Subnet>(&listing).await?.items.iter().filter_map(|subnet| subnet.cidr.parse().ok()).collect())
    }

    async fn find_object(&self, reference: &Reference) -> Result<Resolution, CloudError> {
        let Reference { kind, by } = reference;
        match (kind, lookup(*kind), by) {
            (ReferenceKind::AvailabilityZone, _, Selector::Id(name) | Selector::Name(name)) => self.zone(name).await,
            (ReferenceKind::Provider, _, Selector::Id(name) | Selector::Name(name)) => self.provider(name).await,
            (ReferenceKind::Certificate, _, Selector::Id(text) | Selector::Name(text)) => self.certificate(text).await,
            (ReferenceKind::FloatingIp, Some(lookup), Selector::Id(id)) => self.own(&lookup, "id", id).await,
            (ReferenceKind::FloatingIp, Some(lookup), Selector::Address(address)) => {
                self.own(&lookup, "floating_ip_address", &address.to_string()).await
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

    /// Neutron's 404 for an extension that is not installed names no object, and is an answer here.
    async fn by_id(&self, lookup: &Lookup, id: &str) -> Result<Resolution, CloudError> {
        let ask = ApiRequest::get(lookup.service, lookup.path).path_segment(id);
        let mut body: Map<String, Value> = match self.send(&ask).await {
            Err(error) if error.class == ErrorClass::NotFound || error.absent => {
                return Ok(Err(ResolveError::Missing));
            }
            answer => answer?.json()?,
        };
        let outcome = body.remove(lookup.one).and_then(lookup.read);
        outcome.ok_or_else(|| ask.failed(ErrorClass::Transient(None), format!("the {} was not understood", lookup.one)))
    }

    /// Exactly this name: databases may compare names without case. Objects that are shared with the project count as well,
    /// those of others that an administrator is shown do not.
    async fn by_name(&self, kind: ReferenceKind, lookup: &Lookup, name: &str) -> Result<Resolution, CloudError> {
        let mut listing = Listing::new(lookup.service, lookup.path, lookup.many).query("name", name);
        if kind == ReferenceKind::Port {
            listing = self.of_project(listing).await?;
        }
        let mut listed = match self.list::<Value>(&listing).await {
            Err(error) if error.absent => return Ok(Err(ResolveError::Missing)),
            listed => listed?.items,
        };
        listed.retain(|object| object.get("name").is_some_and(|n| n == name));
        self.only(self.in_scope(kind, listed).await?, lookup)
    }

    /// Of the project only, whatever an administrator is shown: what others have may be in use, and no list of ours
    /// would tell.
    async fn own(&self, lookup: &Lookup, field: &'static str, value: &str) -> Result<Resolution, CloudError> {
        let listing = Listing::new(lookup.service, lookup.path, lookup.many).query(field, value);
        match self.list::<Value>(&self.of_project(listing).await?).await {
            Err(error) if error.absent => Ok(Err(ResolveError::Missing)),
            listed => self.only(listed?.items, lookup),
        }
    }

    fn only(&self, mut listed: Vec<Value>, lookup: &Lookup) -> Result<Resolution, CloudError> {
        match (listed.pop(), listed.is_empty()) {
            (None, _) => Ok(Err(ResolveError::Missing)),
            (Some(object), true) => (lookup.read)(object).ok_or_else(|| {
                let message = format!("the {} was not understood", lookup.one);
                ApiRequest::get(lookup.service, lookup.path).failed(ErrorClass::Transient(None), message)
            }),
            (Some(last), false) => {
                listed.push(last);
                let ids = listed.iter().filter_map(|object| object.get("id")?.as_str()).map(str::to_owned);
                let mut ids: Vec<Id> = ids.collect();
                ids.sort();
                ids.truncate(TOLD);
                Ok(Err(ResolveError::Ambiguous(ids)))
            }
        }
    }

    /// Zones have no id: their name is it.
    async fn zone(&self, name: &str) -> Result<Resolution, CloudError> {
        #[derive(Deserialize)]
        struct Zone {
            name: String,
            #[serde(default)]
            enabled: bool,
        }
        let listing = Listing::new(Service::LoadBalancer, "/v2/lbaas/availabilityzones", "availability_zones");
        let zones = match self.list::<Zone>(&listing.query("name", name)).await {
            // Octavia before 2.14 has no zones at all.
            Err(error) if error.absent => return Ok(Err(ResolveError::Missing)),
            zones => zones?.items,
        };
        Ok(match zones.into_iter().find(|zone| zone.name == name) {
            None => Err(ResolveError::Missing),
            Some(Zone { enabled, .. }) => Ok(ResolvedReference::AvailabilityZone { enabled }),
        })
    }

    async fn provider(&self, name: &str) -> Result<Resolution, CloudError> {
        #[derive(Deserialize)]
        struct Providers {
            providers: Vec<Provider>,
        }
        #[derive(Deserialize)]
        struct Provider {
            name: String,
        }
        let ask = ApiRequest::get(Service::LoadBalancer, "/v2/lbaas/providers");
        let providers = self.send(&ask).await?.json::<Providers>()?.providers;
        let is_there = providers.iter().any(|provider| provider.name == name);
        Ok(if is_there { Ok(ResolvedReference::Provider) } else { Err(ResolveError::Missing) })
    }
}

/// From records to answers; `None` when a record is not what the service documents.
mod found {
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::{FixedIp, Id, IpAddr, Resolution, ResolvedReference};

    fn parsed<T: DeserializeOwned>(value: Value) -> Option<T> {
        serde_json::from_value(value).ok()
    }

    pub(super) fn subnet(value: Value) -> Option<Resolution> {
        #[derive(Deserialize)]
        struct Subnet {
            id: Id,
            network_id: Id,
            cidr: String,
        }
        let Subnet { id, network_id, cidr } = parsed(value)?;
        Some(Ok(ResolvedReference::Subnet { id, network_id, cidr: cidr.parse().ok()? }))
    }

    pub(super) fn network(value: Value) -> Option<Resolution> {
        #[derive(Deserialize)]
        struct Network {
            id: Id,
            #[serde(rename = "router:external", default)]
            external: bool,
        }
        let Network { id, external } = parsed(value)?;
        Some(Ok(ResolvedReference::Network { id, external }))
    }

    /// What its subnets hold is for another call.
    pub(super) fn vip_network(value: Value) -> Option<Resolution> {
        #[derive(Deserialize)]
        struct Network {
            id: Id,
            #[serde(default)]
            subnets: Vec<Id>,
        }
        let Network { id, subnets } = parsed(value)?;
        Some(Ok(ResolvedReference::VipNetwork { id, subnet_ids: subnets, cidrs: Vec::new() }))
    }

    pub(super) fn port(value: Value) -> Option<Resolution> {
        #[derive(Deserialize)]
        struct Port {
            id: Id,
            network_id: Id,
            device_id: Option<String>,
            #[serde(default)]
            fixed_ips: Vec<Fixed>,
        }
        #[derive(Deserialize)]
        struct Fixed {
            subnet_id: Id,
            ip_address: IpAddr,
        }
        let Port { id, network_id, device_id, fixed_ips } = parsed(value)?;
        let fixed = |Fixed { subnet_id, ip_address }| FixedIp { subnet_id, address: ip_address };
        let fixed_ips = fixed_ips.into_iter().map(fixed).collect();
        Some(Ok(ResolvedReference::Port { id, network_id, device_id: device_id.unwrap_or_default(), fixed_ips }))
    }

    pub(super) fn flavor(value: Value) -> Option<Resolution> {
        #[derive(Deserialize)]
        struct Flavor {
            id: Id,
            #[serde(default)]
            enabled: bool,
        }
        let Flavor { id, enabled } = parsed(value)?;
        Some(Ok(ResolvedReference::Flavor { id, enabled }))
    }

    pub(super) fn object(value: Value) -> Option<Resolution> {
        #[derive(Deserialize)]
        struct Object {
            id: Id,
        }
        let Object { id } = parsed(value)?;
        Some(Ok(ResolvedReference::Object { id }))
    }
}
