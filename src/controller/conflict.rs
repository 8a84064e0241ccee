//! Conflicts of the Kubernetes API: another client wrote first. They are retried at once, and reported to nobody.

use std::time::Duration;

/// Tries of one write. Other clients may write to the object as often as they like, and each time it is a conflict.
const TRIES: u32 = 10;

/// Longest pause before the second try; many stacks that share a Secret come at the same moment.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// Tries of one write that may meet conflicts. A write that depends on the object reads it again between two tries:
///
/// ```ignore
/// let mut tries = Tries::default();
/// loop {
///     match write(&object).await {
///         Err(error) if tries.again(&error).await => object = read_again().await?,
///         ended => return ended,
///     }
/// }
/// ```
#[derive(Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// Tells whether a failed write may be tried again: after a conflict, and not too often. Pauses then, longer with
    /// each try, so that clients which met the same conflict spread.
    pub(super) async fn again(&mut self, error: &kube::Error) -> bool {
        self.0 += 1;
        if !is_conflict(error) || self.0 >= TRIES {
            return false;
        }
        let longest = PAUSE * self.0;
        tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
        true
    }
}
