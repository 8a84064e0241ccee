//! Rules of member sources.

use kube::core::Rule;

/// Requires one kind of source.
pub(crate) fn one_kind_of_source() -> Rule {
    Rule::new("has(self.service) != has(self.nodes)").message("exactly one of service and nodes is required")
}

/// Rejects fields that select nodes, where the endpoints are pods.
pub(crate) fn node_fields_need_node_port() -> Rule {
    Rule::new("self.target == 'NodePort' || (!has(self.nodeSelector) && !has(self.addressType))")
        .message("nodeSelector and addressType are allowed for target NodePort only")
}

/// Requires values for the operators that compare.
pub(crate) fn values_suit_operator() -> Rule {
    Rule::new("has(self.values) && size(self.values) > 0 ? self.operator in ['In', 'NotIn'] : self.operator in ['Exists', 'DoesNotExist']")
        .message("values are required for In and NotIn, and not allowed for Exists and DoesNotExist")
        .field_path(".values")
}
