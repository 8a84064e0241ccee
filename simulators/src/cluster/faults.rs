//! Faults that tests inject, and the log of requests.

use std::time::Duration;

use http::StatusCode;

use super::status::StatusError;

/// One request, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRequest {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    pub path: String,
    pub query: String,
    /// The content type. Empty without a body.
    pub content_type: String,
}

/// The effect of a [`Fault`] on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The server responds with this status code in a `Status` body, and does nothing.
    Status(u16),
    /// The server returns 409, as after a concurrent modification, and does nothing.
    Conflict,
    /// The connection breaks before anything is done.
    Drop,
    /// The request is carried out, and the connection breaks before the response.
    LoseResponse,
    /// The request is carried out, and the response comes this much later.
    SlowResponse(Duration),
    /// The request is carried out after this time.
    Delay(Duration),
}

/// A fault of the next `times` requests with this verb (any, when empty) and with `path` in their path.
#[derive(Debug, Clone)]
pub struct Fault {
    verb: &'static str,
    path: String,
    times: usize,
    effect: Effect,
}

impl Fault {
    pub fn next(verb: &'static str, path: &str, effect: Effect) -> Self {
        Self { verb, path: path.to_owned(), times: 1, effect }
    }

    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    fn matches(&self, request: &ClusterRequest) -> bool {
        self.times > 0 && (self.verb.is_empty() || self.verb == request.verb) && request.path.contains(&self.path)
    }
}

#[derive(Debug, Default)]
pub struct Faults {
    pub waiting: Vec<Fault>,
    pub latency: Duration,
    pub log: Vec<ClusterRequest>,
}

impl Faults {
    /// Logs a request and returns the delay and the effect of the faults that strike it.
    pub fn strike(&mut self, request: ClusterRequest) -> (Duration, Option<Effect>) {
        let met = self.waiting.iter_mut().find(|fault| fault.matches(&request));
        let effect = met.map(|fault| {
            fault.times -= 1;
            fault.effect.clone()
        });
        self.log.push(request);
        self.waiting.retain(|fault| fault.times > 0);
        (self.latency, effect)
    }
}

/// The error of an injected status code.
pub fn injected_error(code: u16) -> StatusError {
    let (code, reason) = match code {
        401 => (StatusCode::UNAUTHORIZED, "Unauthorized"),
        403 => (StatusCode::FORBIDDEN, "Forbidden"),
        404 => (StatusCode::NOT_FOUND, "NotFound"),
        409 => (StatusCode::CONFLICT, "Conflict"),
        429 => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
        503 => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        504 => (StatusCode::GATEWAY_TIMEOUT, "Timeout"),
        other => (StatusCode::from_u16(other).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "InternalError"),
    };
    StatusError::new(code, reason, format!("injected {}", code.as_u16()))
}
