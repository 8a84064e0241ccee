//! CEL rules on fields that Octavia cannot change once the load balancer exists.
//!
//! They stand at the root of the schema, because a rule on a field of `spec` cannot read `status`. They are transition
//! rules (`oldSelf` and `self`): an unchanged spec passes with any value, so they never reject a write of status or the
//! removal of the finalizer.
//!
//! They reject only one value that replaces another. A field may be added or removed, and an id may replace a name:
//! that can still mean the same object, and the planner finds out. A load balancer that never served, in ERROR since
//! its own create, is deleted and created again, so all of its fields may change.

use kube::core::Rule;

const OLD: &str = "oldSelf.spec.loadBalancer";
const NEW: &str = "self.spec.loadBalancer";

/// Requires that a string field below `spec.loadBalancer` keeps its value.
pub(crate) fn text(path: &str) -> Rule {
    rule(path, &differs(OLD, NEW, path))
}

/// Requires that a reference below `spec.loadBalancer` keeps its id or its name.
pub(crate) fn reference(path: &str) -> Rule {
    let differs_in = |field: &str| differs(OLD, NEW, &format!("{path}.{field}"));
    rule(path, &format!("({}) || ({})", differs_in("id"), differs_in("name")))
}

/// Requires that a list below `spec.loadBalancer` keeps its length and these string fields of each entry. CEL has no
/// loop over two lists at once, so every index up to the longest list is written out.
pub(crate) fn entries(path: &str, longest: usize, fields: &[&str]) -> Rule {
    let (old, new) = (format!("{OLD}.{path}"), format!("{NEW}.{path}"));
    let indexes = (0..longest).map(|index| index.to_string()).collect::<Vec<_>>().join(", ");
    let field_differs = |field: &&str| format!("({})", differs(&format!("{old}[i]"), &format!("{new}[i]"), field));
    let entry_differs = fields.iter().map(field_differs).collect::<Vec<_>>().join(" || ");
    let changed = format!("size({old}) != size({new}) || [{indexes}].exists(i, i < size({new}) && ({entry_differs}))");
    rule(path, &format!("{} && {} && ({changed})", is_present(OLD, path), is_present(NEW, path)))
}

/// The CEL condition that both objects have the path, with different values.
fn differs(old: &str, new: &str, path: &str) -> String {
    format!("{} && {} && {old}.{path} != {new}.{path}", is_present(old, path), is_present(new, path))
}

/// The CEL condition that the object has every field along the path.
fn is_present(object: &str, path: &str) -> String {
    let mut prefix = object.to_owned();
    let mut checks = Vec::new();
    for step in path.split('.') {
        prefix = format!("{prefix}.{step}");
        // has() may also ask for a required field, so no schema is needed here.
        checks.push(format!("has({prefix})"));
    }
    checks.join(" && ")
}

/// Rejects an update for which the CEL condition `changed` holds, while there is a load balancer that may have served:
/// its id is in the status, and it is not marked `neverServed`.
fn rule(path: &str, changed: &str) -> Rule {
    let may_have_served = "has(oldSelf.status) && has(oldSelf.status.loadBalancer) && \
                           has(oldSelf.status.loadBalancer.id) && !has(oldSelf.status.loadBalancer.neverServed)";
    Rule::new(format!("!({may_have_served}) || !({changed})"))
        .message(
            format!(
                "loadBalancer.{path} cannot change once there is a load balancer: \
                 restore the old value, or create another stack"
            )
            .as_str(),
        )
        .field_path(format!(".spec.loadBalancer.{path}"))
}
