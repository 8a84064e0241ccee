//! `evenkeel lint`: checks of manifests without a cloud and without a cluster.

mod args;
mod offline;
mod run;

pub(super) use args::LintArgs;
pub(super) use run::run;
