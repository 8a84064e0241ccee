//! Rules of a ClusterOpenStackCloud.

use kube::core::Rule;

/// Requires names or a selector exactly where they select.
pub(crate) fn selection_suits_from() -> Rule {
    Rule::new(
        "has(self.from) && self.from == 'Selected' ? (has(self.names) && size(self.names) > 0) || has(self.selector) : \
         (!has(self.names) || size(self.names) == 0) && !has(self.selector)",
    )
    .message("names and selector belong to from: Selected, which needs one of them")
}

/// Rejects a selector of everything.
pub(crate) fn selector_is_not_empty() -> Rule {
    Rule::new(
        "!has(self.selector) || (has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0) || \
         (has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0)",
    )
    .message("an empty selector would select every namespace: write from: All")
    .field_path(".selector")
}
