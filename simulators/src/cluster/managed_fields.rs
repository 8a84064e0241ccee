//! `metadata.managedFields`: the owners of fields.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fields::{self, Difference, Fields, Step};

/// One entry of `managedFields`, without fields and time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// `Apply` sorts before `Update`, as the API server lists them. Within one operation entries are sorted by time,
    /// then by name.
    pub operation: Operation,
    pub name: String,
    pub api_version: String,
    pub subresource: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Apply,
    Update,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Managers(BTreeMap<Manager, Entry>);

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    fields: Fields,
    time: String,
}

/// A field of another manager that a write without force would change.
#[derive(Debug)]
pub struct Conflict {
    pub manager: Manager,
    pub path: fields::Path,
}

/// Metadata that the server itself writes and no manager owns.
const SERVERS_OWN: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

impl Managers {
    pub fn read(object: &Value) -> Self {
        let lines = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        Self(
            lines
                .map(|line| {
                    let manager = Manager {
                        operation: if line["operation"] == "Apply" { Operation::Apply } else { Operation::Update },
                        name: text(line, "manager"),
                        api_version: text(line, "apiVersion"),
                        subresource: text(line, "subresource"),
                    };
                    let fields = fields::from_json(&line["fieldsV1"]);
                    (manager, Entry { fields, time: text(line, "time") })
                })
                .collect(),
        )
    }

    pub fn write(&self, object: &mut Value) {
        let mut entries: Vec<_> = self.0.iter().collect();
        // The sort is stable: entries of one second stay in the order of `Manager`.
        entries.sort_by_key(|(manager, entry)| (manager.operation, &entry.time));
        let lines: Vec<Value> = entries.into_iter().map(|(manager, entry)| line(manager, entry)).collect();
        let lines = if lines.is_empty() { Value::Null } else { lines.into() };
        super::object::set_meta(object, "managedFields", lines);
    }

    pub fn fields(&self, manager: &Manager) -> Fields {
        self.0.get(manager).map(|entry| entry.fields.clone()).unwrap_or_default()
    }

    /// All fields that any manager owns.
    pub fn owned(&self) -> Fields {
        self.0.values().flat_map(|entry| entry.fields.iter().cloned()).collect()
    }

    /// Makes `fields` the set that `manager` owns. The time changes only when the set does.
    pub fn set(&mut self, manager: Manager, fields: Fields, now: &str) {
        if fields.is_empty() {
            self.0.remove(&manager);
        } else if self.0.get(&manager).is_none_or(|entry| entry.fields != fields) {
            self.0.insert(manager, Entry { fields, time: now.to_owned() });
        }
    }

    /// The fields of other managers that `difference` writes.
    pub fn conflicts(&self, manager: &Manager, difference: &Difference) -> Vec<Conflict> {
        let others = self.0.iter().filter(|(other, _)| *other != manager);
        others
            .flat_map(|(other, entry)| {
                let taken = entry.fields.iter().filter(|path| difference.writes(path));
                taken.map(|path| Conflict { manager: other.clone(), path: path.clone() })
            })
            .collect()
    }

    /// Takes the written fields of `difference` from all managers but `manager`, and the removed ones from all.
    pub fn yield_to(&mut self, manager: &Manager, difference: &Difference) {
        for (other, entry) in &mut self.0 {
            let theirs = |path: &fields::Path| {
                !difference.removed.contains(path) && (other == manager || !difference.writes(path))
            };
            entry.fields.retain(theirs);
        }
        self.0.retain(|_, entry| !entry.fields.is_empty());
    }

    /// Updates the ownership after a plain write (create, update, patch).
    pub fn updated(&mut self, manager: Manager, difference: &Difference, now: &str) {
        self.yield_to(&manager, difference);
        let mut own = self.fields(&manager);
        own.extend(difference.written().into_iter().filter(|path| !is_servers_own(path)));
        self.set(manager, own, now);
    }
}

impl Difference {
    fn writes(&self, path: &fields::Path) -> bool {
        self.added.contains(path) || self.modified.contains(path)
    }
}

fn line(manager: &Manager, entry: &Entry) -> Value {
    let mut line = json!({
        "manager": manager.name,
        "operation": match manager.operation { Operation::Apply => "Apply", Operation::Update => "Update" },
        "apiVersion": manager.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields::to_json(&entry.fields),
    });
    if !manager.subresource.is_empty() {
        line["subresource"] = manager.subresource.clone().into();
    }
    line
}

/// Fields that never appear in `managedFields`.
pub fn is_servers_own(path: &fields::Path) -> bool {
    let field = |index: usize| match path.get(index) {
        Some(Step::Field(name)) => Some(name.as_str()),
        _ => None,
    };
    match field(0) {
        Some("apiVersion" | "kind") => true,
        Some("metadata") => field(1).is_none_or(|name| SERVERS_OWN.contains(&name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_sort_by_operation_then_time_then_name() {
        let mut managers = Managers::default();
        let own = fields::from_json(&json!({"f:spec": {}}));
        for (operation, name, time) in [
            (Operation::Update, "early", "2026-11-27T12:00:00Z"),
            (Operation::Apply, "a-late", "2026-11-27T12:00:03Z"),
            (Operation::Apply, "z", "2026-11-27T12:00:02Z"),
            (Operation::Apply, "b", "2026-11-27T12:00:02Z"),
        ] {
            let manager =
                Manager { operation, name: name.into(), api_version: "sim.dev/v1".into(), subresource: String::new() };
            managers.set(manager, own.clone(), time);
        }
        let mut object = json!({"metadata": {}});
        managers.write(&mut object);
        let lines = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> = lines.iter().map(|line| line["manager"].as_str().unwrap_or_default()).collect();
        assert_eq!(names, ["b", "z", "a-late", "early"]);
    }
}
