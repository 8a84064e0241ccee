//! The early end of a reconcile, so that a sequence of checks reads as a list of `?`.

use crate::openstack::CloudError;

use super::outcome::Outcome;

/// Reason to end a reconcile before its goal is reached.
#[derive(Debug)]
pub(super) enum Stop {
    /// A check that failed, with the outcome to report.
    Outcome(Box<Outcome>),
    /// A call to the cloud that failed.
    Cloud(CloudError),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(Box::new(outcome))
    }
}

impl From<CloudError> for Stop {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Outcome(outcome) => *outcome,
            Stop::Cloud(error) => Self::failed(error),
        }
    }
}
