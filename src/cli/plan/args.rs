//! Flags of `evenkeel plan`.

use clap::{Args, ValueEnum};

use crate::cli::clouds::CloudArgs;
use crate::cli::cluster_id::cluster_id;
use crate::cli::manifests::ManifestArgs;
use crate::cli::references::KubeArgs;

#[derive(Args, Debug, Clone)]
pub struct PlanArgs {
    #[command(flatten)]
    pub manifests: ManifestArgs,
    /// Format of the output. json and yaml have every value, markdown is meant for the comment of a pull request.
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Text)]
    pub output: PlanFormat,
    /// End with status 2 if there are changes.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Fail if a step interrupts traffic.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub cloud: CloudArgs,
    /// The --cluster-id of the controller that has the stacks. Default: the UID of the namespace kube-system in the
    /// cluster of --kubeconfig.
    #[arg(long, value_name = "ID", env = "EVENKEEL_CLUSTER_ID", value_parser = cluster_id, help_heading = "Cluster")]
    pub cluster_id: Option<String>,
    #[command(flatten)]
    pub cluster: KubeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    Text,
    Json,
    Yaml,
    Markdown,
}
