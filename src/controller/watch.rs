//! The watch of all stacks, and what is kept of them in memory.

use futures::Stream;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};

use crate::api::LoadBalancerStack;

/// A stack as it is stored: an invalid one must not keep the others from being read.
pub type MaybeStack = DeserializeGuard<LoadBalancerStack>;

/// All stacks as they come and change, and the store of them. Without `managedFields`, which nothing here reads and
/// which take four times the memory of all the rest.
pub fn watch_stacks(
    client: Client,
) -> (Store<MaybeStack>, impl Stream<Item = Result<MaybeStack, watcher::Error>> + Send + 'static) {
    let (store, events) = watch_events(client);
    (store, events.applied_objects())
}

/// The events of the same watch, each as soon as the store has it.
pub(super) fn watch_events(
    client: Client,
) -> (Store<MaybeStack>, impl Stream<Item = watcher::Result<watcher::Event<MaybeStack>>> + Send + 'static) {
    let (store, writer) = reflector::store();
    let events = watcher(Api::all(client), watcher::Config::default())
        .modify(|stack: &mut MaybeStack| stack.meta_mut().managed_fields = None)
        .reflect(writer);
    (store, events)
}
