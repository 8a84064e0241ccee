//! `evenkeel lint` from its start to its exit status.

use crate::cli::exit_status::ExitStatus;
use crate::cli::manifests::{ManifestProblem, Manifests, StackManifest};
use crate::cli::references::ReferenceReader;
use crate::cli::terminal::{Paint, Terminal};
use crate::cli::world::World;

use super::args::{LintArgs, LintFormat};
use super::offline;

/// Checks all manifests and prints every problem.
pub(in crate::cli) async fn run(
    args: &LintArgs,
    world: &World<'_>,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<ExitStatus> {
    let read = Manifests::read(&args.manifests, world)?;
    let references = ReferenceReader { manifests: &read.manifests, client: None, now: world.clock.now() };
    let mut problems = read.problems;
    for manifest in &read.manifests.stacks {
        problems.extend(check(manifest, &references).await);
    }
    problems.sort();
    let text = match args.output {
        LintFormat::Json => serde_json::to_string_pretty(&problems)? + "\n",
        LintFormat::Text => text(&problems, read.manifests.stacks.len() + read.manifests.clouds.len(), terminal),
    };
    terminal.print(&text)?;
    Ok(if problems.is_empty() { ExitStatus::Success } else { ExitStatus::Failure })
}

async fn check(manifest: &StackManifest, references: &ReferenceReader<'_>) -> Vec<ManifestProblem> {
    let contents = references.read(manifest, &offline::owner(manifest)).await;
    offline::problems(manifest, &contents)
}

fn text(problems: &[ManifestProblem], manifests: usize, terminal: &Terminal<'_>) -> String {
    let palette = terminal.palette();
    let mut text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    let summary = match problems.len() {
        0 if manifests == 1 => "1 manifest without a problem".to_owned(),
        0 => format!("{manifests} manifests without a problem"),
        1 => "1 problem".to_owned(),
        more => format!("{more} problems"),
    };
    let paint = if problems.is_empty() { Paint::Added } else { Paint::Removed };
    text.push_str(&palette.paint(paint, &summary));
    text.push('\n');
    text
}
