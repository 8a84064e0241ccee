//! Errors of the Kubernetes API in messages for people: the words of the server, without the structures around them.

/// Message of a failed request.
pub fn kube_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
