//! Index from Secrets to the stacks that refer to them, kept up to date by the watch of stacks.
//!
//! A cluster has many Secrets, and each of their events asks for the stacks that use the Secret: the index answers
//! without a walk over all stacks.

use std::collections::{BTreeSet, HashMap};

use kube::runtime::watcher::Event;
use parking_lot::Mutex;

use super::credentials;
use super::names::NamespacedName;
use super::watch::MaybeStack;

/// Secrets that stacks refer to. A stack refers to a Secret of its own namespace.
#[derive(Default)]
pub(super) struct SecretIndex(Mutex<Index>);

#[derive(Default)]
struct Index {
    /// Secret of each valid stack.
    secrets: HashMap<NamespacedName, NamespacedName>,
    users: HashMap<NamespacedName, Users>,
    /// The same as `secrets`, for a list of all stacks that is not complete yet.
    listed: HashMap<NamespacedName, NamespacedName>,
}

/// Users of one Secret.
#[derive(Default)]
struct Users {
    /// Names of the stacks.
    stacks: BTreeSet<String>,
    /// Resource version of the Secret, once the watch has shown it.
    version: Option<String>,
}

impl SecretIndex {
    /// Takes in an event of the watch of stacks.
    pub(super) fn observe(&self, event: &Event<MaybeStack>) {
        let mut index = self.0.lock();
        match event {
            Event::Apply(stack) => index.set(NamespacedName::of(stack), reference_of(stack)),
            Event::Delete(stack) => index.set(NamespacedName::of(stack), None),
            Event::Init => index.listed.clear(),
            Event::InitApply(stack) => {
                if let Some(secret) = reference_of(stack) {
                    index.listed.insert(NamespacedName::of(stack), secret);
                }
            }
            Event::InitDone => index.replace(),
        }
    }

    /// Records the version of a Secret, and returns the stacks that refer to it.
    pub(super) fn secret_changed(&self, secret: &NamespacedName, version: String) -> Vec<NamespacedName> {
        let mut index = self.0.lock();
        let Some(users) = index.users.get_mut(secret) else { return Vec::new() };
        users.version = Some(version);
        users.stacks.iter().map(|stack| NamespacedName::new(&secret.namespace, stack)).collect()
    }

    /// Version of a Secret that stacks refer to, as far as the watch has shown it.
    pub(super) fn version_of(&self, secret: &NamespacedName) -> Option<String> {
        self.0.lock().users.get(secret)?.version.clone()
    }
}

impl Index {
    fn set(&mut self, stack: NamespacedName, secret: Option<NamespacedName>) {
        if self.secrets.get(&stack) == secret.as_ref() {
            return;
        }
        if let Some(before) = self.secrets.remove(&stack) {
            self.remove_user(&before, &stack.name);
        }
        if let Some(secret) = secret {
            self.users.entry(secret.clone()).or_default().stacks.insert(stack.name.clone());
            self.secrets.insert(stack, secret);
        }
    }

    /// A Secret without users is forgotten, with its version.
    fn remove_user(&mut self, secret: &NamespacedName, stack: &str) {
        if let Some(users) = self.users.get_mut(secret) {
            users.stacks.remove(stack);
            if users.stacks.is_empty() {
                self.users.remove(secret);
            }
        }
    }

    /// A complete list replaces everything: stacks that it lacks were deleted unseen.
    fn replace(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        let gone: Vec<NamespacedName> =
            self.secrets.keys().filter(|stack| !listed.contains_key(*stack)).cloned().collect();
        for stack in gone {
            self.set(stack, None);
        }
        for (stack, secret) in listed {
            self.set(stack, Some(secret));
        }
    }
}

/// The Secret that a valid stack refers to.
fn reference_of(stored: &MaybeStack) -> Option<NamespacedName> {
    let secret = credentials::secret_of(stored.0.as_ref().ok()?)?;
    Some(NamespacedName::new(NamespacedName::of(stored).namespace, secret))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stack(namespace: &str, name: &str, secret: &str) -> MaybeStack {
        let stack = json!({
            "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "cloudCredentialsRef": {"secretName": secret, "cloudName": "openstack"},
                "loadBalancer": {"vip": {"subnet": {"name": "s"}}},
            },
        });
        let stored: MaybeStack = serde_json::from_value(stack).unwrap();
        assert!(stored.0.is_ok());
        stored
    }

    fn secret(namespace: &str, name: &str) -> NamespacedName {
        NamespacedName::new(namespace, name)
    }

    #[test]
    fn secret_event_finds_stacks_that_refer_to_it() {
        let index = SecretIndex::default();
        for (namespace, name, of) in [("shop", "web", "a"), ("shop", "api", "a"), ("shop", "db", "b")] {
            index.observe(&Event::Apply(stack(namespace, name, of)));
        }
        let woken = |of| index.secret_changed(&secret("shop", of), "1".to_owned());
        assert_eq!(woken("a"), [secret("shop", "api"), secret("shop", "web")]);
        assert_eq!((woken("b"), woken("c")), (vec![secret("shop", "db")], vec![]));
        assert_eq!(index.secret_changed(&secret("other", "a"), "1".to_owned()), []);
        index.observe(&Event::Apply(stack("shop", "web", "b")));
        assert_eq!((woken("a").len(), woken("b").len()), (1, 2), "the stack refers to another one now");
    }

    #[test]
    fn secret_version_is_kept_while_a_stack_refers_to_it() {
        let index = SecretIndex::default();
        let all = [("shop", "web", "a"), ("shop", "api", "b"), ("other", "web", "a")];
        all.into_iter().for_each(|(namespace, name, of)| index.observe(&Event::Apply(stack(namespace, name, of))));
        let secrets = [secret("shop", "a"), secret("shop", "b"), secret("other", "a")];
        secrets.iter().for_each(|secret| drop(index.secret_changed(secret, "1".to_owned())));
        index.observe(&Event::Init);
        index.observe(&Event::InitApply(stack("shop", "web", "a")));
        index.observe(&Event::InitApply(stack("shop", "new", "c")));
        index.observe(&Event::InitDone);
        let versions = secrets.iter().map(|secret| index.version_of(secret));
        assert_eq!(versions.collect::<Vec<_>>(), [Some("1".to_owned()), None, None]);
        index.observe(&Event::Delete(stack("shop", "web", "a")));
        assert_eq!(index.version_of(&secrets[0]), None);
        assert_eq!(index.0.lock().users.len(), 1);
    }
}
