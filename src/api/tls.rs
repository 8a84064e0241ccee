//! TLS of listeners and pools.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::certificate::{CertificateSpec, TrustSpec};
use super::rules::{ciphers, tls};
use super::schema;
use crate::model::{AlpnProtocol, ClientAuthentication, TlsVersion};

/// TLS between clients and a listener.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = tls::listener_has_certificate(),
    validation = tls::client_authentication_needs_ca(),
    validation = tls::client_ca_needs_authentication(),
    validation = tls::client_crl_needs_ca(),
    validation = ciphers::names_of_openssl(),
    validation = ciphers::suites_for_the_newest_version(),
    validation = ciphers::ciphers_for_older_versions()
)]
pub struct ListenerTlsSpec {
    /// Certificate for clients that name no host, or a host that none of sniCertificates covers. Provider amphora does not
    /// encrypt the port without it. Octavia's default_tls_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateSpec>,

    /// Certificates chosen by the host name that the client requests (SNI): at most 100, each with a URL of at most 128
    /// characters. Their order has no meaning. If absent, there are none. Octavia's sni_container_refs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = tls::sni_reference_length())]
    pub sni_certificates: Vec<CertificateSpec>,

    /// Authorities that sign the certificates of clients; needs clientAuthentication. If absent, there are none. Octavia's
    /// client_ca_tls_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "clientCA")]
    pub client_ca: Option<TrustSpec>,

    /// List of revoked client certificates, signed by clientCA. If absent, revocation is not checked. Octavia's
    /// client_crl_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "clientCRL")]
    pub client_crl: Option<TrustSpec>,

    /// Request for certificates of clients: NONE requests none, OPTIONAL requests one, MANDATORY rejects clients
    /// without one. Required beside clientCA. Default: NONE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,

    /// TLS versions to offer: 1 to 5, TLSv1.2 or TLSv1.3 among them. haproxy from 2.2 on rejects a listener with older
    /// versions only, and never offers older versions beside newer ones. If absent, Evenkeel leaves Octavia's value
    /// unchanged (usually TLSv1.2 and TLSv1.3). Octavia API 2.17.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = tls::listener_has_current_version())]
    pub versions: Option<Vec<TlsVersion>>,

    /// Cipher list in OpenSSL's format, at most 2048 characters, including suites of TLS 1.3. Octavia sorts the list, so its
    /// order has no meaning. OpenSSL skips unknown names; at least one name must be known and belong to one of the
    /// versions. A version without a cipher in the list keeps haproxy's defaults. Octavia before 19 needs a cipher of
    /// TLS 1.2 in the list. If absent, Evenkeel leaves Octavia's value unchanged. Octavia API 2.15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ciphers")]
    pub ciphers: Option<String>,

    /// Protocols to offer by ALPN, 1 to 3, best first. If absent, Evenkeel leaves Octavia's value unchanged (usually all
    /// three). Octavia API 2.20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub alpn_protocols: Option<Vec<AlpnProtocol>>,

    /// HTTP Strict Transport Security: instructs browsers to use HTTPS only, on TERMINATED_HTTPS listeners. If absent, the
    /// header is not sent. Octavia API 2.27.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<HstsSpec>,
}

/// TLS between a pool and its members. Octavia API 2.8.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = tls::crl_needs_ca(),
    validation = ciphers::names_of_openssl(),
    validation = ciphers::suites_for_the_newest_version(),
    validation = ciphers::ciphers_for_older_versions()
)]
pub struct PoolTlsSpec {
    /// Certificate that the load balancer presents to the members. If absent, it presents none. Octavia's
    /// tls_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateSpec>,

    /// Authorities that sign the certificates of the members. If absent, certificates of members are not verified.
    /// Octavia's ca_tls_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<TrustSpec>,

    /// List of revoked member certificates, signed by ca. If absent, revocation is not checked. Octavia's
    /// crl_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl: Option<TrustSpec>,

    /// TLS versions to offer: 1 to 5, not SSLv3 alone, which haproxy is built without. If absent, Evenkeel leaves Octavia's
    /// value unchanged. Octavia API 2.18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = tls::pool_has_version_after_sslv3())]
    pub versions: Option<Vec<TlsVersion>>,

    /// Cipher list in OpenSSL's format, at most 2048 characters, including suites of TLS 1.3. Octavia sorts the list, so its
    /// order has no meaning. OpenSSL skips unknown names; at least one name must be known and belong to one of the
    /// versions. A version without a cipher in the list keeps haproxy's defaults. Octavia before 19 needs a cipher of
    /// TLS 1.2 in the list. If absent, Evenkeel leaves Octavia's value unchanged. Octavia API 2.15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ciphers")]
    pub ciphers: Option<String>,

    /// Protocols to offer by ALPN, 1 to 3, best first. If absent, Evenkeel leaves Octavia's value unchanged. Octavia
    /// API 2.24.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub alpn_protocols: Option<Vec<AlpnProtocol>>,
}

/// HTTP Strict Transport Security.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HstsSpec {
    /// Duration in whole seconds, 0s to 87600h, for which browsers remember the instruction: for example 8760h.
    #[schemars(schema_with = "schema::seconds")]
    pub max_age: String,

    /// Application to all subdomains of the host. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_subdomains: Option<bool>,

    /// Consent to the preload lists of browsers. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preload: Option<bool>,
}
