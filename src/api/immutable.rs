//! What Octavia cannot change once the load balancer exists.
//!
//! These rules stand at the root, because only there `status` is in reach. They are transition rules: an object that
//! does not change passes whatever it holds, so they never stand in the way of a status write or of the removal of the
//! finalizer. They refuse only the same form with another value; from absent to present, from name to id and back to
//! absent are allowed here, and the planner judges what they mean.

use kube::core::Rule;

/// A text below `spec.loadBalancer`.
pub fn text(path: &str) -> Rule {
    rule(path, &differs(path))
}

/// A reference below `spec.loadBalancer`: by id or by name.
pub fn reference(path: &str) -> Rule {
    let by = |field: &str| differs(&format!("{path}.{field}"));
    rule(path, &format!("({}) || ({})", by("id"), by("name")))
}

/// A list below `spec.loadBalancer`: its length.
pub fn count(path: &str) -> Rule {
    let (old, new) = (present("oldSelf", path), present("self", path));
    let field = format!("spec.loadBalancer.{path}");
    rule(path, &format!("{old} && {new} && size(oldSelf.{field}) != size(self.{field})"))
}

fn differs(path: &str) -> String {
    let (old, new) = (present("oldSelf", path), present("self", path));
    format!("{old} && {new} && oldSelf.spec.loadBalancer.{path} != self.spec.loadBalancer.{path}")
}

/// `has()` of each optional step of the path.
fn present(object: &str, path: &str) -> String {
    let mut at = format!("{object}.spec.loadBalancer");
    let mut checks = Vec::new();
    for step in path.split('.') {
        at = format!("{at}.{step}");
        // `vip` is required; has() of it costs nothing and reads the same.
        checks.push(format!("has({at})"));
    }
    checks.join(" && ")
}

fn rule(path: &str, changed: &str) -> Rule {
    let made = "has(oldSelf.status) && has(oldSelf.status.loadBalancer) && has(oldSelf.status.loadBalancer.id)";
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
