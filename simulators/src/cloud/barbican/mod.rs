//! The part of Barbican that TLS needs: secrets, containers, and the right to read them.
//!
//! | file | content |
//! |---|---|
//! | `service` | the requests, and the state that they change |
//! | `secret`, `container` | the records |
//! | `new_secret` | the checks of a secret to store |
//! | `list` | names by SQL's LIKE, and pages |
//! | `access` | roles, and access lists of single secrets |
//!
//! Payloads are not parsed: no certificate, key or PKCS12 bundle has to be a real one.

mod access;
mod container;
mod list;
mod new_secret;
mod secret;
mod service;

pub(crate) use service::Barbican;
