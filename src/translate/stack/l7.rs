//! Translation of L7 policies and their rules from the spec. It rejects whatever Octavia rejects (`l7rule_data` and
//! `sanitize_l7policy_api_args` in `octavia/common/validate.py`), and whatever Octavia takes although it has no effect
//! or ends in ERROR.
//!
//! Octavia makes fewer checks in the single call, the POST that creates a load balancer with its whole tree, than in
//! the POST of one policy.

use std::collections::BTreeSet;

use crate::api::{L7PolicySpec, L7RuleSpec, ListenerSpec};
use crate::model::{
    L7Action, L7CompareType, L7Policy, L7PolicyAction, L7Rule, L7RuleType, ListenerProtocol, PoolProtocol,
};
use crate::translate::haproxy;
use crate::translate::provider::Provider;
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

use super::pool::PoolProtocols;
use super::tls::requests_client_certificates;

/// The HTTP status code that Octavia sets for a redirect whose policy names none.
const DEFAULT_REDIRECT_CODE: u16 = 302;
const REDIRECT_CODES: [i32; 5] = [301, 302, 303, 307, 308];

/// The most digits of a verification result in a rule: any such number fits into 32 bits.
const VERIFY_RESULT_DIGITS_MAX: usize = 9;

/// The desired L7 policies of a listener, in the order of the spec. Problems are reported to the validator.
pub(super) fn policies(
    validator: &mut Validator<'_>,
    listener: &ListenerSpec,
    listener_path: &str,
    pools: &PoolProtocols<'_>,
) -> Vec<L7Policy> {
    let list_path = format!("{listener_path}.l7Policies");
    // The single call takes policies on any listener. Listeners of other protocols ignore them, or the provider driver
    // answers 501.
    if !listener.l7_policies.is_empty() && !listener.protocol.is_http() {
        validator.invalid(&list_path, "are evaluated by listeners of protocol HTTP and TERMINATED_HTTPS only");
    }
    let mut names = BTreeSet::new();
    let mut policies = Vec::with_capacity(listener.l7_policies.len());
    for spec in &listener.l7_policies {
        let path = format!("{list_path}[{}]", spec.name);
        if !names.insert(&spec.name) {
            validator.invalid(&path, "another policy of the listener has this name: choose a different one");
        }
        policies.extend(policy(validator, spec, &path, listener, pools));
    }
    policies
}

/// One desired L7 policy; `None` if the target of its action is missing.
fn policy(
    validator: &mut Validator<'_>,
    spec: &L7PolicySpec,
    path: &str,
    listener: &ListenerSpec,
    pools: &PoolProtocols<'_>,
) -> Option<L7Policy> {
    validator.check_text(TextKind::Key, &spec.name, &format!("{path}.name"));
    // Octavia stores an enabled policy without an enabled rule, but no provider evaluates it (the amphora driver
    // renders only enabled rules: `l7rules` in `jinja_cfg.py`).
    if spec.rules.iter().all(|rule| rule.admin_state_up == Some(false)) && spec.admin_state_up != Some(false) {
        validator.invalid(
            format!("{path}.rules"),
            "must have at least one rule whose adminStateUp is not false, since a policy without one is never evaluated: \
             add a rule; PATH STARTS_WITH / matches every request",
        );
    }
    let rule = |(index, spec)| rule(validator, spec, &format!("{path}.rules[{index}]"), listener);
    let rules = spec.rules.iter().enumerate().map(rule).collect();
    Some(L7Policy {
        key: spec.name.clone(),
        name: validator.display_name(spec.display_name.as_ref(), &spec.name, &format!("{path}.displayName")),
        description: validator.optional_text(
            TextKind::Description,
            spec.description.as_ref(),
            &format!("{path}.description"),
        ),
        tags: validator.tags(&spec.tags, &format!("{path}.tags")),
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        rules,
        action: action(validator, spec, path, pools)?,
    })
}

/// The action of a policy with its target; `None` if the target is missing.
fn action(
    validator: &mut Validator<'_>,
    spec: &L7PolicySpec,
    path: &str,
    pools: &PoolProtocols<'_>,
) -> Option<L7Action> {
    use L7PolicyAction as A;
    check_targets(validator, spec, path);
    let redirects_to_url = matches!(spec.action, A::RedirectToUrl | A::RedirectPrefix);
    if spec.redirect_http_code.is_some_and(|code| !redirects_to_url || !REDIRECT_CODES.contains(&code)) {
        validator.invalid(
            format!("{path}.redirectHTTPCode"),
            "must be 301, 302, 303, 307 or 308, for actions REDIRECT_TO_URL and REDIRECT_PREFIX only",
        );
    }
    let code = spec.redirect_http_code.and_then(|code| u16::try_from(code).ok()).unwrap_or(DEFAULT_REDIRECT_CODE);
    match spec.action {
        A::RedirectToPool => {
            let pool = spec.redirect_pool.clone()?;
            check_redirect_pool(validator, &pool, &format!("{path}.redirectPool"), pools);
            Some(L7Action::RedirectToPool { pool })
        }
        A::RedirectToUrl => {
            let url = validator.url(spec.redirect_url.as_ref()?, &format!("{path}.redirectURL"));
            Some(L7Action::RedirectToUrl { url, code })
        }
        A::RedirectPrefix => {
            let prefix = validator.url(spec.redirect_prefix.as_ref()?, &format!("{path}.redirectPrefix"));
            Some(L7Action::RedirectPrefix { prefix, code })
        }
        A::Reject => Some(L7Action::Reject),
    }
}

/// Rejects an action without its target, and the target of another action, which Octavia would drop silently.
fn check_targets(validator: &mut Validator<'_>, spec: &L7PolicySpec, path: &str) {
    use L7PolicyAction as A;
    let targets = [
        (A::RedirectToPool, spec.redirect_pool.as_ref(), "redirectPool"),
        (A::RedirectToUrl, spec.redirect_url.as_ref(), "redirectURL"),
        (A::RedirectPrefix, spec.redirect_prefix.as_ref(), "redirectPrefix"),
    ];
    for (action, target, field) in targets {
        if target.is_some() != (spec.action == action) {
            let message = format!("is required for action {action} and allowed for no other");
            validator.invalid(format!("{path}.{field}"), message);
        }
    }
}

/// Rejects a pool that cannot serve redirected requests. The single call does not check the protocol of the pool, and
/// the load balancer would end in ERROR.
fn check_redirect_pool(validator: &mut Validator<'_>, pool: &str, field: &str, pools: &PoolProtocols<'_>) {
    use PoolProtocol as P;
    match pools.get(pool) {
        None => validator.invalid(field, format!("there is no pool {pool} in spec.pools: add it, or name another")),
        Some(P::Http | P::Proxy | P::ProxyV2) => {}
        Some(protocol) => {
            validator.invalid(field, format!("pool {pool} has protocol {protocol}: it must be HTTP, PROXY or PROXYV2"));
        }
    }
}

/// One desired L7 rule, whose values may still be invalid: the problems are reported to the validator.
fn rule(validator: &mut Validator<'_>, spec: &L7RuleSpec, path: &str, listener: &ListenerSpec) -> L7Rule {
    check_certificate_rule(validator, spec, &format!("{path}.type"), listener);
    check_compare_type(validator, spec, &format!("{path}.compareType"));
    let (compare, value) = rule_value(validator, spec, &format!("{path}.value"));
    L7Rule {
        kind: spec.kind,
        compare,
        key: rule_key(validator, spec, &format!("{path}.key")),
        value,
        invert: spec.invert.unwrap_or_default(),
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        tags: validator.tags(&spec.tags, &format!("{path}.tags")),
    }
}

/// Rejects a rule on client certificates where the listener does not request them.
fn check_certificate_rule(validator: &mut Validator<'_>, spec: &L7RuleSpec, field: &str, listener: &ListenerSpec) {
    use L7RuleType as T;
    let kind = spec.kind;
    if !matches!(kind, T::SslConnHasCert | T::SslVerifyResult | T::SslDnField) {
        return;
    }
    if listener.protocol != ListenerProtocol::TerminatedHttps {
        validator.invalid(field, format!("{kind} needs a listener of protocol TERMINATED_HTTPS"));
    } else if !requests_client_certificates(listener) {
        validator.invalid(
            field,
            format!(
                "{kind} examines the certificate of a client, which the listener does not request: set its tls.clientCA, \
                 and tls.clientAuthentication to OPTIONAL or MANDATORY"
            ),
        );
    }
}

/// Rejects comparisons that Octavia does not allow for the type of the rule.
fn check_compare_type(validator: &mut Validator<'_>, spec: &L7RuleSpec, field: &str) {
    use L7CompareType as C;
    let allowed: &[C] = match spec.kind {
        L7RuleType::FileType => &[C::EqualTo, C::Regex],
        L7RuleType::SslConnHasCert | L7RuleType::SslVerifyResult => &[C::EqualTo],
        _ => C::ALL,
    };
    if !allowed.contains(&spec.compare_type) {
        let allowed: Vec<&str> = allowed.iter().map(|c| c.as_str()).collect();
        let message = format!("{} of type {} must be {}", spec.compare_type, spec.kind, allowed.join(" or "));
        validator.invalid(field, message);
    }
}

/// The name of the header, cookie or DN field that a rule examines. Rules of other types have no key.
fn rule_key(validator: &mut Validator<'_>, spec: &L7RuleSpec, field: &str) -> Option<String> {
    let key = spec.key.clone().filter(|k| !k.is_empty());
    let needs_key = matches!(spec.kind, L7RuleType::Header | L7RuleType::Cookie | L7RuleType::SslDnField);
    match &key {
        Some(_) if !needs_key => validator.invalid(field, format!("is not allowed for type {}", spec.kind)),
        None if needs_key => validator.invalid(field, format!("is required for type {}", spec.kind)),
        Some(key) if spec.kind == L7RuleType::SslDnField => check_dn_field(validator, key, field),
        Some(key) => {
            validator.check_text(TextKind::RuleKey, key, field);
        }
        None => {}
    }
    key
}

/// Rejects long names of the fields of a distinguished name, such as `commonName` for `CN`. haproxy compares with
/// OpenSSL's short names (`ssl_sock_get_dn_entry`), in upper or lower case.
fn check_dn_field(validator: &mut Validator<'_>, key: &str, field: &str) {
    if validator.check_text(TextKind::DnField, key, field)
        && validator.provider == Provider::Amphora
        && let Some(short) = haproxy::short_dn_field(key)
    {
        validator.invalid(field, format!("{key} is a name that haproxy does not know: write {short}"));
    }
}

/// The comparison and the value of a rule, in the spelling that Octavia is sent: the value has to reach haproxy through
/// its configuration file unchanged.
fn rule_value(validator: &mut Validator<'_>, spec: &L7RuleSpec, field: &str) -> (L7CompareType, String) {
    let (compare, value) = (spec.compare_type, spec.value.as_str());
    let unchanged = || (compare, value.to_owned());
    if !validator.check_text(TextKind::RuleValue, value, field) {
        return unchanged();
    }
    let spelled = match spec.kind {
        // Octavia allows "true" in any case, and stores it as given.
        L7RuleType::SslConnHasCert if !value.eq_ignore_ascii_case("true") => {
            Err("must be \"true\"; set invert to match connections without a certificate".to_owned())
        }
        L7RuleType::SslVerifyResult => check_verify_result(value, validator.provider).map(|()| unchanged()),
        L7RuleType::SslConnHasCert => Ok(unchanged()),
        kind if validator.provider == Provider::Amphora => haproxy::rule(kind, compare, value),
        kind => haproxy::check_api_value(kind, compare, value).map(|()| unchanged()),
    };
    spelled.unwrap_or_else(|reason| {
        validator.invalid(field, reason);
        unchanged()
    })
}

/// Checks the result of the verification of a client's certificate that a rule compares with: a code of OpenSSL, 0 for
/// success.
///
/// With provider amphora only 0 can occur. No template of Octavia sets `ca-ignore-err` or `crt-ignore-err`, so haproxy
/// closes the connection of a client whose certificate it rejects, before there is a request.
fn check_verify_result(value: &str, provider: Provider) -> Result<(), String> {
    let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    if value.len() > VERIFY_RESULT_DIGITS_MAX || !is_number {
        return Err(format!(
            "must be a whole number of at most {VERIFY_RESULT_DIGITS_MAX} digits, the code of OpenSSL's verification"
        ));
    }
    if provider == Provider::Amphora && value.bytes().any(|b| b != b'0') {
        return Err(format!(
            "{value} is never the result with provider amphora, which closes the connection of a client whose \
             certificate is not accepted: write \"0\""
        ));
    }
    Ok(())
}
