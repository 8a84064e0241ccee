//! Health monitors. Each pool has at most one, so it needs no key.

use std::collections::BTreeSet;

use serde_json::json;

use super::diff::{FieldRules, Patch, object, without_empties};
use super::step::Target;
use crate::model::{
    Body, Call, HealthMonitor, HttpCheck, Impact, Kind, ObservedMonitor, OwnedFields, Step, StepReason,
};

const RULES: FieldRules = FieldRules { operator_defaulted: &[], groups: &[&["http_version", "domain_name"]] };

fn desired_body(monitor: &HealthMonitor) -> Body {
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

fn observed_body(monitor: &ObservedMonitor) -> Body {
    object([
        ("name", json!(monitor.name)),
        ("delay", json!(monitor.delay)),
        ("timeout", json!(monitor.timeout)),
        ("max_retries", json!(monitor.max_retries)),
        ("max_retries_down", json!(monitor.max_retries_down)),
        ("admin_state_up", json!(monitor.admin_state_up)),
        ("tags", json!(monitor.tags)),
        ("http_method", json!(monitor.http_method)),
        ("url_path", json!(monitor.url_path)),
        ("expected_codes", json!(monitor.expected_codes.as_deref().map(canonical_codes))),
        ("http_version", json!(monitor.http_version)),
        ("domain_name", json!(monitor.domain_name)),
    ])
}

/// Octavia keeps the text as given, blanks and all: `200, 201 ,202`.
fn canonical_codes(text: &str) -> String {
    if text.contains('-') {
        return text.split('-').map(str::trim).collect::<Vec<_>>().join("-");
    }
    text.split(',').map(str::trim).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
}

/// The body that creates it, without `pool_id`.
pub(super) fn create_body(monitor: &HealthMonitor) -> Body {
    let mut body = without_empties(desired_body(monitor));
    body.insert("type".to_owned(), json!(monitor.kind));
    body
}

/// Steps from the observed monitor of a pool to the desired one.
pub(super) fn steps(
    key: &str,
    pool: &Target,
    desired: Option<&HealthMonitor>,
    observed: Option<&ObservedMonitor>,
) -> Vec<Step> {
    match (desired, observed) {
        (None, None) => Vec::new(),
        (Some(desired), None) => vec![create(key, pool, desired)],
        // Until the first check of the new monitor, members that are down get connections.
        (None, Some(observed)) => vec![delete(key, observed)],
        (Some(desired), Some(observed)) if desired.kind.as_str() != observed.kind => {
            vec![
                delete(key, observed).because(StepReason::Replace),
                create(key, pool, desired).because(StepReason::Replace),
            ]
        }
        (Some(desired), Some(observed)) => update(key, desired, observed),
    }
}

fn create(key: &str, pool: &Target, desired: &HealthMonitor) -> Step {
    let mut body = create_body(desired);
    body.insert("pool_id".to_owned(), pool.json());
    Step::new(Kind::HealthMonitor, key, Call::Create { parent: None, body }).after(pool)
}

fn delete(key: &str, observed: &ObservedMonitor) -> Step {
    Step::delete(Kind::HealthMonitor, key, &observed.id).impact(Impact::NewConnections)
}

fn update(key: &str, desired: &HealthMonitor, observed: &ObservedMonitor) -> Vec<Step> {
    let mut patch = RULES.compare(&desired_body(desired), &observed_body(observed), &OwnedFields::default());
    let tags = patch.tags_first(&observed.tags);
    let first = tags.into_iter().chain(split_domain(&mut patch)).reduce(Patch::and);
    let target = Target::existing(&observed.id);
    let step = |patch: Patch| {
        let impact = if patch.switches_off() { Impact::NewConnections } else { Impact::None };
        Step::update(Kind::HealthMonitor, key, &target, patch).impact(impact)
    };
    first.into_iter().chain([patch]).filter(|patch| !patch.is_empty()).map(step).collect()
}

/// HTTP/1.0 knows no host name, and Octavia holds the new version against the stored one (`_validate_update_hm`):
/// the name has to go first.
fn split_domain(patch: &mut Patch) -> Option<Patch> {
    let drops_name = patch.clears("domain_name");
    let to_1_0 = patch.change("http_version").is_some_and(|c| c.want == json!(1.0));
    (drops_name && to_1_0).then(|| patch.take("domain_name"))
}
