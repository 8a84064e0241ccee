//! Index of the objects that stacks refer to, with their versions.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use kube::runtime::watcher::Event;

use super::reference_index::ReferenceIndex;
use super::watch::MaybeStack;
use crate::cluster::NamespacedName;

/// Objects in use, and their resource versions, once a watch has shown them. An object without users is forgotten.
pub(crate) struct VersionIndex<R> {
    stacks: ReferenceIndex<R>,
    versions: HashMap<R, String>,
}

impl<R> Default for VersionIndex<R> {
    fn default() -> Self {
        Self { stacks: ReferenceIndex::default(), versions: HashMap::new() }
    }
}

impl<R: Clone + Ord + Hash> VersionIndex<R> {
    /// Takes in an event of the watch of stacks; `references_of` reads the references of one.
    pub(crate) fn observe(&mut self, event: &Event<MaybeStack>, references_of: impl Fn(&MaybeStack) -> BTreeSet<R>) {
        for unused in self.stacks.observe(event, references_of) {
            self.versions.remove(&unused);
        }
    }

    /// Records the version of an object, and returns the stacks that refer to it.
    pub(crate) fn object_changed(&mut self, object: &R, version: String) -> Vec<NamespacedName> {
        if self.stacks.is_used(object) {
            self.versions.insert(object.clone(), version);
        }
        self.stacks.users(object).cloned().collect()
    }

    pub(crate) fn version_of(&self, object: &R) -> Option<&String> {
        self.versions.get(object)
    }
}
