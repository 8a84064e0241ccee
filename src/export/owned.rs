//! Operator-defaulted fields. A stack that leaves one out leaves it untouched, unless a stack has set it before: then the
//! field is reset. So one that a stack has set is always exported.

use std::collections::BTreeSet;

use crate::model::OwnedFields;

/// Fields of one object that a stack has set.
pub(super) struct Owned(OwnedFields);

impl Owned {
    pub(super) fn of(tags: &BTreeSet<String>) -> Self {
        Self(OwnedFields::of(tags))
    }

    /// The value, unless it is the default that Octavia has without a word of the operator.
    pub(super) fn unless_default<T: PartialEq>(&self, field: &str, value: Option<T>, default: T) -> Option<T> {
        value.filter(|value| *value != default || self.has(field))
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.0.0.contains(field)
    }

    pub(super) fn description(&self, text: &str) -> Option<String> {
        self.unless_default("description", Some(text.to_owned()), String::new())
    }
}
