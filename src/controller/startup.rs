//! Preparations before the first reconcile.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use super::watch::MaybeStack;
use crate::http_server::Readiness;

/// Interval at which the API server is asked for stacks, until it lists them.
const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// Waits until stacks can be listed. Readiness reports a missing CustomResourceDefinition.
pub(super) async fn wait_for_crd(client: &Client, readiness: &Readiness) {
    let api = Api::<MaybeStack>::all(client.clone());
    loop {
        match api.list(&ListParams::default().limit(1)).await {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if status.code == 404 => {
                readiness
                    .set_not_ready("the CustomResourceDefinition loadbalancerstacks.evenkeel.dev is not installed");
            }
            Err(error) => {
                tracing::warn!(%error, "the Kubernetes API cannot be used yet");
                readiness.set_not_ready(format!("the Kubernetes API: {error}"));
            }
        }
        tokio::time::sleep(RETRY_PERIOD).await;
    }
}

/// The UID of the namespace kube-system, which tells clusters apart.
pub(super) async fn kube_system_uid(client: &Client) -> Result<String, kube::Error> {
    let namespace = Api::<Namespace>::all(client.clone()).get("kube-system").await?;
    Ok(namespace.uid().unwrap_or_default())
}
