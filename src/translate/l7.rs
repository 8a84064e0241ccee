//! L7 policies and rules. Sources: `octavia/common/validate.py` (`l7rule_data`, `sanitize_l7policy_api_args`).

use std::collections::BTreeSet;

use crate::api::{L7PolicySpec, L7RuleSpec, ListenerSpec};
use crate::model::{
    L7Action, L7CompareType, L7Policy, L7PolicyAction, L7Rule, L7RuleType, ListenerProtocol, PoolProtocol,
};

use super::haproxy;
use super::listener::{PoolProtocols, asks_for_certificates};
use super::provider::Provider;
use super::text::Text;
use super::validator::Validator;

/// What Octavia answers with where no code is given.
const DEFAULT_CODE: u16 = 302;
const CODES: [i32; 5] = [301, 302, 303, 307, 308];

pub(super) fn policies(
    intake: &mut Validator<'_>,
    listener: &ListenerSpec,
    at: &str,
    pools: &PoolProtocols<'_>,
) -> Vec<L7Policy> {
    let field = format!("{at}.l7Policies");
    // The single call takes policies on any listener; on all others they have no effect, or the driver answers 501.
    if !listener.l7_policies.is_empty() && !listener.protocol.is_http() {
        intake.invalid(&field, "are evaluated by listeners of protocol HTTP and TERMINATED_HTTPS only");
    }
    let mut names = BTreeSet::new();
    let mut result = Vec::with_capacity(listener.l7_policies.len());
    for wanted in &listener.l7_policies {
        let at = format!("{field}[{}]", wanted.name);
        if !names.insert(&wanted.name) {
            intake.invalid(&at, "there is another policy of this name in the listener");
        }
        if let Some(policy) = policy(intake, wanted, &at, listener, pools) {
            result.push(policy);
        }
    }
    result
}

fn policy(
    intake: &mut Validator<'_>,
    wanted: &L7PolicySpec,
    at: &str,
    listener: &ListenerSpec,
    pools: &PoolProtocols<'_>,
) -> Option<L7Policy> {
    intake.text_of(Text::Key, &wanted.name, &format!("{at}.name"));
    // Octavia stores it, and no provider evaluates it: `l7rules` of `jinja_cfg.py` are those that are switched on.
    if wanted.rules.iter().all(|rule| rule.admin_state_up == Some(false)) && wanted.admin_state_up != Some(false) {
        intake.invalid(
            format!("{at}.rules"),
            "must have at least one rule whose adminStateUp is not false: a policy without is never evaluated; PATH \
             STARTS_WITH / matches every request",
        );
    }
    let rule = |(index, wanted)| rule(intake, wanted, &format!("{at}.rules[{index}]"), listener);
    let rules = wanted.rules.iter().enumerate().map(rule).collect();
    Some(L7Policy {
        key: wanted.name.clone(),
        name: intake.display_name(wanted.display_name.as_ref(), &wanted.name, &format!("{at}.displayName")),
        description: intake.optional_text(Text::Description, wanted.description.as_ref(), &format!("{at}.description")),
        tags: intake.tags(&wanted.tags, &format!("{at}.tags")),
        admin_state_up: wanted.admin_state_up.unwrap_or(true),
        rules,
        action: action(intake, wanted, at, pools)?,
    })
}

fn action(intake: &mut Validator<'_>, wanted: &L7PolicySpec, at: &str, pools: &PoolProtocols<'_>) -> Option<L7Action> {
    use L7PolicyAction as A;
    let targets = [
        (A::RedirectToPool, wanted.redirect_pool.as_ref(), "redirectPool"),
        (A::RedirectToUrl, wanted.redirect_url.as_ref(), "redirectURL"),
        (A::RedirectPrefix, wanted.redirect_prefix.as_ref(), "redirectPrefix"),
    ];
    // Octavia drops the targets of other actions without a word.
    for (action, target, field) in targets {
        if target.is_some() != (wanted.action == action) {
            intake
                .invalid(format!("{at}.{field}"), format!("is required for action {action} and allowed for no other"));
        }
    }
    let redirects = matches!(wanted.action, A::RedirectToUrl | A::RedirectPrefix);
    let code_at = format!("{at}.redirectHTTPCode");
    if wanted.redirect_http_code.is_some_and(|code| !redirects || !CODES.contains(&code)) {
        intake.invalid(
            &code_at,
            "must be 301, 302, 303, 307 or 308, for actions REDIRECT_TO_URL and REDIRECT_PREFIX only",
        );
    }
    let code = wanted.redirect_http_code.and_then(|code| u16::try_from(code).ok()).unwrap_or(DEFAULT_CODE);
    match wanted.action {
        A::RedirectToPool => {
            let pool = wanted.redirect_pool.clone()?;
            redirect_pool(intake, &pool, &format!("{at}.redirectPool"), pools);
            Some(L7Action::RedirectToPool { pool })
        }
        A::RedirectToUrl => {
            let url = intake.url(wanted.redirect_url.as_ref()?, &format!("{at}.redirectURL"));
            Some(L7Action::RedirectToUrl { url, code })
        }
        A::RedirectPrefix => {
            let prefix = intake.url(wanted.redirect_prefix.as_ref()?, &format!("{at}.redirectPrefix"));
            Some(L7Action::RedirectPrefix { prefix, code })
        }
        A::Reject => Some(L7Action::Reject),
    }
}

/// The single call does not check the protocol: the load balancer would end in ERROR.
fn redirect_pool(intake: &mut Validator<'_>, pool: &str, field: &str, pools: &PoolProtocols<'_>) {
    use PoolProtocol as P;
    match pools.get(pool) {
        None => intake.invalid(field, format!("there is no pool {pool} in spec.pools")),
        Some(P::Http | P::Proxy | P::ProxyV2) => {}
        Some(protocol) => {
            intake.invalid(field, format!("pool {pool} has protocol {protocol}: it must be HTTP, PROXY or PROXYV2"));
        }
    }
}

fn rule(intake: &mut Validator<'_>, wanted: &L7RuleSpec, at: &str, listener: &ListenerSpec) -> L7Rule {
    use L7RuleType as T;
    let certificate = matches!(wanted.kind, T::SslConnHasCert | T::SslVerifyResult | T::SslDnField);
    if certificate && listener.protocol != ListenerProtocol::TerminatedHttps {
        intake.invalid(format!("{at}.type"), format!("{} needs a listener of protocol TERMINATED_HTTPS", wanted.kind));
    } else if certificate && !asks_for_certificates(listener) {
        intake.invalid(
            format!("{at}.type"),
            format!(
                "{} looks at certificates of clients, which nobody asks for: give the listener's tls clientCA and \
                 clientAuthentication OPTIONAL or MANDATORY",
                wanted.kind
            ),
        );
    }
    rule_compare(intake, wanted, &format!("{at}.compareType"));
    let (compare, value) = rule_value(intake, wanted, &format!("{at}.value"));
    L7Rule {
        kind: wanted.kind,
        compare,
        key: rule_key(intake, wanted, &format!("{at}.key")),
        value,
        invert: wanted.invert.unwrap_or_default(),
        admin_state_up: wanted.admin_state_up.unwrap_or(true),
        tags: intake.tags(&wanted.tags, &format!("{at}.tags")),
    }
}

fn rule_compare(intake: &mut Validator<'_>, wanted: &L7RuleSpec, field: &str) {
    use L7CompareType as C;
    let allowed: &[C] = match wanted.kind {
        L7RuleType::FileType => &[C::EqualTo, C::Regex],
        L7RuleType::SslConnHasCert | L7RuleType::SslVerifyResult => &[C::EqualTo],
        _ => C::ALL,
    };
    if !allowed.contains(&wanted.compare_type) {
        let words: Vec<&str> = allowed.iter().map(|c| c.as_str()).collect();
        intake
            .invalid(field, format!("{} of type {} must be {}", wanted.compare_type, wanted.kind, words.join(" or ")));
    }
}

fn rule_key(intake: &mut Validator<'_>, wanted: &L7RuleSpec, field: &str) -> Option<String> {
    let key = wanted.key.clone().filter(|k| !k.is_empty());
    let keyed = matches!(wanted.kind, L7RuleType::Header | L7RuleType::Cookie | L7RuleType::SslDnField);
    match &key {
        Some(_) if !keyed => intake.invalid(field, format!("is not allowed for type {}", wanted.kind)),
        None if keyed => intake.invalid(field, format!("is required for type {}", wanted.kind)),
        Some(key) if wanted.kind == L7RuleType::SslDnField => dn_field(intake, key, field),
        Some(key) => {
            intake.text_of(Text::RuleKey, key, field);
        }
        None => {}
    }
    key
}

/// haproxy compares with OpenSSL's short names (`ssl_sock_get_dn_entry`), in any case.
fn dn_field(intake: &mut Validator<'_>, key: &str, field: &str) {
    if intake.text_of(Text::DnField, key, field)
        && intake.provider == Provider::Amphora
        && let Some(short) = haproxy::short_dn_field(key)
    {
        intake.invalid(field, format!("{key} is a name that haproxy does not know: write {short}"));
    }
}

/// How to compare and with what, as Octavia has to be sent it.
fn rule_value(intake: &mut Validator<'_>, wanted: &L7RuleSpec, field: &str) -> (L7CompareType, String) {
    let (compare, value) = (wanted.compare_type, wanted.value.as_str());
    let as_it_is = || (compare, value.to_owned());
    if !intake.text_of(Text::RuleValue, value, field) {
        return as_it_is();
    }
    let written = match wanted.kind {
        // Octavia compares it in lower case and keeps it as it is given.
        L7RuleType::SslConnHasCert if !value.eq_ignore_ascii_case("true") => {
            Err("must be \"true\"; invert turns it round".to_owned())
        }
        L7RuleType::SslVerifyResult => verify_result(value, intake.provider).map(|()| as_it_is()),
        L7RuleType::SslConnHasCert => Ok(as_it_is()),
        kind if intake.provider == Provider::Amphora => haproxy::rule(kind, compare, value),
        kind => haproxy::api_takes(kind, compare, value).map(|()| as_it_is()),
    };
    written.unwrap_or_else(|problem| {
        intake.invalid(field, problem);
        as_it_is()
    })
}

/// haproxy sends a client whose certificate it does not accept away before there is a request, since no template of the
/// amphora has `ca-ignore-err` or `crt-ignore-err`: what a rule gets to see is always 0.
fn verify_result(value: &str, provider: Provider) -> Result<(), String> {
    if value.len() > 9 || value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err("must be a whole number of at most 9 digits, the code of OpenSSL's verification".to_owned());
    }
    if provider == Provider::Amphora && value.bytes().any(|b| b != b'0') {
        return Err(format!(
            "{value} is never the result with provider amphora, which ends the connection of a client whose certificate is \
             not accepted: write \"0\""
        ));
    }
    Ok(())
}
