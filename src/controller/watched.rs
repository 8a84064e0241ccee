//! Records of the objects of one kind, kept up to date by its watch.

use std::collections::{HashMap, HashSet};

use kube::Resource;
use kube::runtime::watcher::Event;

use crate::cluster::NamespacedName;

/// Records by name.
pub(crate) struct Watched<R> {
    records: HashMap<NamespacedName, R>,
    /// Names in a list that is not complete yet.
    listed: HashSet<NamespacedName>,
    /// Set once a list was complete.
    is_synced: bool,
    /// Error of the watch, until it works again.
    error: Option<String>,
}

/// Difference that an event has made.
pub(crate) struct Change<R> {
    pub name: NamespacedName,
    pub before: Option<R>,
}

impl<R> Default for Watched<R> {
    fn default() -> Self {
        Self { records: HashMap::new(), listed: HashSet::new(), is_synced: false, error: None }
    }
}

impl<R: PartialEq> Watched<R> {
    pub(crate) fn get(&self, name: &NamespacedName) -> Option<&R> {
        self.records.get(name)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (&NamespacedName, &R)> {
        self.records.iter()
    }

    pub(crate) const fn is_synced(&self) -> bool {
        self.is_synced
    }

    pub(crate) fn error(&self) -> Option<&String> {
        self.error.as_ref()
    }

    pub(crate) fn fail(&mut self, error: String) {
        self.error = Some(error);
    }

    /// Takes in an event of the watch. An object without a record is not kept.
    pub(crate) fn observe<K: Resource>(
        &mut self,
        event: &Event<K>,
        record_of: impl Fn(&K) -> Option<R>,
    ) -> Vec<Change<R>> {
        self.error = None;
        match event {
            Event::Apply(object) => self.set(NamespacedName::of(object), record_of(object)).into_iter().collect(),
            Event::Delete(object) => self.set(NamespacedName::of(object), None).into_iter().collect(),
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                let name = NamespacedName::of(object);
                self.listed.insert(name.clone());
                self.set(name, record_of(object)).into_iter().collect()
            }
            Event::InitDone => self.finish_list(),
        }
    }

    fn set(&mut self, name: NamespacedName, record: Option<R>) -> Option<Change<R>> {
        if self.records.get(&name) == record.as_ref() {
            return None;
        }
        let before = match record {
            Some(record) => self.records.insert(name.clone(), record),
            None => self.records.remove(&name),
        };
        Some(Change { name, before })
    }

    /// Objects that a complete list lacks were deleted unseen.
    fn finish_list(&mut self) -> Vec<Change<R>> {
        let listed = std::mem::take(&mut self.listed);
        self.is_synced = true;
        let gone: Vec<NamespacedName> = self.records.keys().filter(|name| !listed.contains(*name)).cloned().collect();
        gone.into_iter().filter_map(|name| self.set(name, None)).collect()
    }
}
