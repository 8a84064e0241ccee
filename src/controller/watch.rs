//! What is kept of every stack while nothing happens.

use futures::Stream;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};

use super::MaybeStack;

/// All stacks as they come and change, and the store of them. Without `managedFields`, which nobody here reads and which
/// take four times the memory of all the rest.
pub fn watch_stacks(
    client: Client,
) -> (Store<MaybeStack>, impl Stream<Item = Result<MaybeStack, watcher::Error>> + Send + 'static) {
    let (store, writer) = reflector::store();
    let stacks = watcher(Api::all(client), watcher::Config::default())
        .modify(|stack: &mut MaybeStack| stack.meta_mut().managed_fields = None)
        .reflect(writer)
        .applied_objects();
    (store, stacks)
}
