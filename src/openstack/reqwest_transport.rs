//! The production transport: reqwest over rustls, with ring.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Connector, Request, Response, TlsOptions, Transport, TransportError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// No answer of a sane service is larger.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
const USER_AGENT: &str = concat!("evenkeel/", env!("CARGO_PKG_VERSION"));

/// Makes transports over the network.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReqwestConnector;

impl Connector for ReqwestConnector {
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, String> {
        let TlsOptions { ca, insecure } = tls;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been faster: then there is one all the same.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tls_danger_accept_invalid_certs(*insecure);
        if let Some(pem) = ca {
            let bundle = reqwest::Certificate::from_pem_bundle(pem).map_err(|_| UNREADABLE_CA.to_owned())?;
            if bundle.is_empty() {
                return Err(UNREADABLE_CA.to_owned());
            }
            builder = builder.tls_certs_merge(bundle);
        }
        let client = builder.build().map_err(|error| innermost(&error))?;
        Ok(Arc::new(ReqwestTransport { client }))
    }
}

const UNREADABLE_CA: &str = "cacert holds no certificate in PEM form";

struct ReqwestTransport {
    client: reqwest::Client,
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Response, TransportError>> {
        let endpoint = endpoint_of(request.uri());
        self.exchange(request, timeout).map(move |result| result.map_err(|error| error.at(endpoint))).boxed()
    }
}

/// Why there is no answer, before it is known which endpoint did not give it.
enum Failure {
    NotSent(String),
    NoAnswer(String),
}

impl Failure {
    fn at(self, endpoint: String) -> TransportError {
        match self {
            Self::NotSent(cause) => TransportError::NotSent { endpoint, cause },
            Self::NoAnswer(cause) => TransportError::NoAnswer { endpoint, cause },
        }
    }
}

impl From<reqwest::Error> for Failure {
    /// Only a failure to connect leaves no doubt: nothing was sent.
    fn from(error: reqwest::Error) -> Self {
        let never_sent = error.is_connect() || error.is_dns() || error.is_builder();
        let cause = match error.is_timeout() {
            true if never_sent => "the connection was not established in time".to_owned(),
            true => "no answer in time".to_owned(),
            false => innermost(&error),
        };
        if never_sent { Self::NotSent(cause) } else { Self::NoAnswer(cause) }
    }
}

impl ReqwestTransport {
    async fn exchange(&self, request: Request, timeout: Duration) -> Result<Response, Failure> {
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(timeout);
        let mut answer = self.client.execute(request).await?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure::NoAnswer(format!("the answer is larger than {} MiB", MAX_ANSWER >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

/// `host:port`, as a person would look for it.
fn endpoint_of(uri: &http::Uri) -> String {
    let host = uri.host().unwrap_or("?");
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    format!("{host}:{}", uri.port_u16().unwrap_or(default))
}

/// The cause that says most: reqwest's own text repeats the URL.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
