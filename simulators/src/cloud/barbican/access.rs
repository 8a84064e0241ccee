//! The rights of a caller, as Barbican's policies give them before and after their new defaults: `creator` or `member`.

use serde_json::Value;

use super::secret::Secret;
use crate::cloud::call::Caller;
use crate::cloud::reply::{Reply, routing_error};

/// Roles that may store and delete.
const WRITERS: [&str; 3] = ["creator", "member", "admin"];
/// Roles that may list.
const LISTERS: [&str; 4] = ["creator", "member", "admin", "observer"];

pub(super) fn check_may_store(caller: &Caller, attempt: &str) -> Result<(), Reply> {
    if has_one_of(caller, &WRITERS) { Ok(()) } else { Err(forbidden(attempt)) }
}

pub(super) fn check_may_list(caller: &Caller, attempt: &str) -> Result<(), Reply> {
    if has_one_of(caller, &LISTERS) { Ok(()) } else { Err(forbidden(attempt)) }
}

/// A private secret belongs to its creator. Any other may go by every user of the project that may store.
pub(super) fn check_may_change(caller: &Caller, secret: &Secret, attempt: &str) -> Result<(), Reply> {
    let is_own = !secret.is_private() || secret.creator == caller.user;
    let is_writer = has_one_of(caller, &WRITERS) && caller.project == secret.project && is_own;
    if caller.is_admin() || is_writer { Ok(()) } else { Err(forbidden(attempt)) }
}

pub(super) fn may_read_secret(caller: &Caller, secret: &Secret) -> bool {
    let is_named = secret.readers().any(|user| user == caller.user);
    let is_open = !secret.is_private() || secret.creator == caller.user || caller.is_admin();
    is_named || (may_read(caller, &secret.project) && is_open)
}

/// True for a caller in the project. Unlike [`Caller::reads`], which is Octavia's rule, this asks for no role.
pub(super) fn may_read(caller: &Caller, project: &str) -> bool {
    caller.is_admin() || caller.project == project
}

pub(super) fn forbidden(attempt: &str) -> Reply {
    let text = format!("{attempt} attempt not allowed - please review your user/project privileges");
    routing_error(403, "Forbidden", text)
}

/// Users of the access list for reading.
pub(super) fn readers(acl: &Value) -> impl Iterator<Item = &str> {
    acl["read"]["users"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn has_one_of(caller: &Caller, roles: &[&str]) -> bool {
    roles.iter().any(|role| caller.roles.contains(*role))
}
