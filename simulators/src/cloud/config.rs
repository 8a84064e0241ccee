//! What a test or the demo may choose about the cloud.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel::clock::{Clock, SystemClock};
use jiff::Timestamp;

use super::octavia::Kind;

/// The whole configuration. `CloudConfig::default()` is a quick cloud with the lab's default world in it.
#[derive(Debug, Clone)]
pub struct CloudConfig {
    /// Seed of all ids and tokens.
    pub seed: u64,
    /// The time of day when the cloud starts.
    pub starts_at: Timestamp,
    /// Highest minor of Octavia's API: fields that are newer are unknown attributes (400).
    pub api_minor: u32,
    pub timing: Timing,
    /// Lifetime of a token.
    pub token_ttl: Duration,
    /// Endpoints of the catalogue start with this instead of with the address that the client used for Keystone,
    /// `https://cloud.example:8443` for example.
    pub catalog_base: Option<String>,
    /// Path prefixes by which requests find their service and with which the catalogue's URLs are made.
    pub prefixes: Prefixes,
    pub region: String,
    /// Data planes send heartbeats: everything becomes ONLINE this long after it is ACTIVE. `None`: silent amphorae,
    /// operating_status stays OFFLINE as in a cloud before the first heartbeat.
    pub healthy_after: Option<Duration>,
    /// Bytes of a request body that Octavia takes; beyond: 413.
    pub max_body: usize,
    /// Objects of a page when the client names no limit, and the most it may ask for.
    pub page_limit: usize,
    /// `default_provider_driver`.
    pub default_provider: String,
    /// Octavia's timeouts of listeners that name none: client data, member connect, member data, TCP inspect (ms).
    pub listener_timeouts: [i64; 4],
    pub default_ciphers: String,
    pub default_tls_versions: Vec<String>,
    pub default_alpn: Vec<String>,
    /// Neutron's quota of floating IPs for each project; -1: none.
    pub floating_ip_quota: i64,
    /// Neutron has its L3 extension; without it nobody knows of floating IPs.
    pub has_floating_ips: bool,
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
            has_floating_ips: true,
        }
    }
}

/// Where the four services stand below one address.
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

/// How long things take.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Every request that only reads, and logins.
    pub read: Duration,
    /// A PUT or DELETE, from arrival to commit and answer.
    pub write: Duration,
    /// A POST (and a batch that adds members), from arrival to commit: so long it is invisible. The project's quota
    /// row is held meanwhile, so POSTs of one project queue.
    pub commit: Duration,
    /// POST /loadbalancers instead of `commit` (it makes the VIP port meanwhile; measured: 1 to 2 s).
    pub commit_load_balancer: Duration,
    /// A wait for the quota row that takes longer ends in 503 ProjectBusy.
    pub quota_lock_timeout: Duration,
    /// PENDING_CREATE of a load balancer: the boot of its amphora.
    pub create_load_balancer: Duration,
    /// Added to it for every child of a single-call create.
    pub create_child: Duration,
    /// PENDING window of every other change.
    pub change: Duration,
    /// PENDING_DELETE of a load balancer.
    pub delete_load_balancer: Duration,
    /// PENDING windows of changes to single kinds, instead of `change`.
    pub change_of: BTreeMap<Kind, Duration>,
}

impl Default for Timing {
    /// A cloud with ready amphorae: everything takes some 100 ms.
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
    /// Nothing takes time; a change is PENDING until the next request.
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

    /// A cloud that boots a virtual machine for each load balancer, with the request times measured in the lab.
    pub fn amphora() -> Self {
        let ms = Duration::from_millis;
        Self {
            read: ms(15),
            write: ms(100),
            commit: ms(200),
            commit_load_balancer: ms(1500),
            create_load_balancer: Duration::from_secs(45),
            create_child: ms(200),
            change: ms(1500),
            delete_load_balancer: Duration::from_secs(4),
            ..Self::default()
        }
    }
}
