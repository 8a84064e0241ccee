//! EndpointSlices.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use crate::model::IpFamily;

use super::service::number;

/// Label of an EndpointSlice with the name of its Service.
pub const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The parts of an EndpointSlice that endpoints depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SliceRecord {
    /// `None` for a slice of names (FQDN).
    pub family: Option<IpFamily>,
    pub ports: Vec<SlicePortRecord>,
    pub endpoints: Vec<EndpointRecord>,
}

/// A port of a slice. One without a number stands for all ports, and is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicePortRecord {
    pub name: String,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRecord {
    pub address: IpAddr,
    pub state: EndpointState,
    pub node: Option<Box<str>>,
    /// Pod of an endpoint that does not serve and does not terminate. Of others it is not needed.
    pub unready_pod: Option<Box<PodRef>>,
}

/// One pod: another one with this name has another UID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodRef {
    pub name: String,
    pub uid: String,
}

/// State of an endpoint, in the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointState {
    Ready,
    /// It serves while it terminates.
    Terminating,
    NotServing,
}

impl SliceRecord {
    /// Number of the port with this name in this slice.
    pub(super) fn port(&self, name: &str) -> Option<u16> {
        self.ports.iter().find(|port| port.name == name).map(|port| port.port)
    }
}

impl From<&EndpointSlice> for SliceRecord {
    fn from(slice: &EndpointSlice) -> Self {
        let family = match slice.address_type.as_str() {
            "IPv4" => Some(IpFamily::IPv4),
            "IPv6" => Some(IpFamily::IPv6),
            _ => None,
        };
        let ports = slice.ports.iter().flatten().filter_map(|port| {
            let name = port.name.clone().unwrap_or_default();
            Some(SlicePortRecord { name, port: port.port.and_then(number)? })
        });
        let namespace = slice.metadata.namespace.as_deref();
        let endpoints = slice.endpoints.iter().filter_map(|found| endpoint(found, namespace));
        Self { family, ports: ports.collect(), endpoints: endpoints.collect() }
    }
}

/// An endpoint has one address that counts, the first (discovery.k8s.io/v1).
fn endpoint(endpoint: &Endpoint, namespace: Option<&str>) -> Option<EndpointRecord> {
    let address = endpoint.addresses.first()?.parse().ok()?;
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    // Absent means true for ready and serving, and false for terminating.
    let ready = conditions.ready.unwrap_or(true);
    let serving = conditions.serving.unwrap_or(ready);
    let terminating = conditions.terminating.unwrap_or(false);
    let state = match (ready, serving && terminating) {
        (true, _) => EndpointState::Ready,
        (false, true) => EndpointState::Terminating,
        (false, false) => EndpointState::NotServing,
    };
    let is_unready = state == EndpointState::NotServing && !terminating;
    let unready_pod = endpoint.target_ref.as_ref().filter(|_| is_unready).and_then(|target| pod(target, namespace));
    Some(EndpointRecord {
        address,
        state,
        node: endpoint.node_name.as_deref().map(Into::into),
        unready_pod: unready_pod.map(Box::new),
    })
}

/// The pod that an endpoint names, in the namespace of its slice. The API server does not check the name, and the client
/// puts it into a path unchanged.
fn pod(target: &ObjectReference, namespace: Option<&str>) -> Option<PodRef> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_name = |name: &str| {
        name.len() <= 253
            && name.starts_with(plain)
            && name.ends_with(plain)
            && name.chars().all(|c| plain(c) || c == '-' || c == '.')
    };
    let is_pod = target.kind.as_deref() == Some("Pod") && target.namespace.as_deref() == namespace;
    let name = target.name.clone().filter(|name| is_pod && is_name(name))?;
    Some(PodRef { name, uid: target.uid.clone()? })
}
