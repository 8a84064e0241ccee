//! The seam through which every request to a cloud goes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

pub type Request = http::Request<Bytes>;
pub type Response = http::Response<Bytes>;

/// Carries one request to a cloud and brings the whole answer. Never retries.
pub trait Transport: Send + Sync + 'static {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>>;
}

/// No (whole) answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The request cannot have reached the service: no route, refused connection, TLS handshake, name unknown.
    #[error("cannot reach {endpoint}: {cause}")]
    NotSent { endpoint: String, cause: String },
    /// Nothing was sent: the server's TLS certificate is not accepted.
    #[error("the TLS certificate of {endpoint} is not accepted: {cause}")]
    Untrusted { endpoint: String, cause: String },
    /// It may have been carried out: time-out, connection lost, answer cut.
    #[error("no answer from {endpoint}: {cause}")]
    NoAnswer { endpoint: String, cause: String },
    /// There is one, and it is too large to be read.
    #[error("the answer of {endpoint} is larger than {limit_mib} MiB")]
    TooLarge { endpoint: String, limit_mib: usize },
}

/// How one cloud is spoken to, from its `clouds.yaml` entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TlsOptions {
    /// PEM, on top of the system's roots.
    pub ca: Option<Vec<u8>>,
    /// `verify: false` in clouds.yaml.
    pub insecure: bool,
}

/// Makes a transport for a cloud; a factory because each cloud has its own trust.
pub trait Connector: Send + Sync + 'static {
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, String>;
}
