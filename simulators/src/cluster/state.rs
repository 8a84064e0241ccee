//! The state behind one lock: the stored objects, the served kinds, and the life cycle of objects.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::built_in::rfc3339;
use super::convert;
use super::kinds::{Kind, Kinds, Place, place_of};
use super::object::{self, set_meta};
use super::status::{Refusal, deleted};
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
            let place = namespaces();
            let namespace = json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {
                    "name": name, "uid": state.next_uid(), "creationTimestamp": rfc3339(now),
                    "labels": {"kubernetes.io/metadata.name": name},
                },
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            });
            state.store.put(&place, (String::new(), name.to_owned()), namespace);
        }
        state
    }

    pub fn next_uid(&mut self) -> String {
        self.uids += 1;
        uuid::Builder::from_random_bytes((u128::from(self.seed) << 64 | u128::from(self.uids)).to_be_bytes())
            .into_uuid()
            .to_string()
    }

    pub fn get(&self, kind: &Kind, key: &Key) -> Result<Value, Refusal> {
        let kept = self.store.get(&kind.place, key).ok_or_else(|| Refusal::not_found(kind, &key.1))?;
        Ok(convert::shown(kind, &kept))
    }

    /// Checks that an object may be created in the namespace: it exists and is not being deleted.
    pub fn admit_into(&self, kind: &Kind, namespace: &str, name: &str) -> Result<(), Refusal> {
        if !kind.namespaced {
            return Ok(());
        }
        let home = self.store.get(&namespaces(), &(String::new(), namespace.to_owned()));
        let Some(home) = home else {
            let kind = self.kinds.stored_at(&namespaces());
            return Err(kind.map_or_else(Refusal::no_such_path, |kind| Refusal::not_found(&kind, namespace)));
        };
        if object::is_deleting(&home) { Err(Refusal::terminating(kind, name, namespace)) } else { Ok(()) }
    }

    /// Deletes one object: at once, or by a deletion timestamp when it has finalizers.
    pub fn delete(
        &mut self,
        kind: &Kind,
        key: &Key,
        options: &DeleteOptions,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let live = self.get(kind, key)?;
        check_preconditions(kind, &live, options)?;
        let held = !object::finalizers(&live).is_empty() || holds_others(kind);
        if options.dry_run {
            return Ok(if held { live } else { deleted(kind, &live) });
        }
        if !held {
            self.remove(kind, key, None);
            return Ok(deleted(kind, &live));
        }
        if object::is_deleting(&live) {
            return Ok(live);
        }
        let marked = self.mark_deleting(kind, key, live, now);
        self.delete_what_it_holds(kind, &marked, now);
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
        let kept = self.store.put(&kind.place, key.clone(), convert::kept(kind, object));
        convert::shown(kind, &kept)
    }

    /// Deletes the contents of a namespace, or the instances of a definition.
    fn delete_what_it_holds(&mut self, kind: &Kind, object: &Value, now: Timestamp) {
        let (places, namespace) = match kind.plural.as_str() {
            "namespaces" => (self.kinds.namespaced_places(), Some(object::name(object).to_owned())),
            "customresourcedefinitions" => (vec![place_of(object)], None),
            _ => return,
        };
        for place in places {
            let Some(kind) = self.kinds.stored_at(&place) else { continue };
            for held in self.store.list(&place, namespace.as_deref()) {
                let key = super::store::key_of(&held);
                // Listed under the same lock, so it exists.
                let _ = self.delete(&kind, &key, &DeleteOptions::default(), now);
            }
        }
    }

    /// Removes an object, and then the deleted container that it was the last one in.
    pub fn remove(&mut self, kind: &Kind, key: &Key, last: Option<Value>) {
        self.store.remove(&kind.place, key, last.map(|object| convert::kept(kind, object)));
        if kind.namespaced {
            self.settle_named("namespaces", &key.0);
        }
        if kind.is_custom() {
            self.settle_named("customresourcedefinitions", &kind.resource());
        }
    }

    fn settle_named(&mut self, plural: &str, name: &str) {
        let place = if plural == "namespaces" { namespaces() } else { definitions() };
        if let Some(kind) = self.kinds.stored_at(&place) {
            self.settle(&kind, &(String::new(), name.to_owned()));
        }
    }

    /// Removes a namespace or a definition that is being deleted and is empty.
    pub fn settle(&mut self, kind: &Kind, key: &Key) {
        let Some(object) = self.store.get(&kind.place, key).filter(|object| object::is_deleting(object)) else {
            return;
        };
        let empty = match kind.plural.as_str() {
            "namespaces" => self.store.is_empty_in(&self.kinds.namespaced_places(), &key.1),
            "customresourcedefinitions" => self.store.list(&place_of(&object), None).is_empty(),
            _ => false,
        };
        if !empty || !object::finalizers(&object).is_empty() {
            return;
        }
        self.store.remove(&kind.place, key, None);
        if kind.plural == "customresourcedefinitions" {
            self.kinds.remove(&object);
        }
    }
}

pub fn namespaces() -> Place {
    Place { group: String::new(), plural: "namespaces".to_owned() }
}

pub fn definitions() -> Place {
    Place { group: "apiextensions.k8s.io".to_owned(), plural: "customresourcedefinitions".to_owned() }
}

/// True for the kinds whose objects stay until their contents are deleted.
pub fn holds_others(kind: &Kind) -> bool {
    [namespaces(), definitions()].contains(&kind.place)
}

fn check_preconditions(kind: &Kind, live: &Value, options: &DeleteOptions) -> Result<(), Refusal> {
    let checks = [("uid", "UID", &options.uid), ("resourceVersion", "ResourceVersion", &options.resource_version)];
    for (key, words, wanted) in checks {
        let seen = object::meta_text(live, key);
        if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != seen) {
            let why = format!("Precondition failed: {words} in precondition: {wanted}, {words} in object meta: {seen}");
            return Err(Refusal::conflict(kind, object::name(live), &why));
        }
    }
    Ok(())
}
