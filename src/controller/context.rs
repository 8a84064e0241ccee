//! Everything that all reconciles share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures::future::BoxFuture;
use kube::Client;

use super::certificates::{CertificateIndex, ExpiryGauge};
use super::cluster_clouds::ClusterClouds;
use super::credentials::Clouds;
use super::member_sources::ClusterCache;
use super::secret_index::SecretIndex;
use super::stack_state::StackStates;
use crate::clock::Clock;
use crate::engine::Settings;
use crate::metrics::Metrics;

/// A wait before each reconcile, by the name of its stack. kube-runtime starts simultaneous requests in random order; a
/// simulation that must repeat itself puts them in order here.
pub type ReconcileOrder = Arc<dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync>;

/// Shared parts of a controller.
pub(super) struct Context {
    pub client: Client,
    pub clouds: Clouds,
    pub cluster_clouds: Arc<ClusterClouds>,
    pub cluster: String,
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub secrets: Arc<SecretIndex>,
    pub sources: Arc<ClusterCache>,
    pub certificates: Arc<CertificateIndex>,
    pub expiries: ExpiryGauge,
    pub states: StackStates,
    pub order: Option<ReconcileOrder>,
    /// Set by the first reconcile: the stacks are known.
    pub begun: AtomicBool,
}
