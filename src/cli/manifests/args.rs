//! Flags that choose manifests.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug, Clone, Default)]
pub struct ManifestArgs {
    /// File or folder with manifests in YAML or JSON; - is standard input. May be given several times. Objects of other
    /// kinds than LoadBalancerStack are passed over, but for those that a stack refers to: ClusterOpenStackClouds, Secrets,
    /// ConfigMaps, Services and EndpointSlices.
    #[arg(short, long, value_name = "FILE|DIR|-", required = true)]
    pub filename: Vec<PathBuf>,
    /// Read folders within folders, too.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Namespace of manifests that name none.
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    pub namespace: String,
}
