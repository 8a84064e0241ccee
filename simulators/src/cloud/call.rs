//! One HTTP request, as the simulated services see it.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use serde_json::Value;

use super::config::Prefixes;

/// The simulated services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    Identity,
    LoadBalancer,
    Network,
    KeyManager,
}

impl Service {
    pub const ALL: [Self; 4] = [Self::Identity, Self::LoadBalancer, Self::Network, Self::KeyManager];

    /// The service type in Keystone's catalogue.
    pub fn catalog_type(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::LoadBalancer => "load-balancer",
            Self::Network => "network",
            Self::KeyManager => "key-manager",
        }
    }

    /// The service name in Keystone's catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "keystone",
            Self::LoadBalancer => "octavia",
            Self::Network => "neutron",
            Self::KeyManager => "barbican",
        }
    }
}

impl Prefixes {
    pub fn of(&self, service: Service) -> &str {
        match service {
            Service::Identity => &self.identity,
            Service::LoadBalancer => &self.load_balancer,
            Service::Network => &self.network,
            Service::KeyManager => &self.key_manager,
        }
    }
}

/// Interfaces of the catalogue, with the path segment under which each is served. All but `public` have a segment of
/// their own, so that a client which picks the wrong interface shows up in the request log.
pub(crate) const INTERFACES: [(&str, &str); 3] = [("public", ""), ("internal", "/internal"), ("admin", "/admin")];

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: Method,
    pub service: Service,
    /// Path below the service's prefix, with its leading slash and without a trailing one.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// `http://host:port`, as the client addressed the cloud.
    pub base: String,
    /// The prefix that was stripped from the path.
    pub prefix: String,
}

impl Call {
    /// Reads a request. `None`: no service is served under this path.
    pub fn new(request: Request<Bytes>, prefixes: &Prefixes) -> Option<Self> {
        let (parts, body) = request.into_parts();
        let whole = parts.uri.path();
        let (service, prefix) = INTERFACES
            .iter()
            .flat_map(|(_, interface)| {
                Service::ALL.map(|service| (service, format!("{interface}{}", prefixes.of(service))))
            })
            .filter(|(_, prefix)| below(whole, prefix))
            .max_by_key(|(_, prefix)| prefix.len())?;
        let path = whole[prefix.len()..].trim_end_matches('/').to_owned();
        let host = parts.headers.get("host").and_then(|value| value.to_str().ok());
        let authority = parts.uri.authority().map(|a| a.as_str()).or(host).unwrap_or("cloud.test");
        let scheme = parts.uri.scheme_str().unwrap_or("http");
        Some(Self {
            method: parts.method,
            service,
            path,
            query: read_query(parts.uri.query().unwrap_or_default()),
            headers: parts.headers.clone(),
            body,
            base: format!("{scheme}://{authority}"),
            prefix,
        })
    }

    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn parameters(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub fn is_write(&self) -> bool {
        self.service != Service::Identity && self.method != Method::GET && self.method != Method::HEAD
    }
}

fn below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

/// Reads `application/x-www-form-urlencoded`, leniently.
fn read_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(value)) => {
                decoded.push(value);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The user and project behind a token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub user: String,
    pub project: String,
    pub roles: BTreeSet<String>,
}

impl Caller {
    pub fn is_admin(&self) -> bool {
        self.roles.contains("admin")
    }

    /// True with Octavia's role `reader` in the project, which `member` implies (Octavia 19).
    pub fn reads(&self, project: &str) -> bool {
        self.is_admin() || (self.project == project && self.roles.contains("reader"))
    }

    pub fn writes(&self, project: &str) -> bool {
        self.is_admin() || (self.project == project && self.roles.contains("member"))
    }
}
