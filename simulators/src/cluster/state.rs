//! The state behind one lock: the stored objects, the served kinds, and the life cycle of objects.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::built_in::rfc3339;
use super::convert;
use super::kinds::{GroupResource, Kind, Kinds, group_resource_of};
use super::object::{self, set_meta};
use super::status::{StatusError, deleted};
use super::store::{Key, Store};

#[derive(Debug)]
pub struct State {
    pub store: Store,
    pub kinds: Kinds,
    /// High half of every uid: clusters with different seeds never give the same uid.
    seed: u64,
    uids: u64,
}

/// The options of a DELETE.
#[derive(Debug, Default)]
pub struct DeleteOptions {
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    pub dry_run: bool,
}

impl State {
    /// A cluster with the namespaces that every cluster has.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        let mut state = Self { store: Store::default(), kinds: Kinds::default(), seed, uids: 0 };
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let group_resource = namespaces();
            let namespace = json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {
                    "name": name, "uid": state.next_uid(), "creationTimestamp": rfc3339(now),
                    "labels": {"kubernetes.io/metadata.name": name},
                },
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            });
            state.store.put(&group_resource, (String::new(), name.to_owned()), namespace);
        }
        state
    }

    pub fn next_uid(&mut self) -> String {
        self.uids += 1;
        uuid::Builder::from_random_bytes((u128::from(self.seed) << 64 | u128::from(self.uids)).to_be_bytes())
            .into_uuid()
            .to_string()
    }

    pub fn get(&self, kind: &Kind, key: &Key) -> Result<Value, StatusError> {
        let kept = self.store.get(&kind.group_resource, key).ok_or_else(|| StatusError::not_found(kind, &key.1))?;
        Ok(convert::shown(kind, &kept))
    }

    /// Checks that an object may be created in the namespace: it exists and is not being deleted.
    pub fn admit_into(&self, kind: &Kind, namespace: &str, name: &str) -> Result<(), StatusError> {
        if !kind.namespaced {
            return Ok(());
        }
        let home = self.store.get(&namespaces(), &(String::new(), namespace.to_owned()));
        let Some(home) = home else {
            let kind = self.kinds.stored_at(&namespaces());
            return Err(kind.map_or_else(StatusError::no_such_path, |kind| StatusError::not_found(&kind, namespace)));
        };
        if object::is_deleting(&home) { Err(StatusError::terminating(kind, name, namespace)) } else { Ok(()) }
    }

    /// Deletes one object: at once, or by a deletion timestamp when it has finalizers.
    pub fn delete(
        &mut self,
        kind: &Kind,
        key: &Key,
        options: &DeleteOptions,
        now: Timestamp,
    ) -> Result<Value, StatusError> {
        let live = self.get(kind, key)?;
        check_preconditions(kind, &live, options)?;
        let has_finalizers = !object::finalizers(&live).is_empty() || is_container(kind);
        if options.dry_run {
            return Ok(if has_finalizers { live } else { deleted(kind, &live) });
        }
        if !has_finalizers {
            self.remove(kind, key, None);
            return Ok(deleted(kind, &live));
        }
        if object::is_deleting(&live) {
            return Ok(live);
        }
        let marked = self.mark_deleting(kind, key, live, now);
        self.delete_contents(kind, &marked, now);
        self.settle(kind, key);
        Ok(marked)
    }

    fn mark_deleting(&mut self, kind: &Kind, key: &Key, mut object: Value, now: Timestamp) -> Value {
        set_meta(&mut object, "deletionTimestamp", rfc3339(now).into());
        if kind.plural == "namespaces" {
            object["status"]["phase"] = "Terminating".into();
        } else {
            set_meta(&mut object, "deletionGracePeriodSeconds", 0.into());
        }
        if object::generation(&object) > 0 {
            let generation = object::generation(&object) + 1;
            set_meta(&mut object, "generation", generation.into());
        }
        let kept = self.store.put(&kind.group_resource, key.clone(), convert::kept(kind, object));
        convert::shown(kind, &kept)
    }

    /// Deletes the contents of a namespace, or the instances of a definition.
    fn delete_contents(&mut self, kind: &Kind, object: &Value, now: Timestamp) {
        let (resources, namespace) = match kind.plural.as_str() {
            "namespaces" => (self.kinds.namespaced_resources(), Some(object::name(object).to_owned())),
            "customresourcedefinitions" => (vec![group_resource_of(object)], None),
            _ => return,
        };
        for group_resource in resources {
            let Some(kind) = self.kinds.stored_at(&group_resource) else { continue };
            for object in self.store.list(&group_resource, namespace.as_deref()) {
                let key = super::store::key_of(&object);
                // Listed under the same lock, so it exists.
                let _ = self.delete(&kind, &key, &DeleteOptions::default(), now);
            }
        }
    }

    /// Removes an object, and then the deleted container that it was the last one in.
    pub fn remove(&mut self, kind: &Kind, key: &Key, last: Option<Value>) {
        self.store.remove(&kind.group_resource, key, last.map(|object| convert::kept(kind, object)));
        if kind.namespaced {
            self.settle_named("namespaces", &key.0);
        }
        if kind.is_custom() {
            self.settle_named("customresourcedefinitions", &kind.resource());
        }
    }

    fn settle_named(&mut self, plural: &str, name: &str) {
        let group_resource = if plural == "namespaces" { namespaces() } else { definitions() };
        if let Some(kind) = self.kinds.stored_at(&group_resource) {
            self.settle(&kind, &(String::new(), name.to_owned()));
        }
    }

    /// Removes a namespace or a definition that is being deleted and is empty.
    pub fn settle(&mut self, kind: &Kind, key: &Key) {
        let Some(object) = self.store.get(&kind.group_resource, key).filter(|object| object::is_deleting(object))
        else {
            return;
        };
        let empty = match kind.plural.as_str() {
            "namespaces" => self.store.is_empty_in(&self.kinds.namespaced_resources(), &key.1),
            "customresourcedefinitions" => self.store.list(&group_resource_of(&object), None).is_empty(),
            _ => false,
        };
        if !empty || !object::finalizers(&object).is_empty() {
            return;
        }
        self.store.remove(&kind.group_resource, key, None);
        if kind.plural == "customresourcedefinitions" {
            self.kinds.remove(&object);
        }
    }
}

pub fn namespaces() -> GroupResource {
    GroupResource { group: String::new(), plural: "namespaces".to_owned() }
}

pub fn definitions() -> GroupResource {
    GroupResource { group: "apiextensions.k8s.io".to_owned(), plural: "customresourcedefinitions".to_owned() }
}

/// True for the kinds whose objects stay until their contents are deleted.
pub fn is_container(kind: &Kind) -> bool {
    [namespaces(), definitions()].contains(&kind.group_resource)
}

fn check_preconditions(kind: &Kind, live: &Value, options: &DeleteOptions) -> Result<(), StatusError> {
    let checks = [("uid", "UID", &options.uid), ("resourceVersion", "ResourceVersion", &options.resource_version)];
    for (key, name, wanted) in checks {
        let seen = object::meta_text(live, key);
        if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != seen) {
            let why = format!("Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {seen}");
            return Err(StatusError::conflict(kind, object::name(live), &why));
        }
    }
    Ok(())
}
