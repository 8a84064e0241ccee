//! The simulated cloud as the peer of a client's transport, without sockets.

use std::sync::Arc;
use std::time::Duration;

use evenkeel::openstack::{ConnectError, Connector, Request, Response, TlsOptions, Transport, TransportError};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::sim::{CloudSim, Exchange};

impl CloudSim {
    /// A connector whose connections end in this cloud, whatever certificates the client trusts.
    pub fn transport(&self) -> Arc<dyn Connector> {
        Arc::new(InProcess(self.clone()))
    }
}

struct InProcess(CloudSim);

impl Connector for InProcess {
    fn connect(&self, _tls: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError> {
        Ok(Arc::new(InProcess(self.0.clone())))
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>> {
        let endpoint = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        async move {
            let no_response =
                |cause: &str| TransportError::NoAnswer { endpoint: endpoint.clone(), cause: cause.to_owned() };
            match tokio::time::timeout(timeout, self.0.exchange(request)).await {
                Err(_) => Err(no_response("timed out")),
                Ok(Exchange::Response(response)) => Ok(response),
                Ok(Exchange::Refused) => {
                    Err(TransportError::NotSent { endpoint: endpoint.clone(), cause: "connection refused".into() })
                }
                Ok(Exchange::Untrusted) => {
                    Err(TransportError::Untrusted { endpoint: endpoint.clone(), cause: "it has expired".into() })
                }
                Ok(Exchange::Lost) => Err(no_response("connection reset by peer")),
                Ok(Exchange::Half(_)) => Err(no_response("connection closed before the response was complete")),
            }
        }
        .boxed()
    }
}
