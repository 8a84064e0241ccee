//! The shared parts of a simulated cluster: its state, clock, faults and notifications.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel::clock::Clock;

use super::faults::Faults;
use super::ordered_notify::OrderedNotify;
use super::state::State;

pub struct Inner {
    pub state: Mutex<State>,
    pub clock: Arc<dyn Clock>,
    pub faults: Mutex<Faults>,
    /// Notified after each write, for watches.
    pub written: OrderedNotify,
    /// Notified when all watches are cut.
    pub cut: OrderedNotify,
}

impl Inner {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one write and notifies the watches.
    pub fn write<T>(&self, write: impl FnOnce(&mut State) -> T) -> T {
        let written = write(&mut self.lock());
        self.written.notify();
        written
    }
}
