//! The records of the services, reduced to the facts that validation needs. A parser returns `None` for a record that is
//! not as the service documents it.

use std::net::IpAddr;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{FixedIp, Id, ResolveError, ResolvedReference};

pub(super) type Resolution = Result<ResolvedReference, ResolveError>;

fn parsed<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

pub(super) fn subnet(value: Value) -> Option<Resolution> {
    #[derive(Deserialize)]
    struct Subnet {
        id: Id,
        network_id: Id,
        cidr: String,
    }
    let Subnet { id, network_id, cidr } = parsed(value)?;
    Some(Ok(ResolvedReference::Subnet { id, network_id, cidr: cidr.parse().ok()? }))
}

pub(super) fn network(value: Value) -> Option<Resolution> {
    #[derive(Deserialize)]
    struct Network {
        id: Id,
        #[serde(rename = "router:external", default)]
        external: bool,
    }
    let Network { id, external } = parsed(value)?;
    Some(Ok(ResolvedReference::Network { id, external }))
}

/// The CIDRs of its subnets take another call.
pub(super) fn vip_network(value: Value) -> Option<Resolution> {
    #[derive(Deserialize)]
    struct Network {
        id: Id,
        #[serde(default)]
        subnets: Vec<Id>,
    }
    let Network { id, subnets } = parsed(value)?;
    Some(Ok(ResolvedReference::VipNetwork { id, subnet_ids: subnets, cidrs: Vec::new() }))
}

pub(super) fn port(value: Value) -> Option<Resolution> {
    #[derive(Deserialize)]
    struct Port {
        id: Id,
        network_id: Id,
        device_id: Option<String>,
        #[serde(default)]
        fixed_ips: Vec<Fixed>,
    }
    #[derive(Deserialize)]
    struct Fixed {
        subnet_id: Id,
        ip_address: IpAddr,
    }
    let Port { id, network_id, device_id, fixed_ips } = parsed(value)?;
    let fixed_ip = |Fixed { subnet_id, ip_address }| FixedIp { subnet_id, address: ip_address };
    let fixed_ips = fixed_ips.into_iter().map(fixed_ip).collect();
    Some(Ok(ResolvedReference::Port { id, network_id, device_id: device_id.unwrap_or_default(), fixed_ips }))
}

pub(super) fn flavor(value: Value) -> Option<Resolution> {
    #[derive(Deserialize)]
    struct Flavor {
        id: Id,
        #[serde(default)]
        enabled: bool,
    }
    let Flavor { id, enabled } = parsed(value)?;
    Some(Ok(ResolvedReference::Flavor { id, enabled }))
}

pub(super) fn object(value: Value) -> Option<Resolution> {
    #[derive(Deserialize)]
    struct Object {
        id: Id,
    }
    let Object { id } = parsed(value)?;
    Some(Ok(ResolvedReference::Object { id }))
}
