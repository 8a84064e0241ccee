//! The reasons for which a `clouds.yaml` entry cannot be used.

use crate::openstack::http::ConnectError;
use crate::openstack::text::list;

/// An unusable `clouds.yaml`. Every message says what to change; none shows a value that could be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error(
        "clouds.yaml cannot be read (line {line}, column {column}): it is not YAML, or a key holds a value of a wrong kind"
    )]
    Unreadable { line: u64, column: u64 },
    #[error(
        "clouds.yaml is larger than is read: keep only the clouds that are used, in plain YAML without many aliases"
    )]
    TooLarge,
    #[error("clouds.yaml has no cloud {cloud:?}; it has {}", list(.available))]
    NoSuchCloud { cloud: String, available: Vec<String> },
    #[error("cloud {cloud:?} of clouds.yaml lacks {key}")]
    Missing { cloud: String, key: &'static str },
    #[error(
        "cloud {cloud:?} of clouds.yaml has auth_type {auth_type:?}, which is not supported: use v3applicationcredential, v3password or password{hint}"
    )]
    AuthType { cloud: String, auth_type: String, hint: &'static str },
    #[error("cloud {cloud:?} of clouds.yaml has {key}: {advice}")]
    Unusable { cloud: String, key: String, advice: &'static str },
    #[error("clouds.yaml has the key {key} more than once: keep one of them")]
    Duplicate { key: String },
    #[error("no connection can be made to cloud {cloud:?}: {cause}")]
    Connection { cloud: String, cause: ConnectError },
}
