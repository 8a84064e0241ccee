//! `evenkeel cloud` from its start to its exit status.

use crate::cli::exit_status::ExitStatus;
use crate::cli::terminal::Terminal;
use crate::cli::world::World;

use super::args::{CloudCommandArgs, CloudFormat};
use super::report::CloudReport;
use super::text;

pub(in crate::cli) async fn run(
    args: &CloudCommandArgs,
    world: &World<'_>,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<ExitStatus> {
    let report = CloudReport::from(args.cloud.connect(world)?.inventory().await?);
    terminal.print(&match args.output {
        CloudFormat::Text => text::text(&report)?,
        CloudFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
        CloudFormat::Yaml => serde_saphyr::to_string(&report)?,
    })?;
    Ok(ExitStatus::Success)
}
