//! Flags of `evenkeel lint`.

use clap::{Args, ValueEnum};

use crate::cli::manifests::ManifestArgs;

#[derive(Args, Debug, Clone)]
pub struct LintArgs {
    #[command(flatten)]
    pub manifests: ManifestArgs,
    /// Format of the output.
    #[arg(short, long, value_enum, default_value_t = LintFormat::Text)]
    pub output: LintFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    Text,
    Json,
}
