//! `evenkeel cloud`: the offer of a cloud, and the fields of a stack that it does not support.

mod args;
mod report;
mod run;
mod text;

pub(super) use args::CloudCommandArgs;
pub(super) use run::run;
