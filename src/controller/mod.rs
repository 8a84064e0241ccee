//! The Kubernetes shell around the engine: watches, finalizers, credentials, status and Events.
//!
//! Thin on purpose. Only `status` writes status; only `openstack::execute` changes the cloud.
//!
//! | file | purpose |
//! |---|---|
//! | `run`, `startup`, `context` | the controller and its shared parts |
//! | `watch`, `secret_watch`, `secret_index` | events of stacks and Secrets |
//! | `cluster_clouds` | clouds that namespaces share, and the grant of their use |
//! | `member_sources` | Services and Nodes that stacks take members from |
//! | `certificates` | Secrets and ConfigMaps that stacks take certificates from |
//! | `reference_index`, `version_index`, `watched`, `watch_kind` | indexes and watch of objects that stacks refer to |
//! | `reconcile`, `translator` | one reconcile of one stack |
//! | `stack_state`, `requeue`, `turns` | state of each stack between reconciles, and the time of the next one |
//! | `credentials` | from a stack to a session with its cloud |
//! | `finalizer`, `pending_create_annotation`, `conflict` | writes to the stack other than status |
//! | `record`, `written` | durable facts of a stack, read from its status and annotation; writes that its view does not show yet |
//! | `conditions`, `status`, `source_members`, `events`, `remedies`, `telemetry`, `stack_gauge` | reports of an outcome |
//! | `kube_client`, `watch_message` | the client of the Kubernetes API; errors of watches in messages |
//! | `invalid_object` | stacks that this version cannot read |
//! | `leader_election` | one active replica |

mod certificates;
mod cluster_clouds;
mod conditions;
mod conflict;
mod context;
mod credentials;
mod events;
mod finalizer;
mod invalid_object;
mod kube_client;
mod leader_election;
mod member_sources;
mod names;
mod pending_create_annotation;
mod reconcile;
mod record;
mod reference_index;
mod remedies;
mod requeue;
mod run;
mod secret_index;
mod secret_watch;
mod source_members;
mod stack_gauge;
mod stack_state;
mod startup;
mod status;
mod telemetry;
mod text;
mod translator;
mod turns;
mod version_index;
mod watch;
mod watch_kind;
mod watch_message;
mod watched;
mod written;

pub use context::ReconcileOrder;
pub use finalizer::FINALIZER;
pub use kube_client::connect;
pub use leader_election::{LeaderElection, LeaderElectionOptions, LeadershipLost};
pub use run::{ControllerOptions, run};
pub use watch::{MaybeStack, watch_stacks};
