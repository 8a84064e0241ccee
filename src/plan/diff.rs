//! Comparing. Both sides of every object are brought into one normal form, a [`Body`] of its changeable fields in
//! Octavia's names; what differs then is what a `PUT` has to say.
//!
//! The normal form is where the traps of Octavia's normalising are met (sets sorted, addresses parsed, defaults
//! filled), so that a plan against its own result is empty.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{Body, Change, OwnedFields, without_twins};

/// What puts a field back to its default, once, after the stack stopped speaking of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reset {
    /// Octavia takes `null` for its own or its operator's default.
    Null,
    EmptyText,
    EmptyList,
    /// Octavia's stock default, spelled out: `null` here is a 500 on servers with a `minimum_tls_version`
    /// (`check_tls_version_min` iterates over it).
    StockTlsVersions,
}

impl Reset {
    fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::EmptyText => json!(""),
            Self::EmptyList => json!([]),
            Self::StockTlsVersions => json!(["TLSv1.2", "TLSv1.3"]),
        }
    }
}

/// How the fields of one kind of object are compared and sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldRules {
    /// The `[C]` fields. One that the wanted body lacks is not compared; it is reset if our mask says that we set it.
    pub operator_defaulted: &'static [(&'static str, Reset)],
    /// Fields that Octavia checks against each other, or resets when they come alone: sent together.
    pub groups: &'static [&'static [&'static str]],
}

impl FieldRules {
    /// The tags of an object: the user's, ours, and the mask of the `[C]` fields that `body` sets.
    pub fn tags(
        &self,
        user: &BTreeSet<String>,
        ours: impl IntoIterator<Item = String>,
        body: &Body,
    ) -> BTreeSet<String> {
        let set = self.operator_defaulted.iter().map(|(field, _)| *field).filter(|field| body.contains_key(*field));
        let mask = OwnedFields(set.map(str::to_owned).collect());
        user.iter().cloned().chain(ours).chain(mask.tag()).collect()
    }

    /// What a `PUT` has to say so that `seen` becomes `want`. `mask`: the `[C]` fields that we set earlier.
    pub fn compare(&self, want: &Body, seen: &Body, mask: &OwnedFields) -> Patch {
        let mut edit = Patch::default();
        for (field, wanted) in want {
            let was = seen.get(field).unwrap_or(&Value::Null);
            if was != wanted {
                edit.set(field, was.clone(), wanted.clone());
            }
        }
        for (field, reset) in self.operator_defaulted {
            if mask.0.contains(*field) && !want.contains_key(*field) {
                edit.set(field, seen.get(*field).cloned().unwrap_or_default(), reset.value());
            }
        }
        for group in self.groups {
            if group.iter().any(|field| edit.body.contains_key(*field)) {
                for field in group.iter().filter_map(|field| want.get_key_value(*field)) {
                    edit.body.insert(field.0.clone(), field.1.clone());
                }
            }
        }
        edit
    }
}

/// One `PUT`: what it sends, and what people read of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Patch {
    pub body: Body,
    pub changes: Vec<Change>,
}

impl Patch {
    pub fn set(&mut self, field: &str, was: Value, want: Value) {
        self.body.insert(field.to_owned(), want.clone());
        self.changes.push(Change { field: field.to_owned(), was, want });
    }

    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    pub fn changes(&self, field: &str) -> bool {
        self.changes.iter().any(|c| c.field == field)
    }

    pub fn change(&self, field: &str) -> Option<&Change> {
        self.changes.iter().find(|c| c.field == field)
    }

    /// Does it switch something off that is on?
    pub fn switches_off(&self) -> bool {
        self.change("admin_state_up").is_some_and(|c| c.want == json!(false))
    }

    /// Takes one field out, to be sent by itself.
    pub fn take(&mut self, field: &str) -> Self {
        let mut taken = Self::default();
        if let Some(value) = self.body.remove(field) {
            taken.body.insert(field.to_owned(), value);
        }
        let (of_field, others) = std::mem::take(&mut self.changes).into_iter().partition(|c| c.field == field);
        taken.changes = of_field;
        self.changes = others;
        taken
    }

    /// The `PUT` that has to come before this one, where a tag takes the place of one that Octavia's database holds for
    /// equal, `Web` that of `web`: without the old one. Everything else that the object carries stays on it.
    pub fn tags_first(&mut self, seen: &BTreeSet<String>) -> Option<Self> {
        let want: BTreeSet<String> = serde_json::from_value(self.body.get("tags")?.clone()).ok()?;
        let rest = json!(without_twins(seen, &want)?);
        let mut first = Self::default();
        first.set("tags", json!(seen), rest.clone());
        if let Some(change) = self.changes.iter_mut().find(|c| c.field == "tags") {
            change.was = rest;
        }
        Some(first)
    }

    /// Both in one `PUT`.
    pub fn and(mut self, other: Self) -> Self {
        self.body.extend(other.body);
        self.changes.extend(other.changes);
        self
    }
}

pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Body {
    fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

/// Adds the fields that are given.
pub(super) fn add_some<const N: usize>(body: &mut Body, fields: [(&str, Option<Value>); N]) {
    body.extend(fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))));
}

/// A body for `POST`: what is null or empty is what Octavia does by itself, and null is a 400 or 500 for some fields.
pub(super) fn without_empties(body: Body) -> Body {
    body.into_iter()
        .filter(|(_, value)| match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => true,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: FieldRules = FieldRules {
        operator_defaulted: &[("description", Reset::EmptyText), ("limit", Reset::Null)],
        groups: &[&["action", "target"]],
    };

    fn mask(fields: &[&str]) -> OwnedFields {
        OwnedFields(fields.iter().map(|f| (*f).to_owned()).collect())
    }

    #[test]
    fn only_what_differs_is_sent() {
        let want = object([("name", json!("a")), ("up", json!(true))]);
        let seen = object([("name", json!("b")), ("up", json!(true)), ("other", json!(1))]);
        let edit = RULES.compare(&want, &seen, &mask(&[]));
        assert_eq!(Value::from(edit.body), json!({"name": "a"}));
        assert_eq!(edit.changes, [Change { field: "name".into(), was: json!("b"), want: json!("a") }]);
    }

    #[test]
    fn a_field_of_the_operators_is_reset_once_if_we_had_set_it_and_never_otherwise() {
        let (want, seen) = (object([]), object([("description", json!("theirs")), ("limit", json!(7))]));
        assert!(RULES.compare(&want, &seen, &mask(&[])).is_empty());
        let edit = RULES.compare(&want, &seen, &mask(&["description", "limit", "unknown to us"]));
        assert_eq!(Value::from(edit.body), json!({"description": "", "limit": null}));
    }

    #[test]
    fn a_group_goes_together() {
        let want = object([("action", json!("a")), ("target", json!("x"))]);
        let seen = object([("action", json!("a")), ("target", json!("y"))]);
        let edit = RULES.compare(&want, &seen, &mask(&[]));
        assert_eq!(Value::from(edit.body), json!({"action": "a", "target": "x"}));
        assert_eq!(edit.changes.len(), 1);
    }
}
