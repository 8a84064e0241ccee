//! Faults that tests ask for, and the log of requests.

use std::time::Duration;

use http::StatusCode;

use super::status::Refusal;

/// One request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    pub path: String,
    pub query: String,
    /// Content type, empty without a body.
    pub content_type: String,
}

/// What happens to a request that a [`Fault`] meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This status code, in a `Status` body; nothing is done.
    Status(u16),
    /// 409, as when somebody else was faster; nothing is done.
    Conflict,
    /// The connection breaks before anything is done.
    Drop,
    /// All is done as asked, but the connection breaks before the answer.
    LoseAnswer,
    /// All is done as asked, the answer comes so much later.
    SlowAnswer(Duration),
    /// All is done as asked, after this time.
    Delay(Duration),
}

/// Meets the next `times` requests whose verb is `verb` (any, when empty) and whose path contains `path`.
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

    fn meets(&self, request: &SeenRequest) -> bool {
        self.times > 0 && (self.verb.is_empty() || self.verb == request.verb) && request.path.contains(&self.path)
    }
}

#[derive(Debug, Default)]
pub struct Faults {
    pub waiting: Vec<Fault>,
    pub latency: Duration,
    pub log: Vec<SeenRequest>,
}

impl Faults {
    /// Logs a request and says what is to happen to it.
    pub fn meet(&mut self, request: SeenRequest) -> (Duration, Option<Effect>) {
        let met = self.waiting.iter_mut().find(|fault| fault.meets(&request));
        let effect = met.map(|fault| {
            fault.times -= 1;
            fault.effect.clone()
        });
        self.log.push(request);
        self.waiting.retain(|fault| fault.times > 0);
        (self.latency, effect)
    }
}

/// The refusal of an injected status code.
pub fn refusal(code: u16) -> Refusal {
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
    Refusal::new(code, reason, format!("injected {}", code.as_u16()))
}
