//! Objects as the API server stores them, and the endpoints that sources lead to.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use super::*;
use crate::api::{MemberSourceSpec, PoolSpec};

/// A cluster with at most one Service.
#[derive(Default)]
struct Cluster {
    service: Option<Value>,
    slices: Vec<Value>,
    nodes: Vec<(&'static str, Value)>,
}

fn parse<K: serde::de::DeserializeOwned>(value: &Value) -> K {
    serde_json::from_value(value.clone()).unwrap()
}

impl Cluster {
    /// Endpoints that are not ready, with their pods, as texts.
    fn unready(&self, source: Value) -> Vec<String> {
        let service = self.service.as_ref().map(|service| ServiceRecord::from(&parse::<Service>(service)));
        let slices: Vec<SliceRecord> =
            self.slices.iter().map(|slice| SliceRecord::from(&parse::<EndpointSlice>(slice))).collect();
        let slices: Vec<&SliceRecord> = slices.iter().collect();
        let records = SourceRecords { service: service.as_ref(), slices: &slices, nodes: &BTreeMap::new() };
        let found = unready_endpoints(&parse(&source), records);
        found.iter().map(|(key, pod)| format!("{key} {} {}", pod.name, pod.uid)).collect()
    }

    fn endpoints(&self, source: Value, protocol: &str, monitor: &str) -> Result<Endpoints, SourceProblem> {
        let source: MemberSourceSpec = parse(&source);
        let monitor = json!({"type": monitor, "delay": "5s", "timeout": "3s", "maxRetries": 3});
        let pool: PoolSpec = parse(&json!({
            "name": "web", "protocol": protocol, "algorithm": "ROUND_ROBIN", "healthMonitor": monitor,
        }));
        let service = self.service.as_ref().map(|service| ServiceRecord::from(&parse::<Service>(service)));
        let slices: Vec<SliceRecord> =
            self.slices.iter().map(|slice| SliceRecord::from(&parse::<EndpointSlice>(slice))).collect();
        let nodes: Vec<(&str, NodeRecord)> =
            self.nodes.iter().map(|(name, node)| (*name, NodeRecord::from(&parse::<Node>(node)))).collect();
        let slices: Vec<&SliceRecord> = slices.iter().collect();
        let nodes: BTreeMap<&str, &NodeRecord> = nodes.iter().map(|(name, node)| (*name, node)).collect();
        endpoints(&source, &pool, SourceRecords { service: service.as_ref(), slices: &slices, nodes: &nodes })
    }

    /// Members of a source in a pool of protocol HTTP, as texts.
    fn members(&self, source: Value) -> Vec<String> {
        self.endpoints(source, "HTTP", "TCP").unwrap().keys().map(ToString::to_string).collect()
    }

    fn problem(&self, source: Value, protocol: &str) -> SourceProblem {
        self.endpoints(source, protocol, "TCP").unwrap_err()
    }
}

fn service(ports: Value) -> Option<Value> {
    Some(json!({"metadata": {"uid": "u"}, "spec": {"clusterIP": "10.96.0.7", "ports": ports}}))
}

fn slice(port: Value, endpoints: Value) -> Value {
    let family = if endpoints[0]["addresses"][0].as_str().is_some_and(|a| a.contains(':')) { "IPv6" } else { "IPv4" };
    json!({"addressType": family, "ports": [{"name": "http", "port": port}], "endpoints": endpoints})
}

fn endpoint(address: &str, ready: Value, serving: Value, terminating: Value) -> Value {
    json!({
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "nodeName": format!("node-{}", &address[address.len() - 1..]),
    })
}

fn ready(address: &str) -> Value {
    endpoint(address, true.into(), true.into(), false.into())
}

fn terminating(address: &str) -> Value {
    endpoint(address, false.into(), true.into(), true.into())
}

fn node(labels: Value, addresses: &[(&str, &str)]) -> Value {
    let addresses: Vec<Value> = addresses.iter().map(|(kind, a)| json!({"type": kind, "address": a})).collect();
    json!({"metadata": {"labels": labels}, "status": {"addresses": addresses}})
}

fn pods() -> Value {
    json!({"name": "pods", "service": {"name": "web", "port": "http", "target": "PodIP"}})
}

fn node_ports() -> Value {
    json!({"name": "pods", "service": {"name": "web", "port": "http", "target": "NodePort"}})
}

fn nodes() -> Value {
    json!({"name": "edge", "nodes": {"port": 30080}})
}

fn http() -> Value {
    json!([{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}])
}

#[test]
fn ready_endpoints_win_and_terminating_ones_stand_in() {
    let not_serving = endpoint("10.0.0.9", false.into(), false.into(), true.into());
    let absent = endpoint("10.0.0.3", Value::Null, Value::Null, Value::Null);
    let cases = [
        (vec![ready("10.0.0.1"), terminating("10.0.0.2"), not_serving.clone()], vec!["10.0.0.1:8080"]),
        (vec![terminating("10.0.0.2"), not_serving.clone()], vec!["10.0.0.2:8080"]),
        (vec![not_serving], vec![]),
        (vec![absent, terminating("10.0.0.2")], vec!["10.0.0.3:8080"]),
        // publishNotReadyAddresses: the endpoint controller says ready, even of a pod that terminates.
        (vec![endpoint("10.0.0.4", true.into(), false.into(), true.into())], vec!["10.0.0.4:8080"]),
    ];
    for (endpoints, expected) in cases {
        let slices = vec![slice(8080.into(), endpoints.clone().into())];
        let cluster = Cluster { service: service(http()), slices, ..Cluster::default() };
        assert_eq!(cluster.members(pods()), expected, "{endpoints:?}");
    }
}

#[test]
fn all_slices_count_and_each_has_its_own_port_number() {
    let slices = vec![
        slice(8080.into(), json!([ready("10.0.0.1"), terminating("10.0.0.2")])),
        slice(9090.into(), json!([ready("10.0.0.1"), ready("10.0.0.3")])),
        // The endpoint that moved between slices is ready in one of them.
        slice(8080.into(), json!([ready("10.0.0.2")])),
        // Without a number: all ports, which is no member.
        slice(Value::Null, json!([ready("10.0.0.4")])),
    ];
    let cluster = Cluster { service: service(http()), slices, ..Cluster::default() };
    let expected = ["10.0.0.1:8080", "10.0.0.1:9090", "10.0.0.2:8080", "10.0.0.3:9090"];
    assert_eq!(cluster.members(pods()), expected);
    let by_number = json!({"name": "pods", "service": {"name": "web", "port": 80, "target": "PodIP"}});
    assert_eq!(cluster.members(by_number), expected, "the number is that of the Service");
}

#[test]
fn both_ip_versions_are_endpoints_unless_source_names_one() {
    let slices =
        vec![slice(8080.into(), json!([ready("10.0.0.1")])), slice(8080.into(), json!([ready("2001:db8::1")]))];
    let cluster = Cluster { service: service(http()), slices, ..Cluster::default() };
    let of = |family: &str| json!({"name": "pods", "service": {"name": "web", "port": "http", "target": "PodIP", "family": family}});
    assert_eq!(cluster.members(pods()), ["10.0.0.1:8080", "[2001:db8::1]:8080"]);
    assert_eq!(cluster.members(of("IPv6")), ["[2001:db8::1]:8080"]);
    let only_ipv4 = Cluster { slices: vec![cluster.slices[0].clone()], ..cluster };
    assert_eq!(only_ipv4.problem(of("IPv6"), "HTTP"), SourceProblem::OtherFamily { family: "IPv6" });
}

#[test]
fn headless_service_without_ports_takes_number_of_source() {
    let service = Some(json!({"spec": {"clusterIP": "None"}}));
    let slices = vec![json!({"addressType": "IPv4", "ports": [], "endpoints": [ready("10.0.0.1")]})];
    let cluster = Cluster { service, slices, ..Cluster::default() };
    let by =
        |port: Value, target: &str| json!({"name": "s", "service": {"name": "web", "port": port, "target": target}});
    assert_eq!(cluster.members(by(8080.into(), "PodIP")), ["10.0.0.1:8080"]);
    assert_eq!(cluster.problem(by("http".into(), "PodIP"), "HTTP"), SourceProblem::NumberNeeded);
    assert_eq!(cluster.problem(by(8080.into(), "NodePort"), "HTTP"), SourceProblem::HeadlessNodePort);
}

#[test]
fn unusable_service_is_problem_and_never_zero() {
    let with = |service: Option<Value>| Cluster { service, ..Cluster::default() };
    let port = |extra: Value| {
        let mut port = json!({"name": "http", "port": 80});
        port.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        service(json!([port]))
    };
    let external = Some(json!({"spec": {"type": "ExternalName", "externalName": "example.org"}}));
    let cases = [
        (None, pods(), "HTTP", "Service web does not exist"),
        (external, pods(), "HTTP", "ExternalName"),
        (service(json!([{"name": "a", "port": 1}])), pods(), "HTTP", "has no port http; it has a (1)"),
        (port(json!({})), node_ports(), "HTTP", "no node port"),
        (port(json!({"protocol": "UDP"})), pods(), "HTTP", "is UDP, which a pool of protocol HTTP does not speak"),
        (port(json!({})), pods(), "UDP", "is TCP, which a pool of protocol UDP does not speak"),
        (port(json!({"appProtocol": "kubernetes.io/h2c"})), pods(), "HTTP", "use a pool of protocol TCP"),
    ];
    for (service, source, protocol, expected) in cases {
        let problem = with(service).problem(source, protocol).to_string();
        assert!(problem.contains(expected), "{problem}");
    }
    let websocket = with(port(json!({"appProtocol": "kubernetes.io/ws"})));
    assert_eq!(websocket.members(pods()), [""; 0]);
    let names = json!({"addressType": "FQDN", "ports": [], "endpoints": [{"addresses": ["a.example"]}]});
    let cluster = Cluster { service: service(http()), slices: vec![names], ..Cluster::default() };
    assert_eq!(cluster.problem(pods(), "HTTP"), SourceProblem::NamesOnly);
}

#[test]
fn node_leaves_for_deletion_taint_or_label_only() {
    let address = [("InternalIP", "10.1.0.1")];
    let mut cordoned = node(json!({}), &[("InternalIP", "10.1.0.2")]);
    cordoned["spec"] = json!({"unschedulable": true});
    cordoned["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown"}]);
    let mut deleted = node(json!({}), &address);
    deleted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let tainted = |key: &str| {
        let mut tainted = node(json!({}), &address);
        tainted["spec"] = json!({"taints": [{"key": key, "effect": "NoSchedule"}]});
        tainted
    };
    let label = "node.kubernetes.io/exclude-from-external-load-balancers";
    let cluster = Cluster {
        nodes: vec![
            ("cordoned", cordoned),
            ("deleted", deleted),
            ("scaled-down", tainted("ToBeDeletedByClusterAutoscaler")),
            ("disrupted", tainted("karpenter.sh/disrupted")),
            ("tainted", node(json!({label: "false"}), &[("InternalIP", "10.1.0.3"), ("ExternalIP", "192.0.2.3")])),
            ("excluded", node(json!({label: ""}), &address)),
        ],
        ..Cluster::default()
    };
    assert_eq!(cluster.members(nodes()), ["10.1.0.2:30080", "10.1.0.3:30080"]);
    let external = json!({"name": "edge", "nodes": {"port": 80, "addressType": "ExternalIP"}});
    assert_eq!(cluster.members(external), ["192.0.2.3:80"]);
    let excluded = Cluster {
        nodes: cluster.nodes.into_iter().filter(|(name, _)| *name == "excluded").collect(),
        ..Cluster::default()
    };
    assert_eq!(excluded.problem(nodes(), "HTTP"), SourceProblem::AllNodesExcluded);
    assert_eq!(Cluster::default().members(nodes()), [""; 0], "a cluster without nodes is a zero");
}

#[test]
fn nodes_are_selected_by_labels_and_expressions() {
    let cluster = Cluster {
        nodes: vec![
            ("a", node(json!({"role": "edge", "zone": "1"}), &[("InternalIP", "10.1.0.1")])),
            ("b", node(json!({"role": "edge", "zone": "2"}), &[("InternalIP", "10.1.0.2")])),
            ("c", node(json!({"zone": "1"}), &[("InternalIP", "10.1.0.3")])),
        ],
        ..Cluster::default()
    };
    let by = |selector: Value| json!({"name": "edge", "nodes": {"port": 80, "selector": selector}});
    let expression = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "zone", "operator": operator, "values": values}]});
    assert_eq!(cluster.members(by(json!({"matchLabels": {"role": "edge"}}))), ["10.1.0.1:80", "10.1.0.2:80"]);
    assert_eq!(cluster.members(by(expression("NotIn", json!(["1"])))), ["10.1.0.2:80"]);
    assert_eq!(cluster.members(by(expression("Exists", json!([])))).len(), 3);
    assert_eq!(cluster.members(by(json!({"matchLabels": {"role": "db"}}))), [""; 0]);
    let external = json!({"name": "edge", "nodes": {"port": 80, "addressType": "ExternalIP", "family": "IPv6"}});
    let expected = SourceProblem::NoNodeAddress { kind: "ExternalIP", family: "IPv6" };
    assert_eq!(cluster.problem(external, "HTTP"), expected);
}

#[test]
fn local_policy_takes_nodes_with_endpoints_and_their_check() {
    let mut service = service(http()).unwrap();
    service["spec"]["externalTrafficPolicy"] = "Local".into();
    service["spec"]["healthCheckNodePort"] = 31000.into();
    let cluster = Cluster {
        service: Some(service),
        slices: vec![slice(8080.into(), json!([ready("10.0.0.1"), terminating("10.0.0.2")]))],
        nodes: vec![
            ("node-1", node(json!({}), &[("InternalIP", "10.1.0.1")])),
            ("node-2", node(json!({}), &[("InternalIP", "10.1.0.2")])),
        ],
    };
    let check_port = |monitor: &str| {
        let endpoints = cluster.endpoints(node_ports(), "HTTP", monitor).unwrap();
        assert_eq!(endpoints.keys().map(ToString::to_string).collect::<Vec<_>>(), ["10.1.0.1:30080"]);
        endpoints.values().next().unwrap().health_check_port
    };
    assert_eq!((check_port("HTTP"), check_port("TCP")), (Some(31000), None));
    let cluster_wide = Cluster { service: super::tests::service(http()), ..cluster };
    assert_eq!(cluster_wide.members(node_ports()), ["10.1.0.1:30080", "10.1.0.2:30080"]);
}

#[test]
fn unready_endpoints_are_those_of_pods_that_stay() {
    let of = |name: &str, change: Value| {
        let mut endpoint = endpoint("10.0.0.1", false.into(), false.into(), false.into());
        endpoint["targetRef"] = json!({"kind": "Pod", "namespace": "shop", "name": name, "uid": "u-1"});
        endpoint.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let mut slice = slice(8080.into(), json!([endpoint]));
        slice["metadata"] = json!({"namespace": "shop"});
        Cluster { service: service(http()), slices: vec![slice], ..Cluster::default() }
    };
    assert_eq!(of("web-1.a", json!({})).unready(pods()), ["10.0.0.1:8080 web-1.a u-1"]);
    assert_eq!(of("web-1", json!({})).unready(node_ports()), [""; 0]);
    let target = |kind: &str, namespace: &str| json!({"targetRef": {"kind": kind, "namespace": namespace, "name": "a", "uid": "u"}});
    let cases = [
        ("web-1", ready("10.0.0.1")),
        ("web-1", terminating("10.0.0.1")),
        ("web-1", json!({"conditions": {"ready": false, "serving": false, "terminating": true}})),
        ("web-1", json!({"targetRef": null})),
        ("web-1", target("VirtualMachine", "shop")),
        ("web-1", target("Pod", "another")),
        // The name becomes a part of a path.
        ("../secrets/x", json!({})),
        ("a?watch=1", json!({})),
        ("", json!({})),
    ];
    for (name, change) in cases {
        let found = of(name, change.clone()).unready(pods());
        assert_eq!(found, [""; 0], "{name} {change}");
    }
}
