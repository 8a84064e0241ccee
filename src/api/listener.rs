//! Listeners: a port, a protocol, and what becomes of the connections.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::L7PolicySpec;
use super::{ciphers, schema};
use crate::model::{AlpnProtocol, ClientAuthentication, ListenerProtocol, TlsVersion};

/// One port that the load balancer listens on.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.l7Policies) || size(self.l7Policies) == 0 || self.protocol in ['HTTP', 'TERMINATED_HTTPS']")
        .message("l7Policies are evaluated by listeners of protocol HTTP and TERMINATED_HTTPS only")
        .field_path(".l7Policies"),
    validation = Rule::new("!has(self.l7Policies) || self.protocol == 'TERMINATED_HTTPS' || self.l7Policies.all(p, !has(p.rules) || p.rules.all(r, !(r.type in ['SSL_CONN_HAS_CERT', 'SSL_VERIFY_RESULT', 'SSL_DN_FIELD'])))")
        .message("rules of type SSL_CONN_HAS_CERT, SSL_VERIFY_RESULT and SSL_DN_FIELD need a listener of protocol TERMINATED_HTTPS")
        .field_path(".l7Policies"),
    validation = Rule::new("self.protocol != 'PROMETHEUS' || !has(self.defaultPool)")
        .message("defaultPool is not allowed on a PROMETHEUS listener: it serves metrics, not a pool")
        .field_path(".defaultPool"),
    validation = Rule::new("self.protocol != 'TERMINATED_HTTPS' || has(self.tls)")
        .message("tls with certificate or sniCertificates is required on a TERMINATED_HTTPS listener")
        .field_path(".tls"),
    validation = Rule::new("!has(self.tls) || self.protocol in ['TERMINATED_HTTPS', 'PROMETHEUS']")
        .message("tls is allowed on TERMINATED_HTTPS and PROMETHEUS listeners only; HTTPS passes encrypted connections through")
        .field_path(".tls"),
    validation = Rule::new("!has(self.tls) || !has(self.tls.hsts) || self.protocol == 'TERMINATED_HTTPS'")
        .message("hsts is allowed on TERMINATED_HTTPS listeners only")
        .field_path(".tls.hsts"),
    validation = Rule::new("!has(self.insertHeaders) || size(self.insertHeaders) == 0 || self.protocol in ['HTTP', 'TERMINATED_HTTPS']")
        .message("insertHeaders is allowed on HTTP and TERMINATED_HTTPS listeners only")
        .field_path(".insertHeaders"),
    validation = Rule::new("!has(self.insertHeaders) || self.protocol == 'TERMINATED_HTTPS' || self.insertHeaders.all(h, !h.startsWith('X-SSL-'))")
        .message("headers X-SSL-... are allowed on TERMINATED_HTTPS listeners only")
        .field_path(".insertHeaders"),
    validation = Rule::new("!has(self.insertHeaders) || !self.insertHeaders.exists(h, h.startsWith('X-SSL-')) || (has(self.tls) && has(self.tls.clientCA) && has(self.tls.clientAuthentication) && self.tls.clientAuthentication != 'NONE')")
        .message("headers X-SSL-... tell of certificates of clients: they need tls.clientCA, and tls.clientAuthentication OPTIONAL or MANDATORY")
        .field_path(".insertHeaders"),
    validation = Rule::new("!has(self.l7Policies) || (has(self.tls) && has(self.tls.clientCA) && has(self.tls.clientAuthentication) && self.tls.clientAuthentication != 'NONE') || self.l7Policies.all(p, !has(p.rules) || p.rules.all(r, !(r.type in ['SSL_CONN_HAS_CERT', 'SSL_VERIFY_RESULT', 'SSL_DN_FIELD'])))")
        .message("rules of type SSL_CONN_HAS_CERT, SSL_VERIFY_RESULT and SSL_DN_FIELD look at certificates of clients: they need tls.clientCA, and tls.clientAuthentication OPTIONAL or MANDATORY")
        .field_path(".l7Policies")
)]
pub struct ListenerSpec {
    /// The name of the listener in this stack, which is also its identity: a DNS label of at most 63 characters.
    #[schemars(schema_with = "schema::key")]
    pub name: String,

    /// Octavia's name: for people only, may change. Absent means name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub display_name: Option<String>,

    /// What is spoken. HTTPS passes encrypted connections through, TERMINATED_HTTPS ends the encryption here,
    /// PROMETHEUS serves the load balancer's own metrics (Octavia API 2.25; SCTP: 2.23). Another protocol on the same
    /// port replaces the listener, which interrupts traffic.
    pub protocol: ListenerProtocol,

    /// The port, 1 to 65535. Octavia's protocol_port. Another port replaces the listener.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// A text for people, at most 255 characters. Absent means that Evenkeel leaves it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Tags in Octavia, besides Evenkeel's own: at most 32 of at most 255 characters each, without comma and slash;
    /// evenkeel: is refused as a beginning. No two may differ in case, accents or blanks at the end alone: Octavia's
    /// database holds them for one. Tags that are not listed are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Vec<String>,

    /// False: the port is closed. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Name of the pool in spec.pools that serves what no policy claims. Absent means none: HTTP clients then get 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::key")]
    pub default_pool: Option<String>,

    /// Most connections at one time, on UDP and SCTP listeners to each member; -1 is the limit of the cloud's operator.
    /// Provider amphora takes 0 for -1, so it is refused there. Absent means that Evenkeel leaves it alone (Octavia's
    /// default is -1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub connection_limit: Option<i32>,

    /// Networks that may connect, at most 256, in canonical spelling without host bits. Each must be of the IP version
    /// of one of the load balancer's addresses. Absent or empty means everybody. Octavia API 2.12.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "allowedCIDRs")]
    #[schemars(schema_with = "schema::cidrs")]
    pub allowed_cidrs: Vec<String>,

    /// Headers that the load balancer adds to each request, on HTTP and TERMINATED_HTTPS listeners; X-SSL-... on
    /// TERMINATED_HTTPS only, with tls.clientCA, and tls.clientAuthentication OPTIONAL or MANDATORY. X-Forwarded-IP,
    /// X-Client-IP and X-Real-IP (Octavia 14) are not added by provider amphora, X-Forwarded-For and X-Forwarded-Port
    /// only in pools of protocol HTTP. Absent means none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 14))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub insert_headers: Vec<InsertHeader>,

    /// How long to wait for whom. Absent means that Evenkeel leaves all of it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<TimeoutsSpec>,

    /// Certificates and how to encrypt. Required for TERMINATED_HTTPS, allowed for PROMETHEUS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTlsSpec>,

    /// What to do with requests that match, at most 32, on HTTP and TERMINATED_HTTPS listeners. Order is meaning, but
    /// only among policies of one kind: Octavia evaluates all REJECT first, then REDIRECT_TO_URL and REDIRECT_PREFIX,
    /// then REDIRECT_TO_POOL. The list is owned as a whole: two writers cannot weave it. Policies that are not listed
    /// are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = ("self.all(a, self.exists_one(b, b.name == a.name))", "names of policies must differ within a listener")
    )]
    pub l7_policies: Vec<L7PolicySpec>,
}

/// A header that the load balancer can add.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InsertHeader {
    #[serde(rename = "X-Forwarded-For")]
    ForwardedFor,
    #[serde(rename = "X-Forwarded-Port")]
    ForwardedPort,
    #[serde(rename = "X-Forwarded-Proto")]
    ForwardedProto,
    #[serde(rename = "X-Forwarded-IP")]
    ForwardedIp,
    #[serde(rename = "X-Client-IP")]
    ClientIp,
    #[serde(rename = "X-Real-IP")]
    RealIp,
    #[serde(rename = "X-SSL-Client-Verify")]
    SslClientVerify,
    #[serde(rename = "X-SSL-Client-Has-Cert")]
    SslClientHasCert,
    #[serde(rename = "X-SSL-Client-DN")]
    SslClientDn,
    #[serde(rename = "X-SSL-Client-CN")]
    SslClientCn,
    #[serde(rename = "X-SSL-Issuer")]
    SslIssuer,
    #[serde(rename = "X-SSL-Client-SHA1")]
    SslClientSha1,
    #[serde(rename = "X-SSL-Client-Not-Before")]
    SslClientNotBefore,
    #[serde(rename = "X-SSL-Client-Not-After")]
    SslClientNotAfter,
}

impl InsertHeader {
    /// The header as Octavia spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForwardedFor => "X-Forwarded-For",
            Self::ForwardedPort => "X-Forwarded-Port",
            Self::ForwardedProto => "X-Forwarded-Proto",
            Self::ForwardedIp => "X-Forwarded-IP",
            Self::ClientIp => "X-Client-IP",
            Self::RealIp => "X-Real-IP",
            Self::SslClientVerify => "X-SSL-Client-Verify",
            Self::SslClientHasCert => "X-SSL-Client-Has-Cert",
            Self::SslClientDn => "X-SSL-Client-DN",
            Self::SslClientCn => "X-SSL-Client-CN",
            Self::SslIssuer => "X-SSL-Issuer",
            Self::SslClientSha1 => "X-SSL-Client-SHA1",
            Self::SslClientNotBefore => "X-SSL-Client-Not-Before",
            Self::SslClientNotAfter => "X-SSL-Client-Not-After",
        }
    }
}

/// Durations in whole milliseconds of at most 24 days, for example 50s or 500ms. Each, if absent, is left alone; the
/// cloud's operator sets the default. They work on all protocols but UDP and SCTP; provider amphora takes 0s for the
/// default.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeoutsSpec {
    /// How long a client may be silent. Octavia's timeout_client_data, usually 50s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::milliseconds")]
    pub client_data: Option<String>,

    /// How long a connection to a member may take to open. Octavia's timeout_member_connect, usually 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::milliseconds")]
    pub member_connect: Option<String>,

    /// How long a member may be silent. Octavia's timeout_member_data, usually 50s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::milliseconds")]
    pub member_data: Option<String>,

    /// How long to wait for more of a TCP stream to look into. Octavia's timeout_tcp_inspect, usually 0s. Provider
    /// amphora looks into none, so it delays nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::milliseconds")]
    pub tcp_inspect: Option<String>,
}

/// How a listener encrypts.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.certificate) || (has(self.sniCertificates) && size(self.sniCertificates) > 0)", "certificate or sniCertificates is required"),
    validation = Rule::new("!has(self.clientAuthentication) || self.clientAuthentication == 'NONE' || has(self.clientCA)")
        .message("clientAuthentication OPTIONAL and MANDATORY need clientCA")
        .field_path(".clientAuthentication"),
    validation = Rule::new("!has(self.clientCA) || has(self.clientAuthentication)")
        .message("clientAuthentication is required beside clientCA: OPTIONAL or MANDATORY asks clients for a certificate, NONE does not")
        .field_path(".clientAuthentication"),
    validation = Rule::new("!has(self.clientCRL) || has(self.clientCA)").message("clientCRL needs clientCA").field_path(".clientCRL"),
    validation = ciphers::names_of_openssl(),
    validation = ciphers::suites_for_the_newest_version(),
    validation = ciphers::ciphers_for_older_versions()
)]
pub struct ListenerTlsSpec {
    /// The certificate for clients that name no host, or one that no other certificate is for. Provider amphora encrypts
    /// nothing without it. Octavia's default_tls_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateSpec>,

    /// More certificates, chosen by the name of the host that the client asks for (SNI), at most 100; their order does
    /// not matter; each URL has at most 128 characters. Absent means none. Octavia's sni_container_refs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = ("self.all(c, !has(c.barbicanRef) || size(c.barbicanRef) <= 128)", "barbicanRef of an SNI certificate must be at most 128 characters")
    )]
    pub sni_certificates: Vec<CertificateSpec>,

    /// The authorities whose client certificates are trusted; needs clientAuthentication. Absent means none. Octavia's
    /// client_ca_tls_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "clientCA")]
    pub client_ca: Option<CertificateSpec>,

    /// Client certificates that have been revoked; signed by clientCA. Absent means that none is looked for. Octavia's
    /// client_crl_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "clientCRL")]
    pub client_crl: Option<CertificateSpec>,

    /// How clients are asked for a certificate; required beside clientCA. Absent means NONE: they are not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,

    /// Versions of TLS to offer, TLSv1.2 or TLSv1.3 among them: haproxy (from 2.2 on) refuses a listener of older ones
    /// alone, and never offers older ones beside them. Absent means that Evenkeel leaves them alone (usually TLSv1.2 and
    /// TLSv1.3). Octavia API 2.17.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = ("self.exists(v, v in ['TLSv1.2', 'TLSv1.3'])", "must have TLSv1.2 or TLSv1.3 among the versions")
    )]
    pub versions: Option<Vec<TlsVersion>>,

    /// Ciphers in OpenSSL's format, at most 2048 characters; suites of TLS 1.3 stand among them. Octavia sorts the list, so
    /// the order means nothing, and OpenSSL skips names that it does not know; at least one must be known, and of one of
    /// the versions. A version that the list names nothing for keeps haproxy's defaults. Octavia before 19 needs a cipher
    /// of TLS 1.2 in the list. Absent means that Evenkeel leaves them alone. Octavia API 2.15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ciphers")]
    pub ciphers: Option<String>,

    /// Protocols to offer by ALPN, best first. Absent means that Evenkeel leaves them alone (usually all three). Octavia
    /// API 2.20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub alpn_protocols: Option<Vec<AlpnProtocol>>,

    /// Tells browsers to use nothing but HTTPS (Strict-Transport-Security). Absent means that they are told nothing.
    /// Octavia API 2.27.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<HstsSpec>,
}

/// A certificate, a list of authorities or of revocations.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.barbicanRef)", "barbicanRef is required"))]
pub struct CertificateSpec {
    /// URL of a Barbican secret (PKCS#12 for a certificate, PEM for authorities and revocations) or of a certificate
    /// container, at most 255 characters. The credentials must be allowed to read it. The same URL with new contents
    /// is not noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::barbican_ref")]
    pub barbican_ref: Option<String>,
}

/// HTTP Strict Transport Security.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HstsSpec {
    /// How long browsers remember: a duration in whole seconds, for example 8760h.
    #[schemars(schema_with = "schema::seconds")]
    pub max_age: String,

    /// For all names below the host's, too. Absent means false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_subdomains: Option<bool>,

    /// Allows to be put on the browsers' own lists. Absent means false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preload: Option<bool>,
}
