//! Conflicts of the Kubernetes API: somebody else wrote first. They are retried at once, and told nobody.

use std::time::Duration;

/// Tries of one write. Others may write to the object as often as they like, and each time it is refused.
pub const TRIES: usize = 10;

/// Before the second try, at most; many stacks that share a Secret come at the same moment.
const PAUSE: Duration = Duration::from_millis(20);

pub fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// Spreads those who met the same conflict; longer with each try.
pub async fn pause(tries: usize) {
    let most = PAUSE * u32::try_from(tries).unwrap_or(1);
    tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
}
