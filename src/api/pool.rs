//! Pools: members, how traffic is spread over them, and how they are watched.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CertificateSpec;
use super::CloudRef;
use super::{ciphers, schema};
use crate::model::{Algorithm, AlpnProtocol, HttpMethod, MonitorType, PersistenceType, PoolProtocol, TlsVersion};

/// Members that serve the same thing.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.sessionPersistence) || self.sessionPersistence.type == 'SOURCE_IP' || self.protocol in ['HTTP', 'PROXY', 'PROXYV2']")
        .message("sessionPersistence of type HTTP_COOKIE and APP_COOKIE is allowed in pools of protocol HTTP, PROXY and PROXYV2 only")
        .field_path(".sessionPersistence"),
    validation = Rule::new("!has(self.sessionPersistence) || (!has(self.sessionPersistence.timeout) && !has(self.sessionPersistence.granularity)) || self.protocol in ['UDP', 'SCTP']")
        .message("timeout and granularity of sessionPersistence are allowed in pools of protocol UDP and SCTP only")
        .field_path(".sessionPersistence"),
    validation = Rule::new("!has(self.tls) || !(self.protocol in ['UDP', 'SCTP'])")
        .message("tls is not allowed in pools of protocol UDP and SCTP")
        .field_path(".tls"),
    validation = Rule::new("has(self.healthMonitor) || !has(self.members) || self.members.all(m, !has(m.monitorAddress) && !has(m.monitorPort))")
        .message("monitorAddress and monitorPort of a member need a healthMonitor in the pool")
        .field_path(".members"),
    validation = Rule::new("!has(self.healthMonitor) || (self.protocol in ['UDP', 'SCTP'] ? self.healthMonitor.type in ['HTTP', 'TCP', 'UDP-CONNECT', 'SCTP'] : !(self.healthMonitor.type in ['UDP-CONNECT', 'SCTP']))")
        .message("the type of healthMonitor must suit the pool: UDP and SCTP take UDP-CONNECT, SCTP, TCP, HTTP; all others take HTTP, HTTPS, PING, TCP, TLS-HELLO")
        .field_path(".healthMonitor")
)]
pub struct PoolSpec {
    /// The name of the pool in this stack, which is also its identity: a DNS label of at most 63 characters.
    #[schemars(schema_with = "schema::key")]
    pub name: String,

    /// Octavia's name: for people only, may change; must differ between pools. Absent means name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub display_name: Option<String>,

    /// What is spoken to the members (PROXYV2: Octavia API 2.22, SCTP: 2.23). Another protocol replaces the pool.
    pub protocol: PoolProtocol,

    /// Who gets the next connection. Octavia's lb_algorithm. Provider amphora knows all but SOURCE_IP_PORT, provider ovn
    /// only SOURCE_IP_PORT and SOURCE_IP.
    pub algorithm: Algorithm,

    /// A text for people, at most 255 characters. Absent means that Evenkeel leaves it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Tags in Octavia, besides Evenkeel's own: at most 32 of at most 255 characters each, without comma and slash;
    /// evenkeel: is refused as a beginning. No two may differ in case, accents or blanks at the end alone: Octavia's
    /// database holds them for one. Tags that are not listed are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::many_tags")]
    pub tags: Vec<String>,

    /// False: the pool serves nobody. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Keeps a client with the member that it had before. Absent means that it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistenceSpec>,

    /// Being there means that connections to the members are encrypted, even if it is empty. Absent means that they are
    /// not. Octavia's tls_enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PoolTlsSpec>,

    /// Watches the members. Absent means that all are taken for healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_monitor: Option<HealthMonitorSpec>,

    /// Who serves, at most 1024. A member that is removed here is removed from Octavia.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["address".into(), "port".into()]))]
    pub members: Vec<MemberSpec>,
}

/// Keeps a client with its member.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.cookieName) == (self.type == 'APP_COOKIE')")
        .message("cookieName is required for type APP_COOKIE and allowed for no other")
        .field_path(".cookieName"),
    validation = Rule::new("self.type == 'SOURCE_IP' || !has(self.timeout)")
        .message("timeout is allowed for type SOURCE_IP only")
        .field_path(".timeout"),
    validation = Rule::new("!has(self.timeout) || duration(self.timeout) >= duration('1s')")
        .message("timeout must be at least 1s")
        .field_path(".timeout"),
    validation = Rule::new("self.type == 'SOURCE_IP' || !has(self.granularity)")
        .message("granularity is allowed for type SOURCE_IP only")
        .field_path(".granularity")
)]
pub struct SessionPersistenceSpec {
    /// How to know a client again: by its address, by a cookie that the load balancer sets, or by one that the members
    /// set (cookieName). Cookies work in pools of protocol HTTP, and of PROXY and PROXYV2 under HTTP and
    /// TERMINATED_HTTPS listeners.
    #[serde(rename = "type")]
    pub kind: PersistenceType,

    /// For APP_COOKIE: the name of the members' cookie, at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::cookie_name")]
    pub cookie_name: Option<String>,

    /// For SOURCE_IP in pools of protocol UDP and SCTP: how long a silent client is remembered, in whole seconds, at
    /// most 31 days with provider amphora. Absent means the cloud's default. Octavia's persistence_timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::seconds")]
    pub timeout: Option<String>,

    /// For SOURCE_IP in pools of protocol UDP and SCTP: a netmask, for example 255.255.255.0; clients of one network
    /// count as one. Provider amphora knows IPv4 netmasks, and none where the load balancer has an address of IPv6. Absent
    /// means each on its own. Octavia's persistence_granularity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub granularity: Option<String>,
}

/// How connections to the members are encrypted. Octavia API 2.8.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.crl) || has(self.ca)").message("crl needs ca").field_path(".crl"),
    validation = ciphers::names_of_openssl(),
    validation = ciphers::suites_for_the_newest_version(),
    validation = ciphers::ciphers_for_older_versions()
)]
pub struct PoolTlsSpec {
    /// The certificate that the load balancer shows to the members. Absent means none. Octavia's tls_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateSpec>,

    /// The authorities whose certificates the members must have. Absent means that certificates of members are not
    /// checked. Octavia's ca_tls_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<CertificateSpec>,

    /// Certificates of members that have been revoked; signed by ca. Absent means that none is looked for. Octavia's
    /// crl_container_ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl: Option<CertificateSpec>,

    /// Versions of TLS to offer, not SSLv3 alone, which haproxy is built without and refuses. Absent means that Evenkeel
    /// leaves them alone. Octavia API 2.18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = ("self.exists(v, v != 'SSLv3')", "must have a version newer than SSLv3")
    )]
    pub versions: Option<Vec<TlsVersion>>,

    /// Ciphers in OpenSSL's format, at most 2048 characters; suites of TLS 1.3 stand among them. Octavia sorts the list, so
    /// the order means nothing, and OpenSSL skips names that it does not know; at least one must be known, and of one of
    /// the versions. A version that the list names nothing for keeps haproxy's defaults. Octavia before 19 needs a cipher
    /// of TLS 1.2 in the list. Absent means that Evenkeel leaves them alone. Octavia API 2.15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ciphers")]
    pub ciphers: Option<String>,

    /// Protocols to offer by ALPN, best first. Absent means that Evenkeel leaves them alone. Octavia API 2.24.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub alpn_protocols: Option<Vec<AlpnProtocol>>,
}

/// Watches the members of a pool.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.type != 'UDP-CONNECT' || duration(self.delay) >= duration('3s')")
        .message("delay of type UDP-CONNECT must be at least 3s")
        .field_path(".delay"),
    validation = Rule::new("self.type in ['HTTP', 'HTTPS'] || (!has(self.httpMethod) && !has(self.urlPath) && !has(self.expectedCodes) && !has(self.httpVersion) && !has(self.domainName))")
        .message("httpMethod, urlPath, expectedCodes, httpVersion and domainName are allowed for types HTTP and HTTPS only"),
    validation = Rule::new("!has(self.domainName) || (has(self.httpVersion) && self.httpVersion == '1.1')")
        .message("domainName needs httpVersion \"1.1\"")
        .field_path(".domainName")
)]
pub struct HealthMonitorSpec {
    /// What to try. In pools of protocol UDP and SCTP: UDP-CONNECT, SCTP (Octavia API 2.23), TCP and HTTP (2.16);
    /// in all others: HTTP, HTTPS, PING, TCP, TLS-HELLO. Another type replaces the monitor; meanwhile the members are
    /// not watched.
    #[serde(rename = "type")]
    pub kind: MonitorType,

    /// Time between two tries: a duration in whole seconds from 1s to 24h, for UDP-CONNECT at least 3s.
    #[schemars(schema_with = "schema::monitor_seconds")]
    pub delay: String,

    /// How long a try may take: a duration in whole seconds from 1s to 24h. Should be shorter than delay, so that the tries do
    /// not follow each other more slowly than delay says.
    #[schemars(schema_with = "schema::monitor_seconds")]
    pub timeout: String,

    /// How many good tries make a member healthy: 1 to 10. One is enough in UDP and SCTP pools of provider amphora.
    #[schemars(range(min = 1, max = 10))]
    pub max_retries: i32,

    /// How many bad tries make a member unhealthy: 1 to 10. Absent means 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub max_retries_down: Option<i32>,

    /// For HTTP and HTTPS: the method; GET in UDP and SCTP pools of provider amphora. Absent means GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_method: Option<HttpMethod>,

    /// For HTTP and HTTPS: path and query to ask for, at most 2048 characters. Blanks, double quotes and # must be
    /// percent-encoded. For provider amphora Evenkeel writes & and ' as \x26 and \x27, which haproxy turns back; in pools
    /// of protocol UDP and SCTP &, ', ! and $ are refused. Absent means /.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::url_path")]
    pub url_path: Option<String>,

    /// For HTTP and HTTPS: codes that mean healthy: one (200), several (200,202) or a range (200-204); one in UDP
    /// and SCTP pools of provider amphora. Absent means 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::expected_codes")]
    pub expected_codes: Option<String>,

    /// For HTTP and HTTPS: "1.0" or "1.1". Absent means Octavia's choice (1.0). Octavia API 2.10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_version: Option<HttpVersion>,

    /// For HTTP and HTTPS with httpVersion "1.1": the host to ask for. Absent means that none is named. Octavia
    /// API 2.10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::domain_name")]
    pub domain_name: Option<String>,

    /// Octavia's name: for people only, may change. Absent means the name of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub display_name: Option<String>,

    /// False: the members are not watched. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Tags in Octavia: at most 32 of at most 255 characters each, without comma and slash; evenkeel: is refused as a
    /// beginning. No two may differ in case, accents or blanks at the end alone: Octavia's database holds them for one.
    /// Tags that are not listed are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::many_tags")]
    pub tags: Vec<String>,
}

#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    #[serde(rename = "1.0")]
    V1_0,
    #[serde(rename = "1.1")]
    V1_1,
}

impl HttpVersion {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
        }
    }
}

/// One address and port that serves.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberSpec {
    /// The address, in canonical spelling. With port it is the identity of the member.
    #[schemars(schema_with = "schema::ip")]
    pub address: String,

    /// The port, 1 to 65535. Octavia's protocol_port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// Octavia's name: for people only, may change. Absent means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub name: Option<String>,

    /// Its share of the traffic, 0 to 256; 0 gets no new connections. Provider amphora does not look at others in UDP and
    /// SCTP pools with LEAST_CONNECTIONS, nor provider ovn at any. Absent means 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 256))]
    pub weight: Option<i32>,

    /// True: serves only while no other member does (active-standby); not in pools of protocol UDP and SCTP. Absent means
    /// false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,

    /// The subnet of the address, for the load balancer to have a leg in. Absent means that it is reached by the routes
    /// of the VIP's subnet. Octavia's subnet_id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<CloudRef>,

    /// Where the healthMonitor of the pool asks instead of address, in canonical spelling; not for type PING. Absent means
    /// address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub monitor_address: Option<String>,

    /// Where the healthMonitor of the pool asks instead of port, 1 to 65535; not for type PING. Absent means port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub monitor_port: Option<i32>,

    /// False: the member gets no traffic. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Tags in Octavia: at most 32 of at most 255 characters each, without comma and slash; evenkeel: is refused as a
    /// beginning. No two may differ in case, accents or blanks at the end alone: Octavia's database holds them for one.
    /// Tags that are not listed are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::plain_tags")]
    pub tags: Vec<String>,
}
