//! A connector between controller and cloud that a test can watch and interrupt.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel::openstack::{ConnectError, Connector, Request, Response, TlsOptions, Transport, TransportError};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Method;

/// The treatment of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interception {
    Forward,
    /// The request never leaves the client.
    Withhold,
    /// The client's own code panics.
    Panic,
}

type Rule = dyn Fn(&Request) -> Interception + Send + Sync;

/// A connector that treats requests by a rule and counts the writes in flight.
#[derive(Clone)]
pub struct Interceptor {
    inner: Arc<dyn Connector>,
    rule: Arc<Rule>,
    in_flight: Arc<InFlightCounter>,
}

#[derive(Default)]
struct InFlightCounter {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Interceptor {
    pub fn new(inner: Arc<dyn Connector>, rule: impl Fn(&Request) -> Interception + Send + Sync + 'static) -> Self {
        Self { inner, rule: Arc::new(rule), in_flight: Arc::default() }
    }

    /// The largest number of writes that were in flight at the same time.
    pub fn most_writes(&self) -> usize {
        self.in_flight.most.load(Ordering::Relaxed)
    }
}

impl Connector for Interceptor {
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError> {
        let transport = self.inner.connect(tls)?;
        Ok(Arc::new(Connected { transport, rule: self.rule.clone(), in_flight: self.in_flight.clone() }))
    }
}

struct Connected {
    transport: Arc<dyn Transport>,
    rule: Arc<Rule>,
    in_flight: Arc<InFlightCounter>,
}

impl Transport for Connected {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>> {
        async move {
            match (self.rule)(&request) {
                Interception::Forward => {}
                Interception::Withhold => std::future::pending().await,
                Interception::Panic => panic!("broken on purpose"),
            }
            let writes = request.method() != Method::GET && !request.uri().path().ends_with("/auth/tokens");
            let _flight = writes.then(|| self.in_flight.begin());
            self.transport.send(request, timeout).await
        }
        .boxed()
    }
}

impl InFlightCounter {
    fn begin(&self) -> InFlight<'_> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        InFlight(self)
    }
}

struct InFlight<'a>(&'a InFlightCounter);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}
