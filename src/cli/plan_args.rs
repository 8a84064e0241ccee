//! Flags and exit codes of `evenkeel plan`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::clouds_file::CloudArgs;
use super::cluster_id::cluster_id;

#[derive(Args, Debug, Clone)]
pub struct PlanArgs {
    /// File with one LoadBalancerStack; - is standard input.
    #[arg(short, long)]
    pub filename: PathBuf,
    #[command(flatten)]
    pub cloud: CloudArgs,
    /// The --cluster-id of the controller that has the stack, or the UID of the namespace kube-system of its cluster.
    #[arg(long, env = "EVENKEEL_CLUSTER_ID", value_parser = cluster_id)]
    pub cluster_id: String,
    /// Namespace of the stack. Default: that in the file, or `default`.
    #[arg(short, long)]
    pub namespace: Option<String>,
}

/// Result of a plan. As an exit code, a plan without a change is 0 and one with changes 2; errors are 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanResult {
    NoChange,
    Changes,
}

impl From<PlanResult> for ExitCode {
    fn from(result: PlanResult) -> Self {
        Self::from(if result == PlanResult::Changes { 2 } else { 0 })
    }
}
