//! The HTTP server for probes and metrics: `/healthz`, `/readyz` and `/metrics`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::Mutex;

use crate::metrics::{Exposition, Metrics};

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

async fn metrics_text(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = Exposition::accepted_by(&accept.collect::<Vec<_>>().join(","));
    match shared.metrics.text_in(format) {
        Ok(text) => {
            let headers = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")];
            (headers, text).into_response()
        }
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
        let (_, text) = scrape(&shared, None).await;
        assert!(text.contains("\nevenkeel_drift_detected_total 1\n"), "{text}");
    }

    async fn scrape(shared: &Shared, accept: Option<&str>) -> (String, String) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        let response = metrics_text(State(shared.clone()), headers).await;
        assert_eq!(response.headers()[header::VARY], "accept");
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn metrics_come_in_the_format_that_the_client_accepts() {
        let shared = Shared { readiness: Arc::new(Readiness::default()), metrics: Metrics::new() };
        // Prometheus 2.42, and Prometheus 3 with its settings for both formats.
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let newest = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                      text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2";
        for accept in [Some(prometheus), Some(newest), Some("application/openmetrics-text")] {
            let (kind, text) = scrape(&shared, accept).await;
            assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8", "{accept:?}");
            assert!(text.contains("# TYPE evenkeel_lock_waits counter\n") && text.ends_with("# EOF\n"), "{text}");
        }
        let classic = "text/plain;version=0.0.4";
        let classic_first = "application/openmetrics-text;q=0.3, text/plain;q=0.9";
        let rejected = "application/openmetrics-text;q=0, text/*";
        for accept in [None, Some("*/*"), Some(classic), Some(classic_first), Some(rejected), Some("nonsense;;q=x")] {
            let (kind, text) = scrape(&shared, accept).await;
            assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8", "{accept:?}");
            assert!(text.contains("# TYPE evenkeel_lock_waits_total counter\n") && !text.contains("# EOF"), "{text}");
        }
    }
}
