//! The report for the comment of a pull request.

use crate::cli::manifests::Place;
use crate::cli::plan::text::{FLOATING_IP_FOLLOWS, counts, value_text};
use crate::model::Change;

use super::report::{PlanReport, StackReport, StepReport, Summary};

/// Prints the report.
pub(super) fn markdown(report: &PlanReport) -> String {
    let Summary { stacks, changed, failed, .. } = report.summary;
    let mut text = String::from("### Evenkeel plan\n\n");
    text.push_str(&format!("{changed} of {stacks} stacks change"));
    match changed {
        0 => text.push_str(".\n"),
        _ => text.push_str(&format!(": {}.\n", counts(&report.summary))),
    }
    if failed > 0 {
        text.push_str(&format!("\n**{failed} of {stacks} stacks have problems and no complete plan.**\n"));
    }
    for stack in report.stacks.iter().filter(|stack| stack.is_shown()) {
        text.push_str(&section(stack));
    }
    text
}

fn section(stack: &StackReport) -> String {
    let Place { file, position } = &stack.place;
    let mut text = format!("\n#### {} (`{file}:{}`)\n", escaped(&stack.stack), position.line);
    if let Some(existing) = &stack.load_balancer {
        text.push_str(&format!("\nLoad balancer `{}`\n", existing.id));
    }
    if !stack.steps.is_empty() {
        text.push_str(&table(&stack.steps));
    }
    if stack.floating_ip_follows {
        text.push_str(&format!("\n`{FLOATING_IP_FOLLOWS}`\n"));
    }
    if !stack.held_back.is_empty() {
        text.push_str("\nHeld back, because it interrupts traffic (`disruptionPolicy: Allow` lets it run):\n");
        text.push_str(&table(&stack.held_back));
    }
    let problems = stack
        .unresolvable
        .iter()
        .chain(&stack.problems)
        .map(|problem| format!("- :x: {}\n", escaped(&problem.to_string())));
    let failure = stack.failure.iter().filter(|failure| !failure.message.is_empty());
    let failure = failure.map(|failure| format!("- :x: {}: {}\n", failure.reason, escaped(&failure.message)));
    let unknown = stack.unknown.iter().map(|unknown| format!("- :grey_question: {}\n", escaped(&unknown.to_string())));
    let list: String = problems.chain(failure).chain(unknown).collect();
    if !list.is_empty() {
        text.push('\n');
        text.push_str(&list);
    }
    text
}

fn table(steps: &[StepReport]) -> String {
    let mut text = String::from("\n| | object | change | traffic |\n|---|---|---|---|\n");
    for step in steps {
        let changes = step.changes.iter().map(change);
        let creates = step.creates.iter().map(|object| escaped(&object.object));
        let details: Vec<String> = changes.chain(creates).collect();
        let traffic = step.traffic.words().unwrap_or_default();
        let (sign, object) = (step.action.sign(), escaped(&step.headline()));
        text.push_str(&format!("| `{sign}` | {object} | {} | {traffic} |\n", details.join("<br>")));
    }
    text
}

fn change(change: &Change) -> String {
    format!("{}: {} → {}", escaped(&change.field), code(&value_text(&change.was)), code(&value_text(&change.want)))
}

/// A value as code; backticks and bars would end it.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|").replace('\n', " "))
}

/// A text that Markdown shows as it is.
fn escaped(text: &str) -> String {
    let special = |character: char| matches!(character, '\\' | '`' | '*' | '_' | '|' | '<' | '>' | '[' | ']');
    let mut result = String::new();
    for character in text.chars() {
        if special(character) {
            result.push('\\');
        }
        result.push(if character == '\n' { ' ' } else { character });
    }
    result
}
