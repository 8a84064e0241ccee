//! The attributes of Octavia's objects (`octavia/api/v2/types/`).

use super::Kind;
use super::schema::request_kind::{ANY, CREATE, NESTED, POST, PUT};
use super::schema::{COOKIE_NAME, DOMAIN_NAME, EXPECTED_CODES, Field, Fill, ONE_LINE, Schema, Type};

const NAME: Type = Type::Text(255);
const TAGS: Field = Field::new("tags", Type::List(&NAME), ANY).since(5);
const ADMIN: Field = Field::new("admin_state_up", Type::Bool, ANY).fill(Fill::True);
const PORT: Type = Type::Int(1, 65_535);
const TIMEOUT: Type = Type::Int(0, 2_073_600_000);
const RETRIES: Type = Type::Int(1, 10);
const POSITION: Type = Type::Int(1, 2_147_483_647);
const NO_LIMIT: i64 = i64::MAX;

const LISTENER_PROTOCOLS: Type =
    Type::OneOf(&["HTTP", "HTTPS", "PROMETHEUS", "SCTP", "TCP", "TERMINATED_HTTPS", "UDP"]);
const POOL_PROTOCOLS: Type = Type::OneOf(&["HTTP", "HTTPS", "PROXY", "PROXYV2", "SCTP", "TCP", "UDP"]);
const ALGORITHMS: Type = Type::OneOf(&["LEAST_CONNECTIONS", "ROUND_ROBIN", "SOURCE_IP", "SOURCE_IP_PORT"]);

const fn text(name: &'static str, request_kinds: u8) -> Field {
    Field::new(name, NAME, request_kinds)
}

/// `project_id` and its old alias: every POST accepts them, and only load balancers use them.
const PROJECT: Field = Field::new("project_id", Type::Text(36), POST);
const TENANT: Field = Field::new("tenant_id", Type::Text(36), POST);

static LOAD_BALANCER: Schema = Schema {
    fields: &[
        text("name", ANY),
        text("description", ANY),
        ADMIN,
        Field::new("vip_address", Type::Ip, POST),
        Field::new("vip_port_id", Type::Uuid, POST),
        Field::new("vip_subnet_id", Type::Uuid, POST),
        Field::new("vip_network_id", Type::Uuid, POST),
        Field::new("vip_qos_policy_id", Type::Uuid, POST | PUT),
        Field::new("vip_sg_ids", Type::List(&Type::Uuid), POST | PUT).since(29),
        Field::new("additional_vips", Type::List(&Type::Object(&ADDITIONAL_VIP)), POST).since(26).fill(Fill::EmptyList),
        PROJECT,
        Field::new("listeners", Type::List(&Type::Object(&LISTENER)), POST).fill(Fill::EmptyList),
        Field::new("pools", Type::List(&Type::Object(&POOL)), POST).fill(Fill::EmptyList),
        Field::new("provider", Type::Text(64), POST),
        TAGS,
        Field::new("flavor_id", Type::Uuid, POST).since(6),
        Field::new("availability_zone", NAME, POST).since(14),
        TENANT,
    ],
};

static ADDITIONAL_VIP: Schema = Schema {
    fields: &[
        Field::new("subnet_id", Type::Uuid, CREATE).required(CREATE),
        Field::new("ip_address", Type::Ip, CREATE),
        Field::new("port_id", Type::Uuid, CREATE),
    ],
};

static LISTENER: Schema = Schema {
    fields: &[
        text("name", ANY),
        text("description", ANY),
        ADMIN,
        Field::new("protocol", LISTENER_PROTOCOLS, CREATE).required(CREATE),
        Field::new("protocol_port", PORT, CREATE).required(CREATE),
        Field::new("connection_limit", Type::Int(-1, NO_LIMIT), ANY).fill(Fill::Int(-1)),
        text("default_tls_container_ref", ANY),
        Field::new("sni_container_refs", Type::List(&NAME), ANY),
        PROJECT,
        Field::new("default_pool_id", Type::Uuid, ANY),
        Field::new("default_pool", Type::Object(&POOL), CREATE),
        Field::new("l7policies", Type::List(&Type::Object(&L7_POLICY)), CREATE).fill(Fill::EmptyList),
        Field::new("insert_headers", Type::Texts, ANY),
        Field::new("loadbalancer_id", Type::Uuid, POST).required(POST),
        Field::new("timeout_client_data", TIMEOUT, ANY).since(1),
        Field::new("timeout_member_connect", TIMEOUT, ANY).since(1),
        Field::new("timeout_member_data", TIMEOUT, ANY).since(1),
        Field::new("timeout_tcp_inspect", TIMEOUT, ANY).since(1),
        TAGS,
        text("client_ca_tls_container_ref", ANY).since(8),
        Field::new("client_authentication", Type::OneOf(&["MANDATORY", "NONE", "OPTIONAL"]), ANY)
            .since(8)
            .fill(Fill::Text("NONE")),
        text("client_crl_container_ref", ANY).since(8),
        Field::new("allowed_cidrs", Type::List(&Type::Cidr), ANY).since(12),
        Field::new("tls_ciphers", Type::Text(2048), ANY).since(15),
        Field::new("tls_versions", Type::List(&Type::Text(32)), ANY).since(17),
        Field::new("alpn_protocols", Type::List(&Type::Alpn), ANY).since(20),
        Field::new("hsts_max_age", Type::Int(0, NO_LIMIT), POST | PUT).since(27),
        // The single call lacks the lower bound.
        Field::new("hsts_max_age", Type::Int(i64::MIN, NO_LIMIT), NESTED).since(27),
        Field::new("hsts_include_subdomains", Type::Bool, ANY).since(27).fill(Fill::False),
        Field::new("hsts_preload", Type::Bool, ANY).since(27).fill(Fill::False),
        TENANT,
    ],
};

static SESSION_PERSISTENCE: Schema = Schema {
    fields: &[
        Field::new("type", Type::OneOf(&["APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"]), ANY).required(CREATE),
        Field::new("cookie_name", COOKIE_NAME, ANY),
        Field::new("persistence_timeout", Type::Int(i64::MIN, NO_LIMIT), ANY).since(2),
        Field::new("persistence_granularity", Type::Ip, ANY).since(2),
    ],
};

static POOL: Schema = Schema {
    fields: &[
        text("name", ANY),
        text("description", ANY),
        ADMIN,
        Field::new("listener_id", Type::Uuid, POST),
        Field::new("loadbalancer_id", Type::Uuid, POST),
        Field::new("protocol", POOL_PROTOCOLS, CREATE).required(POST),
        Field::new("lb_algorithm", ALGORITHMS, ANY).required(POST),
        Field::new("session_persistence", Type::Object(&SESSION_PERSISTENCE), ANY),
        PROJECT,
        Field::new("healthmonitor", Type::Object(&HEALTH_MONITOR), CREATE),
        Field::new("members", Type::List(&Type::Object(&MEMBER)), CREATE),
        TAGS,
        text("tls_container_ref", ANY).since(8),
        text("ca_tls_container_ref", ANY).since(8),
        text("crl_container_ref", ANY).since(8),
        Field::new("tls_enabled", Type::Bool, ANY).since(8).fill(Fill::False),
        Field::new("tls_ciphers", Type::Text(2048), ANY).since(15),
        Field::new("tls_versions", Type::List(&Type::Text(32)), ANY).since(18),
        Field::new("alpn_protocols", Type::List(&Type::Alpn), ANY).since(24),
        TENANT,
    ],
};

static MEMBER: Schema = Schema {
    fields: &[
        text("name", ANY),
        ADMIN,
        Field::new("address", Type::Ip, CREATE).required(CREATE),
        Field::new("protocol_port", PORT, CREATE).required(CREATE),
        Field::new("weight", Type::Int(0, 256), ANY).fill(Fill::Int(1)),
        Field::new("backup", Type::Bool, ANY).since(1).fill(Fill::False),
        Field::new("subnet_id", Type::Uuid, CREATE),
        PROJECT,
        Field::new("monitor_port", PORT, ANY),
        Field::new("monitor_address", Type::Ip, ANY),
        TAGS,
        Field::new("request_sriov", Type::Bool, CREATE).since(30).fill(Fill::False),
        TENANT,
    ],
};

static HEALTH_MONITOR: Schema = Schema {
    fields: &[
        text("name", ANY),
        Field::new("type", Type::OneOf(&["HTTP", "HTTPS", "PING", "SCTP", "TCP", "TLS-HELLO", "UDP-CONNECT"]), CREATE)
            .required(CREATE),
        Field::new("delay", Type::Int(0, NO_LIMIT), ANY).required(CREATE),
        Field::new("timeout", Type::Int(0, NO_LIMIT), ANY).required(CREATE),
        Field::new("max_retries_down", RETRIES, ANY).fill(Fill::Int(3)),
        Field::new("max_retries", RETRIES, ANY).required(CREATE),
        Field::new(
            "http_method",
            Type::OneOf(&["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]),
            ANY,
        ),
        Field::new("url_path", Type::UrlPath, ANY),
        Field::new("expected_codes", EXPECTED_CODES, ANY),
        ADMIN,
        PROJECT,
        Field::new("pool_id", Type::Uuid, POST).required(POST),
        TAGS,
        Field::new("http_version", Type::Float(&[1.0, 1.1]), ANY).since(10),
        Field::new("domain_name", DOMAIN_NAME, ANY).since(10),
        TENANT,
    ],
};

static L7_POLICY: Schema = Schema {
    fields: &[
        text("name", ANY),
        text("description", ANY),
        ADMIN,
        PROJECT,
        Field::new("action", Type::OneOf(&["REDIRECT_PREFIX", "REDIRECT_TO_POOL", "REDIRECT_TO_URL", "REJECT"]), ANY)
            .required(CREATE),
        Field::new("redirect_pool_id", Type::Uuid, POST | PUT),
        Field::new("redirect_pool", Type::Object(&POOL), NESTED),
        Field::new("redirect_url", Type::Url, ANY),
        Field::new("redirect_prefix", Type::Url, ANY),
        Field::new("position", POSITION, ANY).fill(Fill::Int(2_147_483_647)),
        Field::new("listener_id", Type::Uuid, POST).required(POST),
        Field::new("rules", Type::List(&Type::Object(&L7_RULE)), CREATE),
        TAGS,
        Field::new("redirect_http_code", Type::OneOfInt(&[301, 302, 303, 307, 308]), ANY).since(9),
        TENANT,
    ],
};

static L7_RULE: Schema = Schema {
    fields: &[
        Field::new(
            "type",
            Type::OneOf(&[
                "COOKIE",
                "FILE_TYPE",
                "HEADER",
                "HOST_NAME",
                "PATH",
                "SSL_CONN_HAS_CERT",
                "SSL_DN_FIELD",
                "SSL_VERIFY_RESULT",
            ]),
            ANY,
        )
        .required(CREATE),
        Field::new("compare_type", Type::OneOf(&["CONTAINS", "ENDS_WITH", "EQUAL_TO", "REGEX", "STARTS_WITH"]), ANY)
            .required(CREATE),
        Field::new("key", ONE_LINE, POST | PUT),
        text("key", NESTED),
        Field::new("value", ONE_LINE, POST | PUT).required(POST),
        text("value", NESTED).required(NESTED),
        Field::new("invert", Type::Bool, ANY).fill(Fill::False),
        ADMIN,
        PROJECT,
        TAGS,
        TENANT,
    ],
};

const QUOTA_VALUE: Type = Type::Int(-1, 2_000_000_000);

pub(crate) static QUOTA: Schema = Schema {
    fields: &[
        Field::new("loadbalancer", QUOTA_VALUE, PUT),
        Field::new("load_balancer", QUOTA_VALUE, PUT),
        Field::new("listener", QUOTA_VALUE, PUT),
        Field::new("member", QUOTA_VALUE, PUT),
        Field::new("pool", QUOTA_VALUE, PUT),
        Field::new("healthmonitor", QUOTA_VALUE, PUT),
        Field::new("health_monitor", QUOTA_VALUE, PUT),
        Field::new("l7policy", QUOTA_VALUE, PUT),
        Field::new("l7rule", QUOTA_VALUE, PUT).since(19),
    ],
};

pub(crate) fn schema(kind: Kind) -> &'static Schema {
    match kind {
        Kind::LoadBalancer => &LOAD_BALANCER,
        Kind::Listener => &LISTENER,
        Kind::Pool => &POOL,
        Kind::Member => &MEMBER,
        Kind::HealthMonitor => &HEALTH_MONITOR,
        Kind::L7Policy => &L7_POLICY,
        Kind::L7Rule => &L7_RULE,
    }
}
