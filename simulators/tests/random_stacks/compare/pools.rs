//! Pools with their members and health monitors.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use evenkeel::model::{CertificateRef, HealthMonitor, Persistence, Pool, PoolTls};
use serde_json::{Value, json};

use super::records::{list, user_tags};
use super::report::Report;

pub(super) fn pool(report: &mut Report, name: &str, want: &Pool, seen: &Value) {
    let what = format!("pool {name}");
    let tls = want.tls.as_ref();
    let reference =
        |of: fn(&PoolTls) -> &Option<CertificateRef>| report.reference(tls.and_then(|tls| of(tls).as_ref()));
    let fields = [
        ("name", json!(want.name)),
        ("protocol", json!(want.protocol.as_str())),
        ("lb_algorithm", json!(want.algorithm.as_str())),
        ("description", json!(want.description.as_deref().unwrap_or_default())),
        ("admin_state_up", json!(want.admin_state_up)),
        ("provisioning_status", json!("ACTIVE")),
        ("tls_enabled", json!(tls.is_some())),
        ("tls_container_ref", reference(|tls| &tls.client_certificate_ref)),
        ("ca_tls_container_ref", reference(|tls| &tls.ca_ref)),
        ("crl_container_ref", reference(|tls| &tls.crl_ref)),
    ];
    report.fields(&what, seen, fields);
    report.same(&format!("{what} tags"), &user_tags(seen), json!(want.tags));
    if let Some(tls) = tls {
        report.tls_parameters(&what, &tls.parameters, seen);
    }
    persistence(report, &what, want.persistence.as_ref(), &seen["session_persistence"]);
    monitor(report, &what, want.monitor.as_ref(), &seen["healthmonitor"]);
    members(report, &what, want, seen);
}

fn persistence(report: &mut Report, pool: &str, want: Option<&Persistence>, seen: &Value) {
    let wanted = want.map(|want| json!([want.kind.as_str(), want.cookie_name, want.timeout, want.granularity]));
    let fields = ["type", "cookie_name", "persistence_timeout", "persistence_granularity"];
    let seen = seen.is_object().then(|| fields.map(|field| seen[field].clone()));
    report.same(&format!("{pool} persistence"), &json!(seen), json!(wanted));
}

fn members(report: &mut Report, pool: &str, want: &Pool, seen: &Value) {
    let wanted: BTreeMap<String, Value> = want
        .members
        .known()
        .into_iter()
        .flatten()
        .map(|(key, m)| {
            let row = json!([
                m.name,
                m.weight,
                m.backup,
                m.admin_state_up,
                m.subnet_id,
                m.monitor_address,
                m.monitor_port,
                m.tags,
                "ACTIVE",
            ]);
            (key.to_string(), row)
        })
        .collect();
    let fields = ["name", "weight", "backup", "admin_state_up", "subnet_id", "monitor_address", "monitor_port"];
    let members: BTreeMap<String, Value> = list(seen, "members")
        .map(|m| {
            let address: Option<IpAddr> = m["address"].as_str().and_then(|address| address.parse().ok());
            let port = m["protocol_port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
            let mut row: Vec<Value> = fields.iter().map(|field| m[*field].clone()).collect();
            row.extend([user_tags(m), m["provisioning_status"].clone()]);
            let key = address.map(|address| SocketAddr::new(address, port).to_string());
            (key.unwrap_or_default(), Value::Array(row))
        })
        .collect();
    report.same(&format!("{pool} members"), &json!(members), json!(wanted));
}

fn monitor(report: &mut Report, pool: &str, want: Option<&HealthMonitor>, seen: &Value) {
    let what = format!("monitor of {pool}");
    let Some(want) = want else { return report.same(&what, seen, Value::Null) };
    report.fields(
        &what,
        seen,
        [
            ("type", json!(want.kind.as_str())),
            ("name", json!(want.name)),
            ("delay", json!(want.delay)),
            ("timeout", json!(want.timeout)),
            ("max_retries", json!(want.max_retries)),
            ("max_retries_down", json!(want.max_retries_down)),
            ("admin_state_up", json!(want.admin_state_up)),
            ("provisioning_status", json!("ACTIVE")),
        ],
    );
    report.same(&format!("{what} tags"), &user_tags(seen), json!(want.tags));
    if let Some(http) = &want.http {
        report.fields(
            &what,
            seen,
            [
                ("http_method", json!(http.method.as_str())),
                ("url_path", json!(http.url_path)),
                ("expected_codes", json!(http.expected_codes)),
                ("domain_name", json!(http.domain_name)),
                ("http_version", json!(http.version.as_ref().and_then(|version| version.parse::<f64>().ok()))),
            ],
        );
    }
}
