//! Listeners: ports of the load balancer, their protocols and their routing.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::l7::L7PolicySpec;
use super::rules::listener;
use super::schema;
use super::tls::ListenerTlsSpec;
use crate::model::ListenerProtocol;

/// One port that the load balancer listens on.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = listener::policies_need_http(),
    validation = listener::certificate_rules_need_terminated_https(),
    validation = listener::metrics_have_no_pool(),
    validation = listener::terminated_https_needs_tls(),
    validation = listener::tls_needs_termination(),
    validation = listener::hsts_needs_terminated_https(),
    validation = listener::headers_need_http(),
    validation = listener::certificate_headers_need_terminated_https(),
    validation = listener::certificate_headers_need_client_ca(),
    validation = listener::certificate_rules_need_client_ca()
)]
pub struct ListenerSpec {
    /// Name of the listener in this stack: a DNS label of at most 63 characters. Another name on the same port changes
    /// the listener in place.
    #[schemars(schema_with = "schema::key")]
    pub name: String,

    /// Name in Octavia: for people only, at most 255 characters on one line, changeable. Default: name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub display_name: Option<String>,

    /// Protocol of the connections. HTTPS passes encrypted connections through, TERMINATED_HTTPS decrypts them,
    /// PROMETHEUS serves the load balancer's own metrics (Octavia API 2.25; SCTP: 2.23). Another protocol on the same
    /// port replaces the listener, which interrupts traffic.
    pub protocol: ListenerProtocol,

    /// Port, 1 to 65535. Another port replaces the listener. Octavia's protocol_port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// Text for people, at most 255 characters. If absent, Evenkeel leaves Octavia's value unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Tags in Octavia beside Evenkeel's owner tags: at most 32, each of 1 to 255 characters without comma and slash. None
    /// may begin with evenkeel: in any case, and no two may differ only in case, accents or trailing blanks, which Octavia's
    /// database ignores. Unlisted tags are removed. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Vec<String>,

    /// Administrative state: false closes the port. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Name of the pool in spec.pools for requests that no L7 policy handles. Default: none, and HTTP clients get
    /// status 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::key")]
    pub default_pool: Option<String>,

    /// Most concurrent connections, from -1, on UDP and SCTP listeners to each member; -1 is the limit of the cloud's
    /// operator. Provider amphora takes 0 for -1, so 0 is rejected there. If absent, Evenkeel leaves Octavia's value
    /// unchanged (by default -1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub connection_limit: Option<i32>,

    /// Networks whose clients may connect: at most 256, in canonical spelling without host bits. Each must be of the IP
    /// version of one of the load balancer's addresses. Default: none, and every client may connect. Octavia API 2.12.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "allowedCIDRs")]
    #[schemars(schema_with = "schema::cidrs")]
    pub allowed_cidrs: Vec<String>,

    /// Headers that the load balancer adds to each request: at most 14, on HTTP and TERMINATED_HTTPS listeners.
    /// X-SSL-... need TERMINATED_HTTPS, tls.clientCA, and tls.clientAuthentication OPTIONAL or MANDATORY. Provider
    /// amphora never adds X-Forwarded-IP, X-Client-IP and X-Real-IP (Octavia 14), and adds X-Forwarded-For and
    /// X-Forwarded-Port in pools of protocol HTTP only. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 14))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub insert_headers: Vec<InsertHeader>,

    /// Connection timeouts. If absent, Evenkeel leaves all of Octavia's values unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<TimeoutsSpec>,

    /// Certificates and TLS settings. Required for TERMINATED_HTTPS, allowed for PROMETHEUS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTlsSpec>,

    /// Routing of HTTP requests by L7 policies: at most 32, on HTTP and TERMINATED_HTTPS listeners. The order has a
    /// meaning among policies of one kind only: Octavia evaluates all REJECT first, then REDIRECT_TO_URL and
    /// REDIRECT_PREFIX, then REDIRECT_TO_POOL. The list is atomic: server-side apply cannot merge the lists of two
    /// writers. A policy that is removed here is removed from Octavia; those of other clients stay. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = listener::policy_names_differ())]
    pub l7_policies: Vec<L7PolicySpec>,
}

/// A header that the load balancer can add.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InsertHeader {
    /// Address of the client.
    #[serde(rename = "X-Forwarded-For")]
    ForwardedFor,
    /// Port of the listener.
    #[serde(rename = "X-Forwarded-Port")]
    ForwardedPort,
    /// `http` or `https`, by the protocol of the listener.
    #[serde(rename = "X-Forwarded-Proto")]
    ForwardedProto,
    /// Address of the client, for other providers than amphora.
    #[serde(rename = "X-Forwarded-IP")]
    ForwardedIp,
    /// Address of the client, for other providers than amphora.
    #[serde(rename = "X-Client-IP")]
    ClientIp,
    /// Address of the client, for other providers than amphora.
    #[serde(rename = "X-Real-IP")]
    RealIp,
    /// Result of the verification of the client's certificate; 0 is success.
    #[serde(rename = "X-SSL-Client-Verify")]
    SslClientVerify,
    /// Presence of a client's certificate: 1, else 0.
    #[serde(rename = "X-SSL-Client-Has-Cert")]
    SslClientHasCert,
    /// Distinguished name of the client's certificate.
    #[serde(rename = "X-SSL-Client-DN")]
    SslClientDn,
    /// Common name of the client's certificate.
    #[serde(rename = "X-SSL-Client-CN")]
    SslClientCn,
    /// Distinguished name of the issuer of the client's certificate.
    #[serde(rename = "X-SSL-Issuer")]
    SslIssuer,
    /// SHA-1 fingerprint of the client's certificate.
    #[serde(rename = "X-SSL-Client-SHA1")]
    SslClientSha1,
    /// Beginning of the validity of the client's certificate.
    #[serde(rename = "X-SSL-Client-Not-Before")]
    SslClientNotBefore,
    /// End of the validity of the client's certificate.
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

/// Connection timeouts: durations in whole milliseconds, 0s to 576h (24 days), for example 50s or 500ms. If one is absent,
/// Evenkeel leaves Octavia's value unchanged; the cloud's operator sets the default. Timeouts have no effect on UDP and
/// SCTP, and provider amphora takes 0s for the default.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeoutsSpec {
    /// Longest inactivity of a client. Octavia's timeout_client_data, usually 50s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::milliseconds")]
    pub client_data: Option<String>,

    /// Longest time to open a connection to a member. Octavia's timeout_member_connect, usually 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::milliseconds")]
    pub member_connect: Option<String>,

    /// Longest inactivity of a member. Octavia's timeout_member_data, usually 50s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::milliseconds")]
    pub member_data: Option<String>,

    /// Longest wait for more of a TCP stream to inspect. Provider amphora inspects none, so it delays nothing.
    /// Octavia's timeout_tcp_inspect, usually 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::milliseconds")]
    pub tcp_inspect: Option<String>,
}
