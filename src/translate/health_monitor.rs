//! Health monitors.

use crate::api::{HealthMonitorSpec, HttpVersion};
use crate::model::{HealthMonitor, HttpCheck, HttpMethod, MonitorType, PoolProtocol};

use super::haproxy;
use super::pool::is_datagram;
use super::provider::Provider;
use super::text::Text;
use super::validator::Validator;

/// What Octavia fills in (`octavia/common/constants.py`).
const DEFAULT_RETRIES_DOWN: u8 = 3;
const DEFAULT_URL_PATH: &str = "/";
const DEFAULT_CODES: &str = "200";

/// Octavia's `udp_connect_min_interval_health_monitor`.
const LEAST_UDP_DELAY: u32 = 3;

/// `octavia/api/v2/types/health_monitor.py`.
const LONGEST_PATH: usize = 2048;

const A_DAY: u64 = 86_400;

pub(super) fn monitor(
    intake: &mut Validator<'_>,
    wanted: &HealthMonitorSpec,
    pool_name: &str,
    protocol: PoolProtocol,
    at: &str,
) -> HealthMonitor {
    kind_suits_pool(intake, wanted.kind, protocol, &format!("{at}.type"));
    let delay = intake.seconds(&wanted.delay, 1, A_DAY, "1s to 24h", &format!("{at}.delay")).unwrap_or_default();
    let timeout = intake.seconds(&wanted.timeout, 1, A_DAY, "1s to 24h", &format!("{at}.timeout")).unwrap_or_default();
    if wanted.kind == MonitorType::UdpConnect && delay < LEAST_UDP_DELAY {
        intake.invalid(format!("{at}.delay"), format!("must be at least {LEAST_UDP_DELAY}s for type UDP-CONNECT"));
    }
    HealthMonitor {
        name: intake.display_name(wanted.display_name.as_ref(), pool_name, &format!("{at}.displayName")),
        kind: wanted.kind,
        delay,
        timeout,
        max_retries: intake.number(wanted.max_retries, 1, 10, &format!("{at}.maxRetries")),
        max_retries_down: wanted
            .max_retries_down
            .map_or(DEFAULT_RETRIES_DOWN, |retries| intake.number(retries, 1, 10, &format!("{at}.maxRetriesDown"))),
        http: http(intake, wanted, protocol, at),
        admin_state_up: wanted.admin_state_up.unwrap_or(true),
        tags: intake.tags(&wanted.tags, &format!("{at}.tags")),
    }
}

fn kind_suits_pool(intake: &mut Validator<'_>, kind: MonitorType, protocol: PoolProtocol, field: &str) {
    use MonitorType as M;
    let datagram = is_datagram(protocol);
    let suits = match kind {
        M::Http | M::Tcp => true,
        M::Https | M::Ping | M::TlsHello => !datagram,
        M::UdpConnect | M::Sctp => datagram,
    };
    if !suits {
        intake.invalid(field, format!("{kind} does not suit a pool of protocol {protocol}"));
    } else if datagram && matches!(kind, M::Http | M::Tcp) {
        intake.needs(16, field, "a TCP or HTTP monitor of a UDP or SCTP pool");
    } else if kind == M::Sctp {
        intake.needs(23, field, "type SCTP");
    }
}

fn http(intake: &mut Validator<'_>, wanted: &HealthMonitorSpec, protocol: PoolProtocol, at: &str) -> Option<HttpCheck> {
    let HealthMonitorSpec { http_method, url_path, expected_codes, http_version, domain_name, .. } = wanted;
    if !wanted.kind.is_http() {
        let given = [
            (http_method.is_some(), "httpMethod"),
            (url_path.is_some(), "urlPath"),
            (expected_codes.is_some(), "expectedCodes"),
            (http_version.is_some(), "httpVersion"),
            (domain_name.is_some(), "domainName"),
        ];
        for (_, field) in given.iter().filter(|(given, _)| *given) {
            intake.invalid(format!("{at}.{field}"), "is allowed for types HTTP and HTTPS only");
        }
        return None;
    }
    if domain_name.is_some() && *http_version != Some(HttpVersion::V1_1) {
        intake.invalid(format!("{at}.domainName"), "needs httpVersion \"1.1\"");
    }
    let path = url_path.as_ref().map(|path| url_path_of(intake, path, protocol, &format!("{at}.urlPath")));
    Some(HttpCheck {
        method: http_method.unwrap_or(HttpMethod::Get),
        url_path: path.unwrap_or_else(|| DEFAULT_URL_PATH.to_owned()),
        expected_codes: codes(intake, expected_codes.as_ref(), &format!("{at}.expectedCodes")),
        version: http_version.map(|version| version.as_str().to_owned()),
        domain_name: intake.optional_text(Text::Domain, domain_name.as_ref(), &format!("{at}.domainName")),
    })
}

/// A path as Octavia has to be sent it. In pools of datagrams it goes into the configuration of keepalived
/// (`octavia/common/jinja/lvs/templates/macros.j2`), which knows no escapes, takes `!` for a comment and `$` for a
/// variable.
fn url_path_of(intake: &mut Validator<'_>, path: &str, protocol: PoolProtocol, field: &str) -> String {
    if !intake.text_of(Text::UrlPath, path, field) || intake.provider != Provider::Amphora {
        return path.to_owned();
    }
    if !is_datagram(protocol) {
        let written = haproxy::argument(path);
        if written.len() > LONGEST_PATH {
            let message = format!(
                "is too long: in the spelling that reaches haproxy, with \\xHH for & and ', it has {} characters, and Octavia \
                 takes {LONGEST_PATH}",
                written.len()
            );
            intake.invalid(field, message);
        }
        return written;
    }
    if path.contains(['&', '\'', '!', '$']) {
        let message = format!(
            "{path:?} must have no &, ', ! and $ in a pool of protocol {protocol}: the keepalived of the amphora reads \
             another path"
        );
        intake.invalid(field, message);
    }
    path.to_owned()
}

fn codes(intake: &mut Validator<'_>, wanted: Option<&String>, field: &str) -> String {
    let Some(text) = intake.optional_text(Text::Codes, wanted, field) else { return DEFAULT_CODES.to_owned() };
    if text.split_once('-').is_some_and(|(from, to)| from > to) {
        intake.invalid(field, format!("{text}: the first code of a range must not be greater than the second"));
    }
    // Octavia leaves a blank before a comma, which splits the argument of haproxy.
    text.replace(' ', "")
}
