//! Turns of stacks that found all permits of their credentials in use.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Shortest delay of a turn.
const MIN_DELAY: Duration = Duration::from_secs(1);
/// Time between the turns of two stacks of one namespace: a reconcile takes longer, and a try costs less than a hundredth
/// of it.
const INTERVAL: Duration = Duration::from_micros(2500);

/// The last turn that was given away, by namespace.
///
/// Ten thousand stacks that wait for eight permits would cost more than those that have one, if each of them tried again
/// every two seconds. So they come back in their order, at a rate that does not depend on their number. A namespace does
/// not wait for the turns of another one.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Instant>>);

impl Turns {
    /// Delay until the next free turn of a namespace, which is then taken.
    pub(super) fn take(&self, namespace: &str) -> Duration {
        let now = Instant::now();
        let mut last = self.0.lock();
        last.retain(|_, last| *last > now);
        let free = last.get(namespace).map_or(now, |last| *last + INTERVAL);
        let turn = free.max(now + MIN_DELAY);
        last.insert(namespace.to_owned(), turn);
        turn - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THIRTY_SECONDS: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn turns_of_a_namespace_follow_each_other() {
        let turns = Turns::default();
        let delays: Vec<Duration> = (0..10_000).map(|_| turns.take("large")).collect();
        assert_eq!(delays[0], MIN_DELAY);
        assert!(delays.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(delays[9_999] < THIRTY_SECONDS, "{:?}", delays[9_999]);
        assert_eq!(turns.take("small"), MIN_DELAY, "another namespace does not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn past_turns_are_forgotten() {
        let turns = Turns::default();
        for n in 0..100 {
            turns.take(&format!("namespace-{n}"));
        }
        tokio::time::advance(2 * MIN_DELAY).await;
        assert_eq!(turns.take("namespace-7"), MIN_DELAY);
        assert_eq!(turns.0.lock().len(), 1);
    }
}
