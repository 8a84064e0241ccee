//! The watches of Services, EndpointSlices and Nodes.

use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;

use super::cache::ClusterCache;
use crate::controller::kube_message::watch_message;
use crate::controller::names::NamespacedName;
use crate::controller::watch::MaybeStack;

/// Stacks to reconcile.
type Wake = UnboundedSender<ObjectRef<MaybeStack>>;

/// Watches the objects that members come from, from the first stack with a member source on, and wakes the stacks that
/// use them. Never ends.
pub(crate) async fn watch_sources(client: Client, cache: Arc<ClusterCache>, wake: Wake) {
    cache.first_use.notified().await;
    tokio::join!(
        watch_kind::<Service>(&client, &wake, |event| cache.observe_service(event), |error| cache.fail_services(error)),
        watch_kind::<EndpointSlice>(
            &client,
            &wake,
            |event| cache.observe_slice(event),
            |error| cache.fail_slices(error)
        ),
        watch_kind::<Node>(&client, &wake, |event| cache.observe_node(event), |error| cache.fail_nodes(error)),
    );
}

async fn watch_kind<K>(
    client: &Client,
    wake: &Wake,
    observe: impl Fn(&Event<K>) -> Vec<NamespacedName>,
    fail: impl Fn(String),
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut events = watch(Api::<K>::all(client.clone()), watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => observe(&event).into_iter().for_each(|stack| {
                // The controller ends with the receiver.
                let _ = wake.send(ObjectRef::new(&stack.name).within(&stack.namespace));
            }),
            Err(error) => {
                tracing::warn!(%error, "{} cannot be watched now", K::plural(&()));
                fail(watch_message(&error));
            }
        }
    }
}
