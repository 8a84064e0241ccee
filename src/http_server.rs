//! The HTTP server for probes and metrics: `/healthz`, `/readyz` and `/metrics`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::Mutex;

use crate::metrics::Metrics;

/// Readiness of the controller: ready, or the reason why not.
#[derive(Debug)]
pub struct Readiness(Mutex<Option<String>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Mutex::new(Some("starting".to_owned())))
    }
}

impl Readiness {
    pub fn set_not_ready(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    pub fn set_ready(&self) {
        self.set(None);
    }

    fn set(&self, reason: Option<String>) {
        *self.0.lock() = reason;
    }

    fn reason(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

/// State of all handlers.
#[derive(Clone)]
struct Shared {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
}

/// Binds the address at once, so that a used port is an error at start. The returned future serves until it is dropped.
pub async fn bind(
    address: SocketAddr,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
) -> std::io::Result<(SocketAddr, impl Future<Output = std::io::Result<()>>)> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Shared { readiness, metrics });
    Ok((bound, async move { axum::serve(listener, router).await }))
}

async fn ready(State(shared): State<Shared>) -> Response {
    match shared.readiness.reason() {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}

async fn metrics_text(State(shared): State<Shared>) -> Response {
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match shared.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_follows_state_and_metrics_are_printed() {
        let readiness = Arc::new(Readiness::default());
        let shared = Shared { readiness: readiness.clone(), metrics: Metrics::new() };
        readiness.set_not_ready("the CustomResourceDefinition");
        assert_eq!(ready(State(shared.clone())).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        readiness.set_ready();
        assert_eq!(ready(State(shared.clone())).await.status(), StatusCode::OK);
        shared.metrics.drift.inc();
        assert!(shared.metrics.text().unwrap().contains("evenkeel_drift_detected_total 1"));
    }
}
