//! Rules of `spec.adopt`.

use kube::core::Rule;

/// Requires an id, or else a name or tags.
pub(crate) fn id_or_name_and_tags() -> Rule {
    Rule::new("has(self.id) != (has(self.name) || (has(self.tags) && size(self.tags) > 0))")
        .message("either id, or at least one of name and tags is required")
}
