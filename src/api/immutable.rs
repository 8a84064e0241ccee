//! What Octavia cannot change once the load balancer exists.
//!
//! These rules stand at the root, because only there `status` is in reach. They are transition rules: an object that
//! does not change passes whatever it holds, so they never stand in the way of a status write or of the removal of the
//! finalizer. They refuse only the same form with another value; from absent to present, from name to id and back to
//! absent are allowed here, and the planner judges what they mean. A load balancer that never served is made anew, so
//! anything of it may change.

use kube::core::Rule;

const OLD: &str = "oldSelf.spec.loadBalancer";
const NEW: &str = "self.spec.loadBalancer";

/// A text below `spec.loadBalancer`.
pub fn text(path: &str) -> Rule {
    rule(path, &differs(OLD, NEW, path))
}

/// A reference below `spec.loadBalancer`: by id or by name.
pub fn reference(path: &str) -> Rule {
    let by = |field: &str| differs(OLD, NEW, &format!("{path}.{field}"));
    rule(path, &format!("({}) || ({})", by("id"), by("name")))
}

/// A list below `spec.loadBalancer` of at most so many entries: its length, and these texts of each entry. CEL cannot
/// count, so every place is written out.
pub fn entries(path: &str, most: usize, texts: &[&str]) -> Rule {
    let (old, new) = (format!("{OLD}.{path}"), format!("{NEW}.{path}"));
    let places = (0..most).map(|place| place.to_string()).collect::<Vec<_>>().join(", ");
    let entry = |text: &&str| format!("({})", differs(&format!("{old}[i]"), &format!("{new}[i]"), text));
    let entry = texts.iter().map(entry).collect::<Vec<_>>().join(" || ");
    let changed = format!("size({old}) != size({new}) || [{places}].exists(i, i < size({new}) && ({entry}))");
    rule(path, &format!("{} && {} && ({changed})", present(OLD, path), present(NEW, path)))
}

/// The same path in both, with another value.
fn differs(old: &str, new: &str, path: &str) -> String {
    format!("{} && {} && {old}.{path} != {new}.{path}", present(old, path), present(new, path))
}

/// `has()` of each step of the path.
fn present(object: &str, path: &str) -> String {
    let mut at = object.to_owned();
    let mut checks = Vec::new();
    for step in path.split('.') {
        at = format!("{at}.{step}");
        // Some are required; has() of them costs nothing and reads the same.
        checks.push(format!("has({at})"));
    }
    checks.join(" && ")
}

fn rule(path: &str, changed: &str) -> Rule {
    let made = "has(oldSelf.status) && has(oldSelf.status.loadBalancer) && has(oldSelf.status.loadBalancer.id) && \
                !has(oldSelf.status.loadBalancer.neverServed)";
    Rule::new(format!("!({made}) || !({changed})"))
        .message(
            format!(
                "loadBalancer.{path} cannot change once there is a load balancer: \
                 put the old value back, or make another stack"
            )
            .as_str(),
        )
        .field_path(format!(".spec.loadBalancer.{path}"))
}
