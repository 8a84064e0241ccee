//! Connections to clusters.

use std::path::PathBuf;

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// A cluster, by its entry in a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeTarget {
    pub kubeconfig: PathBuf,
    /// The current context if none is named.
    pub context: Option<String>,
}

/// Connects to clusters.
pub trait KubeConnector: Send + Sync {
    fn connect(&self, target: KubeTarget) -> BoxFuture<'_, anyhow::Result<Client>>;
}

/// Connects as the kubeconfig says.
pub struct KubeconfigConnector;

impl KubeConnector for KubeconfigConnector {
    fn connect(&self, target: KubeTarget) -> BoxFuture<'_, anyhow::Result<Client>> {
        async move {
            let name = target.kubeconfig.display().to_string();
            let file = Kubeconfig::read_from(&target.kubeconfig).with_context(|| name.clone())?;
            let options = KubeConfigOptions { context: target.context, ..KubeConfigOptions::default() };
            let config = Config::from_custom_kubeconfig(file, &options).await.with_context(|| name.clone())?;
            Client::try_from(config).with_context(|| name)
        }
        .boxed()
    }
}
