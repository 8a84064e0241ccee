//! The simulated API server on a TCP port, for kubectl.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::handler;
use super::inner::Inner;

/// A running server. It stops when this is dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Served {
    pub(super) async fn start(inner: Arc<Inner>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(move |request: Request<Body>| handle(inner.clone(), request));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the simulated API server stopped");
            }
        });
        Ok(Self { address, task })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig for kubectl, with `namespace` as its default namespace.
    pub fn kubeconfig(&self, namespace: &str) -> String {
        let server = self.url();
        format!(
            "apiVersion: v1\nkind: Config\n\
             clusters: [{{name: simulated, cluster: {{server: \"{server}\"}}}}]\n\
             users: [{{name: anybody, user: {{}}}}]\n\
             contexts: [{{name: simulated, context: {{cluster: simulated, user: anybody, namespace: {namespace}}}}}]\n\
             current-context: simulated\n"
        )
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn handle(inner: Arc<Inner>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 8 << 20).await.unwrap_or_default();
    handler::handle(&inner, Request::from_parts(parts, body)).await.unwrap_or_else(|broken| {
        // A body that fails at its first byte makes the server close the connection.
        let error: std::io::Error = broken.into();
        Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(error)])))
    })
}
