//! Certificates in PEM: from the values of a Secret or ConfigMap to a content that Octavia can serve. Pure.
//!
//! Octavia reads a certificate when it configures a load balancer, and haproxy when it starts. A content that either of
//! them rejects puts the whole load balancer into ERROR, so everything is checked before it is stored.
//!
//! * A certificate with its private key becomes PKCS#12 without a password: Octavia gives none when it reads one.
//! * Authorities and revocation lists stay PEM.
//!
//! | file | purpose |
//! |---|---|
//! | `pair`, `authorities`, `revocation` | the checks of each kind of content |
//! | `chain`, `private_key`, `certificate`, `validity` | parts of these checks |
//! | `pem`, `pkcs12`, `content` | formats of what is read and of what is stored |
//! | `problem`, `warning` | reports for people |

mod authorities;
mod certificate;
mod chain;
mod content;
mod pair;
mod pem;
mod pkcs12;
mod private_key;
mod problem;
mod revocation;
#[cfg(test)]
mod tests;
mod validity;
mod warning;

pub use authorities::{Authorities, check_authorities};
pub use content::CheckedContent;
pub use pair::check_pair;
pub use pem::Entry;
pub use problem::CertificateProblem;
pub use revocation::check_revocation_list;
pub use warning::CertificateWarning;
