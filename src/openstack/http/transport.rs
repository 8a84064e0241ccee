//! The seam through which every request to a cloud goes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::trust::CacertError;

pub type Request = http::Request<Bytes>;
pub type Response = http::Response<Bytes>;

/// Sends one request to a cloud and returns the whole response. Never retries.
pub trait Transport: Send + Sync + 'static {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>>;
}

/// A request without a complete response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The request cannot have reached the service: no route, refused connection, failed TLS handshake, unknown host.
    #[error("cannot reach {endpoint}: {cause}")]
    NotSent { endpoint: String, cause: String },
    /// Nothing was sent, since the TLS certificate of the server is not accepted.
    #[error("the TLS certificate of {endpoint} is not accepted: {cause}")]
    Untrusted { endpoint: String, cause: String },
    /// The request may have been carried out: timeout, lost connection, truncated response.
    #[error("no answer from {endpoint}: {cause}")]
    NoAnswer { endpoint: String, cause: String },
    /// A response arrived but is too large to be read.
    #[error("the response of {endpoint} is larger than {limit_mib} MiB")]
    TooLarge { endpoint: String, limit_mib: usize },
}

/// TLS settings of a `clouds.yaml` entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TlsOptions {
    /// PEM certificates, trusted in addition to the system's roots.
    pub ca: Option<Vec<u8>>,
    /// `verify: false` in clouds.yaml.
    pub insecure: bool,
}

/// TLS settings from which no transport can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Cacert(#[from] CacertError),
    #[error("{0}")]
    Client(String),
}

/// Builds the transport of a cloud. Each cloud has its own TLS settings, hence its own transport.
pub trait Connector: Send + Sync + 'static {
    /// # Errors
    /// When `tls` names certificates that cannot be used.
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError>;
}
