//! `evenkeel explain-reason`: the meaning of a reason in conditions and Events, and the next action.
//!
//! The text is the page of the documentation itself, so that both say the same.

use anyhow::bail;
use clap::Args;

use super::exit_status::ExitStatus;
use super::terminal::{Paint, Terminal};

const PAGE: &str = include_str!("../../docs/reference/conditions.md");

#[derive(Args, Debug, Clone)]
pub struct ExplainReasonArgs {
    /// Reason of a condition or an Event. Without it, all reasons are listed.
    pub reason: Option<String>,
}

/// Row of one of the tables of reasons.
#[derive(Debug, PartialEq, Eq)]
struct Explanation {
    reason: String,
    /// The condition that carries it, or an Event.
    carrier: String,
    meaning: String,
    action: String,
}

pub(super) fn run(args: &ExplainReasonArgs, terminal: &mut Terminal<'_>) -> anyhow::Result<ExitStatus> {
    let all = explanations(PAGE);
    let palette = terminal.palette();
    let Some(wanted) = &args.reason else {
        let lines = all.iter().map(|one| format!("{:24} {}\n", one.reason, first_sentence(&one.meaning)));
        terminal.print(&lines.collect::<String>())?;
        return Ok(ExitStatus::Success);
    };
    let found: Vec<&Explanation> = all.iter().filter(|one| one.reason.eq_ignore_ascii_case(wanted)).collect();
    if found.is_empty() {
        bail!("there is no reason {wanted}: evenkeel explain-reason lists all of them");
    }
    let text = found.iter().map(|one| {
        let headline = palette.paint(Paint::Bold, &format!("{} ({})", one.reason, one.carrier));
        format!("{headline}\n  meaning:    {}\n  what to do: {}\n", one.meaning, one.action)
    });
    terminal.print(&text.collect::<Vec<_>>().join("\n"))?;
    Ok(ExitStatus::Success)
}

/// The rows of the tables of reasons and of Events.
fn explanations(page: &str) -> Vec<Explanation> {
    let section = |title: &str| {
        let after = page.split_once(title).map(|(_, after)| after).unwrap_or_default();
        after.split("\n## ").next().unwrap_or_default()
    };
    let reasons = section("\n## Reasons\n").lines().filter_map(|line| {
        let Row { reason, cells } = row(line)?;
        let [carrier, meaning, action]: [String; 3] = cells.try_into().ok()?;
        Some(Explanation { reason, carrier: format!("condition {carrier}"), meaning, action })
    });
    let events = section("\n## Events\n").lines().filter_map(|line| {
        let Row { reason, cells } = row(line)?;
        let [meaning, action]: [String; 2] = cells.try_into().ok()?;
        Some(Explanation { reason, carrier: "Event".to_owned(), meaning, action })
    });
    reasons.chain(events).collect()
}

/// Row of a table: the reason in its first cell, and the other cells.
struct Row {
    reason: String,
    cells: Vec<String>,
}

fn row(line: &str) -> Option<Row> {
    let cells = line.strip_prefix("| `")?.strip_suffix(" |")?;
    let (reason, rest) = cells.split_once('`')?;
    let (_, rest) = rest.split_once(" | ")?;
    Some(Row { reason: reason.to_owned(), cells: rest.split(" | ").map(plain).collect() })
}

/// The text of a cell without the marks of Markdown. The target of a link follows in parentheses.
fn plain(cell: &str) -> String {
    let mut text = String::new();
    let mut rest = cell;
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](").and_then(|(name, after)| Some((name, after.split_once(')')?)));
        let Some((name, (target, after))) = link else { break };
        text.push_str(before);
        text.push_str(&link_text(name, target));
        rest = after;
    }
    text.push_str(rest);
    text.replace('`', "")
}

/// A link as text, with the path of its page in the project.
fn link_text(name: &str, target: &str) -> String {
    let path = match target.strip_prefix("../") {
        Some(path) => format!("docs/{path}"),
        None if target.starts_with("https:") => target.to_owned(),
        None => format!("docs/reference/{target}"),
    };
    if name == target { path } else { format!("{name} ({path})") }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{StallReason, WaitReason};

    #[test]
    fn every_reason_of_a_state_is_explained() {
        let explained: Vec<String> = explanations(PAGE).into_iter().map(|one| one.reason).collect();
        let stalls = StallReason::ALL.iter().map(|reason| reason.as_str());
        let waits = WaitReason::ALL.iter().map(|reason| reason.as_str());
        let missing: Vec<&str> =
            stalls.chain(waits).filter(|reason| !explained.iter().any(|one| one == reason)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn cell_is_shown_without_marks_of_markdown() {
        assert_eq!(plain("see [a page](../b.md#c) of `x`"), "see a page (docs/b.md#c) of x");
        assert_eq!(plain("[y.md](y.md)"), "docs/reference/y.md");
        assert_eq!(plain("an [open bracket"), "an [open bracket");
    }
}
