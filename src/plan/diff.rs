//! Comparison of the desired with the observed state of one object.
//!
//! Both sides are brought into one normal form, a [`Body`] of the changeable fields in Octavia's names. A `PUT` sends
//! the fields that differ. The normal form undoes what Octavia does to values (sets are sorted, addresses parsed,
//! defaults filled in), so a plan against its own result is empty.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{Body, Change, OwnedFields, without_twins};

/// Value that puts an operator-defaulted field back to its default, once, after the stack stopped setting it.
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

/// Rules for comparing and sending the fields of one kind of object.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldRules {
    /// Operator-defaulted fields ([`Desired`](crate::model::Desired)). One that the desired body lacks is not
    /// compared; it is reset if [`OwnedFields`] says that the stack has set it before.
    pub operator_defaulted: &'static [(&'static str, Reset)],
    /// Fields that Octavia checks against each other, or resets when they come alone: sent together.
    pub groups: &'static [&'static [&'static str]],
}

impl FieldRules {
    /// The tags of an object: the user's, those of the owner, and the record of the operator-defaulted fields that
    /// `body` sets.
    pub(super) fn tags(
        &self,
        user: &BTreeSet<String>,
        owner: impl IntoIterator<Item = String>,
        body: &Body,
    ) -> BTreeSet<String> {
        let set = self.operator_defaulted.iter().map(|(field, _)| *field).filter(|field| body.contains_key(*field));
        let owned = OwnedFields(set.map(str::to_owned).collect());
        user.iter().cloned().chain(owner).chain(owned.tag()).collect()
    }

    /// The `PUT` that turns `observed` into `desired`. `owned`: operator-defaulted fields that the stack has set
    /// before.
    pub(super) fn compare(&self, desired: &Body, observed: &Body, owned: &OwnedFields) -> Patch {
        let mut patch = Patch::default();
        for (field, want) in desired {
            let was = observed.get(field).unwrap_or(&Value::Null);
            if was != want {
                patch.set(field, was.clone(), want.clone());
            }
        }
        for (field, reset) in self.operator_defaulted {
            if owned.0.contains(*field) && !desired.contains_key(*field) {
                patch.set(field, observed.get(*field).cloned().unwrap_or_default(), reset.value());
            }
        }
        for group in self.groups {
            if group.iter().any(|field| patch.body.contains_key(*field)) {
                for (field, value) in group.iter().filter_map(|field| desired.get_key_value(*field)) {
                    patch.body.insert(field.clone(), value.clone());
                }
            }
        }
        patch
    }
}

/// One `PUT`: the body that is sent, and the differences that people read.
#[derive(Debug, Clone, Default)]
pub(super) struct Patch {
    pub body: Body,
    pub changes: Vec<Change>,
}

impl Patch {
    /// Switches on an object that was made disabled.
    pub(super) fn enable() -> Self {
        let mut patch = Self::default();
        patch.set("admin_state_up", json!(false), json!(true));
        patch
    }

    pub(super) fn set(&mut self, field: &str, was: Value, want: Value) {
        self.body.insert(field.to_owned(), want.clone());
        self.changes.push(Change { field: field.to_owned(), was, want });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    pub(super) fn changes(&self, field: &str) -> bool {
        self.change(field).is_some()
    }

    pub(super) fn change(&self, field: &str) -> Option<&Change> {
        self.changes.iter().find(|c| c.field == field)
    }

    /// True if it clears a field that has a value.
    pub(super) fn clears(&self, field: &str) -> bool {
        self.change(field).is_some_and(|c| c.want.is_null())
    }

    /// True if it switches off an object that is on.
    pub(super) fn switches_off(&self) -> bool {
        self.change("admin_state_up").is_some_and(|c| c.want == json!(false))
    }

    /// Takes one field out, to be sent by itself.
    pub(super) fn take(&mut self, field: &str) -> Self {
        let mut taken = Self::default();
        if let Some(value) = self.body.remove(field) {
            taken.body.insert(field.to_owned(), value);
        }
        let (of_field, others) = std::mem::take(&mut self.changes).into_iter().partition(|c| c.field == field);
        taken.changes = of_field;
        self.changes = others;
        taken
    }

    /// The `PUT` that has to come first where a tag takes the place of one that Octavia's database holds for equal
    /// (`Web` that of `web`): it takes the old tag off and leaves all others on.
    pub(super) fn tags_first(&mut self, observed: &BTreeSet<String>) -> Option<Self> {
        let desired: BTreeSet<String> = serde_json::from_value(self.body.get("tags")?.clone()).ok()?;
        let rest = json!(without_twins(observed, &desired)?);
        let mut first = Self::default();
        first.set("tags", json!(observed), rest.clone());
        if let Some(change) = self.changes.iter_mut().find(|c| c.field == "tags") {
            change.was = rest;
        }
        Some(first)
    }

    /// Joins two patches into one `PUT`.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.body.extend(other.body);
        self.changes.extend(other.changes);
        self
    }
}

pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Body {
    fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

/// Adds the fields that have a value.
pub(super) fn add_some<const N: usize>(body: &mut Body, fields: [(&str, Option<Value>); N]) {
    body.extend(fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))));
}

/// A body for `POST`, without null and empty values: Octavia does the same by itself, and null is a 400 or 500 for some
/// fields.
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

/// A body that changes nothing: the name that the object has. Octavia applies the whole object again. (An empty body
/// would do for all kinds but policies, where it is a 400.)
pub(super) fn no_op_body(name: &str) -> Body {
    object([("name", json!(name))])
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: FieldRules = FieldRules {
        operator_defaulted: &[("description", Reset::EmptyText), ("limit", Reset::Null)],
        groups: &[&["action", "target"]],
    };

    fn owned(fields: &[&str]) -> OwnedFields {
        OwnedFields(fields.iter().map(|f| (*f).to_owned()).collect())
    }

    #[test]
    fn compare_sends_only_differing_fields() {
        let desired = object([("name", json!("a")), ("up", json!(true))]);
        let observed = object([("name", json!("b")), ("up", json!(true)), ("other", json!(1))]);
        let patch = RULES.compare(&desired, &observed, &owned(&[]));
        assert_eq!(Value::from(patch.body), json!({"name": "a"}));
        assert_eq!(patch.changes, [Change { field: "name".into(), was: json!("b"), want: json!("a") }]);
    }

    #[test]
    fn operator_defaulted_field_resets_only_if_stack_had_set_it() {
        let (desired, observed) =
            (object([]), object([("description", json!("by the operator")), ("limit", json!(7))]));
        assert!(RULES.compare(&desired, &observed, &owned(&[])).is_empty());
        let patch = RULES.compare(&desired, &observed, &owned(&["description", "limit", "unknown field"]));
        assert_eq!(Value::from(patch.body), json!({"description": "", "limit": null}));
    }

    #[test]
    fn field_group_is_sent_together() {
        let desired = object([("action", json!("a")), ("target", json!("x"))]);
        let observed = object([("action", json!("a")), ("target", json!("y"))]);
        let patch = RULES.compare(&desired, &observed, &owned(&[]));
        assert_eq!(Value::from(patch.body), json!({"action": "a", "target": "x"}));
        assert_eq!(patch.changes.len(), 1);
    }
}
