//! Certificates and keys that a stack keeps in the key manager of its cloud.
//!
//! Barbican has no idempotency: the name of a secret holds its owner and the digest of its content, so that the same
//! content is found again and stored once.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Owner;

/// Reference of a TLS field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum CertificateRef {
    /// URL of a Barbican secret or container that the stack names. It belongs to another client.
    Existing(String),
    /// Content from the cluster, which the stack stores itself.
    Stored(StoredSecret),
    /// The content cannot be read or used now: the reference that the cloud has stays as it is.
    Unknown,
}

/// Secret of a stack in the key manager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StoredSecret {
    /// Exact name: `evenkeel-<owner>-<digest>`. Barbican searches names by SQL's LIKE, so a name has no `_` and no `%`.
    pub name: String,
    pub content: SecretContent,
}

impl StoredSecret {
    pub fn new(owner: &Owner, content: SecretContent) -> Self {
        Self { name: format!("{}{}", Self::prefix(owner), content.digest), content }
    }

    /// Beginning of the names of all secrets of a stack. It stands for cluster, namespace and name and not for the UID: a
    /// stack that takes over a load balancer finds the secrets that its listeners name.
    pub fn prefix(owner: &Owner) -> String {
        let digest = Sha256::digest(owner.place_tags().join("\n"));
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("evenkeel-{hex}-")
    }
}

impl StoredSecret {
    /// The same secret without its payload. It compares as equal, and cannot be stored.
    pub fn without_payload(&self) -> Self {
        let SecretContent { payload: _, format, digest } = &self.content;
        let content = SecretContent { payload: Arc::default(), format: *format, digest: digest.clone() };
        Self { name: self.name.clone(), content }
    }
}

/// Content of a secret. It is zeroed after use, and nothing prints it.
#[derive(Clone)]
pub struct SecretContent {
    payload: Arc<Zeroizing<Vec<u8>>>,
    pub format: SecretFormat,
    /// SHA-256 of what the content stands for, in 32 hexadecimal digits: two encodings of one key pair have one digest.
    pub digest: String,
}

/// Form in which Barbican stores a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum SecretFormat {
    /// PKCS#12 without password, sent as base64 (`application/octet-stream`).
    Pkcs12,
    /// PEM, sent as text (`text/plain`).
    Pem,
}

impl SecretContent {
    pub fn new(payload: Zeroizing<Vec<u8>>, format: SecretFormat, digest: String) -> Self {
        Self { payload: Arc::new(payload), format, digest }
    }

    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// Contents of one digest are the same.
impl PartialEq for SecretContent {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SecretContent {}

impl PartialOrd for SecretContent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SecretContent {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.digest, self.format).cmp(&(&other.digest, other.format))
    }
}

impl std::fmt::Debug for SecretContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}({})", self.format, self.digest)
    }
}

impl Serialize for SecretContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.digest)
    }
}
