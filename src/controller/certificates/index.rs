//! Index of the objects that hold certificates of stacks.

use std::collections::{BTreeMap, BTreeSet};

use kube::runtime::watcher::Event;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::cluster::{CertificateObject, NamespacedName, certificate_fields};
use crate::controller::version_index::VersionIndex;
use crate::controller::watch::MaybeStack;

/// Versions of objects by the watches; none for one that they have not shown.
pub(super) type Versions = BTreeMap<CertificateObject, Option<String>>;

/// The objects that a valid stack uses.
fn objects_of(stored: &MaybeStack) -> BTreeSet<CertificateObject> {
    let Ok(stack) = &stored.0 else { return BTreeSet::new() };
    let namespace = NamespacedName::of(stack).namespace;
    certificate_fields(&stack.spec, &namespace).into_iter().map(|field| field.object).collect()
}

/// Objects with certificates, their users and versions.
#[derive(Default)]
pub(crate) struct CertificateIndex {
    objects: Mutex<VersionIndex<CertificateObject>>,
    /// Signals the first stack with a ConfigMap: they are not watched before.
    pub(super) first_config_map: Notify,
}

impl CertificateIndex {
    /// Takes in an event of the watch of stacks.
    pub(crate) fn observe_stack(&self, event: &Event<MaybeStack>) {
        self.objects.lock().observe(event, objects_of);
        if let Event::Apply(stack) | Event::InitApply(stack) = event
            && objects_of(stack).iter().any(|object| matches!(object, CertificateObject::ConfigMap(_)))
        {
            self.first_config_map.notify_one();
        }
    }

    /// Records the version of an object, and returns the stacks that use it.
    pub(crate) fn object_changed(&self, object: &CertificateObject, version: String) -> Vec<NamespacedName> {
        self.objects.lock().object_changed(object, version)
    }

    /// Versions of these objects.
    pub(super) fn versions(&self, objects: &BTreeSet<CertificateObject>) -> Versions {
        let index = self.objects.lock();
        objects.iter().map(|object| (object.clone(), index.version_of(object).cloned())).collect()
    }

    pub(super) fn version_of(&self, object: &CertificateObject) -> Option<String> {
        self.objects.lock().version_of(object).cloned()
    }
}
