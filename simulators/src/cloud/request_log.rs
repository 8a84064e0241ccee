//! The log of requests to the simulated cloud.

use std::collections::VecDeque;
use std::time::Duration;

use http::Method;

use super::call::{Call, Service};

/// One logged request.
#[derive(Debug, Clone)]
pub struct CloudRequest {
    /// Time of arrival, counted from the start of the cloud.
    pub at: Duration,
    pub service: Service,
    pub method: Method,
    /// Path below the service, without its query.
    pub path: String,
    pub query: String,
    pub user_agent: String,
    /// Length of the request body in bytes.
    pub sent: usize,
    /// Status code of the service's response. `None`: still running, or the request never arrived.
    pub status: Option<u16>,
}

impl CloudRequest {
    pub(crate) fn new(call: &Call, at: Duration) -> Self {
        let pairs: Vec<_> = call.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Self {
            at,
            service: call.service,
            method: call.method.clone(),
            path: call.path.clone(),
            query: pairs.join("&"),
            user_agent: call.header("user-agent").unwrap_or_default().to_owned(),
            sent: call.body.len(),
            status: None,
        }
    }

    /// True for a request that changes something. Logins do not count.
    pub fn is_write(&self) -> bool {
        self.service != Service::Identity && self.method != Method::GET && self.method != Method::HEAD
    }

    /// True when the service carried the request out.
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| status < 300)
    }
}

/// The latest requests. The oldest are dropped, so that a long demo does not grow.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<CloudRequest>,
    /// Number of the first request that is still logged.
    first: usize,
}

/// Number of requests that are kept.
const MOST: usize = 100_000;

impl RequestLog {
    /// Adds a request and returns its number.
    pub fn add(&mut self, entry: CloudRequest) -> usize {
        self.entries.push_back(entry);
        if self.entries.len() > MOST {
            self.entries.pop_front();
            self.first += 1;
        }
        self.first + self.entries.len() - 1
    }

    pub fn set_status(&mut self, number: usize, status: u16) {
        let entry = number.checked_sub(self.first).and_then(|at| self.entries.get_mut(at));
        if let Some(entry) = entry {
            entry.status = Some(status);
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &CloudRequest> {
        self.entries.iter()
    }

    pub fn forget(&mut self) {
        self.first += self.entries.len();
        self.entries.clear();
    }
}
