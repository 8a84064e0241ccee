//! Errors of watches in messages for people.

use kube::runtime::watcher;

use crate::cluster::kube_message;

/// Message of a failed watch.
pub(super) fn watch_message(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => kube_message(error),
        watcher::Error::WatchError(status) => status.message.clone(),
        other => other.to_string(),
    }
}
