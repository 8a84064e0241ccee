//! The watch of ConfigMaps. Secrets are watched for their credentials anyway (`secret_watch`).

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;

use super::fields::CertificateObject;
use super::index::CertificateIndex;
use crate::controller::names::NamespacedName;
use crate::controller::watch::MaybeStack;

/// Watches the metadata of ConfigMaps, from the first stack with one on, and wakes the stacks that use them. Never
/// ends.
pub(crate) async fn watch_config_maps(
    client: Client,
    index: Arc<CertificateIndex>,
    wake: UnboundedSender<ObjectRef<MaybeStack>>,
) {
    index.first_config_map.notified().await;
    let config_maps = Api::<PartialObjectMeta<ConfigMap>>::all(client);
    let mut events = watch(config_maps, watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => {
                let changed = CertificateObject::ConfigMap(NamespacedName::of(&object));
                for stack in index.object_changed(&changed, object.resource_version().unwrap_or_default()) {
                    // The controller ends with the receiver.
                    let _ = wake.send(ObjectRef::new(&stack.name).within(&stack.namespace));
                }
            }
            Ok(Event::Init | Event::InitDone) => {}
            Err(error) => tracing::warn!(%error, "configmaps cannot be watched now"),
        }
    }
}
