//! Credentials from an entry of `clouds.yaml`, with the meaning that openstacksdk gives it.
//!
//! Messages show nothing of the file but the names of clouds, known keys and the value of `auth_type`.
//!
//! | file | content |
//! |---|---|
//! | `file` | the YAML: the known keys of one cloud, as written |
//! | `entry` | the meaning of these keys |
//! | `credentials` | the result |
//! | `error` | the reasons for which an entry cannot be used |

mod credentials;
mod entry;
mod error;
mod file;

pub use credentials::Credentials;
pub use entry::CloudsYaml;
pub use error::CredentialsError;

pub(super) use credentials::{Auth, Domain, Named, is_endpoint};

#[cfg(test)]
mod tests;
