//! The stored objects, the revision counter, and the history for watches.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::kinds::GroupResource;
use super::object::{self, set_meta};

/// Namespace (empty for cluster-wide kinds) and name.
pub type Key = (String, String);

/// One write, as watches see it.
#[derive(Debug, Clone)]
pub struct Change {
    pub revision: u64,
    pub group_resource: GroupResource,
    pub verb: ChangeVerb,
    pub object: Arc<Value>,
    /// The object before the write. It tells a watch with a selector whether the object was in its view.
    pub before: Option<Arc<Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeVerb {
    Added,
    Modified,
    Deleted,
}

/// All objects of all kinds in their stored form.
#[derive(Debug)]
pub struct Store {
    objects: BTreeMap<GroupResource, BTreeMap<Key, Arc<Value>>>,
    revision: u64,
    history: VecDeque<Change>,
    history_limit: usize,
    /// The latest revision that is no longer in the history.
    forgotten: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), revision: 1, history: VecDeque::new(), history_limit: 4096, forgotten: 0 }
    }
}

impl Store {
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn get(&self, group_resource: &GroupResource, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(group_resource)?.get(key).cloned()
    }

    /// Every object at `group_resource` in the order of keys, in one namespace when one is named.
    pub fn list(&self, group_resource: &GroupResource, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(objects) = self.objects.get(group_resource) else { return Vec::new() };
        objects.iter().filter(|((ns, _), _)| namespace.is_none_or(|n| n == ns)).map(|(_, o)| o.clone()).collect()
    }

    /// Stores `object` with the next revision and returns the stored form.
    pub fn put(&mut self, group_resource: &GroupResource, key: Key, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        set_meta(&mut object, "resourceVersion", self.revision.to_string().into());
        let object = Arc::new(object);
        let before = self.objects.entry(group_resource.clone()).or_default().insert(key, object.clone());
        let verb = if before.is_some() { ChangeVerb::Modified } else { ChangeVerb::Added };
        self.record(group_resource, verb, object.clone(), before);
        object
    }

    /// Removes the object. The last state that watches see is `last`, or the stored one.
    pub fn remove(&mut self, group_resource: &GroupResource, key: &Key, last: Option<Value>) {
        let Some(before) = self.objects.get_mut(group_resource).and_then(|objects| objects.remove(key)) else { return };
        self.revision += 1;
        let mut object = last.unwrap_or_else(|| before.as_ref().clone());
        set_meta(&mut object, "resourceVersion", self.revision.to_string().into());
        self.record(group_resource, ChangeVerb::Deleted, Arc::new(object), Some(before));
    }

    fn record(
        &mut self,
        group_resource: &GroupResource,
        verb: ChangeVerb,
        object: Arc<Value>,
        before: Option<Arc<Value>>,
    ) {
        self.history.push_back(Change {
            revision: self.revision,
            group_resource: group_resource.clone(),
            verb,
            object,
            before,
        });
        self.trim();
    }

    fn trim(&mut self) {
        while self.history.len() > self.history_limit {
            if let Some(change) = self.history.pop_front() {
                self.forgotten = change.revision;
            }
        }
    }

    /// Limits the history of changes, and drops older ones at once.
    pub fn limit_history(&mut self, changes: usize) {
        self.history_limit = changes;
        self.trim();
    }

    /// The oldest revision from which a watch can still resume.
    pub fn oldest(&self) -> u64 {
        self.forgotten
    }

    /// The changes at `group_resource` after `revision`. `None` when some of them are no longer in the history.
    pub fn since(&self, group_resource: &GroupResource, revision: u64) -> Option<Vec<Change>> {
        if revision < self.forgotten {
            return None;
        }
        let start = self.history.partition_point(|change| change.revision <= revision);
        Some(self.history.range(start..).filter(|change| change.group_resource == *group_resource).cloned().collect())
    }

    pub fn is_empty_in(&self, resources: &[GroupResource], namespace: &str) -> bool {
        resources.iter().all(|group_resource| self.list(group_resource, Some(namespace)).is_empty())
    }
}

pub fn key_of(object: &Value) -> Key {
    (object::namespace(object).to_owned(), object::name(object).to_owned())
}
