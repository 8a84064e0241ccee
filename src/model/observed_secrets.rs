//! Secrets of a stack in the key manager of its cloud, as last observed.

use serde::Serialize;

use super::Id;

/// Secrets that carry the owner prefix of a stack. Empty for a stack that never stored any: then nothing is read.
///
/// Unknown is not empty: while the key manager does not answer, references stay as they are, nothing is stored and
/// nothing is deleted, and all other changes run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum ObservedSecrets {
    Known(Vec<ObservedSecret>),
    /// Cause, for people.
    Unknown(String),
}

impl Default for ObservedSecrets {
    fn default() -> Self {
        Self::Known(Vec::new())
    }
}

impl ObservedSecrets {
    pub fn known(&self) -> &[ObservedSecret] {
        match self {
            Self::Known(secrets) => secrets,
            Self::Unknown(_) => &[],
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ObservedSecret {
    pub id: Id,
    /// URL by which Octavia reads it.
    pub href: String,
    pub name: String,
    /// The key manager's time, to the second.
    pub created: String,
    /// ACTIVE and with a payload. A secret that was stored without one never gets any.
    pub usable: bool,
    /// An object outside the stack's load balancer names it: one that a stack of the same name has left behind, or one
    /// of another client.
    pub named_elsewhere: bool,
}

/// Id of the secret that a reference leads to; `None` for a container, or a URL of another form. Two URLs of one secret
/// may differ in the host, which the operator of the cloud configures.
pub fn secret_id(reference: &str) -> Option<&str> {
    let (collection, id) = reference.trim_end_matches('/').rsplit_once('/')?;
    collection.ends_with("/secrets").then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_known_by_its_id_alone() {
        for url in ["http://keys/v1/secrets/a1", "https://keys.example:9311/key-manager/v1/secrets/a1/"] {
            assert_eq!(secret_id(url), Some("a1"));
        }
        for other in ["", "a1", "http://keys/v1/containers/a1", "secrets"] {
            assert_eq!(secret_id(other), None);
        }
    }
}
