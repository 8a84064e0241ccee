//! The report for people at a terminal.

use serde_json::Value;

use crate::cli::manifests::Place;
use crate::cli::terminal::{Paint, Palette};
use crate::model::{Change, shortened};

use super::report::{Action, PlanReport, StackReport, StepReport, Summary, Traffic};

/// Maximal characters printed of one value.
const MAX_VALUE: usize = 200;

/// Note about the part of a create that has no step yet.
pub(super) const FLOATING_IP_FOLLOWS: &str = "+ floating IP, as soon as the load balancer has its port";

/// Prints the report. Stacks in sync are counted only.
pub(super) fn text(report: &PlanReport, palette: Palette) -> String {
    let mut lines = Lines { lines: Vec::new(), palette };
    for stack in report.stacks.iter().filter(|stack| stack.is_shown()) {
        lines.add_stack(stack);
    }
    lines.add_summary(&report.summary);
    lines.lines.join("\n") + "\n"
}

struct Lines {
    lines: Vec<String>,
    palette: Palette,
}

impl Lines {
    fn add(&mut self, paint: Paint, text: &str) {
        let painted = self.palette.paint(paint, text);
        self.lines.push(painted);
    }

    fn add_stack(&mut self, stack: &StackReport) {
        let Place { file, position } = &stack.place;
        self.add(Paint::Bold, &format!("stack {} ({file}:{})", stack.stack, position.line));
        if let Some(existing) = &stack.load_balancer {
            let address = existing.vip_address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
            self.add(Paint::Faint, &format!("  load balancer {}{address}", existing.id));
        }
        for step in &stack.steps {
            self.add_step(step, "  ");
        }
        if stack.floating_ip_follows {
            self.add(Paint::Added, &format!("  {FLOATING_IP_FOLLOWS}"));
        }
        if !stack.held_back.is_empty() {
            let text = "  held back, because it interrupts traffic (disruptionPolicy: Allow lets it run):";
            self.add(Paint::Replaced, text);
        }
        for step in &stack.held_back {
            self.add_step(step, "    ");
        }
        let sign = if stack.failure.is_some() { "!" } else { "?" };
        for problem in stack.unresolvable.iter().chain(&stack.problems) {
            self.add(Paint::Removed, &format!("  {sign} {problem}"));
        }
        if let Some(failure) = stack.failure.as_ref().filter(|failure| !failure.message.is_empty()) {
            self.add(Paint::Removed, &format!("  ! {}: {}", failure.reason, failure.message));
        }
        for unknown in &stack.unknown {
            self.add(Paint::Faint, &format!("  ? {unknown}"));
        }
        self.lines.push(String::new());
    }

    fn add_step(&mut self, step: &StepReport, indent: &str) {
        let effect = step.traffic.words().map(|words| format!(" [{words}]")).unwrap_or_default();
        let headline = format!("{indent}{} {}", step.action.sign(), step.headline());
        let headline = self.palette.paint(paint_of(step.action), &headline);
        let effect = match step.traffic {
            Traffic::Interrupts => self.palette.paint(Paint::Removed, &effect),
            _ => self.palette.paint(Paint::Faint, &effect),
        };
        self.lines.push(headline + &effect);
        for change in &step.changes {
            self.lines.push(format!("{indent}    {}", change_text(change)));
        }
        for object in &step.creates {
            let indent = format!("{indent}{}", "  ".repeat(object.depth));
            self.add(Paint::Added, &format!("{indent}+ {}", object.object));
        }
    }

    fn add_summary(&mut self, summary: &Summary) {
        let stacks = match summary.stacks {
            1 => String::new(),
            all => format!(" ({} of {all} stacks in sync)", summary.in_sync),
        };
        match summary {
            Summary { changed: 0, failed: 0, .. } => self.add(Paint::Bold, &format!("Nothing to do{stacks}.")),
            Summary { changed: 0, .. } => {}
            summary => self.add(Paint::Bold, &format!("{}{stacks}.", counts(summary))),
        }
        if summary.failed > 0 {
            let noun = if summary.failed == 1 { "stack has" } else { "stacks have" };
            self.add(Paint::Removed, &format!("{} {noun} problems and no complete plan.", summary.failed));
        }
    }
}

/// The numbers in one line.
pub(super) fn counts(summary: &Summary) -> String {
    let Summary { create, update, replace, delete, held_back, .. } = *summary;
    let objects = [
        (create, "to create"),
        (update, "to update"),
        (replace, "to replace"),
        (delete, "to delete"),
        (held_back, "held back"),
    ];
    let objects: Vec<String> =
        objects.iter().filter(|(number, _)| *number > 0).map(|(number, words)| format!("{number} {words}")).collect();
    let calls = if summary.calls == 1 { "1 call".to_owned() } else { format!("{} calls", summary.calls) };
    let interrupts = match summary.interrupts {
        0 => "no step interrupts traffic".to_owned(),
        1 => "1 step interrupts traffic".to_owned(),
        more => format!("{more} steps interrupt traffic"),
    };
    format!("{}; {calls}; {interrupts}", objects.join(", "))
}

const fn paint_of(action: Action) -> Paint {
    match action {
        Action::Create => Paint::Added,
        Action::Update | Action::Heal | Action::Adopt => Paint::Changed,
        Action::Replace => Paint::Replaced,
        Action::Delete => Paint::Removed,
    }
}

fn change_text(change: &Change) -> String {
    let Change { field, was, want } = change;
    match (was, want) {
        (Value::Null, Value::Object(_)) => format!("+ {field}"),
        (Value::Object(_), Value::Null) => format!("- {field}"),
        _ => format!("{field}: {} -> {}", value_text(was), value_text(want)),
    }
}

/// A value as text, at most so long.
pub(super) fn value_text(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    };
    shortened(&text, MAX_VALUE)
}
