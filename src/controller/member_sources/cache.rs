//! Cache of the objects that members come from, and the index of the stacks that use them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::runtime::watcher::Event;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::references::{SourceObject, source_objects};
use crate::api::{MemberSourceSpec, PoolSpec};
use crate::cluster::NamespacedName;
use crate::controller::reference_index::ReferenceIndex;
use crate::controller::watch::MaybeStack;
use crate::controller::watched::Watched;
use crate::endpoints::{
    Endpoints, NodeRecord, SERVICE_LABEL, ServiceRecord, SliceRecord, SourceProblem, SourceRecords, UnreadyPods,
    endpoints, unready_endpoints,
};

/// Shared cache.
#[derive(Default)]
pub(crate) struct ClusterCache {
    inner: Mutex<Inner>,
    /// Signals the first stack with a member source: nothing is watched before.
    pub(super) first_use: Notify,
}

#[derive(Default)]
struct Inner {
    stacks: ReferenceIndex<SourceObject>,
    services: Watched<ServiceRecord>,
    slices: Watched<ServiceSlice>,
    /// Names of the EndpointSlices of each Service.
    slices_of: HashMap<NamespacedName, BTreeSet<String>>,
    nodes: Watched<NodeRecord>,
}

/// An EndpointSlice with the name of its Service.
#[derive(PartialEq)]
struct ServiceSlice {
    service: String,
    record: SliceRecord,
}

/// Endpoints of one source by the cache.
#[derive(Debug)]
pub(super) enum CachedEndpoints {
    Read(Result<Endpoints, SourceProblem>),
    /// The objects of the source were not listed yet; with the error, if there was one.
    NotListed(Option<String>),
}

impl ClusterCache {
    /// Takes in an event of the watch of stacks.
    pub(crate) fn observe_stack(&self, event: &Event<MaybeStack>) {
        let mut inner = self.inner.lock();
        inner.stacks.observe(event, source_objects);
        if !inner.stacks.is_empty() {
            self.first_use.notify_one();
        }
    }

    /// Takes in an event of the watch of Services, and returns the stacks that it concerns.
    pub(super) fn observe_service(&self, event: &Event<Service>) -> Vec<NamespacedName> {
        let mut inner = self.inner.lock();
        let changes = inner.services.observe(event, |service| Some(ServiceRecord::from(service)));
        let services = changes.into_iter().map(|change| change.name).collect();
        inner.stacks_of(services, event)
    }

    /// Likewise of EndpointSlices.
    pub(super) fn observe_slice(&self, event: &Event<EndpointSlice>) -> Vec<NamespacedName> {
        let mut inner = self.inner.lock();
        let changes = inner.slices.observe(event, |slice| {
            let service = slice.labels().get(SERVICE_LABEL)?.clone();
            Some(ServiceSlice { service, record: SliceRecord::from(slice) })
        });
        let mut services = BTreeSet::new();
        for change in changes {
            let slice = change.name;
            if let Some(before) = change.before {
                services.insert(inner.unlink(&slice, &before.service));
            }
            if let Some(service) = inner.slices.get(&slice).map(|slice| slice.service.clone()) {
                services.insert(inner.link(slice, service));
            }
        }
        inner.stacks_of(services, event)
    }

    /// Likewise of Nodes.
    pub(super) fn observe_node(&self, event: &Event<Node>) -> Vec<NamespacedName> {
        let mut inner = self.inner.lock();
        let changes = inner.nodes.observe(event, |node| Some(NodeRecord::from(node)));
        if changes.is_empty() && !matches!(event, Event::InitDone) {
            return Vec::new();
        }
        inner.stacks.users(&SourceObject::Nodes).cloned().collect()
    }

    pub(super) fn fail_services(&self, error: String) {
        self.inner.lock().services.fail(error);
    }

    pub(super) fn fail_slices(&self, error: String) {
        self.inner.lock().slices.fail(error);
    }

    pub(super) fn fail_nodes(&self, error: String) {
        self.inner.lock().nodes.fail(error);
    }

    /// Endpoints of a source of a stack in this namespace.
    pub(super) fn endpoints(&self, namespace: &str, pool: &PoolSpec, source: &MemberSourceSpec) -> CachedEndpoints {
        let inner = self.inner.lock();
        if let Some(error) = inner.not_listed(source) {
            return CachedEndpoints::NotListed(error.cloned());
        }
        CachedEndpoints::Read(inner.with_records(namespace, source, |records| endpoints(source, pool, records)))
    }

    /// Endpoints of a source that do not serve although their pods may still be there.
    pub(super) fn unready_endpoints(&self, namespace: &str, source: &MemberSourceSpec) -> UnreadyPods {
        self.inner.lock().with_records(namespace, source, |records| unready_endpoints(source, records))
    }
}

impl Inner {
    /// Calls `read` with the objects of a source of a stack in this namespace.
    fn with_records<T>(
        &self,
        namespace: &str,
        source: &MemberSourceSpec,
        read: impl FnOnce(SourceRecords<'_>) -> T,
    ) -> T {
        let service = source.service.as_ref().map(|service| NamespacedName::new(namespace, &service.name));
        let slices = service.as_ref().map(|service| self.slices_of(service)).unwrap_or_default();
        let nodes: BTreeMap<&str, &NodeRecord> = match source.uses_nodes() {
            true => self.nodes.values().map(|(name, node)| (name.name.as_str(), node)).collect(),
            false => BTreeMap::new(),
        };
        let records = SourceRecords {
            service: service.as_ref().and_then(|service| self.services.get(service)),
            slices: &slices,
            nodes: &nodes,
        };
        read(records)
    }

    /// Stacks that use one of the Services. The end of a list concerns all stacks with a Service: those may have waited
    /// for it.
    fn stacks_of<K>(&self, services: BTreeSet<NamespacedName>, event: &Event<K>) -> Vec<NamespacedName> {
        if matches!(event, Event::InitDone) {
            return self.stacks.all_users();
        }
        let mut stacks = BTreeSet::new();
        for service in services {
            stacks.extend(self.stacks.users(&SourceObject::Service(service)).cloned());
        }
        stacks.into_iter().collect()
    }

    fn link(&mut self, slice: NamespacedName, service: String) -> NamespacedName {
        let service = NamespacedName::new(&slice.namespace, service);
        self.slices_of.entry(service.clone()).or_default().insert(slice.name);
        service
    }

    fn unlink(&mut self, slice: &NamespacedName, service: &str) -> NamespacedName {
        let service = NamespacedName::new(&slice.namespace, service);
        if let Some(slices) = self.slices_of.get_mut(&service) {
            slices.remove(&slice.name);
            if slices.is_empty() {
                self.slices_of.remove(&service);
            }
        }
        service
    }

    fn slices_of(&self, service: &NamespacedName) -> Vec<&SliceRecord> {
        let names = self.slices_of.get(service).into_iter().flatten();
        let slices = names.filter_map(|name| self.slices.get(&NamespacedName::new(&service.namespace, name)));
        slices.map(|slice| &slice.record).collect()
    }

    /// `Some` if an object of the source was not listed yet; with the error, if there was one.
    fn not_listed(&self, source: &MemberSourceSpec) -> Option<Option<&String>> {
        let of_service = source.service.is_some() && !(self.services.is_synced() && self.slices.is_synced());
        let of_nodes = source.uses_nodes() && !self.nodes.is_synced();
        let error = || self.services.error().or(self.slices.error());
        match (of_service, of_nodes) {
            (true, _) => Some(error()),
            (false, true) => Some(self.nodes.error()),
            (false, false) => None,
        }
    }
}
