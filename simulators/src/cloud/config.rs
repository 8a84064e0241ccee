//! Configuration of the simulated cloud, as a test or the demo sets it.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel::clock::{Clock, SystemClock};
use jiff::Timestamp;

use super::octavia::Kind;

/// The whole configuration. `CloudConfig::default()` is a fast cloud with the same networks, flavors and users as the
/// lab of the end-to-end tests.
#[derive(Debug, Clone)]
pub struct CloudConfig {
    /// Seed of all ids and tokens.
    pub seed: u64,
    /// The time of day when the cloud starts.
    pub starts_at: Timestamp,
    /// Highest minor version of Octavia's API. Newer fields are unknown attributes (400).
    pub api_minor: u32,
    pub timing: Timing,
    /// Lifetime of a token.
    pub token_ttl: Duration,
    /// Start of the catalogue's endpoints, `https://cloud.example:8443` for example. `None`: the address that the
    /// client used for Keystone.
    pub catalog_base: Option<String>,
    /// Path prefixes of the services, for routing requests and for the URLs of the catalogue.
    pub prefixes: Prefixes,
    pub region: String,
    /// Delay of the first heartbeat of a data plane: objects become ONLINE this long after they are ACTIVE. `None`: no
    /// heartbeats, so operating_status stays OFFLINE.
    pub healthy_after: Option<Duration>,
    /// Largest request body that Octavia accepts, in bytes. A larger one gets 413.
    pub max_body: usize,
    /// Page size when the client names no limit, and the largest limit that it may name.
    pub page_limit: usize,
    /// Octavia's option `default_provider_driver`.
    pub default_provider: String,
    /// Octavia's default timeouts of listeners: client data, member connect, member data, TCP inspect (ms).
    pub listener_timeouts: [i64; 4],
    pub default_ciphers: String,
    pub default_tls_versions: Vec<String>,
    pub default_alpn: Vec<String>,
    /// Neutron's default quota of floating IPs per project. -1: unlimited.
    pub floating_ip_quota: i64,
    /// Presence of Neutron's L3 extension. Without it every request for floating IPs is a 404.
    pub has_l3_extension: bool,
}

impl Default for CloudConfig {
    fn default() -> Self {
        let text = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Self {
            seed: 1,
            starts_at: SystemClock.now(),
            api_minor: 30,
            timing: Timing::default(),
            token_ttl: Duration::from_secs(3600),
            catalog_base: None,
            prefixes: Prefixes::default(),
            region: "RegionOne".into(),
            healthy_after: None,
            max_body: 114_688,
            page_limit: 1000,
            default_provider: "amphora".into(),
            listener_timeouts: [50_000, 5_000, 50_000, 0],
            default_ciphers: "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:\
                ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
                DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305"
                .into(),
            default_tls_versions: text(&["TLSv1.2", "TLSv1.3"]),
            default_alpn: text(&["h2", "http/1.1", "http/1.0"]),
            floating_ip_quota: 50,
            has_l3_extension: true,
        }
    }
}

/// Path prefixes of the four services below one address.
#[derive(Debug, Clone)]
pub struct Prefixes {
    pub identity: String,
    pub load_balancer: String,
    pub network: String,
    pub key_manager: String,
}

impl Default for Prefixes {
    fn default() -> Self {
        Self {
            identity: "/identity".into(),
            load_balancer: "/load-balancer".into(),
            network: "/network".into(),
            key_manager: "/key-manager".into(),
        }
    }
}

/// Durations of requests and of Octavia's work.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Any read request, and any login.
    pub read: Duration,
    /// A PUT or DELETE, from arrival to commit and response.
    pub write: Duration,
    /// A POST (and a batch that adds members), from arrival to commit. The new object is invisible until then. The
    /// project's quota row is locked meanwhile, so POSTs of one project queue.
    pub commit: Duration,
    /// POST /loadbalancers, instead of `commit`: Octavia creates the VIP port within it (measured: 1 to 2 s).
    pub commit_load_balancer: Duration,
    /// Longest wait for the quota row. A longer one ends in 503 ProjectBusy.
    pub quota_lock_timeout: Duration,
    /// Time in PENDING_CREATE of a load balancer: the boot of its amphora.
    pub create_load_balancer: Duration,
    /// Addition to `create_load_balancer` for every child of a single-call create.
    pub create_child: Duration,
    /// Time in PENDING_* of every other change.
    pub change: Duration,
    /// Time in PENDING_DELETE of a load balancer.
    pub delete_load_balancer: Duration,
    /// Time in PENDING_* of changes to single kinds, instead of `change`.
    pub change_of: BTreeMap<Kind, Duration>,
}

impl Default for Timing {
    /// A cloud with spare amphorae: everything takes some 100 ms.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            read: ms(2),
            write: ms(10),
            commit: ms(20),
            commit_load_balancer: ms(100),
            quota_lock_timeout: Duration::from_secs(50),
            create_load_balancer: ms(400),
            create_child: ms(10),
            change: ms(200),
            delete_load_balancer: ms(300),
            change_of: BTreeMap::new(),
        }
    }
}

impl Timing {
    /// A cloud in which nothing takes time. A change is PENDING until the next request.
    pub fn instant() -> Self {
        let zero = Duration::ZERO;
        Self {
            read: zero,
            write: zero,
            commit: zero,
            commit_load_balancer: zero,
            create_load_balancer: zero,
            create_child: zero,
            change: zero,
            delete_load_balancer: zero,
            ..Self::default()
        }
    }
}
