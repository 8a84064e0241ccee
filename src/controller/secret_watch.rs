//! Events of Secrets: they wake the stacks that refer to them, and lead to the release of Secrets that no stack needs.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc;

use super::cluster_clouds::{Concerned, MaybeCloud};
use super::context::Context;
use super::credentials;
use super::watch::MaybeStack;
use crate::cluster::{CertificateObject, NamespacedName};

/// Interval at which Secrets with the finalizer are checked for stacks that still need them. As long as this view of
/// the cluster has one, that costs no call.
const RELEASE_PERIOD: Duration = Duration::from_secs(5);

/// Maps an event of a Secret to the stacks that refer to it. A Secret with the finalizer goes to `with_finalizer` too.
pub(super) fn stacks_using_secret(
    context: Arc<Context>,
    with_finalizer: mpsc::UnboundedSender<NamespacedName>,
    wake_cloud: mpsc::UnboundedSender<ObjectRef<MaybeCloud>>,
) -> impl Fn(PartialObjectMeta<Secret>) -> Vec<ObjectRef<MaybeStack>> {
    move |secret| {
        let name = NamespacedName::of(&secret);
        if credentials::has_finalizer(&secret) {
            // The receiver lives as long as the controller; at shutdown nothing is released any more.
            let _ = with_finalizer.send(name.clone());
        }
        let version = secret.resource_version().unwrap_or_default();
        let Concerned { mut stacks, clouds } = context.cluster_clouds.secret_changed(&name, version.clone());
        wake_clouds(&wake_cloud, clouds);
        stacks.extend(context.secrets.secret_changed(&name, version.clone()));
        stacks.extend(context.certificates.object_changed(&CertificateObject::Secret(name), version));
        stacks.into_iter().map(|stack| ObjectRef::new(&stack.name).within(&stack.namespace)).collect()
    }
}

/// Wakes clouds that namespaces share, by name.
pub(super) fn wake_clouds(wake: &mpsc::UnboundedSender<ObjectRef<MaybeCloud>>, clouds: Vec<String>) {
    for cloud in clouds {
        // The receiver lives as long as the controller.
        let _ = wake.send(ObjectRef::new(&cloud));
    }
}

/// Forgets stacks that are gone, measures the certificates of the others, and removes the finalizer from Secrets that no
/// stack refers to any more: a stack may have changed its reference while no controller ran.
pub(super) async fn release_unused_secrets(
    store: Store<MaybeStack>,
    context: Arc<Context>,
    mut with_finalizer: mpsc::UnboundedReceiver<NamespacedName>,
) {
    let mut known = BTreeSet::new();
    let mut tick = tokio::time::interval(RELEASE_PERIOD);
    loop {
        tokio::select! {
            biased;
            received = with_finalizer.recv() => match received {
                Some(secret) => { known.insert(secret); }
                None => return,
            },
            _ = tick.tick() => {
                let uids: HashSet<String> = store.state().iter().filter_map(|stored| stored.uid()).collect();
                context.states.retain(|uid| uids.contains(uid));
                context.cluster_clouds.retain(|uid| uids.contains(uid));
                context.expiries.retain(|uid| uids.contains(uid));
                context.expiries.measure(&context.metrics, context.clock.now());
                known = still_used(&context, known).await;
            }
        }
    }
}

/// Releases each of the Secrets, and returns those that stacks still need.
async fn still_used(context: &Context, secrets: BTreeSet<NamespacedName>) -> BTreeSet<NamespacedName> {
    let mut used = BTreeSet::new();
    for secret in secrets {
        let released = context.clouds.release_unused(&secret, None).await;
        if let Err(error) = &released {
            tracing::debug!(%error, %secret, "the Secret is released later");
        }
        if !matches!(released, Ok(true)) {
            used.insert(secret);
        }
    }
    used
}
