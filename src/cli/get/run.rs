//! `evenkeel get` from its start to its exit status.

use std::time::Duration;

use anyhow::bail;
use futures::{StreamExt, TryStreamExt, stream};

use crate::cli::exit_status::ExitStatus;
use crate::cli::terminal::Terminal;
use crate::cli::world::World;
use crate::model::{ObservedLoadBalancer, Owner, TreeQuery, stack_of};
use crate::openstack::Cloud;

use super::args::{GetArgs, GetFormat};
use super::topology::{Node, topology};
use super::{dot, mermaid, svg, tree};

/// Interval at which a watch reads again.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Trees that are read at the same time.
const CONCURRENT_READS: usize = 8;

/// Clears a terminal and puts the cursor into its corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Shows load balancers, once or until the process ends.
pub(in crate::cli) async fn run(
    args: &GetArgs,
    world: &World<'_>,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<ExitStatus> {
    let cloud = args.cloud.connect(world)?;
    let nodes = read(args, &cloud, Duration::MAX).await?;
    if nodes.is_empty() && !args.name.is_empty() {
        bail!("there is no load balancer of {}", args.name.join(", "));
    }
    let shown = printed(args, &nodes, terminal)?;
    show(args, &shown, terminal)?;
    if args.watch { watch(args, &cloud, shown, terminal).await } else { Ok(ExitStatus::Success) }
}

/// Reads again and shows each change, until the process ends or a read fails.
async fn watch(
    args: &GetArgs,
    cloud: &Cloud,
    mut shown: String,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<ExitStatus> {
    loop {
        tokio::time::sleep(WATCH_INTERVAL).await;
        let text = printed(args, &read(args, cloud, WATCH_INTERVAL / 2).await?, terminal)?;
        if text != shown {
            show(args, &text, terminal)?;
            shown = text;
        }
    }
}

/// The load balancers that were asked for, in the order of their stacks.
async fn read(args: &GetArgs, cloud: &Cloud, max_age: Duration) -> anyhow::Result<Vec<Node>> {
    let mut found = cloud.of_stacks(args.cluster_id.as_deref()).await?;
    found.retain(|load_balancer| args.name.is_empty() || args.name.iter().any(|name| is_called(load_balancer, name)));
    let reads = stream::iter(&found).map(|load_balancer| async move {
        // Nobody's, so that only floating IPs on the VIP port count.
        let nobody = Owner::default();
        let query = TreeQuery { owner: &nobody, floating_ip: None, stores_secrets: false };
        cloud.cached_tree(&load_balancer.id, query, max_age).await
    });
    let trees: Vec<_> = reads.buffered(CONCURRENT_READS).try_collect().await?;
    let mut nodes: Vec<Node> = trees.iter().flatten().map(topology).collect();
    nodes.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(nodes)
}

/// Tells whether a load balancer is meant by a name.
fn is_called(load_balancer: &ObservedLoadBalancer, name: &str) -> bool {
    let stack = stack_of(&load_balancer.tags).unwrap_or_default();
    load_balancer.id == name || stack == name || stack.split_once('/').is_some_and(|(_, own)| own == name)
}

fn printed(args: &GetArgs, nodes: &[Node], terminal: &Terminal<'_>) -> anyhow::Result<String> {
    Ok(match args.output {
        GetFormat::Tree => tree::tree(nodes, false, terminal.palette()),
        GetFormat::Wide => tree::tree(nodes, true, terminal.palette()),
        GetFormat::Json => serde_json::to_string_pretty(nodes)? + "\n",
        GetFormat::Yaml => serde_saphyr::to_string(&nodes)?,
        GetFormat::Dot => dot::dot(nodes),
        GetFormat::Mermaid => mermaid::mermaid(nodes),
        GetFormat::Svg => svg::svg(nodes),
    })
}

/// Shows a text; a watch at a terminal shows it in place of the one before.
fn show(args: &GetArgs, text: &str, terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let replaces = args.watch && terminal.colours;
    let clear = if replaces { CLEAR } else { "" };
    terminal.print(&format!("{clear}{text}"))
}
