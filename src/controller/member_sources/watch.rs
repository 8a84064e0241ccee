//! The watches of Services, EndpointSlices and Nodes.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;

use super::cache::ClusterCache;
use crate::controller::watch_kind::{WakeStack, watch_kind};

/// Watches the objects that members come from, from the first stack with a member source on, and wakes the stacks that
/// use them. Never ends.
pub(crate) async fn watch_sources(client: Client, cache: Arc<ClusterCache>, wake: WakeStack) {
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
