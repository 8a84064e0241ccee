//! Health monitors. Each pool has at most one, so it needs no key.

use std::collections::BTreeSet;

use serde_json::json;

use super::diff::{FieldRules, Patch, object, without_empties};
use super::step::Target;
use crate::model::{
    Body, Call, HealthMonitor, HttpCheck, Impact, Kind, ObservedMonitor, OwnedFields, Step, StepReason,
};

const RULES: FieldRules = FieldRules { operator_defaulted: &[], groups: &[&["http_version", "domain_name"]] };

fn wanted(monitor: &HealthMonitor) -> Body {
    let HealthMonitor { name, kind: _, delay, timeout, max_retries, max_retries_down, http, admin_state_up, tags } =
        monitor;
    let mut body = object([
        ("name", json!(name)),
        ("delay", json!(delay)),
        ("timeout", json!(timeout)),
        ("max_retries", json!(max_retries)),
        ("max_retries_down", json!(max_retries_down)),
        ("admin_state_up", json!(admin_state_up)),
        ("tags", json!(tags)),
    ]);
    if let Some(HttpCheck { method, url_path, expected_codes, version, domain_name }) = http {
        body.extend(object([
            ("http_method", json!(method)),
            ("url_path", json!(url_path)),
            ("expected_codes", json!(canonical_codes(expected_codes))),
            ("http_version", json!(version.as_ref().and_then(|v| v.parse::<f64>().ok()))),
            ("domain_name", json!(domain_name)),
        ]));
    }
    body
}

fn observed(seen: &ObservedMonitor) -> Body {
    object([
        ("name", json!(seen.name)),
        ("delay", json!(seen.delay)),
        ("timeout", json!(seen.timeout)),
        ("max_retries", json!(seen.max_retries)),
        ("max_retries_down", json!(seen.max_retries_down)),
        ("admin_state_up", json!(seen.admin_state_up)),
        ("tags", json!(seen.tags)),
        ("http_method", json!(seen.http_method)),
        ("url_path", json!(seen.url_path)),
        ("expected_codes", json!(seen.expected_codes.as_deref().map(canonical_codes))),
        ("http_version", json!(seen.http_version)),
        ("domain_name", json!(seen.domain_name)),
    ])
}

/// Octavia keeps the text as given, blanks and all: `200, 201 ,202`.
fn canonical_codes(text: &str) -> String {
    if text.contains('-') {
        return text.split('-').map(str::trim).collect::<Vec<_>>().join("-");
    }
    text.split(',').map(str::trim).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
}

/// The body that makes it, without `pool_id`.
pub(super) fn body(monitor: &HealthMonitor) -> Body {
    let mut body = without_empties(wanted(monitor));
    body.insert("type".to_owned(), json!(monitor.kind));
    body
}

/// The steps from the monitor that a pool has to the one that it should have.
pub(super) fn steps(
    key: &str,
    pool: &Target,
    want: Option<&HealthMonitor>,
    seen: Option<&ObservedMonitor>,
) -> Vec<Step> {
    match (want, seen) {
        (None, None) => Vec::new(),
        (Some(want), None) => vec![create(key, pool, want)],
        // Until the next look by the new monitor, dead members get connections.
        (None, Some(seen)) => vec![delete(key, seen)],
        (Some(want), Some(seen)) if want.kind.as_str() != seen.kind => {
            vec![delete(key, seen).because(StepReason::Replace), create(key, pool, want).because(StepReason::Replace)]
        }
        (Some(want), Some(seen)) => update(key, want, seen),
    }
}

fn create(key: &str, pool: &Target, want: &HealthMonitor) -> Step {
    let mut body = body(want);
    body.insert("pool_id".to_owned(), pool.json());
    Step::new(Kind::HealthMonitor, key, Call::Create { parent: None, body }).after(pool)
}

fn delete(key: &str, seen: &ObservedMonitor) -> Step {
    Step::delete(Kind::HealthMonitor, key, &seen.id).impact(Impact::NewConnections)
}

fn update(key: &str, want: &HealthMonitor, seen: &ObservedMonitor) -> Vec<Step> {
    let mut edit = RULES.compare(&wanted(want), &observed(seen), &OwnedFields::default());
    let tags = edit.tags_first(&seen.tags);
    let first = tags.into_iter().chain(domain_first(&mut edit)).reduce(Patch::and);
    let target = Target::existing(&seen.id);
    let step = |edit: Patch| {
        let impact = if edit.switches_off() { Impact::NewConnections } else { Impact::None };
        Step::update(Kind::HealthMonitor, key, &target, edit).impact(impact)
    };
    first.into_iter().chain([edit]).filter(|edit| !edit.is_empty()).map(step).collect()
}

/// HTTP/1.0 knows no host name, and Octavia holds the new version against the stored one (`_validate_update_hm`):
/// the name has to go first.
fn domain_first(edit: &mut Patch) -> Option<Patch> {
    let drops_name = edit.change("domain_name").is_some_and(|c| c.want.is_null());
    let to_1_0 = edit.change("http_version").is_some_and(|c| c.want == json!(1.0));
    (drops_name && to_1_0).then(|| edit.take("domain_name"))
}
