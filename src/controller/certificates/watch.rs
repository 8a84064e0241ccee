//! The watch of ConfigMaps. Secrets are watched for their credentials anyway (`secret_watch`).

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PartialObjectMeta;
use kube::runtime::watcher::Event;
use kube::{Client, ResourceExt};

use super::index::CertificateIndex;
use crate::cluster::{CertificateObject, NamespacedName};
use crate::controller::watch_kind::{WakeStack, watch_kind};

/// Watches the metadata of ConfigMaps, from the first stack with one on, and wakes the stacks that use them. Never
/// ends.
pub(crate) async fn watch_config_maps(client: Client, index: Arc<CertificateIndex>, wake: WakeStack) {
    index.first_config_map.notified().await;
    // Reads do not depend on the watch: its errors are in the log.
    watch_kind::<PartialObjectMeta<ConfigMap>>(&client, &wake, |event| observe(&index, event), drop).await;
}

fn observe(index: &CertificateIndex, event: &Event<PartialObjectMeta<ConfigMap>>) -> Vec<NamespacedName> {
    let (Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) = event else { return Vec::new() };
    let changed = CertificateObject::ConfigMap(NamespacedName::of(object));
    index.object_changed(&changed, object.resource_version().unwrap_or_default())
}
