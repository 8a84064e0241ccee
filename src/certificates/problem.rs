//! Reasons for which a content cannot be used.

use jiff::Timestamp;
use thiserror::Error;

/// Reason for which a content cannot be used as it is. No message holds anything of a private key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateProblem {
    #[error("it has no key {0}: add the key, or name another one in the stack")]
    MissingKey(String),
    #[error("key {0} is not valid PEM: write the file again as PEM")]
    NotPem(String),
    #[error("key {key} has no {label} in PEM: write it there")]
    NoBlock { key: String, label: &'static str },
    #[error("number {position} of the PEM blocks {label} in key {key} cannot be read: write it again")]
    Unreadable { key: String, label: &'static str, position: usize },

    #[error("key {0} has more than one private key: leave the one of the certificate")]
    SeveralPrivateKeys(String),
    #[error("the private key in key {0} is encrypted: decrypt it (openssl pkey -in FILE -out FILE)")]
    EncryptedPrivateKey(String),
    #[error("the private key is {0}: Octavia takes RSA and ECDSA keys only, so issue the certificate for one of these")]
    UnsupportedAlgorithm(String),
    #[error("the private key is on curve {0}: issue the certificate for a key on P-256, P-384 or P-521")]
    UnsupportedCurve(String),
    #[error("the RSA key has {bits} bits, and haproxy takes no less than 2048: issue the certificate for a longer key")]
    ShortKey { bits: usize },
    #[error(
        "the private key lacks its public key, so it cannot be compared with the certificate: write it again (openssl pkey \
         -in FILE -out FILE)"
    )]
    NoPublicKey,
    #[error(
        "the private key in key {private_key} belongs to no certificate in key {certificate}: write both keys, in one \
         update"
    )]
    Mismatch { certificate: String, private_key: String },

    #[error("certificate {0} has neither a DNS name nor a common name, which Octavia needs: issue it with one")]
    NoName(String),
    #[error(
        "certificate {0} is signed with SHA-1 or MD5, which haproxy rejects: issue it again, signed with SHA-256 or better"
    )]
    WeakSignature(String),
    #[error("certificate {subject} is not valid before {not_before}: wait, or set the clock of the issuer right")]
    NotYetValid { subject: String, not_before: Timestamp },
    #[error("certificate {subject} has expired on {not_after}: renew it")]
    Expired { subject: String, not_after: Timestamp },
    #[error("all authorities in key {0} have expired: replace them")]
    AuthoritiesExpired(String),

    #[error(
        "the revocation list of {issuer} has expired on {next_update}, so every client would be rejected: renew it"
    )]
    ListExpired { issuer: String, next_update: Timestamp },
    #[error(
        "the revocation list of {issuer} is not valid before {last_update}: wait, or set the clock of the issuer right"
    )]
    ListNotYetValid { issuer: String, last_update: Timestamp },
    #[error("the revocation list of {0} is not signed by an authority of the stack: give both of one authority")]
    ForeignList(String),
    #[error(
        "authority {0} has no revocation list, so every client with its certificate would be rejected: add its list"
    )]
    AuthorityWithoutList(String),

    #[error(
        "key {key} has {count} certificates or lists, and at most {limit} are read: leave out those that nobody needs"
    )]
    TooMany { key: String, count: usize, limit: usize },
    #[error(
        "it takes {size} bytes in Barbican, which stores at most {limit}: leave out certificates that nobody needs"
    )]
    TooLarge { size: usize, limit: usize },
    #[error("it cannot be written as PKCS#12: issue the certificate again")]
    Unwritable,
}

impl CertificateProblem {
    /// Tells whether the second of two updates of one object may solve the problem: some tools write the certificate and
    /// the key one after the other.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::MissingKey(_) | Self::NoBlock { .. } | Self::Mismatch { .. })
    }
}
