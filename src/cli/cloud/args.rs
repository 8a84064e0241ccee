//! Flags of `evenkeel cloud`.

use clap::{Args, ValueEnum};

use crate::cli::clouds::CloudArgs;

#[derive(Args, Debug, Clone)]
pub struct CloudCommandArgs {
    /// Format of the output.
    #[arg(short, long, value_enum, default_value_t = CloudFormat::Text)]
    pub output: CloudFormat,
    #[command(flatten)]
    pub cloud: CloudArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CloudFormat {
    Text,
    Json,
    Yaml,
}
