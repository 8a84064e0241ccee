//! The tables that `kubectl get` prints.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::jsonpath;
use super::object;

#[derive(Debug, Clone)]
pub struct Column {
    name: String,
    kind: String,
    format: &'static str,
    description: String,
    /// Above zero for a column that only `-o wide` shows.
    priority: i64,
    cell: Cell,
}

#[derive(Debug, Clone)]
enum Cell {
    JsonPath(String),
    Made(fn(&Value, Timestamp) -> Value),
}

const NAME_HELP: &str = "Name must be unique within a namespace. Is required when creating resources, although some \
    resources may allow a client to request the generation of an appropriate name automatically. Name is primarily \
    intended for creation idempotence and configuration definition. Cannot be updated. More info: \
    https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

const AGE_HELP: &str = "CreationTimestamp is a timestamp representing the server time when this object was created.";

fn name_column() -> Column {
    Column { format: "name", description: NAME_HELP.to_owned(), ..made("Name", 0, |o, _| object::name(o).into()) }
}

fn made(name: &str, priority: i64, cell: fn(&Value, Timestamp) -> Value) -> Column {
    Column {
        name: name.to_owned(),
        kind: "string".to_owned(),
        format: "",
        description: String::new(),
        priority,
        cell: Cell::Made(cell),
    }
}

fn age_column() -> Column {
    Column {
        description: AGE_HELP.to_owned(),
        ..made("Age", 0, |o, now| age(&o["metadata"]["creationTimestamp"], now))
    }
}

/// The columns of a custom resource: its name, then those of its definition, or else its age.
pub fn custom_columns(definitions: &Value) -> Vec<Column> {
    let text = |definition: &Value, key: &str| definition[key].as_str().unwrap_or_default().to_owned();
    let mut columns = vec![name_column()];
    let listed = definitions.as_array().map(Vec::as_slice).unwrap_or_default();
    columns.extend(listed.iter().map(|definition| {
        let path = text(definition, "jsonPath");
        let described = definition["description"].as_str().map(str::to_owned);
        Column {
            name: text(definition, "name"),
            kind: text(definition, "type"),
            format: "",
            description: described
                .unwrap_or_else(|| format!("Custom resource definition column (in JSONPath format): {path}")),
            priority: definition["priority"].as_i64().unwrap_or_default(),
            cell: Cell::JsonPath(path),
        }
    }));
    if listed.is_empty() {
        columns.push(Column { kind: "date".to_owned(), ..age_column() });
    }
    columns
}

pub fn built_in_columns(plural: &str) -> Vec<Column> {
    fn data(object: &Value, _: Timestamp) -> Value {
        object["data"].as_object().map_or(0, serde_json::Map::len).into()
    }
    match plural {
        "namespaces" => {
            vec![name_column(), made("Status", 0, |o, _| o["status"]["phase"].clone()), age_column()]
        }
        "secrets" => {
            vec![name_column(), made("Type", 0, |o, _| o["type"].clone()), made("Data", 0, data), age_column()]
        }
        "configmaps" => vec![name_column(), made("Data", 0, data), age_column()],
        "leases" => vec![name_column(), made("Holder", 0, |o, _| o["spec"]["holderIdentity"].clone()), age_column()],
        "customresourcedefinitions" => {
            vec![name_column(), made("Created At", 0, |o, _| o["metadata"]["creationTimestamp"].clone())]
        }
        "events" => event_columns(),
        _ => vec![name_column(), age_column()],
    }
}

fn event_columns() -> Vec<Column> {
    vec![
        made("Last Seen", 0, |o, now| age(&last_seen(o), now)),
        made("Type", 0, |o, _| o["type"].clone()),
        made("Reason", 0, |o, _| o["reason"].clone()),
        made("Object", 0, |o, _| {
            let about = if o["regarding"].is_object() { &o["regarding"] } else { &o["involvedObject"] };
            let kind = about["kind"].as_str().unwrap_or_default().to_lowercase();
            format!("{kind}/{}", about["name"].as_str().unwrap_or_default()).into()
        }),
        made("Subobject", 1, |o, _| o["involvedObject"]["fieldPath"].clone()),
        made("Source", 1, |o, _| {
            let reporter = ["reportingController", "reportingComponent"].iter().find_map(|key| o[*key].as_str());
            let source = o["source"]["component"].as_str();
            source.or(reporter).unwrap_or_default().into()
        }),
        made("Message", 0, |o, _| {
            let text = o["note"].as_str().or(o["message"].as_str()).unwrap_or_default();
            text.trim().into()
        }),
        made("First Seen", 1, |o, now| age(&first_seen(o), now)),
        made("Count", 1, |o, _| {
            let count = ["count", "deprecatedCount"].iter().find_map(|key| o[*key].as_i64());
            o["series"]["count"].as_i64().or(count).unwrap_or(1).into()
        }),
        Column { priority: 1, ..name_column() },
    ]
}

fn first_seen(event: &Value) -> Value {
    first_time(event, &["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime", "/metadata/creationTimestamp"])
}

fn last_seen(event: &Value) -> Value {
    first_time(
        event,
        &[
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/deprecatedLastTimestamp",
            "/eventTime",
            "/metadata/creationTimestamp",
        ],
    )
}

fn first_time(event: &Value, pointers: &[&str]) -> Value {
    pointers.iter().find_map(|pointer| event.pointer(pointer).filter(|v| v.is_string())).cloned().unwrap_or_default()
}

/// A `Table` of `objects`. `rows_hold` decides the content of each row's `object`.
pub fn table(
    columns: &[Column],
    objects: &[&Value],
    metadata: Value,
    now: Timestamp,
    rows_hold: impl Fn(&Value) -> Value,
) -> Value {
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": column.kind, "format": column.format,
                "description": column.description, "priority": column.priority,
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|column| cell(column, object, now)).collect();
            json!({"cells": cells, "object": rows_hold(object)})
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": rows,
    })
}

fn cell(column: &Column, object: &Value, now: Timestamp) -> Value {
    let path = match &column.cell {
        Cell::Made(make) => return make(object, now),
        Cell::JsonPath(path) => path,
    };
    let found = jsonpath::find(object, path);
    let Some(first) = found.first() else { return Value::Null };
    match column.kind.as_str() {
        "date" => age(first, now),
        "integer" => first.as_i64().map_or(Value::Null, Value::from),
        "number" => first.as_f64().map_or(Value::Null, Value::from),
        "boolean" => first.as_bool().map_or(Value::Null, Value::from),
        _ => {
            let texts = found.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            texts.collect::<Vec<_>>().join(" ").into()
        }
    }
}

/// The time since `time`, as kubectl writes it.
fn age(time: &Value, now: Timestamp) -> Value {
    let Some(then) = time.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else { return "<unknown>".into() };
    duration(now.as_second() - then.as_second()).into()
}

/// `duration.HumanDuration` of apimachinery.
fn duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{small_unit}") }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..=0 => "0s".to_owned(),
        1..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_written_as_kubectl_does() {
        let expected =
            [(0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (600, "10m"), (10_860, "3h1m"), (90_000, "25h")];
        for (seconds, text) in expected {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(duration(200_000), "2d7h");
        assert_eq!(duration(9 * 86_400), "9d");
    }
}
