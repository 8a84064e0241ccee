//! Random Services with their EndpointSlices.

use serde_json::{Value, json};

use super::cluster::{ObjectKind, ObjectName};
use super::dice::Dice;
use super::nodes;
use crate::rig::NAMESPACE;

/// Names of the Services that stacks refer to.
pub(super) const NAMES: [&str; 3] = ["web", "api", "canary"];

/// The slices of each Service, by the end of their names. Those of the first two have other ports.
pub(super) const SLICES: [&str; 3] = ["a", "b", "v6"];

/// State of an endpoint. The conditions of some leave fields out, which has a meaning of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndpointState {
    Ready,
    ReadyByDefault,
    Terminating,
    NotReady,
    NotServing,
}

impl EndpointState {
    pub(super) const ALL: [Self; 5] =
        [Self::Ready, Self::ReadyByDefault, Self::Terminating, Self::NotReady, Self::NotServing];

    pub(super) fn conditions(self) -> Value {
        let all = |ready, serving, terminating| json!({"ready": ready, "serving": serving, "terminating": terminating});
        match self {
            Self::Ready => all(true, true, false),
            Self::ReadyByDefault => json!({}),
            Self::Terminating => all(false, true, true),
            Self::NotReady => json!({"ready": false}),
            Self::NotServing => all(false, false, true),
        }
    }
}

/// A Service with its slices, all usable.
pub(super) fn draw(dice: &mut Dice, name: &str) -> Vec<(ObjectName, Value)> {
    let of_service = NAMES.iter().position(|other| *other == name).unwrap();
    let mut objects = vec![(ObjectName::new(ObjectKind::Service, name), service(dice, of_service))];
    let count = dice.below(4);
    for (slice, family, port) in [("a", "IPv4", 8080), ("b", "IPv4", 8081), ("v6", "IPv6", 8080)] {
        // A Service with endpoints has some of each IP version.
        let count = if slice == "b" && count > 0 { dice.below(3) } else { count };
        let addresses: Vec<String> = (0..count).map(|at| address(of_service, slice, at)).collect();
        objects.extend(addresses.iter().map(|address| pod(address)));
        let endpoints = addresses.iter().map(|address| endpoint(dice, address, EndpointState::Ready)).collect();
        objects.push((slice_name(name, slice), slice_object(name, family, port, endpoints)));
    }
    objects
}

pub(super) fn slice_name(service: &str, slice: &str) -> ObjectName {
    ObjectName::new(ObjectKind::EndpointSlice, format!("{service}-{slice}"))
}

/// The address of an endpoint by its place.
pub(super) fn address(service: usize, slice: &str, at: u64) -> String {
    match slice {
        // Slice b begins with the addresses of slice a: an endpoint that moves is in both.
        "a" => format!("10.20.{}.{}", 10 + service, 1 + at),
        "b" => format!("10.20.{}.{}", 10 + service, 2 + at),
        _ => format!("fd00:10:20:{}::{:x}", 10 + service, 1 + at),
    }
}

/// Name of the pod with an address. Addresses of both IP versions belong to one pod if their service and number are the same.
pub(super) fn pod_name(address: &str) -> ObjectName {
    let (service, number) = parts(address);
    ObjectName::new(ObjectKind::Pod, format!("pod-{service}-{number}"))
}

/// A running pod with an address of each IP version.
pub(super) fn pod(address: &str) -> (ObjectName, Value) {
    let (service, number) = parts(address);
    let addresses = [format!("10.20.{service}.{number}"), format!("fd00:10:20:{service}::{number}")];
    let status = json!({"phase": "Running", "podIP": addresses[0], "podIPs": addresses.map(|ip| json!({"ip": ip}))});
    (pod_name(address), json!({"spec": {"containers": []}, "status": status}))
}

/// Third and last part of the IPv4 address of a pod, which its IPv6 address has, too.
fn parts(address: &str) -> (&str, &str) {
    let mut parts = address.split(['.', ':']).filter(|part| !part.is_empty()).rev();
    let number = parts.next().unwrap();
    (parts.next().unwrap(), number)
}

fn service(dice: &mut Dice, at: usize) -> Value {
    let at = at as u64;
    let named = dice.chance(80);
    let mut http = json!({"port": 80, "protocol": "TCP", "nodePort": 30_080 + at});
    let mut ports = Vec::new();
    http["name"] = "http".into();
    ports.push(http);
    ports.push(json!({"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30_053 + at}));
    if named {
        ports.push(json!({"name": "metrics", "port": 9090, "protocol": "TCP", "nodePort": 30_090 + at}));
    }
    let mut spec = json!({"type": "NodePort", "clusterIP": format!("10.96.0.{}", 10 + at), "ports": ports});
    if dice.chance(30) {
        spec["externalTrafficPolicy"] = "Local".into();
    }
    if dice.chance(30) {
        spec["type"] = "LoadBalancer".into();
        // Not of this controller: the class of another.
        spec["loadBalancerClass"] = "example.org/none".into();
        if spec["externalTrafficPolicy"] == "Local" {
            spec["healthCheckNodePort"] = (32_000 + at).into();
        }
    }
    json!({"spec": spec})
}

/// A slice with the ports `http` and `dns`.
fn slice_object(service: &str, family: &str, port: u64, endpoints: Vec<Value>) -> Value {
    json!({
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "addressType": family,
        "ports": [
            {"name": "http", "port": port, "protocol": "TCP"},
            {"name": "dns", "port": 5353, "protocol": "UDP"},
        ],
        "endpoints": endpoints,
    })
}

pub(super) fn endpoint(dice: &mut Dice, address: &str, state: EndpointState) -> Value {
    let target = json!({"kind": "Pod", "namespace": NAMESPACE, "name": pod_name(address).name});
    let mut endpoint = json!({"addresses": [address], "conditions": state.conditions(), "targetRef": target});
    if dice.chance(80) {
        endpoint["nodeName"] = dice.pick(&nodes::NAMES).into();
    }
    endpoint
}
