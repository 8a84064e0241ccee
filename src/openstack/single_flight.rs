//! One call for all who wait for the same thing.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::CloudError;

/// The last result of a call that many want. While it runs, everybody else waits and then shares what came, good or
/// bad: a thousand callers make no thousand log-ins, and no thousand failing ones.
pub(super) struct SingleFlight<T> {
    tickets: AtomicU64,
    last: Mutex<Option<Last<T>>>,
}

struct Last<T> {
    /// Tickets below this one were drawn before the call began.
    covers: u64,
    result: Result<T, CloudError>,
    /// The last good one, kept when a later call fails.
    good: Option<T>,
}

impl<T: Clone> SingleFlight<T> {
    pub(super) fn new() -> Self {
        Self { tickets: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// The result of a call that began after this one asked, or an older good one that is still `fresh`, or that of
    /// `call`, which is given the last good one.
    pub(super) async fn get<F>(
        &self,
        fresh: impl Fn(&T) -> bool,
        call: impl FnOnce(Option<T>) -> F,
    ) -> Result<T, CloudError>
    where
        F: Future<Output = Result<T, CloudError>>,
    {
        let ticket = self.tickets.fetch_add(1, Ordering::SeqCst);
        let mut last = self.last.lock().await;
        let mut good = None;
        if let Some(last) = last.as_ref() {
            if last.covers > ticket {
                return last.result.clone();
            }
            if let Some(good) = last.good.as_ref().filter(|good| fresh(good)) {
                return Ok(good.clone());
            }
            good = last.good.clone();
        }
        let covers = self.tickets.load(Ordering::SeqCst);
        let result = call(good.clone()).await;
        let good = result.as_ref().ok().cloned().or(good);
        *last = Some(Last { covers, result: result.clone(), good });
        result
    }
}
