//! Enumerations of Octavia's API, in Octavia's spelling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! octavia_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The value in the spelling of Octavia's API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value that Octavia's API spells so; `None` for one that a newer server knows.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

octavia_enum!(ListenerProtocol {
    Tcp = "TCP",
    Http = "HTTP",
    Https = "HTTPS",
    TerminatedHttps = "TERMINATED_HTTPS",
    Udp = "UDP",
    Sctp = "SCTP",
    Prometheus = "PROMETHEUS",
});

octavia_enum!(PoolProtocol {
    Tcp = "TCP",
    Http = "HTTP",
    Https = "HTTPS",
    Udp = "UDP",
    Sctp = "SCTP",
    Proxy = "PROXY",
    ProxyV2 = "PROXYV2",
});

octavia_enum!(Algorithm {
    RoundRobin = "ROUND_ROBIN",
    LeastConnections = "LEAST_CONNECTIONS",
    SourceIp = "SOURCE_IP",
    SourceIpPort = "SOURCE_IP_PORT",
});

octavia_enum!(PersistenceType {
    SourceIp = "SOURCE_IP",
    HttpCookie = "HTTP_COOKIE",
    AppCookie = "APP_COOKIE",
});

octavia_enum!(MonitorType {
    Ping = "PING",
    Tcp = "TCP",
    Http = "HTTP",
    Https = "HTTPS",
    TlsHello = "TLS-HELLO",
    UdpConnect = "UDP-CONNECT",
    Sctp = "SCTP",
});

octavia_enum!(L7PolicyAction {
    RedirectToPool = "REDIRECT_TO_POOL",
    RedirectToUrl = "REDIRECT_TO_URL",
    RedirectPrefix = "REDIRECT_PREFIX",
    Reject = "REJECT",
});

octavia_enum!(L7RuleType {
    HostName = "HOST_NAME",
    Path = "PATH",
    FileType = "FILE_TYPE",
    Header = "HEADER",
    Cookie = "COOKIE",
    SslConnHasCert = "SSL_CONN_HAS_CERT",
    SslVerifyResult = "SSL_VERIFY_RESULT",
    SslDnField = "SSL_DN_FIELD",
});

octavia_enum!(L7CompareType {
    Regex = "REGEX",
    StartsWith = "STARTS_WITH",
    EndsWith = "ENDS_WITH",
    Contains = "CONTAINS",
    EqualTo = "EQUAL_TO",
});

octavia_enum!(ClientAuthentication {
    None = "NONE",
    Optional = "OPTIONAL",
    Mandatory = "MANDATORY",
});

octavia_enum!(TlsVersion {
    SslV3 = "SSLv3",
    V1 = "TLSv1",
    V1_1 = "TLSv1.1",
    V1_2 = "TLSv1.2",
    V1_3 = "TLSv1.3",
});

octavia_enum!(AlpnProtocol {
    H2 = "h2",
    Http11 = "http/1.1",
    Http10 = "http/1.0",
});

octavia_enum!(HttpMethod {
    Get = "GET",
    Head = "HEAD",
    Post = "POST",
    Put = "PUT",
    Delete = "DELETE",
    Trace = "TRACE",
    Options = "OPTIONS",
    Connect = "CONNECT",
    Patch = "PATCH",
});

/// Transport protocol of a listener. Octavia keys listeners by it: a port may be used once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransportProtocol {
    Tcp,
    Udp,
    Sctp,
}

impl ListenerProtocol {
    pub const fn transport(self) -> TransportProtocol {
        match self {
            Self::Udp => TransportProtocol::Udp,
            Self::Sctp => TransportProtocol::Sctp,
            Self::Tcp | Self::Http | Self::Https | Self::TerminatedHttps | Self::Prometheus => TransportProtocol::Tcp,
        }
    }

    /// True for listeners on which Octavia evaluates L7 policies. (Amphora driver: others are a 501, or without
    /// effect.)
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::TerminatedHttps)
    }

    /// True for pairs in Octavia's table of listener and pool protocols (`octavia/common/constants.py`,
    /// VALID_LISTENER_POOL_PROTOCOL_MAP).
    pub const fn suits(self, pool: PoolProtocol) -> bool {
        use PoolProtocol as P;
        match self {
            Self::Tcp => matches!(pool, P::Tcp | P::Http | P::Https | P::Proxy | P::ProxyV2),
            Self::Http | Self::TerminatedHttps => matches!(pool, P::Http | P::Proxy | P::ProxyV2),
            Self::Https => matches!(pool, P::Tcp | P::Https | P::Proxy | P::ProxyV2),
            Self::Udp => matches!(pool, P::Udp),
            Self::Sctp => matches!(pool, P::Sctp),
            Self::Prometheus => false,
        }
    }
}

impl PoolProtocol {
    /// True for protocols without connections. Their pools take no TLS, other kinds of persistence and health monitors,
    /// and only members of an IP version that the load balancer has.
    pub const fn is_datagram(self) -> bool {
        matches!(self, Self::Udp | Self::Sctp)
    }
}

impl MonitorType {
    /// True for types that take httpMethod, urlPath and expectedCodes; on others Octavia answers 400.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}
