//! Services.

use k8s_openapi::api::core::v1::Service;

use crate::api::ServicePort;

use super::problem::SourceProblem;

/// The parts of a Service that endpoints depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceRecord {
    /// Type ExternalName: it has no endpoints.
    pub is_external_name: bool,
    /// `clusterIP: None`.
    pub is_headless: bool,
    /// externalTrafficPolicy Local: a node serves only its own pods.
    pub is_local: bool,
    pub health_check_node_port: Option<u16>,
    pub ports: Vec<ServicePortRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePortRecord {
    /// Empty for the only port of a Service that has no name.
    pub name: String,
    pub port: u16,
    pub node_port: Option<u16>,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    pub app_protocol: Option<String>,
}

impl ServiceRecord {
    /// The port that a source names. A headless Service without ports has none: `None`.
    pub(super) fn port(&self, wanted: &ServicePort) -> Result<Option<&ServicePortRecord>, SourceProblem> {
        if self.is_headless && self.ports.is_empty() {
            return match wanted {
                ServicePort::Number(_) => Ok(None),
                ServicePort::Name(_) => Err(SourceProblem::NumberNeeded),
            };
        }
        // A number in quotes is a number too.
        let found = self.ports.iter().find(|port| match wanted {
            ServicePort::Number(number) => i32::from(port.port) == *number,
            ServicePort::Name(name) => port.name == *name || port.port.to_string() == *name,
        });
        found.map(Some).ok_or_else(|| SourceProblem::NoSuchPort {
            wanted: wanted.to_string(),
            ports: self.ports.iter().map(ServicePortRecord::label).collect(),
        })
    }
}

impl ServicePortRecord {
    /// The port in messages: `http (80)`.
    fn label(&self) -> String {
        match self.name.as_str() {
            "" => self.port.to_string(),
            name => format!("{name} ({})", self.port),
        }
    }
}

impl From<&Service> for ServiceRecord {
    fn from(service: &Service) -> Self {
        let Some(spec) = &service.spec else { return Self::default() };
        let ports = spec.ports.iter().flatten().map(|port| ServicePortRecord {
            name: port.name.clone().unwrap_or_default(),
            port: number(port.port).unwrap_or_default(),
            node_port: port.node_port.and_then(number),
            protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
            app_protocol: port.app_protocol.clone(),
        });
        Self {
            is_external_name: spec.type_.as_deref() == Some("ExternalName"),
            is_headless: spec.cluster_ip.as_deref() == Some("None"),
            is_local: spec.external_traffic_policy.as_deref() == Some("Local"),
            health_check_node_port: spec.health_check_node_port.and_then(number),
            ports: ports.collect(),
        }
    }
}

/// A port; 0 stands for none.
pub(super) fn number(port: i32) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port != 0)
}
