//! A notification with many listeners. It wakes them in the order in which they began to listen. tokio's own `watch`
//! does not, and a simulation has to repeat exactly.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub struct Bell {
    rung: AtomicU64,
    listeners: Notify,
}

impl Bell {
    pub fn ring(&self) {
        self.rung.fetch_add(1, Ordering::SeqCst);
        self.listeners.notify_waiters();
    }

    /// The number of notifications so far.
    pub fn rung(&self) -> u64 {
        self.rung.load(Ordering::SeqCst)
    }

    /// Waits until there have been more than `heard` notifications.
    pub async fn more_than(&self, heard: u64) {
        let mut next = pin!(self.listeners.notified());
        next.as_mut().enable();
        if self.rung() == heard {
            next.await;
        }
    }
}
