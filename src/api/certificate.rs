//! Places of certificates, authorities and revocation lists: Barbican, or an object of the cluster.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;
use super::rules::tls;
use super::schema;

/// A certificate with its private key. Exactly one of barbicanRef and secretRef is required.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = tls::one_place_of_certificate())]
pub struct CertificateSpec {
    /// URL of a Barbican secret (PKCS#12) or of a certificate container, at most 255 characters. The credentials must be
    /// allowed to read it. New contents behind the same URL are not noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::barbican_ref")]
    pub barbican_ref: Option<String>,

    /// Secret in the namespace of the stack, such as cert-manager makes. Evenkeel stores its content in Barbican, follows
    /// its changes, and deletes what it has stored once nothing uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<CertificateSecretRef>,
}

/// Secret with a certificate and its private key.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSecretRef {
    /// Name of the Secret, a DNS subdomain.
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::OBJECT_NAME))]
    pub name: String,

    /// Names of the keys in the Secret, where they are not those of type kubernetes.io/tls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<CertificateKeys>,
}

/// Names of the keys of a Secret with a certificate.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateKeys {
    /// Key with the certificate and the chain of its issuers in PEM, 1 to 253 characters. The order of the chain has no
    /// meaning. Default: tls.crt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DATA_KEY))]
    pub certificate: Option<String>,

    /// Key with the private key in PEM, not encrypted: RSA from 2048 bits on, or ECDSA on P-256, P-384 or P-521; PKCS#8,
    /// PKCS#1 or SEC1. 1 to 253 characters. Default: tls.key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DATA_KEY))]
    pub private_key: Option<String>,
}

/// Authorities, or revocation lists. Exactly one of barbicanRef, secretRef and configMapRef is required.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = tls::one_place_of_trust())]
pub struct TrustSpec {
    /// URL of a Barbican secret (PEM), at most 255 characters. The credentials must be allowed to read it. New contents
    /// behind the same URL are not noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::barbican_ref")]
    pub barbican_ref: Option<String>,

    /// Secret in the namespace of the stack. Evenkeel stores its content in Barbican and follows its changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<DataKeyRef>,

    /// ConfigMap in the namespace of the stack, such as trust-manager makes. Evenkeel stores its content in Barbican and
    /// follows its changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<DataKeyRef>,
}

/// Key of a Secret or ConfigMap.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataKeyRef {
    /// Name of the object, a DNS subdomain.
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::OBJECT_NAME))]
    pub name: String,

    /// Key with the PEM, 1 to 253 characters. Default: ca.crt for authorities, ca.crl for revocation lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DATA_KEY))]
    pub key: Option<String>,
}

/// Place of a certificate, of authorities or of revocation lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificatePlace<'a> {
    /// URL of a Barbican secret or container.
    Barbican(&'a str),
    /// Name of a Secret.
    Secret(&'a str),
    /// Name of a ConfigMap.
    ConfigMap(&'a str),
}

impl CertificateSpec {
    /// The place of the certificate; `None` unless exactly one is given.
    pub fn place(&self) -> Option<CertificatePlace<'_>> {
        match (&self.barbican_ref, &self.secret_ref) {
            (Some(url), None) => Some(CertificatePlace::Barbican(url)),
            (None, Some(secret)) => Some(CertificatePlace::Secret(&secret.name)),
            _ => None,
        }
    }
}

impl TrustSpec {
    /// The place of the content; `None` unless exactly one is given.
    pub fn place(&self) -> Option<CertificatePlace<'_>> {
        match (&self.barbican_ref, &self.secret_ref, &self.config_map_ref) {
            (Some(url), None, None) => Some(CertificatePlace::Barbican(url)),
            (None, Some(secret), None) => Some(CertificatePlace::Secret(&secret.name)),
            (None, None, Some(config_map)) => Some(CertificatePlace::ConfigMap(&config_map.name)),
            _ => None,
        }
    }
}
