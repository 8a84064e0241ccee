//! Octavia's own words, spelled as Octavia spells them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as Octavia's API spells it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(ListenerProtocol {
    Tcp = "TCP",
    Http = "HTTP",
    Https = "HTTPS",
    TerminatedHttps = "TERMINATED_HTTPS",
    Udp = "UDP",
    Sctp = "SCTP",
    Prometheus = "PROMETHEUS",
});

words!(PoolProtocol {
    Tcp = "TCP",
    Http = "HTTP",
    Https = "HTTPS",
    Udp = "UDP",
    Sctp = "SCTP",
    Proxy = "PROXY",
    ProxyV2 = "PROXYV2",
});

words!(Algorithm {
    RoundRobin = "ROUND_ROBIN",
    LeastConnections = "LEAST_CONNECTIONS",
    SourceIp = "SOURCE_IP",
    SourceIpPort = "SOURCE_IP_PORT",
});

words!(PersistenceType {
    SourceIp = "SOURCE_IP",
    HttpCookie = "HTTP_COOKIE",
    AppCookie = "APP_COOKIE",
});

words!(MonitorType {
    Ping = "PING",
    Tcp = "TCP",
    Http = "HTTP",
    Https = "HTTPS",
    TlsHello = "TLS-HELLO",
    UdpConnect = "UDP-CONNECT",
    Sctp = "SCTP",
});

words!(PolicyAction {
    RedirectToPool = "REDIRECT_TO_POOL",
    RedirectToUrl = "REDIRECT_TO_URL",
    RedirectPrefix = "REDIRECT_PREFIX",
    Reject = "REJECT",
});

words!(RuleType {
    HostName = "HOST_NAME",
    Path = "PATH",
    FileType = "FILE_TYPE",
    Header = "HEADER",
    Cookie = "COOKIE",
    SslConnHasCert = "SSL_CONN_HAS_CERT",
    SslVerifyResult = "SSL_VERIFY_RESULT",
    SslDnField = "SSL_DN_FIELD",
});

words!(CompareType {
    Regex = "REGEX",
    StartsWith = "STARTS_WITH",
    EndsWith = "ENDS_WITH",
    Contains = "CONTAINS",
    EqualTo = "EQUAL_TO",
});

words!(ClientAuthentication {
    None = "NONE",
    Optional = "OPTIONAL",
    Mandatory = "MANDATORY",
});

words!(TlsVersion {
    SslV3 = "SSLv3",
    V1 = "TLSv1",
    V1_1 = "TLSv1.1",
    V1_2 = "TLSv1.2",
    V1_3 = "TLSv1.3",
});

words!(AlpnProtocol {
    H2 = "h2",
    Http11 = "http/1.1",
    Http10 = "http/1.0",
});

words!(HttpMethod {
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

/// The transport that Octavia keys listeners by: one port may be used once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum L4 {
    Tcp,
    Udp,
    Sctp,
}

impl ListenerProtocol {
    pub const fn l4(self) -> L4 {
        match self {
            Self::Udp => L4::Udp,
            Self::Sctp => L4::Sctp,
            Self::Tcp | Self::Http | Self::Https | Self::TerminatedHttps | Self::Prometheus => L4::Tcp,
        }
    }

    /// Listeners on which Octavia evaluates L7 policies (amphora driver: others are 501, or silently without effect).
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::TerminatedHttps)
    }

    /// Octavia's table of listener and pool protocols (`octavia/common/constants.py`,
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

impl MonitorType {
    /// Only these take httpMethod, urlPath and expectedCodes; on others Octavia answers 400.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}
