//! Endpoints of one member source.

use crate::api::{MemberSourceSpec, PoolSpec, ServiceSourceSpec, ServiceTarget};
use crate::model::{MonitorType, PoolProtocol};

use super::node_ports::{NodePorts, node_ports};
use super::pods::{pods, serving_nodes, unready_pods};
use super::problem::SourceProblem;
use super::records::{Endpoints, SourceRecords, UnreadyPods};
use super::service::{ServicePortRecord, ServiceRecord, number};

/// Application protocols that haproxy does not speak to members: HTTP/2 without TLS.
const UNENCRYPTED_HTTP2: [&str; 3] = ["kubernetes.io/h2c", "h2c", "grpc"];

/// Endpoints of a source.
///
/// # Errors
/// The source cannot be used as it is; its endpoints are unknown then, not none.
pub fn endpoints(
    source: &MemberSourceSpec,
    pool: &PoolSpec,
    records: SourceRecords<'_>,
) -> Result<Endpoints, SourceProblem> {
    if let Some(service) = &source.service {
        return of_service(service, pool, records);
    }
    let Some(nodes) = &source.nodes else { return Ok(Endpoints::new()) };
    let Some(port) = number(nodes.port) else { return Ok(Endpoints::new()) };
    node_ports(NodePorts {
        port,
        selector: nodes.selector.as_ref(),
        address_type: nodes.address_type.unwrap_or_default(),
        family: nodes.family,
        only: None,
        health_check_port: None,
        records,
    })
}

/// Endpoints of a source that do not serve although their pods may still be there. None of a source whose endpoints are
/// unknown, and none of nodes.
pub fn unready_endpoints(source: &MemberSourceSpec, records: SourceRecords<'_>) -> UnreadyPods {
    let Some(source) = source.service.as_ref().filter(|source| source.target == ServiceTarget::PodIP) else {
        return UnreadyPods::new();
    };
    let port = records.service.map(|service| service.port(&source.port));
    port.and_then(Result::ok).map(|port| unready_pods(source, port, records.slices)).unwrap_or_default()
}

fn of_service(
    source: &ServiceSourceSpec,
    pool: &PoolSpec,
    records: SourceRecords<'_>,
) -> Result<Endpoints, SourceProblem> {
    let service = records.service.ok_or_else(|| SourceProblem::NoService(source.name.clone()))?;
    if service.is_external_name {
        return Err(SourceProblem::ExternalName);
    }
    let port = service.port(&source.port)?;
    if let Some(port) = port {
        check_protocol(port, pool.protocol)?;
    }
    match source.target {
        ServiceTarget::PodIP => pods(source, port, records.slices),
        ServiceTarget::NodePort => of_node_ports(source, pool, service, port, records),
    }
}

fn of_node_ports(
    source: &ServiceSourceSpec,
    pool: &PoolSpec,
    service: &ServiceRecord,
    port: Option<&ServicePortRecord>,
    records: SourceRecords<'_>,
) -> Result<Endpoints, SourceProblem> {
    let port = port.filter(|_| !service.is_headless).ok_or(SourceProblem::HeadlessNodePort)?;
    let number = port.node_port.ok_or_else(|| SourceProblem::NoNodePort(source.port.to_string()))?;
    let checks_http = pool.health_monitor.as_ref().is_some_and(|monitor| monitor.kind == MonitorType::Http);
    let serving = service.is_local.then(|| serving_nodes(records.slices));
    node_ports(NodePorts {
        port: number,
        selector: source.node_selector.as_ref(),
        address_type: source.address_type.unwrap_or_default(),
        family: source.family,
        only: serving.as_ref(),
        health_check_port: service.health_check_node_port.filter(|_| service.is_local && checks_http),
        records,
    })
}

/// Rejects a port that the pool cannot speak to.
fn check_protocol(port: &ServicePortRecord, pool: PoolProtocol) -> Result<(), SourceProblem> {
    let transport = match pool {
        PoolProtocol::Udp => "UDP",
        PoolProtocol::Sctp => "SCTP",
        _ => "TCP",
    };
    let name = || if port.name.is_empty() { port.port.to_string() } else { port.name.clone() };
    if port.protocol != transport {
        return Err(SourceProblem::Protocol { port: name(), protocol: port.protocol.clone(), pool: pool.as_str() });
    }
    match &port.app_protocol {
        Some(protocol) if pool == PoolProtocol::Http && UNENCRYPTED_HTTP2.contains(&protocol.as_str()) => {
            Err(SourceProblem::AppProtocol { port: name(), protocol: protocol.clone(), pool: pool.as_str() })
        }
        _ => Ok(()),
    }
}
