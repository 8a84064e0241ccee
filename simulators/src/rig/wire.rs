//! A wire to the cloud that a test can look at and cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel::openstack::{ConnectError, Connector, Request, Response, TlsOptions, Transport, TransportError};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Method;

/// What becomes of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    Carry,
    /// It never leaves the client.
    Hold,
    /// The client's own code breaks.
    Panic,
}

type Rule = dyn Fn(&Request) -> Treatment + Send + Sync;

/// Treats requests by a rule, and counts those that change something and are on their way at the same time.
#[derive(Clone)]
pub struct Wire {
    inner: Arc<dyn Connector>,
    rule: Arc<Rule>,
    flights: Arc<Flights>,
}

#[derive(Default)]
struct Flights {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Wire {
    pub fn new(inner: Arc<dyn Connector>, rule: impl Fn(&Request) -> Treatment + Send + Sync + 'static) -> Self {
        Self { inner, rule: Arc::new(rule), flights: Arc::default() }
    }

    /// The most writes that were ever in flight together.
    pub fn most_writes(&self) -> usize {
        self.flights.most.load(Ordering::Relaxed)
    }
}

impl Connector for Wire {
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError> {
        let transport = self.inner.connect(tls)?;
        Ok(Arc::new(Connected { transport, rule: self.rule.clone(), flights: self.flights.clone() }))
    }
}

struct Connected {
    transport: Arc<dyn Transport>,
    rule: Arc<Rule>,
    flights: Arc<Flights>,
}

impl Transport for Connected {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>> {
        async move {
            match (self.rule)(&request) {
                Treatment::Carry => {}
                Treatment::Hold => std::future::pending().await,
                Treatment::Panic => panic!("broken on purpose"),
            }
            let writes = request.method() != Method::GET && !request.uri().path().ends_with("/auth/tokens");
            let _flight = writes.then(|| self.flights.begin());
            self.transport.send(request, timeout).await
        }
        .boxed()
    }
}

impl Flights {
    fn begin(&self) -> Flight<'_> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        Flight(self)
    }
}

struct Flight<'a>(&'a Flights);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}
