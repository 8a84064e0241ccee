//! The simulated cluster, as tests and the demo use it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel::clock::Clock;
use serde_json::Value;

use super::faults::{ClusterRequest, Fault};
use super::inner::Inner;
use super::ordered_notify::OrderedNotify;
use super::server::Served;
use super::state::State;

/// One simulated cluster. Clones share its state.
#[derive(Clone)]
pub struct ClusterSim {
    inner: Arc<Inner>,
}

impl ClusterSim {
    /// An empty cluster. Its uids differ from those of every other cluster of this process.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        static CLUSTERS: AtomicU64 = AtomicU64::new(1);
        Self::with_seed(clock, CLUSTERS.fetch_add(1, Ordering::Relaxed))
    }

    /// An empty cluster whose uids follow from `seed` alone.
    pub fn with_seed(clock: Arc<dyn Clock>, seed: u64) -> Self {
        let state = State::new(seed, clock.now());
        let inner = Inner {
            state: Mutex::new(state),
            clock,
            faults: Mutex::default(),
            written: OrderedNotify::default(),
            cut: OrderedNotify::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A client without a socket, with the default namespace `default`. The caller must be within a tokio runtime.
    pub fn client(&self) -> kube::Client {
        kube::Client::new(super::client::InProcess(self.inner.clone()), "default")
    }

    /// Serves on a free port of 127.0.0.1 until the result is dropped.
    ///
    /// # Errors
    /// No port could be opened.
    pub async fn serve(&self) -> std::io::Result<Served> {
        Served::start(self.inner.clone()).await
    }

    /// Every object of a resource, in the form of its first served version.
    pub fn objects(&self, group: &str, plural: &str) -> Vec<Value> {
        super::handler::objects(&self.inner, group, plural)
    }

    /// Number of objects of a resource for which `holds`. It gets them in their stored form.
    pub fn count(&self, group: &str, plural: &str, holds: impl Fn(&Value) -> bool) -> usize {
        super::handler::count(&self.inner, group, plural, holds)
    }

    /// One object, or `None`. `namespace` is empty for cluster-wide kinds.
    pub fn object(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        super::handler::object(&self.inner, group, plural, &(namespace.to_owned(), name.to_owned()))
    }

    /// Every request since the last [`Self::forget_requests`], in order of arrival.
    pub fn requests(&self) -> Vec<ClusterRequest> {
        self.inner.faults().log.clone()
    }

    pub fn forget_requests(&self) {
        self.inner.faults().log.clear();
    }

    pub fn inject(&self, fault: Fault) {
        self.inner.faults().waiting.push(fault);
    }

    /// Removes all injected faults.
    pub fn clear_faults(&self) {
        self.inner.faults().waiting.clear();
    }

    /// Delays every request by this time.
    pub fn set_latency(&self, latency: Duration) {
        self.inner.faults().latency = latency;
    }

    /// Ends all watches, as a restarting API server does.
    pub fn cut_watches(&self) {
        self.inner.cut.notify();
    }

    /// Limits the history to the last `changes`: a watch that resumes from before them gets 410 Gone.
    pub fn limit_history(&self, changes: usize) {
        self.inner.lock().store.limit_history(changes);
    }
}
