//! Verdicts and translations of whole specs.

mod defaults;
mod member_sources;
mod permissions;
mod problems;
mod references;
pub(super) mod support;
mod values;
mod vip;
