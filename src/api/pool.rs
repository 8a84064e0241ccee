//! Pools: members, distribution of traffic among them, and health monitors.

use std::time::Duration;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration;
use super::load_balancer::CloudRef;
use super::member_source::MemberSourceSpec;
use super::rules::pool;
use super::schema;
use super::tls::PoolTlsSpec;
use crate::model::{Algorithm, HttpMethod, MonitorType, PersistenceType, PoolProtocol};

const MEMBER_WINDOW_DEFAULT: Duration = Duration::from_secs(2);
/// Longest `memberWindow`. The CRD has it too.
pub const MEMBER_WINDOW_MAX: Duration = Duration::from_secs(10);
/// Longest `drain`. The CRD has it too.
pub const DRAIN_MAX: Duration = Duration::from_secs(3600);

/// Largest `minMembers`. The CRD has it too.
pub const MIN_MEMBERS_MAX: usize = 100;

/// Group of members among which traffic is distributed.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = pool::cookie_persistence_needs_http(),
    validation = pool::persistence_settings_need_datagrams(),
    validation = pool::tls_needs_streams(),
    validation = pool::monitor_address_needs_monitor(),
    validation = pool::source_monitor_needs_monitor(),
    validation = pool::source_settings_need_sources(),
    validation = pool::min_members_needs_pods(),
    validation = pool::min_members_needs_monitor(),
    validation = pool::source_weights_are_complete(),
    validation = pool::monitor_suits_pool()
)]
pub struct PoolSpec {
    /// Name of the pool in this stack, and its identity: a DNS label of at most 63 characters. A pool with another name
    /// is another pool.
    #[schemars(schema_with = "schema::key")]
    pub name: String,

    /// Name in Octavia: for people only, at most 255 characters on one line, changeable; it must differ between pools.
    /// Default: name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub display_name: Option<String>,

    /// Protocol to the members (PROXYV2: Octavia API 2.22, SCTP: 2.23). Another protocol replaces the pool.
    pub protocol: PoolProtocol,

    /// Choice of the member for the next connection. Provider amphora takes all but SOURCE_IP_PORT, provider ovn only
    /// SOURCE_IP_PORT and SOURCE_IP. Octavia's lb_algorithm.
    pub algorithm: Algorithm,

    /// Text for people, at most 255 characters. If absent, Evenkeel leaves Octavia's value unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Tags in Octavia beside Evenkeel's owner tags: at most 32, each of 1 to 255 characters without comma and slash. None
    /// may begin with evenkeel: in any case, and no two may differ only in case, accents or trailing blanks, which Octavia's
    /// database ignores. Unlisted tags are removed. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::many_tags")]
    pub tags: Vec<String>,

    /// Administrative state: false stops the pool from serving. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Session persistence, which keeps a client at its member. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistenceSpec>,

    /// TLS to the members. Its presence encrypts connections to the members, even if it is empty. Default: none, and
    /// connections are not encrypted. Octavia's tls_enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PoolTlsSpec>,

    /// Health monitor of the members. Default: none, and all members are taken for healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_monitor: Option<HealthMonitorSpec>,

    /// Servers of the pool, at most 1024. Unlisted members are removed. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["address".into(), "port".into()]))]
    pub members: Vec<MemberSpec>,

    /// Services and nodes of the cluster whose endpoints are members too, at most 16. They join members: an address and
    /// port in both is one member with the fields that members gives it; of two sources the first in the list gives them,
    /// and a member is a standby only if all its sources say so. Members of a source that cannot be read stay as they
    /// are. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub member_sources: Vec<MemberSourceSpec>,

    /// Shortest interval between two changes of the members that memberSources cause, in whole seconds, 0s to 10s. The
    /// first change is made at once; those that follow within the interval are made together at its end. Default: 2s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::member_window")]
    pub member_window: Option<String>,

    /// Duration, in whole seconds, 0s to 1h, for which a member that leaves its source gets no new connections before it
    /// is removed: its weight is 0 meanwhile. It costs a second change of the pool for each member that leaves, and pays
    /// only where clients stick to members by a cookie: after a removal provider amphora lets established connections
    /// finish, and new ones go elsewhere. Not with provider ovn, which ignores weights. Default: 0s, removal at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::drain")]
    pub drain: Option<String>,

    /// Number of members below which the pool keeps members that are not ready, 0 to 100: those of memberSources with
    /// target PodIP whose pod still exists, is not being deleted and has the address. The healthMonitor, which
    /// the pool needs then, decides whether they get traffic. It helps where readiness fails although pods serve: a probe with a fault, a node that the control
    /// plane has lost. Default: 0, and a member that is not ready leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub min_members: Option<i32>,
}

impl PoolSpec {
    /// Shortest interval between two changes of the members that the sources cause. An invalid duration (stored before
    /// the schema rejected it) counts as absent.
    pub fn member_window(&self) -> Duration {
        self.member_window.as_deref().and_then(duration::parse).unwrap_or(MEMBER_WINDOW_DEFAULT).min(MEMBER_WINDOW_MAX)
    }

    /// Number of members below which those that are not ready stay.
    pub fn min_members(&self) -> usize {
        usize::try_from(self.min_members.unwrap_or_default()).unwrap_or_default().min(MIN_MEMBERS_MAX)
    }

    /// Duration for which a member that leaves its source drains.
    pub fn drain(&self) -> Duration {
        self.drain.as_deref().and_then(duration::parse).unwrap_or_default().min(DRAIN_MAX)
    }
}

/// Session persistence: keeps a client at its member.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = pool::cookie_name_of_app_cookie(),
    validation = pool::persistence_timeout_of_source_ip(),
    validation = pool::persistence_timeout_minimum(),
    validation = pool::persistence_granularity_of_source_ip()
)]
pub struct SessionPersistenceSpec {
    /// Recognition of a client: by its address (SOURCE_IP), by a cookie of the load balancer (HTTP_COOKIE), or by a
    /// cookie of the members (APP_COOKIE, with cookieName). Cookies work in pools of protocol HTTP, and of PROXY and
    /// PROXYV2 under HTTP and TERMINATED_HTTPS listeners.
    #[serde(rename = "type")]
    pub kind: PersistenceType,

    /// For APP_COOKIE: name of the members' cookie, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::cookie_name")]
    pub cookie_name: Option<String>,

    /// For SOURCE_IP in pools of protocol UDP and SCTP: duration in whole seconds, 1s to 87600h, for which an inactive
    /// client is remembered; with provider amphora at most 31 days (744h). Default: that of the cloud. Octavia's
    /// persistence_timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::seconds")]
    pub timeout: Option<String>,

    /// For SOURCE_IP in pools of protocol UDP and SCTP: netmask, for example 255.255.255.0; clients of one network
    /// count as one. Provider amphora takes IPv4 netmasks, and none if the load balancer has an IPv6 address. Default:
    /// each client on its own. Octavia's persistence_granularity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub granularity: Option<String>,
}

/// Health monitor of the members of a pool.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = pool::udp_connect_delay_minimum(),
    validation = pool::http_settings_need_http_monitor(),
    validation = pool::domain_name_needs_http_1_1()
)]
pub struct HealthMonitorSpec {
    /// Kind of check. In pools of protocol UDP and SCTP: UDP-CONNECT, SCTP (Octavia API 2.23), TCP and HTTP (2.16); in
    /// all others: HTTP, HTTPS, PING, TCP, TLS-HELLO. Another type replaces the monitor; meanwhile the members are not
    /// checked.
    #[serde(rename = "type")]
    pub kind: MonitorType,

    /// Interval between two checks: duration in whole seconds, 1s to 24h, for UDP-CONNECT at least 3s.
    #[schemars(schema_with = "schema::monitor_seconds")]
    pub delay: String,

    /// Longest duration of a check in whole seconds, 1s to 24h. It should be shorter than delay: a longer check delays
    /// the next one.
    #[schemars(schema_with = "schema::monitor_seconds")]
    pub timeout: String,

    /// Number of successful checks that make a member healthy, 1 to 10. One is enough in UDP and SCTP pools of provider
    /// amphora.
    #[schemars(range(min = 1, max = 10))]
    pub max_retries: i32,

    /// Number of failed checks that make a member unhealthy, 1 to 10. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub max_retries_down: Option<i32>,

    /// For HTTP and HTTPS: method of the request; GET only in UDP and SCTP pools of provider amphora. Default: GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_method: Option<HttpMethod>,

    /// For HTTP and HTTPS: path and query of the request, at most 2048 characters. Blanks, double quotes and # must be
    /// percent-encoded. For provider amphora Evenkeel writes & and ' as \x26 and \x27, which haproxy turns back; in
    /// pools of protocol UDP and SCTP &, ', ! and $ are rejected. Default: /.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::url_path")]
    pub url_path: Option<String>,

    /// For HTTP and HTTPS: status codes of a healthy member, at most 64 characters: one (200), several (200,202) or a
    /// range (200-204); only one in UDP and SCTP pools of provider amphora. Default: 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::expected_codes")]
    pub expected_codes: Option<String>,

    /// For HTTP and HTTPS: version "1.0" or "1.1". Default: that of Octavia (1.0). Octavia API 2.10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_version: Option<HttpVersion>,

    /// For HTTP and HTTPS with httpVersion "1.1": host name of the request, at most 253 characters. Default: none.
    /// Octavia API 2.10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::domain_name")]
    pub domain_name: Option<String>,

    /// Name in Octavia: for people only, at most 255 characters on one line, changeable. Default: name of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub display_name: Option<String>,

    /// Administrative state: false stops the checks. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Tags in Octavia: at most 32, each of 1 to 255 characters without comma and slash. None may begin with evenkeel: in
    /// any case, and no two may differ only in case, accents or trailing blanks, which Octavia's database ignores. Unlisted
    /// tags are removed. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::many_tags")]
    pub tags: Vec<String>,
}

/// Version of HTTP of a health check.
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

/// Server of a pool: an address and a port.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberSpec {
    /// IP address of one machine, in canonical spelling. Together with port it is the identity of the member.
    /// Unspecified and loopback addresses are rejected.
    #[schemars(schema_with = "schema::machine_ip")]
    pub address: String,

    /// Port, 1 to 65535. Octavia's protocol_port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// Name in Octavia: for people only, at most 255 characters on one line, changeable. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub name: Option<String>,

    /// Share of the traffic, 0 to 256; a member of weight 0 gets no new connections. Provider amphora ignores other
    /// weights in UDP and SCTP pools with LEAST_CONNECTIONS, provider ovn ignores all. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 256))]
    pub weight: Option<i32>,

    /// Standby: true makes the member serve only while no other member does; not in pools of protocol UDP and SCTP.
    /// Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,

    /// Subnet of the address, which the load balancer gets an interface in. Default: the member is reached by the
    /// routes of the VIP's subnet. Octavia's subnet_id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<CloudRef>,

    /// IP address to check in place of address, in canonical spelling; not for type PING. Unspecified and loopback
    /// addresses are rejected. Default: address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::machine_ip")]
    pub monitor_address: Option<String>,

    /// Port to check in place of port, 1 to 65535; not for type PING. Default: port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub monitor_port: Option<i32>,

    /// Administrative state: false takes all traffic from the member. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Tags in Octavia: at most 32, each of 1 to 255 characters without comma and slash. None may begin with evenkeel: in
    /// any case, and no two may differ only in case, accents or trailing blanks, which Octavia's database ignores. Unlisted
    /// tags are removed. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::plain_tags")]
    pub tags: Vec<String>,
}
