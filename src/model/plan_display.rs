//! Prints plans for people: one line for each step.

use std::fmt::{self, Display, Formatter};

use serde_json::Value;

use super::text::shortened;
use super::{Call, Change, Impact, Plan, Step, StepReason};

/// Maximal number of differences printed for one step; the rest is counted.
const MAX_CHANGES: usize = 8;
/// Maximal characters printed of one value.
const MAX_VALUE: usize = 80;
/// Maximal number of steps named in a summary; the rest is counted.
const MAX_NAMED: usize = 4;

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "nothing to do");
        }
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        if !self.held_back.is_empty() {
            writeln!(f, "held back, because it interrupts traffic (disruptionPolicy: Allow lets it run):")?;
        }
        for step in &self.held_back {
            writeln!(f, "  {step}")?;
        }
        if !self.problems.is_empty() {
            writeln!(f, "cannot be done:")?;
        }
        for problem in &self.problems {
            writeln!(f, "  {}", problem.message)?;
        }
        Ok(())
    }
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.held_back.is_empty() && self.problems.is_empty()
    }

    /// One line for Events and status.
    pub fn summary(&self) -> String {
        let mut parts: Vec<String> = self.steps.iter().take(MAX_NAMED).map(Step::headline).collect();
        if let Some(more) = self.steps.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
            parts.push(format!("{more} more"));
        }
        if !self.held_back.is_empty() {
            parts.push(format!("{} held back", self.held_back.len()));
        }
        if !self.problems.is_empty() {
            parts.push(format!("{} cannot be done", self.problems.len()));
        }
        if parts.is_empty() { "nothing to do".to_owned() } else { parts.join("; ") }
    }
}

impl Step {
    /// Verb and object, without the details: `update listener https`.
    fn headline(&self) -> String {
        let verb = match self.reason {
            StepReason::Heal => "heal",
            StepReason::Adopt => "adopt",
            StepReason::Wanted | StepReason::Replace => self.call.verb(),
        };
        format!("{verb} {}", self.object())
    }

    /// The object that the step changes: `members of pool web`.
    pub fn object(&self) -> String {
        match &self.call {
            Call::ReplaceMembers { .. } => format!("members of pool {}", self.name),
            _ => format!("{} {}", self.kind.noun(), self.name),
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sign = match self.call.verb() {
            "create" => '+',
            "delete" => '-',
            _ => '~',
        };
        write!(f, "{sign} {}", self.object())?;
        for (at, change) in self.changes.iter().take(MAX_CHANGES).enumerate() {
            write!(f, "{} {change}", if at == 0 { ":" } else { "," })?;
        }
        if let Some(more) = self.changes.len().checked_sub(MAX_CHANGES).filter(|more| *more > 0) {
            write!(f, " and {more} more")?;
        }
        match self.reason {
            StepReason::Wanted => {}
            StepReason::Heal => write!(f, " (heal)")?,
            StepReason::Replace => write!(f, " (replace)")?,
            StepReason::Adopt => write!(f, " (adopt)")?,
        }
        match self.impact {
            Impact::None => Ok(()),
            impact => write!(f, " [{impact}]"),
        }
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { field, was, want } = self;
        match (was, want) {
            (Value::Null, Value::Object(_)) => write!(f, "+{field}"),
            (Value::Object(_), Value::Null) => write!(f, "-{field}"),
            _ => write!(f, "{field} {} -> {}", short(was), short(want)),
        }
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    };
    shortened(&text, MAX_VALUE)
}
