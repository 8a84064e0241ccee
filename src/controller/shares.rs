//! How many stacks may work in one session at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::sessions::Place;

/// How many passes are under way in each session. A cloud that takes calls and never answers holds each of them for a
/// minute or more: without a bound it would hold every worker, and all other clouds would wait for it.
pub struct Shares {
    most: usize,
    taken: Arc<Mutex<HashMap<Place, usize>>>,
}

/// The right to one pass in a session, as long as it is kept.
pub struct Admission {
    taken: Arc<Mutex<HashMap<Place, usize>>>,
    place: Place,
}

impl Shares {
    /// A quarter of the workers for each session.
    pub fn of(workers: u16) -> Self {
        Self { most: usize::from(workers / 4).max(2), taken: Arc::default() }
    }

    /// `None`: the session has its share.
    pub fn admit(&self, place: Place) -> Option<Admission> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(place.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Admission { taken: Arc::clone(&self.taken), place })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.place) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.place)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(namespace: &str) -> Place {
        Place { namespace: namespace.into(), secret: "s".into(), cloud: "c".into() }
    }

    #[test]
    fn a_session_has_a_quarter_of_the_workers_and_at_least_two() {
        for (workers, most) in [(1, 2), (8, 2), (12, 3), (32, 8)] {
            let shares = Shares::of(workers);
            let (hung, other) = (place("a"), place("b"));
            let mut held: Vec<Admission> = std::iter::from_fn(|| shares.admit(hung.clone())).collect();
            assert_eq!(held.len(), most, "{workers} workers");
            assert!(shares.admit(other).is_some(), "another session is not concerned");
            held.pop();
            assert!(shares.admit(hung.clone()).is_some(), "what was given back is there again");
            drop(held);
            assert!(shares.taken.lock().unwrap().is_empty(), "nothing is kept of those who are gone");
        }
    }
}
