//! What is kept of every stack while nothing happens.

use futures::Stream;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};

use super::Stored;

/// All stacks as they come and change, and the store of them. Without `managedFields`, which nobody here reads and which
/// take four times the memory of all the rest.
pub fn watch_stacks(
    client: Client,
) -> (Store<Stored>, impl Stream<Item = Result<Stored, watcher::Error>> + Send + 'static) {
    let (store, writer) = reflector::store();
    let stacks = watcher(Api::all(client), watcher::Config::default())
        .modify(|stack: &mut Stored| stack.meta_mut().managed_fields = None)
        .reflect(writer)
        .applied_objects();
    (store, stacks)
}
