//! Coverage of random stacks and edits: every field and value has to be drawn, or it is not tested.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use evenkeel::model::*;
use evenkeel_simulators::arbitrary::{World, stack_and_edit};

const PAIRS: usize = 1_500;

/// Values and changes of one field in all edits.
#[derive(Debug, Default)]
struct Life {
    values: BTreeSet<String>,
    set: bool,
    changed: bool,
    removed: bool,
}

#[derive(Debug, Default)]
struct Width {
    fields: BTreeMap<String, Life>,
    /// Lists and maps, with the changes of their entries.
    lists: BTreeMap<String, BTreeSet<&'static str>>,
}

/// A stack as plain data. JSON has no keys of two parts, and policies are known by their key.
fn plain(stack: &Desired) -> Value {
    let bare = |pool: &Pool| Pool { members: Members::Known(BTreeMap::new()), ..pool.clone() };
    let pools = stack.pools.iter().map(|(key, pool)| (key.clone(), bare(pool))).collect();
    let mut value = serde_json::to_value(Desired { pools, ..stack.clone() }).unwrap();
    for (key, pool) in &stack.pools {
        value["pools"][key]["members"] = pool
            .members
            .known()
            .into_iter()
            .flatten()
            .map(|(key, member)| (key.to_string(), json!(member)))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    value
}

const MAPS: [&str; 3] = ["listeners", "pools", "pools.*.members"];

impl Width {
    fn compare(&mut self, path: &str, before: &Value, after: &Value) {
        match (before, after) {
            // A certificate is one value, whatever its kind.
            (Value::Object(_), Value::Object(_)) if path.ends_with("_ref") => {
                self.note(path, &json!(before.to_string()), &json!(after.to_string()));
            }
            (Value::Object(one), Value::Object(two)) => {
                let is_map = MAPS.contains(&path) || path.ends_with("insert_headers");
                let keys: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
                for key in keys {
                    let below = if is_map { format!("{path}.*") } else { format!("{path}.{key}") };
                    let change = match (one.get(key), two.get(key)) {
                        (Some(one), Some(two)) => {
                            self.compare(below.trim_start_matches('.'), one, two);
                            continue;
                        }
                        (None, _) => "added",
                        (_, None) => "dropped",
                    };
                    self.lists.entry(path.to_owned()).or_default().insert(change);
                }
            }
            (Value::Array(one), Value::Array(two)) => self.compare_lists(path, one, two),
            _ => self.note(path, before, after),
        }
    }

    fn compare_lists(&mut self, path: &str, one: &[Value], two: &[Value]) {
        let has = |list: &[Value], key: &Value| list.iter().any(|item| item["key"] == *key);
        let seen = self.lists.entry(path.to_owned()).or_default();
        if !path.ends_with("policies") {
            let set = |list: &[Value]| list.iter().map(Value::to_string).collect::<BTreeSet<_>>();
            let (of_one, of_two) = (set(one), set(two));
            seen.extend((!of_two.is_subset(&of_one)).then_some("added"));
            seen.extend((!of_one.is_subset(&of_two)).then_some("dropped"));
            seen.extend((of_one == of_two && one != two).then_some("reordered"));
            if !path.ends_with("rules") {
                return self.note(path, &json!(one), &json!(two));
            }
            for item in one.iter().chain(two) {
                self.compare(&format!("{path}.*"), item, item);
            }
            return;
        }
        let order = |list: &[Value], other: &[Value]| -> Vec<Value> {
            list.iter().map(|item| item["key"].clone()).filter(|key| has(other, key)).collect()
        };
        seen.extend(two.iter().any(|item| !has(one, &item["key"])).then_some("added"));
        seen.extend(one.iter().any(|item| !has(two, &item["key"])).then_some("dropped"));
        seen.extend((order(one, two) != order(two, one)).then_some("reordered"));
        for before in one {
            if let Some(after) = two.iter().find(|after| after["key"] == before["key"]) {
                self.compare(&format!("{path}.*"), before, after);
            }
        }
    }

    fn note(&mut self, path: &str, before: &Value, after: &Value) {
        let life = self.fields.entry(path.to_owned()).or_default();
        // A section that is added or removed as a whole.
        let text = |value: &Value| if value.is_object() { "section".to_owned() } else { value.to_string() };
        life.values.extend([before, after].map(text));
        match (before.is_null(), after.is_null()) {
            (true, false) => life.set = true,
            (false, true) => life.removed = true,
            _ => life.changed |= before != after,
        }
    }
}

/// True for fields that cannot change, and for keys of maps and lists.
fn stays(path: &str) -> bool {
    const LOAD_BALANCER: [&str; 4] = ["provider", "flavor_id", "availability_zone", "vip"];
    path.starts_with("owner.")
        || path.ends_with("policies.*.key")
        || path.ends_with("insert_headers.*")
        || path.contains("rules.*")
        || LOAD_BALANCER.iter().any(|field| path.starts_with(&format!("load_balancer.{field}")))
}

/// True for the owner, and for fields that laws of their own set: `adoption.rs` and `prune.rs`.
fn is_set_elsewhere(path: &str) -> bool {
    path.starts_with("owner.") || ["adopt", "prune"].contains(&path)
}

fn width() -> Width {
    let strategy = stack_and_edit(&World::whole());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let mut width = Width::default();
    for _ in 0..PAIRS {
        let (before, after) = strategy.new_tree(&mut runner).unwrap().current();
        width.compare("", &plain(&before), &plain(&after));
    }
    width
}

#[test]
fn every_field_is_set_changed_removed_and_every_value_used() {
    let Width { fields, lists } = width();
    let mut missing = Vec::new();
    for (path, life) in fields.iter().filter(|(path, _)| !is_set_elsewhere(path)) {
        if life.values.len() < 2 && !path.ends_with("insert_headers.*") {
            missing.push(format!("{path} is always {:?}", life.values));
        }
        let optional = life.values.contains("null");
        let lives = [
            ("set", life.set || !optional),
            ("removed", life.removed || !optional),
            ("changed", life.changed || life.values.contains("section")),
        ];
        let never = lives.iter().filter(|(_, lived)| !lived && !stays(path));
        missing.extend(never.map(|(what, _)| format!("{path} is never {what}")));
    }
    for (path, values) in enumerated_values() {
        let used = fields.get(path).map(|life| life.values.clone()).unwrap_or_default();
        missing.extend(
            values.iter().filter(|value| !used.contains(*value)).map(|value| format!("{path} is never {value}")),
        );
    }
    for path in ["listeners", "pools", "pools.*.members", "listeners.*.policies", "listeners.*.policies.*.rules"] {
        let happened = lists.get(path).cloned().unwrap_or_default();
        let mut wanted = vec!["added", "dropped"];
        wanted.extend(path.contains("policies").then_some("reordered"));
        missing.extend(
            wanted.iter().filter(|what| !happened.contains(*what)).map(|what| format!("{path}: nothing is {what}")),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// All values of every field with an enumeration, as JSON.
fn enumerated_values() -> Vec<(&'static str, Vec<String>)> {
    fn all<T: serde::Serialize>(list: &[T]) -> Vec<String> {
        list.iter().map(|value| json!(value).to_string()).collect()
    }
    // Random stacks have no SOURCE_IP_PORT, which an amphora lacks.
    let algorithms: Vec<_> = Algorithm::ALL.iter().filter(|a| **a != Algorithm::SourceIpPort).collect();
    vec![
        ("listeners.*.protocol", all(ListenerProtocol::ALL)),
        ("listeners.*.tls.client_authentication", all(ClientAuthentication::ALL)),
        ("listeners.*.policies.*.rules.*.kind", all(L7RuleType::ALL)),
        ("listeners.*.policies.*.rules.*.compare", all(L7CompareType::ALL)),
        ("pools.*.protocol", all(PoolProtocol::ALL)),
        ("pools.*.algorithm", all(&algorithms)),
        ("pools.*.persistence.kind", all(PersistenceType::ALL)),
        ("pools.*.monitor.kind", all(MonitorType::ALL)),
        ("pools.*.monitor.http.method", all(HttpMethod::ALL)),
    ]
}
