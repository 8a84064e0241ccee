//! Texts of a stack on their way into haproxy.cfg.
//!
//! Octavia renders with autoescape (`octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py`): `&`, `<`, `>`, `"`
//! and `'` become `&amp;`, `&lt;`, `&gt;`, `&#34;` and `&#39;`, and a `#` begins a comment in haproxy.cfg. Values of L7
//! rules, and these alone, get their backslashes doubled and their blanks escaped (`_escape_haproxy_config_string`), so
//! that a backslash arrives as one. Everything else is parsed by haproxy as it stands, where `\x26` is an `&`.
//!
//! So there is a spelling for most texts, and it is the one that Octavia is sent: a regular expression with `\x26` for a
//! rule, `\x26` itself for a redirect or a monitor's path. Refused is what no spelling brings across, and what no request
//! can match: haproxy splits headers at commas (`req.hdr`) and cookies at semicolons and commas (`req.cook`), cuts the
//! blanks around them, and knows a path without its query.

mod class;
mod regex;

use super::python_re;
use crate::model::{L7CompareType, L7RuleType};

/// Octavia's longest value of a rule, and longest URL of a redirect.
const LONGEST: usize = 255;

/// Escaped for HTML, or the beginning of a comment.
const BROKEN: [char; 6] = ['&', '<', '>', '"', '\'', '#'];

/// A URL or a path, which stand as they are in haproxy.cfg. They have neither blanks nor backslashes.
pub(super) fn argument(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        if BROKEN.contains(&c) {
            written.push_str(&hexadecimal(c));
        } else {
            written.push(c);
        }
    }
    written
}

/// As [`argument`], if Octavia has room for it.
pub(super) fn url(text: &str) -> Result<String, String> {
    let written = argument(text);
    fits(&written).map(|()| written)
}

fn fits(written: &str) -> Result<(), String> {
    if written.len() <= LONGEST {
        return Ok(());
    }
    Err(format!(
        "is too long: in the spelling that reaches haproxy, with \\xHH for & < > \" ' and #, it has {} characters, and \
         Octavia takes {LONGEST}",
        written.len()
    ))
}

/// How a rule has to be written for provider amphora.
pub(super) fn rule(kind: L7RuleType, compare: L7CompareType, value: &str) -> Result<(L7CompareType, String), String> {
    let (compare, written) = if compare == L7CompareType::Regex {
        (compare, regular_expression(kind, value)?)
    } else {
        literal(kind, compare, value)?
    };
    fits(&written).map(|()| (compare, written))
}

fn regular_expression(kind: L7RuleType, value: &str) -> Result<String, String> {
    // Twice, in Octavia's API and in haproxy, and not by the same rules.
    regex::spell(value, kind)
        .and_then(|written| python_re::check(&written).map(|()| written).map_err(str::to_owned))
        .map_err(|fault| {
            format!("{value:?} must be a regular expression, as both Python's re and haproxy's PCRE2 take it: {fault}")
        })
}

/// A rule that Octavia would break is compared by a regular expression that says the same.
fn literal(kind: L7RuleType, compare: L7CompareType, value: &str) -> Result<(L7CompareType, String), String> {
    can_match(kind, compare, value).map_err(|why| format!("{value:?} matches no request: {why}"))?;
    if value.len() > 1 && value.starts_with('"') && value.ends_with('"') {
        return Err(format!(
            "{value:?}: write it without the double quotes; for a text that has them itself, use compareType REGEX with \
             \\x22 for each"
        ));
    }
    // `validate.l7rule_data`: no blanks but in a field of a certificate, no backslash in a cookie.
    let refused = match kind {
        L7RuleType::SslDnField => false,
        L7RuleType::Cookie => value.contains([' ', '\\']),
        _ => value.contains(' '),
    };
    if !refused && !value.contains(BROKEN) && !value.starts_with('-') {
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
    // haproxy takes it for an option.
    let pattern = pattern.strip_prefix('-').map(|rest| format!(r"\x2d{rest}")).unwrap_or(pattern);
    Ok((L7CompareType::Regex, pattern))
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

fn hexadecimal(c: char) -> String {
    format!("\\x{:02x}", u32::from(c))
}

fn can_match(kind: L7RuleType, compare: L7CompareType, value: &str) -> Result<(), &'static str> {
    use L7CompareType as C;
    let mut quoted = false;
    for c in value.chars() {
        quoted ^= c == '"';
        if let Some(why) = absence(kind, c).filter(|_| !quoted || is_path(kind)) {
            return Err(why);
        }
    }
    let (from_start, to_end) =
        (matches!(compare, C::EqualTo | C::StartsWith), matches!(compare, C::EqualTo | C::EndsWith));
    if kind == L7RuleType::Path && from_start && !value.starts_with('/') {
        return Err(NO_SLASH);
    }
    if kind == L7RuleType::Cookie && compare == C::EqualTo && quoted {
        return Err("a double quote in the value of a cookie needs another one");
    }
    let trimmed = matches!(kind, L7RuleType::Header | L7RuleType::HostName | L7RuleType::Cookie);
    if trimmed && (from_start && value.starts_with(' ') || to_end && value.ends_with(' ')) {
        return Err("haproxy cuts the blanks at the beginning and at the end of it: leave them out");
    }
    Ok(())
}

const NO_SLASH: &str = "a path begins with /";

const fn is_path(kind: L7RuleType) -> bool {
    matches!(kind, L7RuleType::Path | L7RuleType::FileType)
}

/// Why haproxy never compares a text that has this character; commas and semicolons may stand in double quotes.
const fn absence(kind: L7RuleType, c: char) -> Option<&'static str> {
    match (kind, c) {
        (L7RuleType::Path | L7RuleType::FileType, ' ') => Some("a path has no blanks: write %20"),
        (L7RuleType::Path | L7RuleType::FileType, '#') => Some("a path has no #: write %23"),
        (L7RuleType::Path | L7RuleType::FileType, '?') => {
            Some("a path ends before the ?, and the query is not compared")
        }
        (L7RuleType::Header | L7RuleType::HostName, ',') => {
            Some("haproxy splits a header at each comma and compares the parts: compare with one of them")
        }
        (L7RuleType::Cookie, ',') => Some("the value of a cookie ends before a comma"),
        (L7RuleType::Cookie, ';') => Some("the value of a cookie ends before a semicolon"),
        _ => None,
    }
}

/// How a rule may be written for another provider, whose driver takes it from Octavia as it is: what Octavia's API takes
/// (`octavia/common/validate.py`).
pub(super) fn api_takes(kind: L7RuleType, compare: L7CompareType, value: &str) -> Result<(), String> {
    let quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    match kind {
        _ if compare == L7CompareType::Regex => python_re::check(value)
            .map_err(|fault| format!("{value:?} must be a regular expression, as Python's re takes it: {fault}")),
        L7RuleType::Cookie if value.contains([' ', '"', '\\']) => {
            Err("must have no blanks, double quotes and backslashes, unless compareType is REGEX".to_owned())
        }
        L7RuleType::SslDnField | L7RuleType::Cookie => Ok(()),
        _ if value.contains(' ') && !quoted => Err("must have no blanks, unless compareType is REGEX".to_owned()),
        _ => Ok(()),
    }
}

/// The short name of a field of a distinguished name, by which haproxy looks for it, for one that goes by another name.
pub(super) fn short_dn_field(key: &str) -> Option<&'static str> {
    const LONG: [(&str, &str); 14] = [
        ("commonName", "CN"),
        ("countryName", "C"),
        ("country", "C"),
        ("stateOrProvinceName", "ST"),
        ("state", "ST"),
        ("localityName", "L"),
        ("organizationName", "O"),
        ("organization", "O"),
        ("organizationalUnitName", "OU"),
        ("surname", "SN"),
        ("givenName", "GN"),
        ("domainComponent", "DC"),
        ("userId", "UID"),
        ("email", "emailAddress"),
    ];
    LONG.iter().find(|(long, _)| long.eq_ignore_ascii_case(key)).map(|(_, short)| *short)
}
