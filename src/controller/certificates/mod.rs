//! Certificates in the cluster: contents of Secrets and ConfigMaps that stacks name in TLS fields.
//!
//! Only metadata is watched. The objects themselves are read for each run of the engine, and nothing of them is kept
//! afterwards but versions and dates.
//!
//! | file | purpose |
//! |---|---|
//! | `fields` | the TLS fields of a spec, with the objects behind them |
//! | `index`, `watch` | the stacks that use an object, and the versions that the watches have shown |
//! | `object` | a read of one object |
//! | `read`, `check` | the certificates of one stack, before the engine runs |
//! | `state` | facts about the certificates of one stack between reconciles |
//! | `expiry` | dates: Events before a certificate expires, and the metric |

mod check;
mod expiry;
mod fields;
mod index;
mod object;
mod read;
mod state;
#[cfg(test)]
mod tests;
mod watch;

pub(super) use expiry::ExpiryGauge;
pub(super) use fields::CertificateObject;
pub(super) use index::CertificateIndex;
pub(super) use read::read;
pub(super) use state::StackCertificates;
pub(super) use watch::watch_config_maps;
