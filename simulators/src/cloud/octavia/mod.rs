//! Octavia v2 with its provider `amphora`.

mod batch;
mod body;
mod catalog;
mod checks;
mod context;
mod data_plane;
mod database;
mod health;
mod jobs;
mod list;
mod listeners;
mod load_balancers;
mod members;
mod monitors;
mod policies;
mod pools;
mod python;
mod quotas;
mod record;
mod render;
mod rules;
mod schema;
mod service;
mod single_call;
mod tables;
mod text_formats;
mod tls_checks;
mod values;
mod vips;

pub use health::Health;
pub use record::{Kind, Operating, Provisioning};

pub(crate) use catalog::Catalog;
pub(crate) use context::Context;
pub(crate) use database::Octavia;
pub(crate) use python::python_repr;
pub(crate) use record::Record;
pub(crate) use render::{show, show_tree};
pub(crate) use service::versions;
