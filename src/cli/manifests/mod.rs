//! Manifests: stacks in YAML or JSON files, and the objects beside them that they refer to.
//!
//! Every value keeps its position, so that a problem names file, line, column and field.
//!
//! | file | purpose |
//! |---|---|
//! | `args` | the flags `-f`, `-R` and `-n` |
//! | `files` | texts of files, folders and standard input |
//! | `node`, `path` | values with their positions, and the way to one of them |
//! | `schema`, `rules` | the checks that the API server makes by the schema of the CRDs, and rules that it alone holds |
//! | `collection` | all manifests of a command |
//! | `problem` | problems with file, line, column and field |

mod args;
mod collection;
mod files;
mod node;
mod path;
mod problem;
mod rules;
mod schema;
#[cfg(test)]
mod tests;

pub(super) use args::ManifestArgs;
pub(super) use collection::{Manifests, StackManifest};
pub(super) use problem::{ManifestProblem, ManifestProblems, Place};
