//! Commands for people at a terminal, on the engine and without Kubernetes.

mod clouds_file;
mod cluster_id;
mod export;
mod plan;
mod plan_args;

pub use clouds_file::CloudArgs;
pub use cluster_id::cluster_id;
pub use export::{ExportArgs, export};
pub use plan::plan;
pub use plan_args::{PlanArgs, PlanResult};
