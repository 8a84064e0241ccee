//! Flags that choose a cluster.

use std::path::PathBuf;

use clap::Args;
use kube::Client;

use crate::cli::world::World;

use super::kube::KubeTarget;

#[derive(Args, Debug, Clone, Default)]
pub struct KubeArgs {
    /// Read Services, nodes, Secrets and ConfigMaps that the stacks refer to from the cluster of this kubeconfig. Default:
    /// those in the manifests; all others are unknown.
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig. Default: its current one.
    #[arg(long, value_name = "NAME", requires = "kubeconfig", help_heading = "Cluster")]
    pub context: Option<String>,
}

impl KubeArgs {
    /// Connects to the cluster, if one is named.
    pub(in crate::cli) async fn connect(&self, world: &World<'_>) -> anyhow::Result<Option<Client>> {
        let Some(path) = &self.kubeconfig else { return Ok(None) };
        let target = KubeTarget { kubeconfig: world.resolved(path), context: self.context.clone() };
        world.kube.connect(target).await.map(Some)
    }
}
