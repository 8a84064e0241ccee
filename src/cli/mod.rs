//! Commands for people at a terminal and for pipelines, on the engine of the controller.
//!
//! A command gets the world around it as a value ([`World`]): connections, variables, folders, clock and streams. A
//! test hands in simulators, and its output is text that can be compared.
//!
//! | file | purpose |
//! |---|---|
//! | `command` | the subcommands, and from a command to its exit status |
//! | `world`, `terminal`, `exit_status` | everything around a command |
//! | `clouds` | credentials, found as OpenStack tools find them |
//! | `manifests` | stacks and other objects in files, with their lines |
//! | `references` | contents of the cluster that stacks refer to, from a cluster or from manifests |
//! | `plan`, `get`, `lint`, `export`, `cloud`, `explain_reason` | the commands of these names |

mod cloud;
mod clouds;
mod cluster_id;
mod command;
mod exit_status;
mod explain_reason;
mod export;
mod get;
mod lint;
mod manifests;
mod plan;
mod references;
mod terminal;
mod world;

pub use cluster_id::cluster_id;
pub use command::{Command, execute};
pub use exit_status::ExitStatus;
pub use references::{KubeConnector, KubeTarget, KubeconfigConnector};
pub use terminal::Terminal;
pub use world::{World, standard_input};
