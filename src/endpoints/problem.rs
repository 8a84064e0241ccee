//! Reasons for which a source has no endpoints that can be known.

use thiserror::Error;

use crate::model::ProblemReason;

/// Reason for which a source cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceProblem {
    #[error("Service {0} does not exist: create it, or remove the source; the members of the pool stay as they are")]
    NoService(String),
    #[error("the Service is of type ExternalName, which has no endpoints: name a Service of another type")]
    ExternalName,
    #[error("the Service is headless and has no ports: write the number of the endpoints' port")]
    NumberNeeded,
    #[error("the Service has no port {wanted}; it has {}", list(ports))]
    NoSuchPort { wanted: String, ports: Vec<String> },
    #[error("port {0} of the Service has no node port: use target PodIP, or let the Service allocate node ports")]
    NoNodePort(String),
    #[error("a headless Service has no node ports: use target PodIP")]
    HeadlessNodePort,
    #[error(
        "the Service has EndpointSlices with names (addressType FQDN) and none with addresses: a member needs an address"
    )]
    NamesOnly,
    #[error("the Service has no {family} endpoints, only endpoints of the other IP version: set family")]
    OtherFamily { family: &'static str },
    #[error(
        "port {port} of the Service has appProtocol {protocol}, and a pool of protocol {pool} does not speak it to its \
         members: use a pool of protocol TCP"
    )]
    AppProtocol { port: String, protocol: String, pool: &'static str },
    #[error("port {port} of the Service is {protocol}, which a pool of protocol {pool} does not speak")]
    Protocol { port: String, protocol: String, pool: &'static str },
    #[error(
        "every selected node has the label node.kubernetes.io/exclude-from-external-load-balancers: remove it from the \
         nodes that are to serve"
    )]
    AllNodesExcluded,
    #[error("no selected node has an address of type {kind} and version {family}")]
    NoNodeAddress { kind: &'static str, family: &'static str },
}

impl SourceProblem {
    pub const fn reason(&self) -> ProblemReason {
        match self {
            Self::NoService(_) => ProblemReason::ReferenceNotFound,
            _ => ProblemReason::ReferenceUnusable,
        }
    }
}

fn list(ports: &[String]) -> String {
    match ports {
        [] => "none".to_owned(),
        ports => ports.join(", "),
    }
}
