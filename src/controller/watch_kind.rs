//! The watch of one kind of objects that stacks refer to.

use std::fmt::Debug;

use futures::StreamExt;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;

use super::watch::MaybeStack;
use super::watch_message::watch_message;
use crate::cluster::NamespacedName;

/// Stacks to reconcile.
pub(super) type WakeStack = UnboundedSender<ObjectRef<MaybeStack>>;

/// Watches the objects of a kind, and wakes the stacks that `observe` returns for an event. `fail` takes the message of
/// an error. Never ends.
pub(super) async fn watch_kind<K>(
    client: &Client,
    wake: &WakeStack,
    observe: impl Fn(&Event<K>) -> Vec<NamespacedName>,
    fail: impl Fn(String),
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut events = watch(Api::<K>::all(client.clone()), watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => wake_stacks(wake, observe(&event)),
            Err(error) => {
                tracing::warn!(%error, "{} cannot be watched now", K::plural(&()));
                fail(watch_message(&error));
            }
        }
    }
}

/// Wakes stacks by name.
pub(super) fn wake_stacks(wake: &WakeStack, stacks: Vec<NamespacedName>) {
    for stack in stacks {
        // The controller ends with the receiver.
        let _ = wake.send(ObjectRef::new(&stack.name).within(&stack.namespace));
    }
}
