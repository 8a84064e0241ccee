//! `evenkeel plan` from its start to its exit status.

use anyhow::Context;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};

use crate::cli::exit_status::ExitStatus;
use crate::cli::manifests::Manifests;
use crate::cli::references::ReferenceReader;
use crate::cli::terminal::Terminal;
use crate::cli::world::World;
use crate::cluster::kube_message;

use super::args::{PlanArgs, PlanFormat};
use super::planner::StackPlanner;
use super::report::{PlanReport, StackReport};
use super::{markdown, text};

/// Stacks that are planned at the same time.
const CONCURRENT_PLANS: usize = 8;

/// Plans all stacks and prints the plans. Nothing is written to the cloud.
pub(in crate::cli) async fn run(
    args: &PlanArgs,
    world: &World<'_>,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<ExitStatus> {
    let manifests = Manifests::read_valid(&args.manifests, world)?;
    let client = args.cluster.connect(world).await?;
    let cluster = match (&args.cluster_id, &client) {
        (Some(id), _) => id.clone(),
        (None, Some(client)) => uid_of_cluster(client).await?,
        (None, None) => anyhow::bail!(
            "the cluster id of the controller is unknown: name it with --cluster-id or EVENKEEL_CLUSTER_ID, or its \
             cluster with --kubeconfig"
        ),
    };
    let cloud = args.cloud.connect(world)?;
    let existing = cloud.of_stacks(Some(&cluster)).await?;
    let references = ReferenceReader { manifests: &manifests, client, now: world.clock.now() };
    let planner = StackPlanner {
        cloud: &cloud,
        cluster: &cluster,
        existing: &existing,
        references: &references,
        now: world.clock.now(),
    };
    let plans = stream::iter(&manifests.stacks).map(|manifest| planner.plan(manifest));
    let report = PlanReport::new(plans.buffered(CONCURRENT_PLANS).collect().await);
    terminal.print(&printed(&report, args.output, terminal)?)?;
    Ok(status(&report, args, terminal)?)
}

/// The id that a controller of this cluster has by default.
async fn uid_of_cluster(client: &Client) -> anyhow::Result<String> {
    let namespace = Api::<Namespace>::all(client.clone()).get("kube-system").await;
    let namespace = namespace.map_err(|error| anyhow::anyhow!("namespace kube-system: {}", kube_message(&error)))?;
    namespace.uid().context("namespace kube-system has no UID")
}

fn printed(report: &PlanReport, format: PlanFormat, terminal: &Terminal<'_>) -> anyhow::Result<String> {
    Ok(match format {
        PlanFormat::Text => text::text(report, terminal.palette()),
        PlanFormat::Markdown => markdown::markdown(report),
        PlanFormat::Json => serde_json::to_string_pretty(report)? + "\n",
        PlanFormat::Yaml => serde_saphyr::to_string(report)?,
    })
}

fn status(report: &PlanReport, args: &PlanArgs, terminal: &mut Terminal<'_>) -> std::io::Result<ExitStatus> {
    let summary = &report.summary;
    if summary.failed > 0 {
        return Ok(ExitStatus::Failure);
    }
    if args.strict && summary.interrupts > 0 {
        let stacks: Vec<&str> =
            report.stacks.iter().filter(|stack| stack.interrupts() > 0).map(StackReport::title).collect();
        writeln!(terminal.errors, "evenkeel: --strict: a step interrupts traffic in {}", stacks.join(", "))?;
        return Ok(ExitStatus::Failure);
    }
    Ok(if args.detailed_exitcode && summary.changed > 0 { ExitStatus::Changes } else { ExitStatus::Success })
}
