//! The controller of clouds that namespaces share: their watch, and the watch of namespaces.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PartialObjectMeta;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Resource, ResourceExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::Instrument;

use super::cache::{ClusterClouds, MaybeCloud};
use super::reconcile::reconcile;
use crate::controller::context::Context;
use crate::controller::watch_kind::{WakeStack, wake_stacks, watch_kind};
use crate::controller::watch_message::watch_message;

/// Clouds that are looked at together: one that does not answer delays no other one.
const CONCURRENCY: u16 = 4;

/// Time in which changes of the users of a cloud make one look at it.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Watches clouds and namespaces, wakes the stacks that they concern, and keeps the status of the clouds up to date.
/// Never ends.
pub(crate) async fn run(context: Arc<Context>, wake: WakeStack, woken: UnboundedReceiver<ObjectRef<MaybeCloud>>) {
    tokio::join!(watch_namespaces(&context, &wake), watch_clouds(&context, &wake, woken));
}

/// Watches namespaces, from the first stack that refers to a cloud on.
async fn watch_namespaces(context: &Context, wake: &WakeStack) {
    let cache = &context.cluster_clouds;
    cache.first_use.notified().await;
    watch_kind::<PartialObjectMeta<Namespace>>(
        &context.client,
        wake,
        |event| cache.observe_namespace(event),
        |error| cache.fail_namespaces(error),
    )
    .await;
}

async fn watch_clouds(context: &Arc<Context>, wake: &WakeStack, mut woken: UnboundedReceiver<ObjectRef<MaybeCloud>>) {
    let (store, writer) = reflector::store();
    let (cache, wake) = (context.cluster_clouds.clone(), wake.clone());
    let clouds = watch(Api::<MaybeCloud>::all(context.client.clone()), watcher::Config::default())
        .modify(|cloud: &mut MaybeCloud| cloud.meta_mut().managed_fields = None)
        .reflect(writer)
        .inspect(move |event| observe(&cache, &wake, event))
        .applied_objects();
    Controller::for_stream(clouds, store)
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE))
        .reconcile_on(stream::poll_fn(move |task| woken.poll_recv(task)))
        .run(reconcile_traced, |_, infallible: &Infallible, _| match *infallible {}, context.clone())
        .for_each(async |_| {})
        .await;
}

fn observe(cache: &ClusterClouds, wake: &WakeStack, event: &watcher::Result<Event<MaybeCloud>>) {
    match event {
        Ok(event) => wake_stacks(wake, cache.observe_cloud(event)),
        Err(error) => {
            tracing::warn!(%error, "clusteropenstackclouds cannot be watched now");
            cache.fail_clouds(watch_message(error));
        }
    }
}

async fn reconcile_traced(stored: Arc<MaybeCloud>, context: Arc<Context>) -> Result<Action, Infallible> {
    let span = tracing::error_span!("reconcile", cluster_cloud = stored.name_any());
    Ok(reconcile(&stored, &context).instrument(span).await)
}
