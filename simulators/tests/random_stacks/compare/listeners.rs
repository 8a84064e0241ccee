//! Listeners with their TLS, L7 policies and L7 rules.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel::model::{L7Action, L7Policy, L7Rule, Listener, ListenerTls};
use serde_json::{Value, json};

use super::records::{key, list, sorted, user_tags};
use super::report::Report;

pub(super) fn listener(report: &mut Report, name: &str, want: &Listener, seen: &Value, pools: &BTreeMap<&str, &str>) {
    let pool = |id: &Value| id.as_str().and_then(|id| pools.get(id)).copied();
    let what = format!("listener {name}");
    let times = &want.timeouts;
    report.fields(
        &what,
        seen,
        [
            ("name", json!(want.name)),
            ("protocol", json!(want.protocol.as_str())),
            ("protocol_port", json!(want.port)),
            ("description", json!(want.description.as_deref().unwrap_or_default())),
            ("admin_state_up", json!(want.admin_state_up)),
            ("provisioning_status", json!("ACTIVE")),
            ("connection_limit", json!(want.connection_limit.unwrap_or(-1))),
            ("insert_headers", json!(want.insert_headers)),
            ("timeout_client_data", json!(times.client_data.unwrap_or(50_000))),
            ("timeout_member_connect", json!(times.member_connect.unwrap_or(5_000))),
            ("timeout_member_data", json!(times.member_data.unwrap_or(50_000))),
            ("timeout_tcp_inspect", json!(times.tcp_inspect.unwrap_or(0))),
        ],
    );
    report.same(&format!("{what} tags"), &user_tags(seen), json!(want.tags));
    report.same(&format!("{what} allowed_cidrs"), &sorted(&seen["allowed_cidrs"]), json!(want.allowed_cidrs));
    report.same(&format!("{what} default pool"), &json!(pool(&seen["default_pool_id"])), json!(want.default_pool));
    if let Some(tls) = &want.tls {
        listener_tls(report, &what, tls, seen);
    }
    let order: Vec<_> = list(seen, "l7policies").map(key).collect();
    report.same(
        &format!("{what} order of policies"),
        &json!(order),
        json!(want.policies.iter().map(|p| Some(&p.key)).collect::<Vec<_>>()),
    );
    for (at, (want, seen)) in want.policies.iter().zip(list(seen, "l7policies")).enumerate() {
        policy(report, &format!("policy {name}/{}", want.key), (want, at + 1), seen, pool(&seen["redirect_pool_id"]));
    }
}

fn listener_tls(report: &mut Report, what: &str, want: &ListenerTls, seen: &Value) {
    let fields = [
        ("default_tls_container_ref", report.reference(want.certificate_ref.as_ref())),
        ("client_ca_tls_container_ref", report.reference(want.client_ca_ref.as_ref())),
        ("client_crl_container_ref", report.reference(want.client_crl_ref.as_ref())),
        ("client_authentication", json!(want.client_authentication.as_str())),
        ("hsts_max_age", json!(want.hsts.as_ref().map(|hsts| hsts.max_age))),
    ];
    report.fields(what, seen, fields);
    let sni: BTreeSet<Option<&str>> = want.sni_refs.iter().map(|reference| report.url(reference)).collect();
    let sni = json!(sni);
    report.same(&format!("{what} SNI"), &sorted(&seen["sni_container_refs"]), sni);
    report.tls_parameters(what, &want.parameters, seen);
    if let Some(hsts) = &want.hsts {
        let flags = json!([hsts.include_subdomains, hsts.preload]);
        report.same(&format!("{what} HSTS"), &json!([seen["hsts_include_subdomains"], seen["hsts_preload"]]), flags);
    }
}

fn policy(report: &mut Report, what: &str, (want, position): (&L7Policy, usize), seen: &Value, pool: Option<&str>) {
    let (mut url, mut prefix, mut code, mut to) = (None, None, None, None);
    match &want.action {
        L7Action::RedirectToPool { pool } => to = Some(pool.as_str()),
        L7Action::RedirectToUrl { url: wanted, code: number } => (url, code) = (Some(wanted), Some(number)),
        L7Action::RedirectPrefix { prefix: wanted, code: number } => (prefix, code) = (Some(wanted), Some(number)),
        L7Action::Reject => {}
    }
    report.fields(
        what,
        seen,
        [
            ("name", json!(want.name)),
            ("description", json!(want.description.as_deref().unwrap_or_default())),
            ("admin_state_up", json!(want.admin_state_up)),
            ("provisioning_status", json!("ACTIVE")),
            ("position", json!(position)),
            ("action", json!(want.action.kind().as_str())),
            ("redirect_url", json!(url)),
            ("redirect_prefix", json!(prefix)),
            ("redirect_http_code", json!(code)),
        ],
    );
    report.same(&format!("{what} tags"), &user_tags(seen), json!(want.tags));
    report.same(&format!("{what} pool"), &json!(pool), json!(to));
    rules(report, what, &want.rules, seen);
}

fn rules(report: &mut Report, what: &str, want: &[L7Rule], seen: &Value) {
    let rule = |rule: &L7Rule| {
        let (kind, compare) = (rule.kind.as_str(), rule.compare.as_str());
        json!([kind, compare, rule.key, rule.value, rule.invert, rule.admin_state_up, rule.tags])
    };
    let fields = ["type", "compare_type", "key", "value", "invert", "admin_state_up"];
    let seen_rule = |rule: &Value| {
        // An absent key and an empty one are the same to Octavia.
        let field = |field: &&str| if rule[*field] == "" { Value::Null } else { rule[*field].clone() };
        let mut row: Vec<Value> = fields.iter().map(field).collect();
        row.push(user_tags(rule));
        Value::Array(row)
    };
    let wanted = sorted(&want.iter().map(rule).collect());
    report.same(&format!("{what} rules"), &sorted(&list(seen, "rules").map(seen_rule).collect()), wanted);
}
