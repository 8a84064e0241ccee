//! Contents of credentials, wherever they are kept.

use k8s_openapi::api::core::v1::Secret;
use sha2::{Digest, Sha256};

/// A `clouds.yaml` and the certificates beside it.
pub(crate) struct CredentialsData<'a> {
    pub clouds_yaml: Option<&'a [u8]>,
    /// PEM, on top of the system's roots.
    pub cacert: Option<&'a [u8]>,
    /// Version of the contents: the same as long as nothing changes that the credentials may depend on.
    pub version: String,
}

impl<'a> From<&'a Secret> for CredentialsData<'a> {
    fn from(secret: &'a Secret) -> Self {
        let value = |key: &str| secret.data.as_ref()?.get(key).map(|bytes| bytes.0.as_slice());
        Self { clouds_yaml: value("clouds.yaml"), cacert: value("cacert"), version: digest(secret) }
    }
}

/// Digest of the contents, so that a finalizer or an annotation on the Secret makes no new version.
fn digest(secret: &Secret) -> String {
    let mut hash = Sha256::new();
    for (name, value) in secret.data.iter().flatten() {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(&value.0);
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
