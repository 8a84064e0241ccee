//! Rules on fields that Octavia cannot change once the load balancer exists.
//!
//! They are at the root, the only place with access to `status`. They are transition rules: an unchanged object passes with
//! any value, so they never refuse a status write or the removal of the finalizer. They refuse only another value in the
//! same form. Changes from absent to present, from name to id, and back to absent are allowed here, and the planner
//! judges their meaning. A load balancer that never served is created again, so all of its fields may change.

use kube::core::Rule;

const OLD: &str = "oldSelf.spec.loadBalancer";
const NEW: &str = "self.spec.loadBalancer";

/// Requires that a text below `spec.loadBalancer` keeps its value.
pub fn text(path: &str) -> Rule {
    rule(path, &differs(OLD, NEW, path))
}

/// Requires that a reference below `spec.loadBalancer` keeps its id or its name.
pub fn reference(path: &str) -> Rule {
    let by = |field: &str| differs(OLD, NEW, &format!("{path}.{field}"));
    rule(path, &format!("({}) || ({})", by("id"), by("name")))
}

/// Requires that a list below `spec.loadBalancer` keeps its length and these texts of each entry. CEL cannot count, so
/// every index up to the longest list is written out.
pub fn entries(path: &str, most: usize, texts: &[&str]) -> Rule {
    let (old, new) = (format!("{OLD}.{path}"), format!("{NEW}.{path}"));
    let indexes = (0..most).map(|index| index.to_string()).collect::<Vec<_>>().join(", ");
    let entry = |text: &&str| format!("({})", differs(&format!("{old}[i]"), &format!("{new}[i]"), text));
    let entry = texts.iter().map(entry).collect::<Vec<_>>().join(" || ");
    let changed = format!("size({old}) != size({new}) || [{indexes}].exists(i, i < size({new}) && ({entry}))");
    rule(path, &format!("{} && {} && ({changed})", present(OLD, path), present(NEW, path)))
}

/// Both objects have the path, with different values.
fn differs(old: &str, new: &str, path: &str) -> String {
    format!("{} && {} && {old}.{path} != {new}.{path}", present(old, path), present(new, path))
}

/// The object has each step of the path.
fn present(object: &str, path: &str) -> String {
    let mut prefix = object.to_owned();
    let mut checks = Vec::new();
    for step in path.split('.') {
        prefix = format!("{prefix}.{step}");
        // Some steps are required fields; has() of them costs nothing.
        checks.push(format!("has({prefix})"));
    }
    checks.join(" && ")
}

/// Refuses a change while the load balancer exists and has served.
fn rule(path: &str, changed: &str) -> Rule {
    let exists = "has(oldSelf.status) && has(oldSelf.status.loadBalancer) && has(oldSelf.status.loadBalancer.id) && \
                !has(oldSelf.status.loadBalancer.neverServed)";
    Rule::new(format!("!({exists}) || !({changed})"))
        .message(
            format!(
                "loadBalancer.{path} cannot change once there is a load balancer: \
                 restore the old value, or create another stack"
            )
            .as_str(),
        )
        .field_path(format!(".spec.loadBalancer.{path}"))
}
