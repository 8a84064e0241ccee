//! Values of L7 rules.

use super::argument::{BROKEN, check_length, hexadecimal};
use super::match_limits::{NO_SLASH, absence, is_path};
use super::regex;
use crate::model::{L7CompareType, L7RuleType};
use crate::translate::python_re;

/// Comparison and value of a rule in the spelling for provider amphora.
///
/// # Errors
/// The reason, for the user, if no spelling reaches haproxy, or none can match a request.
pub(in crate::translate) fn rule(
    kind: L7RuleType,
    compare: L7CompareType,
    value: &str,
) -> Result<(L7CompareType, String), String> {
    let (compare, spelled) = if compare == L7CompareType::Regex {
        (compare, regular_expression(kind, value)?)
    } else {
        literal(kind, compare, value)?
    };
    check_length(&spelled).map(|()| (compare, spelled))
}

/// Spelling of a regular expression. It is compiled twice, by Octavia's API and by haproxy, with different syntaxes.
fn regular_expression(kind: L7RuleType, value: &str) -> Result<String, String> {
    regex::spell(value, kind)
        .and_then(|spelled| python_re::check(&spelled).map(|()| spelled).map_err(str::to_owned))
        .map_err(|reason| {
            format!("{value:?} must be a regular expression, as both Python's re and haproxy's PCRE2 take it: {reason}")
        })
}

/// Spelling of a literal; one that Octavia would break becomes a regular expression with the same meaning.
fn literal(kind: L7RuleType, compare: L7CompareType, value: &str) -> Result<(L7CompareType, String), String> {
    check_can_match(kind, compare, value).map_err(|reason| format!("{value:?} matches no request: {reason}"))?;
    if is_quoted(value) {
        return Err(format!(
            "{value:?}: write it without the double quotes; for a text that has them itself, use compareType REGEX with \
             \\x22 for each"
        ));
    }
    // `validate.l7rule_data`: no blanks except in a field of a certificate, no backslash in a cookie.
    let octavia_rejects = match kind {
        L7RuleType::SslDnField => false,
        L7RuleType::Cookie => value.contains([' ', '\\']),
        _ => value.contains(' '),
    };
    if !octavia_rejects && !value.contains(BROKEN) && !value.starts_with('-') {
        return Ok((compare, value.to_owned()));
    }
    let text = escaped(value);
    let pattern = match compare {
        // `path_end`: the end of the path.
        L7CompareType::EqualTo if kind == L7RuleType::FileType => format!("{text}$"),
        L7CompareType::EqualTo => format!("^{text}$"),
        L7CompareType::StartsWith => format!("^{text}"),
        L7CompareType::EndsWith => format!("{text}$"),
        L7CompareType::Contains | L7CompareType::Regex => text,
    };
    // haproxy would read a leading hyphen as an option.
    let pattern = pattern.strip_prefix('-').map(|rest| format!(r"\x2d{rest}")).unwrap_or(pattern);
    Ok((L7CompareType::Regex, pattern))
}

fn is_quoted(value: &str) -> bool {
    value.len() > 1 && value.starts_with('"') && value.ends_with('"')
}

fn escaped(value: &str) -> String {
    let mut pattern = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            c if BROKEN.contains(&c) => pattern.push_str(&hexadecimal(c)),
            '\\' | '.' | '^' | '$' | '|' | '?' | '*' | '+' | '(' | ')' | '[' | ']' | '{' | '}' => {
                pattern.push('\\');
                pattern.push(c);
            }
            c => pattern.push(c),
        }
    }
    pattern
}

/// Checks that some request can match a literal.
///
/// # Errors
/// The reason, for the user.
fn check_can_match(kind: L7RuleType, compare: L7CompareType, value: &str) -> Result<(), &'static str> {
    use L7CompareType as C;
    let mut in_quotes = false;
    for c in value.chars() {
        in_quotes ^= c == '"';
        if let Some(reason) = absence(kind, c).filter(|_| !in_quotes || is_path(kind)) {
            return Err(reason);
        }
    }
    let from_start = matches!(compare, C::EqualTo | C::StartsWith);
    let to_end = matches!(compare, C::EqualTo | C::EndsWith);
    if kind == L7RuleType::Path && from_start && !value.starts_with('/') {
        return Err(NO_SLASH);
    }
    if kind == L7RuleType::Cookie && compare == C::EqualTo && in_quotes {
        return Err("a double quote in the value of a cookie needs another one");
    }
    let is_trimmed = matches!(kind, L7RuleType::Header | L7RuleType::HostName | L7RuleType::Cookie);
    if is_trimmed && (from_start && value.starts_with(' ') || to_end && value.ends_with(' ')) {
        return Err("haproxy trims the blanks at both ends: leave them out");
    }
    Ok(())
}

/// Checks a value for another provider, whose driver takes it from Octavia unchanged, by the rules of Octavia's API
/// (`octavia/common/validate.py`).
///
/// # Errors
/// The reason, for the user.
pub(in crate::translate) fn check_api_value(
    kind: L7RuleType,
    compare: L7CompareType,
    value: &str,
) -> Result<(), String> {
    match kind {
        _ if compare == L7CompareType::Regex => python_re::check(value)
            .map_err(|reason| format!("{value:?} must be a regular expression, as Python's re takes it: {reason}")),
        L7RuleType::Cookie if value.contains([' ', '"', '\\']) => {
            Err("must have no blanks, double quotes and backslashes, unless compareType is REGEX".to_owned())
        }
        L7RuleType::SslDnField | L7RuleType::Cookie => Ok(()),
        _ if value.contains(' ') && !is_quoted(value) => {
            Err("must have no blanks, unless compareType is REGEX".to_owned())
        }
        _ => Ok(()),
    }
}
