//! The production transport: reqwest over rustls, with ring.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::transport::{ConnectError, Connector, Request, Response, TlsOptions, Transport, TransportError};
use super::trust::{self, Cacert};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest response that is read. Every worker holds a few at the same time, in a container of 512 MiB.
const MAX_RESPONSE_MIB: usize = 8;
const USER_AGENT: &str = concat!("evenkeel/", env!("CARGO_PKG_VERSION"));

/// Builds transports over the network.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReqwestConnector;

impl Connector for ReqwestConnector {
    #[allow(clippy::disallowed_methods, reason = "the one place that opens connections to a cloud")]
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError> {
        let TlsOptions { ca, insecure } = tls;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Fails only if another thread has installed a provider meanwhile, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tls_danger_accept_invalid_certs(*insecure);
        let authorities = ca.as_deref().map(trust::authorities).transpose()?.unwrap_or_default();
        let certificates = authorities.iter().map(|authority| reqwest::Certificate::from_der(authority));
        let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(client_error)?;
        if !certificates.is_empty() {
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(client_error)?;
        Ok(Arc::new(ReqwestTransport { client, cacert: Cacert::of(&authorities) }))
    }
}

fn client_error(error: reqwest::Error) -> ConnectError {
    ConnectError::Client(innermost(&error))
}

struct ReqwestTransport {
    client: reqwest::Client,
    cacert: Cacert,
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>> {
        let endpoint = endpoint_of(request.uri());
        self.exchange(request, timeout).map(move |result| result.map_err(|error| error.at(endpoint))).boxed()
    }
}

/// A [`TransportError`] before its endpoint is known.
enum Failure {
    NotSent(String),
    Untrusted(String),
    NoAnswer(String),
    TooLarge,
}

impl Failure {
    fn at(self, endpoint: String) -> TransportError {
        match self {
            Self::NotSent(cause) => TransportError::NotSent { endpoint, cause },
            Self::Untrusted(cause) => TransportError::Untrusted { endpoint, cause },
            Self::NoAnswer(cause) => TransportError::NoAnswer { endpoint, cause },
            Self::TooLarge => TransportError::TooLarge { endpoint, limit_mib: MAX_RESPONSE_MIB },
        }
    }

    /// Only a failure to connect proves that nothing was sent.
    fn new(error: &reqwest::Error, cacert: Cacert) -> Self {
        if let Some(fault) = trust::certificate_fault(error, cacert) {
            return Self::Untrusted(fault);
        }
        let never_sent = error.is_connect() || error.is_dns() || error.is_builder();
        let cause = match error.is_timeout() {
            true if never_sent => "the connection was not established in time".to_owned(),
            true => "no answer in time".to_owned(),
            false => innermost(error),
        };
        if never_sent { Self::NotSent(cause) } else { Self::NoAnswer(cause) }
    }
}

impl ReqwestTransport {
    async fn exchange(&self, request: Request, timeout: Duration) -> Result<Response, Failure> {
        let failure = |error: reqwest::Error| Failure::new(&error, self.cacert);
        let mut request = reqwest::Request::try_from(request).map_err(failure)?;
        *request.timeout_mut() = Some(timeout);
        let mut received = self.client.execute(request).await.map_err(failure)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = received.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > MAX_RESPONSE_MIB << 20 {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = received.status();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        Ok(response)
    }
}

/// `host:port`, for messages.
fn endpoint_of(uri: &http::Uri) -> String {
    let host = uri.host().unwrap_or("?");
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    format!("{host}:{}", uri.port_u16().unwrap_or(default))
}

/// The last error of the chain, which says most: reqwest's own text repeats the URL.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
