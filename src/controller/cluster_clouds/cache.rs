//! Cache of the clouds that namespaces share, of the labels of namespaces, and the index of the stacks that use them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::access::{AccessProblem, CloudAccess};
use super::grant::is_granted;
use super::room::LetThrough;
use super::uses::{CloudUse, cluster_cloud_of, has_record, uses};
use crate::api::{ClusterOpenStackCloud, ClusterOpenStackCloudSpec, LoadBalancerStack};
use crate::cluster::NamespacedName;
use crate::controller::finalizer;
use crate::controller::reference_index::ReferenceIndex;
use crate::controller::watch::MaybeStack;
use crate::controller::watched::Watched;

/// A cloud as it is stored: an invalid one must not keep the others from being read.
pub(crate) type MaybeCloud = DeserializeGuard<ClusterOpenStackCloud>;

/// Shared cache.
pub(crate) struct ClusterClouds {
    /// Namespace of the Secrets.
    namespace: String,
    inner: Mutex<Inner>,
    let_through: Mutex<LetThrough>,
    /// Signals the first stack with a cloud of this kind: namespaces are not watched before.
    pub(super) first_use: Notify,
}

#[derive(Default)]
struct Inner {
    stacks: ReferenceIndex<CloudUse>,
    clouds: Watched<CloudRecord>,
    /// Labels by namespace.
    namespaces: Watched<BTreeMap<String, String>>,
    /// Versions of the Secrets in the namespace of the clouds' Secrets, as far as the watch has shown them.
    secrets: HashMap<String, String>,
}

/// A cloud without its status.
#[derive(PartialEq)]
struct CloudRecord {
    /// `None`: this version cannot read it.
    spec: Option<Arc<ClusterOpenStackCloudSpec>>,
    is_deleting: bool,
}

/// Objects that an event concerns.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Concerned {
    pub stacks: Vec<NamespacedName>,
    /// Names of clouds.
    pub clouds: Vec<String>,
}

impl ClusterClouds {
    pub(crate) fn new(namespace: String) -> Self {
        Self { namespace, inner: Mutex::default(), let_through: Mutex::default(), first_use: Notify::default() }
    }

    /// Takes in an event of the watch of stacks, and returns the clouds whose users it changes.
    pub(crate) fn observe_stack(&self, event: &Event<MaybeStack>) -> Vec<String> {
        let mut inner = self.inner.lock();
        let changed = match event {
            Event::Apply(stack) | Event::Delete(stack) => {
                let name = NamespacedName::of(stack);
                let before = inner.stacks.references(&name);
                inner.stacks.observe(event, uses);
                let after = inner.stacks.references(&name);
                before.symmetric_difference(&after).filter_map(CloudUse::needed).map(str::to_owned).collect()
            }
            Event::InitDone => {
                inner.stacks.observe(event, uses);
                inner.cloud_names().collect()
            }
            Event::Init | Event::InitApply(_) => {
                inner.stacks.observe(event, uses);
                BTreeSet::new()
            }
        };
        if !inner.stacks.is_empty() {
            self.first_use.notify_one();
        }
        changed.into_iter().collect()
    }

    /// Takes in an event of the watch of clouds, and returns the stacks that it concerns.
    pub(super) fn observe_cloud(&self, event: &Event<MaybeCloud>) -> Vec<NamespacedName> {
        let mut inner = self.inner.lock();
        let changes = inner.clouds.observe(event, |cloud| Some(CloudRecord::of(cloud)));
        if matches!(event, Event::InitDone) {
            // Those with a cloud that does not exist may have waited for the end of the list.
            return inner.stacks.all_users();
        }
        changes.into_iter().flat_map(|change| inner.referring(&change.name.name)).collect()
    }

    /// Likewise of namespaces.
    pub(super) fn observe_namespace(&self, event: &Event<PartialObjectMeta<Namespace>>) -> Vec<NamespacedName> {
        let mut inner = self.inner.lock();
        let changes = inner.namespaces.observe(event, |namespace| Some(namespace.labels().clone()));
        if matches!(event, Event::InitDone) {
            return inner.stacks.all_users();
        }
        let of_namespace = |name: String| inner.stacks.users(&CloudUse::In(name)).cloned().collect::<Vec<_>>();
        changes.into_iter().flat_map(|change| of_namespace(change.name.name)).collect()
    }

    /// Records the version of a Secret, and returns the clouds with these credentials and the stacks that use them.
    pub(crate) fn secret_changed(&self, secret: &NamespacedName, version: String) -> Concerned {
        if secret.namespace != self.namespace {
            return Concerned::default();
        }
        let mut inner = self.inner.lock();
        inner.secrets.insert(secret.name.clone(), version);
        let clouds: Vec<String> = inner.clouds_of(&secret.name).collect();
        let stacks = clouds.iter().flat_map(|cloud| inner.referring(cloud)).collect();
        Concerned { stacks, clouds }
    }

    pub(super) fn fail_clouds(&self, error: String) {
        self.inner.lock().clouds.fail(error);
    }

    pub(super) fn fail_namespaces(&self, error: String) {
        self.inner.lock().namespaces.fail(error);
    }

    /// Access of a stack to the cloud that it refers to; `None` for a stack with a Secret of its own.
    pub(crate) fn access(&self, stack: &LoadBalancerStack) -> Option<Result<CloudAccess, AccessProblem>> {
        let name = cluster_cloud_of(stack)?;
        let namespace = stack.namespace().unwrap_or_default();
        Some(self.inner.lock().access(name, &namespace))
    }

    /// The Secret of a cloud; `None` if no Secret can have its name.
    pub(crate) fn secret_of(&self, spec: &ClusterOpenStackCloudSpec) -> Option<NamespacedName> {
        Some(NamespacedName::new(&self.namespace, spec.secret()?))
    }

    /// Version of the Secret of a stack's cloud, as far as the watch has shown it.
    pub(crate) fn secret_version_of(&self, stack: &LoadBalancerStack) -> Option<String> {
        let inner = self.inner.lock();
        let secret = inner.spec(cluster_cloud_of(stack)?)?.secret()?;
        inner.secrets.get(secret).cloned()
    }

    /// Tells whether a stack may have a load balancer in its cloud; see [`LetThrough::admit`].
    pub(crate) fn admit(&self, stack: &LoadBalancerStack, access: &CloudAccess, others: &[Arc<MaybeStack>]) -> bool {
        self.let_through.lock().admit(stack, access, others.iter().map(AsRef::as_ref))
    }

    /// Forgets stacks that are gone.
    pub(crate) fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.let_through.lock().retain(exists);
    }

    /// Number of stacks that need a cloud.
    pub(crate) fn users(&self, cloud: &str) -> usize {
        let inner = self.inner.lock();
        let needs = |recorded: bool| CloudUse::Needs { cloud: cloud.to_owned(), recorded };
        let granted = |stack: &&NamespacedName| inner.grants(cloud, &stack.namespace);
        inner.stacks.users(&needs(true)).count() + inner.stacks.users(&needs(false)).filter(granted).count()
    }

    /// Tells whether a stack needs this cloud. An invalid stack may refer to any that its namespace may use.
    pub(crate) fn is_needed_by(&self, cloud: &str, stored: &MaybeStack) -> bool {
        self.inner.lock().is_needed_by(cloud, stored)
    }

    /// Tells whether a stack needs a Secret for its cloud. Nothing is known before the clouds are listed.
    pub(crate) fn is_secret_needed_by(&self, secret: &NamespacedName, stored: &MaybeStack) -> bool {
        let refers = stored.0.as_ref().map_or(true, |stack| cluster_cloud_of(stack).is_some());
        if !refers || !self.has_secret(secret) || !finalizer::has_finalizer(stored) {
            return false;
        }
        let inner = self.inner.lock();
        !inner.clouds.is_synced() || inner.clouds_of(&secret.name).any(|cloud| inner.is_needed_by(&cloud, stored))
    }

    /// Tells whether the Secret is where those of clouds are.
    pub(crate) fn has_secret(&self, secret: &NamespacedName) -> bool {
        secret.namespace == self.namespace
    }
}

impl Inner {
    fn record(&self, name: &str) -> Option<&CloudRecord> {
        self.clouds.get(&NamespacedName::new("", name))
    }

    fn spec(&self, name: &str) -> Option<&Arc<ClusterOpenStackCloudSpec>> {
        self.record(name)?.spec.as_ref()
    }

    /// Stacks that refer to a cloud.
    fn referring(&self, cloud: &str) -> Vec<NamespacedName> {
        self.stacks.users(&CloudUse::Refers(cloud.to_owned())).cloned().collect()
    }

    fn cloud_names(&self) -> impl Iterator<Item = String> {
        self.clouds.values().map(|(name, _)| name.name.clone())
    }

    /// Names of the clouds with this Secret.
    fn clouds_of<'a>(&'a self, secret: &'a str) -> impl Iterator<Item = String> + 'a {
        let has_secret = |record: &CloudRecord| record.spec.as_ref().is_some_and(|spec| spec.secret() == Some(secret));
        self.clouds.values().filter(move |(_, record)| has_secret(record)).map(|(name, _)| name.name.clone())
    }

    fn grants(&self, cloud: &str, namespace: &str) -> bool {
        let none = BTreeMap::new();
        let labels = self.namespaces.get(&NamespacedName::new("", namespace)).unwrap_or(&none);
        self.spec(cloud).is_some_and(|spec| is_granted(&spec.allowed_namespaces, namespace, labels))
    }

    fn access(&self, name: &str, namespace: &str) -> Result<CloudAccess, AccessProblem> {
        for (is_synced, error) in
            [(self.clouds.is_synced(), self.clouds.error()), (self.namespaces.is_synced(), self.namespaces.error())]
        {
            if !is_synced {
                return Err(AccessProblem::NotListed { has_failed: error.is_some() });
            }
        }
        let record = self.record(name).ok_or(AccessProblem::Missing)?;
        let spec = record.spec.clone().ok_or(AccessProblem::Unreadable)?;
        let is_granted = self.grants(name, namespace);
        Ok(CloudAccess { name: name.to_owned(), spec, is_granted, is_deleting: record.is_deleting })
    }

    fn is_needed_by(&self, cloud: &str, stored: &MaybeStack) -> bool {
        let namespace = stored.meta().namespace.as_deref().unwrap_or_default();
        let needs = match &stored.0 {
            Ok(stack) => cluster_cloud_of(stack) == Some(cloud) && (has_record(stack) || self.grants(cloud, namespace)),
            Err(_) => self.grants(cloud, namespace),
        };
        needs && finalizer::has_finalizer(stored)
    }
}

impl CloudRecord {
    fn of(stored: &MaybeCloud) -> Self {
        Self {
            spec: stored.0.as_ref().ok().map(|cloud| Arc::new(cloud.spec.clone())),
            is_deleting: stored.meta().deletion_timestamp.is_some(),
        }
    }
}
