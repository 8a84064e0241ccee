//! Input and output of the selection of endpoints.

use std::collections::BTreeMap;

use crate::model::{Endpoint, MemberKey};

use super::node::NodeRecord;
use super::service::ServiceRecord;
use super::slice::{PodRef, SliceRecord};

/// Endpoints of a source, of all IP versions unless the source names one.
pub type Endpoints = BTreeMap<MemberKey, Endpoint>;

/// Pods of endpoints that do not serve and do not terminate.
pub type UnreadyPods = BTreeMap<MemberKey, PodRef>;

/// The objects of the cluster that a source may need.
#[derive(Debug, Clone, Copy)]
pub struct SourceRecords<'a> {
    /// The Service that the source names, if it exists.
    pub service: Option<&'a ServiceRecord>,
    /// All EndpointSlices of that Service, whoever wrote them.
    pub slices: &'a [&'a SliceRecord],
    /// All nodes, by name.
    pub nodes: &'a BTreeMap<&'a str, &'a NodeRecord>,
}
