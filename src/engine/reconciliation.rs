//! The goal of a reconcile, and everything it works with.

use jiff::Timestamp;

use crate::model::{Owner, Source};
use crate::openstack::Cloud;

use super::pending_create::{PendingCreateStore, Record};
use super::settings::Settings;

/// Purpose of a reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Bring the cloud to the desired state, and keep it there.
    Converge,
    /// Read and plan; write nothing.
    Observe,
    /// Delete the load balancer with everything under it.
    Delete { retain_floating_ip: bool },
    /// Leave everything in place and remove the owner tags.
    Orphan,
}

/// Everything that one reconcile works with, besides its goal and the memory.
#[derive(Clone, Copy)]
pub struct Reconciliation<'a> {
    pub cloud: &'a Cloud,
    pub source: &'a Source<'a>,
    pub owner: &'a Owner,
    /// Generation of the source: another number is another spec.
    pub generation: i64,
    pub record: &'a Record,
    pub pending_create_store: &'a dyn PendingCreateStore,
    pub settings: &'a Settings,
    pub now: Timestamp,
}
