//! Errors of the Kubernetes API in messages for people: the words of the server, without the structures around them.

use kube::runtime::watcher;

/// Message of a failed request.
pub(super) fn kube_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

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
