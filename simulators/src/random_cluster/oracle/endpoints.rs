//! Endpoints of one member source.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::cluster_objects::ClusterObjects;
use crate::random_cluster::ObjectKind;

/// Endpoints with the health check port of their own, or `None` where a source cannot be used.
pub(super) type Found = Option<BTreeMap<SocketAddr, Option<u64>>>;

/// States of an endpoint, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Serves {
    Ready,
    WhileTerminating,
    No,
}

/// Endpoints of a source whose pods are there and not ready, with the names of the pods.
pub(super) fn unready_of_source(source: &Value, objects: &ClusterObjects) -> BTreeMap<SocketAddr, String> {
    let wanted = &source["service"];
    let service = wanted["name"].as_str().and_then(|name| objects.get(ObjectKind::Service, name));
    let port = service.and_then(|service| service_port(wanted, &service["spec"]));
    let (Some(port), true) = (port, wanted["target"] == "PodIP") else { return BTreeMap::new() };
    let family = wanted["family"].as_str();
    let mut found = BTreeMap::new();
    for slice in slices_of(wanted, objects).into_iter().filter(|slice| has_family(slice, family)) {
        let Some(number) = slice_port(slice, port["name"].as_str().unwrap_or_default()) else { continue };
        let is_stuck =
            |endpoint: &&Value| serves(endpoint) == Serves::No && endpoint["conditions"]["terminating"] != true;
        for endpoint in endpoints(slice).filter(is_stuck).filter(|endpoint| has_pod(endpoint, objects)) {
            let pod = endpoint["targetRef"]["name"].as_str().unwrap().to_owned();
            found.extend(address(endpoint).map(|address| (SocketAddr::new(address, number), pod)));
        }
    }
    found
}

/// True if the pod of an endpoint exists under its UID, and has its address.
fn has_pod(endpoint: &Value, objects: &ClusterObjects) -> bool {
    let target = &endpoint["targetRef"];
    let pod = target["name"].as_str().and_then(|name| objects.get(ObjectKind::Pod, name));
    pod.is_some_and(|pod| {
        let mut addresses = pod["status"]["podIPs"].as_array().into_iter().flatten();
        pod["metadata"]["uid"] == target["uid"] && addresses.any(|address| address["ip"] == endpoint["addresses"][0])
    })
}

fn service_port<'a>(wanted: &Value, service: &'a Value) -> Option<&'a Value> {
    let text = |value: &Value| value.to_string().replace('"', "");
    let number_or_name = text(&wanted["port"]);
    service["ports"]
        .as_array()?
        .iter()
        .find(|port| [text(&port["port"]), text(&port["name"])].contains(&number_or_name))
}

fn slices_of<'a>(wanted: &Value, objects: &'a ClusterObjects) -> Vec<&'a Value> {
    let slices = objects.all(ObjectKind::EndpointSlice).map(|(_, slice)| slice);
    slices.filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == wanted["name"]).collect()
}

fn has_family(slice: &Value, family: Option<&str>) -> bool {
    family.is_none_or(|family| slice["addressType"] == family)
}

fn slice_port(slice: &Value, name: &str) -> Option<u16> {
    let port = slice["ports"].as_array()?.iter().find(|port| port["name"] == name)?;
    u16::try_from(port["port"].as_u64()?).ok()
}

pub(super) fn of_source(source: &Value, pool: &Value, objects: &ClusterObjects) -> Found {
    if source["nodes"].is_object() {
        let nodes = &source["nodes"];
        return on_nodes(nodes, &nodes["selector"], nodes["port"].as_u64()?, None, None, objects);
    }
    let wanted = &source["service"];
    let name = wanted["name"].as_str()?;
    let service = &objects.get(ObjectKind::Service, name)?["spec"];
    if service["type"] == "ExternalName" {
        return None;
    }
    let port = service_port(wanted, service)?;
    let transport = if pool["protocol"] == "UDP" { "UDP" } else { "TCP" };
    if port["protocol"] != transport {
        return None;
    }
    if pool["protocol"] == "HTTP" && port["appProtocol"] == "kubernetes.io/h2c" {
        return None;
    }
    let slices = slices_of(wanted, objects);
    if wanted["target"] == "PodIP" {
        return pods(wanted, port["name"].as_str().unwrap_or_default(), &slices);
    }
    let local = service["externalTrafficPolicy"] == "Local";
    let checked = service["healthCheckNodePort"].as_u64();
    let checked = checked.filter(|_| local && pool["healthMonitor"]["type"] == "HTTP");
    let only = local.then(|| nodes_with_endpoints(&slices));
    on_nodes(wanted, &wanted["nodeSelector"], port["nodePort"].as_u64()?, only.as_ref(), checked, objects)
}

fn pods(wanted: &Value, port_name: &str, slices: &[&Value]) -> Found {
    let mut states: BTreeMap<SocketAddr, Serves> = BTreeMap::new();
    let family = wanted["family"].as_str();
    for slice in slices.iter().filter(|slice| has_family(slice, family)) {
        let Some(port) = slice_port(slice, port_name) else { continue };
        for endpoint in endpoints(slice) {
            let Some(address) = address(endpoint) else { continue };
            let state = serves(endpoint);
            let known = states.entry(SocketAddr::new(address, port)).or_insert(state);
            *known = state.min(*known);
        }
    }
    let others = slices.iter().filter(|slice| !has_family(slice, family));
    if states.is_empty() && others.flat_map(|slice| endpoints(slice)).next().is_some() {
        return None;
    }
    let best = states.values().min().copied().filter(|best| *best != Serves::No);
    Some(states.into_iter().filter(|(_, state)| Some(*state) == best).map(|(key, _)| (key, None)).collect())
}

fn nodes_with_endpoints(slices: &[&Value]) -> BTreeSet<String> {
    let all = || slices.iter().flat_map(|slice| endpoints(slice));
    let best = all().map(serves).min().filter(|best| *best != Serves::No);
    let serving = all().filter(|endpoint| Some(serves(endpoint)) == best);
    serving.filter_map(|endpoint| endpoint["nodeName"].as_str().map(str::to_owned)).collect()
}

fn on_nodes(
    wanted: &Value,
    selector: &Value,
    port: u64,
    only: Option<&BTreeSet<String>>,
    checked: Option<u64>,
    objects: &ClusterObjects,
) -> Found {
    let staying: Vec<(&String, &Value)> = objects
        .all(ObjectKind::Node)
        .filter(|(_, node)| !is_leaving(node) && matches(selector, &node["metadata"]["labels"]))
        .collect();
    let usable: Vec<_> = staying.iter().filter(|(_, node)| !is_excluded(node)).collect();
    if usable.is_empty() && !staying.is_empty() {
        return None;
    }
    let kind = wanted["addressType"].as_str().unwrap_or("InternalIP");
    let families = wanted["family"].as_str().map_or(vec!["IPv4", "IPv6"], |family| vec![family]);
    let addresses = |node: &Value| -> Vec<IpAddr> {
        let all = node["status"]["addresses"].as_array().cloned().unwrap_or_default();
        let all: Vec<IpAddr> = all
            .iter()
            .filter(|address| address["type"] == kind)
            .filter_map(|address| address["address"].as_str()?.parse().ok())
            .collect();
        let first = |family: &&str| all.iter().copied().find(|address| address.is_ipv4() == (*family == "IPv4"));
        families.iter().filter_map(first).collect()
    };
    if !usable.is_empty() && usable.iter().all(|(_, node)| addresses(node).is_empty()) {
        return None;
    }
    let serving = usable.iter().filter(|(name, _)| only.is_none_or(|only| only.contains(*name)));
    let port = u16::try_from(port).unwrap();
    let keys = serving.flat_map(|(_, node)| addresses(node)).map(|address| (SocketAddr::new(address, port), checked));
    Some(keys.collect())
}

fn endpoints(slice: &Value) -> impl Iterator<Item = &Value> {
    slice["endpoints"].as_array().into_iter().flatten()
}

fn address(endpoint: &Value) -> Option<IpAddr> {
    endpoint["addresses"][0].as_str()?.parse().ok()
}

fn serves(endpoint: &Value) -> Serves {
    let is = |condition: &str| endpoint["conditions"][condition].as_bool();
    let ready = is("ready").unwrap_or(true);
    match ready {
        true => Serves::Ready,
        false if is("serving") == Some(true) && is("terminating") == Some(true) => Serves::WhileTerminating,
        false => Serves::No,
    }
}

fn is_leaving(node: &Value) -> bool {
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    taints.any(|taint| taint["key"] == "ToBeDeletedByClusterAutoscaler" || taint["key"] == "karpenter.sh/disrupted")
}

fn is_excluded(node: &Value) -> bool {
    let label = &node["metadata"]["labels"]["node.kubernetes.io/exclude-from-external-load-balancers"];
    label.as_str().is_some_and(|value| value != "false")
}

/// The selectors of random specs.
fn matches(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object();
    let all_labels = wanted.is_none_or(|wanted| wanted.iter().all(|(label, value)| labels[label] == *value));
    let mut expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    all_labels
        && expressions.all(|expression| {
            let label = &labels[expression["key"].as_str().unwrap()];
            match expression["operator"].as_str().unwrap() {
                "In" => expression["values"].as_array().unwrap().contains(label),
                "DoesNotExist" => label.is_null(),
                other => panic!("no operator of random specs: {other}"),
            }
        })
}
