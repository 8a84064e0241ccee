//! Flags of `evenkeel get`.

use clap::{Args, ValueEnum};

use crate::cli::clouds::CloudArgs;
use crate::cli::cluster_id::cluster_id;

#[derive(Args, Debug, Clone)]
pub struct GetArgs {
    /// Stacks to show: name, namespace/name, or id of the load balancer. Default: all of the project.
    pub name: Vec<String>,
    /// Format of the output. wide adds ids; dot, mermaid and svg are pictures.
    #[arg(short, long, value_enum, default_value_t = GetFormat::Tree)]
    pub output: GetFormat,
    /// Keep the output up to date, until Ctrl-C.
    #[arg(short, long)]
    pub watch: bool,
    #[command(flatten)]
    pub cloud: CloudArgs,
    /// Show stacks of the controller with this --cluster-id only.
    #[arg(long, value_name = "ID", env = "EVENKEEL_CLUSTER_ID", value_parser = cluster_id, help_heading = "Cluster")]
    pub cluster_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GetFormat {
    Tree,
    Wide,
    Json,
    Yaml,
    Dot,
    Mermaid,
    Svg,
}
