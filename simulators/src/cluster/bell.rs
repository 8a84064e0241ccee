//! A bell that many listen to. It wakes them in the order in which they began to listen, which tokio's own `watch` does
//! not: a simulation has to repeat itself.

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

    /// How often it has been rung.
    pub fn rung(&self) -> u64 {
        self.rung.load(Ordering::SeqCst)
    }

    /// Until it has been rung more often than so.
    pub async fn more_than(&self, heard: u64) {
        let mut next = pin!(self.listeners.notified());
        next.as_mut().enable();
        if self.rung() == heard {
            next.await;
        }
    }
}
