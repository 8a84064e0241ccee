//! Subcommands, and the way from a command to its exit status.

use clap::Subcommand;

use crate::api;

use super::cloud::{self, CloudCommandArgs};
use super::exit_status::ExitStatus;
use super::explain_reason::{self, ExplainReasonArgs};
use super::export::{self, ExportArgs};
use super::get::{self, GetArgs};
use super::lint::{self, LintArgs};
use super::plan::{self, PlanArgs};
use super::terminal::Terminal;
use super::world::World;

#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Print the changes that the cloud needs for the stacks in files, and write nothing.
    ///
    /// Needs no cluster. Exit status: 0, or with --detailed-exitcode 2 if there are changes; 1 on errors.
    Plan(Box<PlanArgs>),
    /// Show load balancers of stacks with their states and addresses.
    Get(GetArgs),
    /// Print stacks that adopt load balancers which exist, and write nothing.
    Export(ExportArgs),
    /// Show the offer of the cloud to the project, and the fields of a stack that it does not support.
    Cloud(CloudCommandArgs),
    /// Check manifests without a cloud and without a cluster.
    ///
    /// Checks them by the schema, by the rules of the API server and by everything else that needs no look-up, and prints
    /// file, line and field of each problem. Exit status: 0 without a problem, else 1.
    Lint(LintArgs),
    /// Explain a reason of a condition or an Event, and what to do about it.
    ExplainReason(ExplainReasonArgs),
    /// Print the CustomResourceDefinitions, for kubectl apply --server-side.
    #[command(alias = "crd")]
    Crds,
}

/// Executes a command and reports its error.
pub async fn execute(command: &Command, world: &World<'_>, terminal: &mut Terminal<'_>) -> ExitStatus {
    let result = match command {
        Command::Plan(args) => plan::run(args, world, terminal).await,
        Command::Get(args) => get::run(args, world, terminal).await,
        Command::Export(args) => export::run(args, world, terminal).await,
        Command::Cloud(args) => cloud::run(args, world, terminal).await,
        Command::Lint(args) => lint::run(args, world, terminal).await,
        Command::ExplainReason(args) => explain_reason::run(args, terminal),
        Command::Crds => print_crds(terminal),
    };
    terminal.finish(result)
}

fn print_crds(terminal: &mut Terminal<'_>) -> anyhow::Result<ExitStatus> {
    terminal.print(&format!("{}---\n{}", api::crd_yaml(), api::cluster_cloud_crd_yaml()))?;
    Ok(ExitStatus::Success)
}
