//! A notification with many listeners. It wakes them in the order in which they began to listen. tokio's own `watch`
//! does not, and a simulation has to repeat exactly.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub struct OrderedNotify {
    count: AtomicU64,
    listeners: Notify,
}

impl OrderedNotify {
    pub fn notify(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.listeners.notify_waiters();
    }

    /// The number of notifications so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until there have been more than `heard` notifications.
    pub async fn wait_beyond(&self, heard: u64) {
        let mut next = pin!(self.listeners.notified());
        next.as_mut().enable();
        if self.count() == heard {
            next.await;
        }
    }
}
