//! One call shared by all concurrent callers (Go: *singleflight*).

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::error::CloudError;

/// The last result of a call that many want. During the call all other callers wait and then share its result, good or bad:
/// a thousand callers cause one log-in, and one failing log-in.
pub(in crate::openstack) struct SingleFlight<T> {
    tickets: AtomicU64,
    last: Mutex<Option<LastCall<T>>>,
}

struct LastCall<T> {
    /// Callers with a lower ticket arrived before the call began.
    first_ticket_after: u64,
    result: Result<T, CloudError>,
    /// The last success, kept when a later call fails.
    success: Option<T>,
}

impl<T: Clone> SingleFlight<T> {
    pub(in crate::openstack) fn new() -> Self {
        Self { tickets: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// Returns, in this order: the result of a call that began after this caller arrived; the last success while it is
    /// `fresh`; the result of `call`, which gets the last success.
    pub(in crate::openstack) async fn get<F>(
        &self,
        fresh: impl Fn(&T) -> bool,
        call: impl FnOnce(Option<T>) -> F,
    ) -> Result<T, CloudError>
    where
        F: Future<Output = Result<T, CloudError>>,
    {
        let ticket = self.tickets.fetch_add(1, Ordering::SeqCst);
        let mut last = self.last.lock().await;
        let mut success = None;
        if let Some(last) = last.as_ref() {
            if last.first_ticket_after > ticket {
                return last.result.clone();
            }
            if let Some(success) = last.success.as_ref().filter(|success| fresh(success)) {
                return Ok(success.clone());
            }
            success = last.success.clone();
        }
        let first_ticket_after = self.tickets.load(Ordering::SeqCst);
        let result = call(success.clone()).await;
        let success = result.as_ref().ok().cloned().or(success);
        *last = Some(LastCall { first_ticket_after, result: result.clone(), success });
        result
    }
}
