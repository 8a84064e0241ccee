//! Health monitors.

use crate::api::{HealthMonitorSpec, HttpVersion};
use crate::model::{HealthMonitor, HttpCheck, HttpMethod, MonitorType, PoolProtocol};
use crate::translate::api_features;
use crate::translate::haproxy;
use crate::translate::provider::Provider;
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

/// Octavia's defaults (`octavia/common/constants.py`).
const DEFAULT_MAX_RETRIES_DOWN: u8 = 3;
const DEFAULT_URL_PATH: &str = "/";
const DEFAULT_EXPECTED_CODES: &str = "200";

/// Octavia's `udp_connect_min_interval_health_monitor`, in seconds.
const UDP_CONNECT_DELAY_MIN: u32 = 3;

/// Longest URL path that Octavia takes (`octavia/api/v2/types/health_monitor.py`).
const URL_PATH_MAX: usize = 2048;

const SECONDS_PER_DAY: u64 = 86_400;

/// The health monitor of a pool; the key of the pool is its default name.
pub(super) fn monitor(
    validator: &mut Validator<'_>,
    spec: &HealthMonitorSpec,
    pool_key: &str,
    protocol: PoolProtocol,
    path: &str,
) -> HealthMonitor {
    check_type(validator, spec.kind, protocol, &format!("{path}.type"));
    let delay = seconds(validator, &spec.delay, &format!("{path}.delay"));
    let timeout = seconds(validator, &spec.timeout, &format!("{path}.timeout"));
    if spec.kind == MonitorType::UdpConnect && delay < UDP_CONNECT_DELAY_MIN {
        let message = format!("must be at least {UDP_CONNECT_DELAY_MIN}s for type UDP-CONNECT");
        validator.invalid(format!("{path}.delay"), message);
    }
    HealthMonitor {
        name: validator.display_name(spec.display_name.as_ref(), pool_key, &format!("{path}.displayName")),
        kind: spec.kind,
        delay,
        timeout,
        max_retries: validator.number(spec.max_retries, 1, 10, &format!("{path}.maxRetries")),
        max_retries_down: spec.max_retries_down.map_or(DEFAULT_MAX_RETRIES_DOWN, |retries| {
            validator.number(retries, 1, 10, &format!("{path}.maxRetriesDown"))
        }),
        http: http_check(validator, spec, protocol, path),
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        tags: validator.tags(&spec.tags, &format!("{path}.tags")),
    }
}

fn seconds(validator: &mut Validator<'_>, text: &str, field: &str) -> u32 {
    validator.seconds(text, 1, SECONDS_PER_DAY, "1s to 24h", field).unwrap_or_default()
}

fn check_type(validator: &mut Validator<'_>, kind: MonitorType, protocol: PoolProtocol, field: &str) {
    use MonitorType as M;
    let datagram = protocol.is_datagram();
    let suits = match kind {
        M::Http | M::Tcp => true,
        M::Https | M::Ping | M::TlsHello => !datagram,
        M::UdpConnect | M::Sctp => datagram,
    };
    if !suits {
        validator.invalid(field, format!("{kind} does not suit a pool of protocol {protocol}"));
    } else if datagram && matches!(kind, M::Http | M::Tcp) {
        validator.needs_api(api_features::DATAGRAM_MONITOR, field);
    } else if kind == M::Sctp {
        validator.needs_api(api_features::SCTP_MONITOR, field);
    }
}

fn http_check(
    validator: &mut Validator<'_>,
    spec: &HealthMonitorSpec,
    protocol: PoolProtocol,
    path: &str,
) -> Option<HttpCheck> {
    if !spec.kind.is_http() {
        reject_http_fields(validator, spec, path);
        return None;
    }
    if spec.domain_name.is_some() && spec.http_version != Some(HttpVersion::V1_1) {
        validator.invalid(format!("{path}.domainName"), "needs httpVersion \"1.1\"");
    }
    let url_path = spec.url_path.as_ref().map(|text| url_path(validator, text, protocol, &format!("{path}.urlPath")));
    Some(HttpCheck {
        method: spec.http_method.unwrap_or(HttpMethod::Get),
        url_path: url_path.unwrap_or_else(|| DEFAULT_URL_PATH.to_owned()),
        expected_codes: expected_codes(validator, spec.expected_codes.as_ref(), &format!("{path}.expectedCodes")),
        version: spec.http_version.map(|version| version.as_str().to_owned()),
        domain_name: validator.optional_text(
            TextKind::Domain,
            spec.domain_name.as_ref(),
            &format!("{path}.domainName"),
        ),
    })
}

fn reject_http_fields(validator: &mut Validator<'_>, spec: &HealthMonitorSpec, path: &str) {
    let fields = [
        (spec.http_method.is_some(), "httpMethod"),
        (spec.url_path.is_some(), "urlPath"),
        (spec.expected_codes.is_some(), "expectedCodes"),
        (spec.http_version.is_some(), "httpVersion"),
        (spec.domain_name.is_some(), "domainName"),
    ];
    for (_, field) in fields.iter().filter(|(is_set, _)| *is_set) {
        validator.invalid(format!("{path}.{field}"), "is allowed for types HTTP and HTTPS only");
    }
}

/// A URL path in the spelling to send to Octavia. In pools of datagrams it goes into the configuration of keepalived
/// (`octavia/common/jinja/lvs/templates/macros.j2`), which has no escapes, and reads `!` as a comment and `$` as a
/// variable.
fn url_path(validator: &mut Validator<'_>, text: &str, protocol: PoolProtocol, field: &str) -> String {
    if !validator.check_text(TextKind::UrlPath, text, field) || validator.provider != Provider::Amphora {
        return text.to_owned();
    }
    if !protocol.is_datagram() {
        let spelled = haproxy::argument(text);
        if spelled.len() > URL_PATH_MAX {
            let message = format!(
                "is too long: in the spelling that reaches haproxy, with \\xHH for & and ', it has {} characters, and \
                 Octavia takes {URL_PATH_MAX}",
                spelled.len()
            );
            validator.invalid(field, message);
        }
        return spelled;
    }
    if text.contains(['&', '\'', '!', '$']) {
        let message = format!(
            "{text:?} must not contain &, ', ! or $ in a pool of protocol {protocol}: keepalived on the amphora would \
             request a different path"
        );
        validator.invalid(field, message);
    }
    text.to_owned()
}

fn expected_codes(validator: &mut Validator<'_>, codes: Option<&String>, field: &str) -> String {
    let Some(codes) = validator.optional_text(TextKind::StatusCodes, codes, field) else {
        return DEFAULT_EXPECTED_CODES.to_owned();
    };
    if codes.split_once('-').is_some_and(|(from, to)| from > to) {
        validator.invalid(field, format!("{codes}: the first code of a range must not be greater than the second"));
    }
    // Octavia leaves a blank before a comma, which splits the argument of haproxy.
    codes.replace(' ', "")
}
