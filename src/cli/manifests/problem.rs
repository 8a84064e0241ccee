//! Problems of manifests.

use std::fmt;

use serde::Serialize;

/// Place in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(in crate::cli) struct Place {
    /// The file as it was named; `<stdin>` for standard input.
    pub(in crate::cli) file: String,
    #[serde(flatten)]
    pub(in crate::cli) position: Position,
}

/// Position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub(in crate::cli) struct Position {
    /// Line from 1 on; 0 if there is none.
    pub(in crate::cli) line: u64,
    /// Column from 1 on; 0 if there is none.
    pub(in crate::cli) column: u64,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(in crate::cli) struct ManifestProblem {
    #[serde(flatten)]
    pub(in crate::cli) place: Place,
    /// Path of the field; empty where the problem is about the whole document.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::cli) field: String,
    pub(in crate::cli) message: String,
}

/// All problems of a command, in the order of their places.
#[derive(Debug, Default, thiserror::Error)]
pub(in crate::cli) struct ManifestProblems(pub(in crate::cli) Vec<ManifestProblem>);

impl ManifestProblems {
    /// A line for each problem.
    pub(in crate::cli) fn lines(&self) -> String {
        self.0.iter().map(|problem| format!("{problem}\n")).collect()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Position { line: 0, .. } => f.write_str(&self.file),
            Position { line, column } => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

impl fmt::Display for ManifestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, field, message } = self;
        match field.as_str() {
            "" => write!(f, "{place}: {message}"),
            field => write!(f, "{place}: {field}: {message}"),
        }
    }
}

impl fmt::Display for ManifestProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the manifests have a problem"),
            more => write!(f, "the manifests have {more} problems"),
        }
    }
}
