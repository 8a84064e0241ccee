//! Members of one pool.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::cluster_objects::ClusterObjects;
use super::endpoints;
use super::floor::HeldBack;
use super::weights::{Sharer, shared};

/// Members that a pool should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedMembers {
    Known(BTreeMap<SocketAddr, ExpectedMember>),
    /// A source cannot be used: the members stay as they are.
    Unknown,
}

/// One member that a pool should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedMember {
    pub weight: RangeInclusive<u64>,
    pub backup: bool,
    /// Name of the source that gives its fields; empty for a member that the spec lists.
    pub source: String,
    pub monitor_port: Option<u64>,
    pub monitor_address: Option<String>,
    pub in_subnet: bool,
    pub tags: Vec<String>,
}

/// True for a load balancer with an IPv6 address.
pub fn has_ipv6(spec: &Value) -> bool {
    spec["loadBalancer"]["vip"]["additional"].as_array().is_some_and(|additional| !additional.is_empty())
}

/// The members that a pool of a spec should have, with those that its floor holds back. The load balancer has an IPv4
/// address.
pub fn expected_members(pool: &Value, has_ipv6: bool, objects: &ClusterObjects, held: &HeldBack) -> ExpectedMembers {
    let mut members = BTreeMap::new();
    let mut sources = Vec::new();
    for member in list(pool, "members") {
        let weight = member["weight"].as_u64().unwrap_or(1);
        members.insert(socket_address(member, "port").unwrap(), listed(weight));
    }
    let is_standby = |source: &&Value| source["backup"] == true;
    let serving = list(pool, "memberSources").filter(|source| !is_standby(source));
    for source in serving.chain(list(pool, "memberSources").filter(is_standby)) {
        let Some(mut found) = endpoints::of_source(source, pool, objects) else { return ExpectedMembers::Unknown };
        let held = held.get(source["name"].as_str().unwrap()).into_iter().flatten();
        found.extend(held.map(|key| (*key, None)));
        let found_some = !found.is_empty();
        let found = of_families(found, source, pool, has_ipv6);
        if found_some && found.is_empty() {
            return ExpectedMembers::Unknown;
        }
        let standby = source["backup"] == true;
        let mut own = Vec::new();
        for (key, checked) in found {
            match members.get_mut(&key) {
                Some(known) => known.backup &= standby,
                None => {
                    own.push(key);
                    members.insert(key, sourced(source, checked));
                }
            }
        }
        sources.push(SourceShare { standby, weight: source["weight"].as_u64(), members: own });
    }
    share(&mut members, &sources);
    ExpectedMembers::Known(members)
}

/// Endpoints of the IP versions that a pool takes: those of the load balancer, and one of them in a pool of streams.
fn of_families(
    mut found: BTreeMap<SocketAddr, Option<u64>>,
    source: &Value,
    pool: &Value,
    has_ipv6: bool,
) -> BTreeMap<SocketAddr, Option<u64>> {
    let named = source["service"]["family"].is_string() || source["nodes"]["family"].is_string();
    if named {
        return found;
    }
    let some_ipv4 = found.keys().any(SocketAddr::is_ipv4);
    let streams = pool["protocol"] != "UDP";
    found.retain(|key, _| if key.is_ipv4() { true } else { has_ipv6 && !(streams && some_ipv4) });
    found
}

/// The members that a source has given to a pool.
struct SourceShare {
    standby: bool,
    weight: Option<u64>,
    members: Vec<SocketAddr>,
}

/// Spreads the weights of the sources; standbys count among themselves.
fn share(members: &mut BTreeMap<SocketAddr, ExpectedMember>, sources: &[SourceShare]) {
    for standby in [false, true] {
        let group = || sources.iter().filter(|source| source.standby == standby);
        if group().all(|source| source.weight.is_none()) {
            continue;
        }
        let of_sources =
            group().map(|source| Sharer { weight: source.weight.unwrap_or(1), members: source.members.clone() });
        let alone = members.iter().filter(|(_, member)| member.source.is_empty() && member.backup == standby);
        let alone = alone.map(|(key, member)| Sharer { weight: *member.weight.start(), members: vec![*key] });
        let all: Vec<Sharer> = of_sources.chain(alone).collect();
        for (key, weight) in shared(&all) {
            members.get_mut(&key).unwrap().weight = weight;
        }
    }
}

fn listed(weight: u64) -> ExpectedMember {
    ExpectedMember {
        weight: weight..=weight,
        // A standby only if all say so, and the spec lists no standbys.
        backup: false,
        source: String::new(),
        monitor_port: None,
        monitor_address: None,
        in_subnet: false,
        tags: Vec::new(),
    }
}

fn sourced(source: &Value, checked: Option<u64>) -> ExpectedMember {
    ExpectedMember {
        weight: 1..=1,
        backup: source["backup"] == true,
        source: source["name"].as_str().unwrap().to_owned(),
        monitor_port: source["monitorPort"].as_u64().or(checked),
        monitor_address: source["monitorAddress"].as_str().map(str::to_owned),
        in_subnet: source["subnet"].is_object(),
        tags: list(source, "tags").map(|tag| tag.as_str().unwrap().to_owned()).collect(),
    }
}

/// Address and port of a member, whose port has this field.
pub(super) fn socket_address(member: &Value, port: &str) -> Option<SocketAddr> {
    let port = u16::try_from(member[port].as_u64()?).ok()?;
    Some(SocketAddr::new(member["address"].as_str()?.parse().ok()?, port))
}

/// Addresses of the members of a pool in the cloud.
pub fn member_addresses(pool: &Value) -> BTreeSet<SocketAddr> {
    list(pool, "members").filter_map(|member| socket_address(member, "protocol_port")).collect()
}

/// Differences between the members of a pool in the cloud and those that it should have.
pub fn member_differences(seen: &Value, expected: &BTreeMap<SocketAddr, ExpectedMember>) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = expected.clone();
    for member in list(seen, "members") {
        let key = socket_address(member, "protocol_port").unwrap();
        let Some(want) = left.remove(&key) else {
            found.push(format!("member {key} should not be there"));
            continue;
        };
        let weight = member["weight"].as_u64().unwrap_or_default();
        if !want.weight.contains(&weight) {
            found.push(format!("member {key} has weight {weight}, wanted {:?}", want.weight));
        }
        let fields = (
            member["backup"] == true,
            member["monitor_port"].as_u64(),
            member["monitor_address"].as_str().map(str::to_owned),
            member["subnet_id"].is_string(),
            list(member, "tags")
                .filter_map(Value::as_str)
                .filter(|tag| !tag.starts_with("evenkeel:"))
                .collect::<Vec<_>>(),
        );
        let tags: Vec<&str> = want.tags.iter().map(String::as_str).collect();
        let wanted = (want.backup, want.monitor_port, want.monitor_address, want.in_subnet, tags);
        if fields != wanted {
            found.push(format!("member {key} has {fields:?}, wanted {wanted:?}"));
        }
        if !want.source.is_empty() && member["name"] != want.source.as_str() {
            found.push(format!("member {key} is called {}, wanted {}", member["name"], want.source));
        }
    }
    found.extend(left.keys().map(|key| format!("member {key} is missing")));
    found
}

fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of[field].as_array().into_iter().flatten()
}
