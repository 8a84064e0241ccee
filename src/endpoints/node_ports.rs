//! Nodes on one port, as endpoints.

use std::collections::BTreeSet;

use crate::api::{LabelSelectorSpec, NodeAddressType};
use crate::model::{Endpoint, IpFamily, MemberKey};

use super::node::NodeRecord;
use super::problem::SourceProblem;
use super::records::{Endpoints, SourceRecords};

/// Selection of nodes.
pub(super) struct NodePorts<'a> {
    pub port: u16,
    pub selector: Option<&'a LabelSelectorSpec>,
    pub address_type: NodeAddressType,
    /// `None`: an address of each IP version that the node has.
    pub family: Option<IpFamily>,
    /// Names of the nodes that may be used; `None`: all.
    pub only: Option<&'a BTreeSet<&'a str>>,
    pub health_check_port: Option<u16>,
    pub records: SourceRecords<'a>,
}

pub(super) fn node_ports(wanted: NodePorts<'_>) -> Result<Endpoints, SourceProblem> {
    let records = wanted.records;
    let staying = records.nodes.iter().filter(|(_, node)| !node.is_leaving && node.matches(wanted.selector));
    let (usable, excluded): (Vec<_>, Vec<_>) = staying.partition(|(_, node)| !node.is_excluded());
    if usable.is_empty() && !excluded.is_empty() {
        return Err(SourceProblem::AllNodesExcluded);
    }
    let families = wanted.family.map_or_else(|| vec![IpFamily::IPv4, IpFamily::IPv6], |family| vec![family]);
    let address_of = |node: &NodeRecord, family| node.address(wanted.address_type, family);
    if !usable.is_empty()
        && !usable.iter().any(|(_, node)| families.iter().any(|family| address_of(node, *family).is_some()))
    {
        let family = wanted.family.map_or("IPv4 or IPv6", IpFamily::as_str);
        return Err(SourceProblem::NoNodeAddress { kind: wanted.address_type.as_str(), family });
    }
    let endpoint = Endpoint { health_check_port: wanted.health_check_port, ..Endpoint::default() };
    let serving = usable.into_iter().filter(|(name, _)| wanted.only.is_none_or(|only| only.contains(**name)));
    let addresses = serving.flat_map(|(_, node)| families.iter().filter_map(|family| address_of(node, *family)));
    Ok(addresses.map(|address| (MemberKey { address, port: wanted.port }, endpoint)).collect())
}
