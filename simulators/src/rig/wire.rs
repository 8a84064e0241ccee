//! A connector between controller and cloud that a test can watch and interrupt.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel::openstack::{Connector, Request, Response, TlsOptions, Transport, TransportError};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Method;

/// The treatment of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    Carry,
    /// The request never leaves the client.
    Hold,
    /// The client's own code panics.
    Panic,
}

type Rule = dyn Fn(&Request) -> Treatment + Send + Sync;

/// A connector that treats requests by a rule and counts the writes in flight.
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

    /// The largest number of writes that were in flight at the same time.
    pub fn most_writes(&self) -> usize {
        self.flights.most.load(Ordering::Relaxed)
    }
}

impl Connector for Wire {
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, String> {
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
