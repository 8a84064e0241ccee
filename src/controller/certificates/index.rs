//! Index of the objects that hold certificates of stacks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kube::runtime::watcher::Event;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::fields::{CertificateObject, objects_of};
use crate::controller::names::NamespacedName;
use crate::controller::reference_index::ReferenceIndex;
use crate::controller::watch::MaybeStack;

/// Versions of objects by the watches; none for one that they have not shown.
pub(super) type Versions = BTreeMap<CertificateObject, Option<String>>;

/// Objects with certificates, their users and versions.
#[derive(Default)]
pub(crate) struct CertificateIndex {
    inner: Mutex<Inner>,
    /// Signals the first stack with a ConfigMap: they are not watched before.
    pub(super) first_config_map: Notify,
}

#[derive(Default)]
struct Inner {
    stacks: ReferenceIndex<CertificateObject>,
    /// Versions of objects that stacks use.
    versions: HashMap<CertificateObject, String>,
}

impl CertificateIndex {
    /// Takes in an event of the watch of stacks.
    pub(crate) fn observe_stack(&self, event: &Event<MaybeStack>) {
        let mut inner = self.inner.lock();
        inner.stacks.observe(event, objects_of);
        match event {
            Event::Apply(stack) | Event::InitApply(stack) => {
                if objects_of(stack).iter().any(|object| matches!(object, CertificateObject::ConfigMap(_))) {
                    self.first_config_map.notify_one();
                }
            }
            Event::Delete(_) | Event::InitDone => inner.forget_unused(),
            Event::Init => {}
        }
    }

    /// Records the version of an object, and returns the stacks that use it.
    pub(crate) fn object_changed(&self, object: &CertificateObject, version: String) -> Vec<NamespacedName> {
        let mut inner = self.inner.lock();
        let stacks: Vec<NamespacedName> = inner.stacks.users(object).cloned().collect();
        if !stacks.is_empty() {
            inner.versions.insert(object.clone(), version);
        }
        stacks
    }

    /// Versions of these objects.
    pub(super) fn versions(&self, objects: &BTreeSet<CertificateObject>) -> Versions {
        let inner = self.inner.lock();
        objects.iter().map(|object| (object.clone(), inner.versions.get(object).cloned())).collect()
    }

    pub(super) fn version_of(&self, object: &CertificateObject) -> Option<String> {
        self.inner.lock().versions.get(object).cloned()
    }
}

impl Inner {
    fn forget_unused(&mut self) {
        let stacks = &self.stacks;
        self.versions.retain(|object, _| stacks.users(object).next().is_some());
    }
}
