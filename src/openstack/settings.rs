//! Timeouts, metrics hook and create limits, common to all sessions.

use std::sync::Arc;
use std::time::Duration;

use super::create_slots::CreateSlots;

/// A listener to every exchange with a cloud, for metrics.
pub trait CallObserver: Send + Sync {
    /// `code` is the HTTP status, or `transport` when no response arrived.
    fn called(&self, service: &'static str, verb: &'static str, code: &str, seconds: f64);
}

struct NoopObserver;

impl CallObserver for NoopObserver {
    fn called(&self, _: &'static str, _: &'static str, _: &str, _: f64) {}
}

/// Timeouts and hooks of a session.
#[derive(Clone)]
pub struct CloudSettings {
    /// For every read and every log-in.
    pub read_timeout: Duration,
    /// For a write that takes no quota. Such a write may wait for a row lock of the database, 50 s by default.
    pub write_timeout: Duration,
    /// For a write that takes quota. Octavia serialises these writes of a project.
    pub create_timeout: Duration,
    pub observer: Arc<dyn CallObserver>,
    /// Stacks and load balancers of others are named in messages. Their ids are shown in any case.
    pub names_other_owners: bool,
    /// Shared by all sessions, since several may lead to the same project.
    pub create_slots: CreateSlots,
}

impl Default for CloudSettings {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            create_timeout: Duration::from_secs(120),
            observer: Arc::new(NoopObserver),
            names_other_owners: true,
            create_slots: CreateSlots::default(),
        }
    }
}
