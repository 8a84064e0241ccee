//! The engine reconciles one stack with its cloud, without Kubernetes: it checks preconditions, resolves references,
//! validates, observes, plans, and executes at most one step.
//!
//! ```text
//! preconditions ─> resolve ─> validate ─> locate ─> locked? requeue ─> observe ─> plan (pure) ─> first step ─> Outcome
//! ```
//!
//! [`reconcile`] is the entry. It never sleeps: a locked load balancer is an [`Outcome`] that says when to reconcile
//! again. Everything that must survive a crash is in the [`Record`], which the caller keeps; the [`Memory`] beside it
//! only saves calls, and may be lost at any time. Messages name fields of the stack and objects of the cloud; a remedy
//! that depends on the place where the stack is stored is a [`Remedy`], which the caller puts into words.

mod addresses;
mod adopt;
mod backoff;
mod contended;
mod converge;
mod create;
mod delete;
mod duplicates;
mod execute;
#[cfg(test)]
pub(crate) mod fixtures;
mod locate;
mod memory;
mod messages;
mod missing;
mod observe;
mod orphan;
mod outcome;
mod pending_create;
mod preconditions;
mod reconcile;
mod reconciliation;
mod recover;
mod resolve;
mod service_history;
mod settings;
mod step_history;
mod stop;
mod take_over;

pub use memory::Memory;
pub use orphan::DeletionTimes;
pub use outcome::{Observed, Outcome, Remedy, Retry, StallReason, State, WaitReason};
pub use pending_create::{PendingCreate, PendingCreateStore, PendingCreateStoreError, PendingCreates, Record};
pub use reconcile::reconcile;
pub use reconciliation::{Goal, Reconciliation};
pub use settings::{OLDEST_API, Settings};
