//! Index from Secrets to the stacks that refer to them, kept up to date by the watch of stacks.
//!
//! A cluster has many Secrets, and each of their events asks for the stacks that use the Secret: the index answers
//! without a walk over all stacks.

use kube::runtime::watcher::Event;
use parking_lot::Mutex;

use super::credentials;
use super::version_index::VersionIndex;
use super::watch::MaybeStack;
use crate::cluster::NamespacedName;

/// Secrets that stacks refer to. A stack refers to a Secret of its own namespace.
#[derive(Default)]
pub(super) struct SecretIndex(Mutex<VersionIndex<NamespacedName>>);

impl SecretIndex {
    /// Takes in an event of the watch of stacks.
    pub(super) fn observe(&self, event: &Event<MaybeStack>) {
        self.0.lock().observe(event, |stack| reference_of(stack).into_iter().collect());
    }

    /// Records the version of a Secret, and returns the stacks that refer to it.
    pub(super) fn secret_changed(&self, secret: &NamespacedName, version: String) -> Vec<NamespacedName> {
        self.0.lock().object_changed(secret, version)
    }

    /// Version of a Secret that stacks refer to, as far as the watch has shown it.
    pub(super) fn version_of(&self, secret: &NamespacedName) -> Option<String> {
        self.0.lock().version_of(secret).cloned()
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
    }
}
