//! The simulated cloud behind a real socket on the loopback interface.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::sim::{CloudSim, Exchange};

/// A running server. It stops when this is dropped.
#[derive(Debug)]
pub struct Served {
    /// Keystone's URL, for a clouds.yaml.
    pub auth_url: String,
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl CloudSim {
    /// Serves HTTP on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port could be opened.
    pub async fn serve(&self) -> std::io::Result<Served> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let prefix = self.world().config.prefixes.identity.clone();
        let router = Router::new().fallback(respond).with_state(self.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the simulated cloud's server ended");
            }
        });
        Ok(Served { auth_url: format!("http://{address}{prefix}/v3"), address, task })
    }
}

async fn respond(State(sim): State<CloudSim>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return broken(http::Response::new(Bytes::new()), 0) };
    match sim.exchange(http::Request::from_parts(parts, body.to_bytes())).await {
        Exchange::Response(response) => response.map(Body::from),
        Exchange::Half(response) => {
            let half = response.body().len() / 2;
            broken(response, half)
        }
        // A listening server cannot refuse a connection. Cutting it is the nearest it can do.
        Exchange::Refused | Exchange::Untrusted | Exchange::Lost => broken(http::Response::new(Bytes::new()), 0),
    }
}

/// A response whose connection breaks after some bytes of its body.
fn broken(response: http::Response<Bytes>, after: usize) -> Response {
    response.map(|body| {
        let start = futures::stream::iter([Ok(body.slice(..after))]);
        // The pause lets the first bytes leave.
        let end = futures::stream::once(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        });
        Body::from_stream(start.chain(end))
    })
}
