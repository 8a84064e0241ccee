//! Paths of the API, parsed into their targets.

use std::sync::Arc;

use http::Method;

use super::kinds::{Kind, Kinds};
use super::query::Query;
use super::query::unescape;

#[derive(Debug)]
pub enum Route {
    Version,
    /// `/readyz`, `/livez`, `/healthz`.
    Health,
    CoreVersions,
    Groups,
    Group(String),
    Resources {
        group: String,
        version: String,
    },
    OpenApiIndex,
    OpenApi {
        group: String,
        version: String,
    },
    Objects(Target),
    Nothing,
}

/// A collection, an object, or a subresource of one.
#[derive(Debug)]
pub struct Target {
    pub kind: Arc<Kind>,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

pub fn route(kinds: &Kinds, path: &str) -> Route {
    let steps: Vec<String> = path.split('/').filter(|step| !step.is_empty()).map(unescape).collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    match steps.as_slice() {
        ["version"] => Route::Version,
        ["readyz" | "livez" | "healthz", ..] => Route::Health,
        ["api"] => Route::CoreVersions,
        ["apis"] => Route::Groups,
        ["apis", group] => Route::Group((*group).to_owned()),
        ["api", version] => Route::Resources { group: String::new(), version: (*version).to_owned() },
        ["apis", group, version] => Route::Resources { group: (*group).to_owned(), version: (*version).to_owned() },
        ["openapi", "v3"] => Route::OpenApiIndex,
        ["openapi", "v3", "api", version] => Route::OpenApi { group: String::new(), version: (*version).to_owned() },
        ["openapi", "v3", "apis", group, version] => {
            Route::OpenApi { group: (*group).to_owned(), version: (*version).to_owned() }
        }
        ["api", version, rest @ ..] => target(kinds, "", version, rest),
        ["apis", group, version, rest @ ..] => target(kinds, group, version, rest),
        _ => Route::Nothing,
    }
}

fn target(kinds: &Kinds, group: &str, version: &str, steps: &[&str]) -> Route {
    let (namespace, plural, rest) = match steps {
        ["namespaces", namespace, plural, rest @ ..] if !matches!(*plural, "status" | "finalize") => {
            (Some((*namespace).to_owned()), *plural, rest)
        }
        [plural, rest @ ..] => (None, *plural, rest),
        [] => return Route::Nothing,
    };
    let Some(kind) = kinds.find(group, version, plural) else { return Route::Nothing };
    let (name, subresource) = match rest {
        [] => (None, None),
        [name] => (Some((*name).to_owned()), None),
        [name, subresource] => (Some((*name).to_owned()), Some((*subresource).to_owned())),
        _ => return Route::Nothing,
    };
    let misplaced = if kind.namespaced { namespace.is_none() && name.is_some() } else { namespace.is_some() };
    if misplaced {
        return Route::Nothing;
    }
    Route::Objects(Target { kind, namespace, name, subresource })
}

/// The verb as roles and audit logs name it.
pub fn verb(method: &Method, named: bool, query: &Query) -> &'static str {
    match (method.as_str(), named) {
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) if query.is_true("watch") => "watch",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "",
    }
}
