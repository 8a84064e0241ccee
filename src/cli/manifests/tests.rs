use serde_json::json;

use super::node::documents;
use super::path::{Segment, segments};
use super::problem::Position;
use super::schema::{self, Kind};

const TEXT: &str = "\
kind: A
---
spec:
  pools:
  - name: web
    members:
    - {address: \"2001:db8::1\", port: 80}
    - address: 10.0.0.1
      port: 80
      weight: 300
  - name: api.v2
    protocol: HTTP
";

#[test]
fn path_with_nested_brackets_is_split() {
    let item = |text: &str| Segment::Item(text.to_owned());
    let field = |text: &str| Segment::Field(text.to_owned());
    let expected =
        [field("spec"), field("pools"), item("api.v2"), field("members"), item("[2001:db8::1]:80"), field("port")];
    assert_eq!(segments("spec.pools[api.v2].members[[2001:db8::1]:80].port"), expected);
    assert_eq!(segments(""), []);
    assert_eq!(segments("a[b"), [field("a"), item("b")]);
}

#[test]
fn position_is_that_of_field_or_of_its_nearest_parent() {
    let documents = documents(TEXT).unwrap();
    assert_eq!(documents.len(), 2);
    for (path, line, column) in [
        ("spec.pools[web].members[10.0.0.1:80].weight", 10, 7),
        ("spec.pools[web].members[[2001:db8::1]:80].port", 7, 32),
        ("spec.pools[web].members[1].weight", 10, 7),
        ("spec.pools[api.v2].protocol", 12, 5),
        ("spec.pools[name=api.v2].protocol", 12, 5),
        ("spec.pools[api.v2].algorithm", 11, 5),
        ("spec.listeners", 4, 3),
        ("metadata.name", 3, 1),
    ] {
        assert_eq!(documents[1].position_of(&segments(path)), Position { line, column }, "{path}");
    }
}

#[test]
fn schema_names_every_wrong_field() {
    let problems = schema::check(
        Kind::Stack,
        &json!({
            "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack", "metadata": {"name": "web"},
            "spec": {
                "loadBalancer": {"vip": {"subnet": {"name": "a"}}},
                "listeners": [{"name": "http", "protocol": "HTP", "port": "80", "default_pool": "web"}],
                "pools": [{"name": "web", "protocol": "HTTP", "members": [
                    {"address": "10.0.0.1", "port": 80}, {"address": "10.0.0.1", "port": 80, "weight": 300},
                ]}],
            },
        }),
    );
    let found: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
    for expected in [
        "spec.cloudCredentialsRef: cloudCredentialsRef is required",
        "spec.listeners[http].protocol: must be one of ",
        "spec.listeners[http].port: must be a whole number",
        "spec.listeners[http].default_pool: there is no such field; did you mean defaultPool?",
        "spec.pools[web].algorithm: is required",
        "spec.pools[web].members[1]: another item has the same address and port: 10.0.0.1 80",
        "spec.pools[web].members[1].weight: must be at most 256, not 300",
    ] {
        assert!(found.iter().any(|problem| problem.starts_with(expected)), "{expected} is not among {found:#?}");
    }
    assert_eq!(found.len(), 7, "{found:#?}");
}
