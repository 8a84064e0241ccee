//! Certificates in the cluster: contents of Secrets and ConfigMaps that stacks name in TLS fields.
//!
//! Only metadata is watched. The objects themselves are read for each run of the engine, and nothing of them is kept
//! afterwards but versions and dates.
//!
//! | file | purpose |
//! |---|---|
//! | `index`, `watch` | the stacks that use an object, and the versions that the watches have shown |
//! | `read` | the certificates of one stack, before the engine runs |
//! | `state` | facts about the certificates of one stack between reconciles |
//! | `expiry` | dates: Events before a certificate expires, and the metric |

mod expiry;
mod index;
mod read;
mod state;
#[cfg(test)]
mod tests;
mod watch;

pub(super) use expiry::ExpiryGauge;
pub(super) use index::CertificateIndex;
pub(super) use read::read;
pub(super) use state::StackCertificates;
pub(super) use watch::watch_config_maps;
