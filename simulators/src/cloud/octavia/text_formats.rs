//! Formats of texts: URLs, paths, codes, names, and the values of L7 rules.

/// True for an absolute http(s) URL as `octavia.common.validate.url` wants it: lower-case scheme, a host, no blanks or
/// control characters.
pub(crate) fn is_url(text: &str) -> bool {
    let clean = !text.chars().any(|c| c <= ' ' || ('\u{7f}'..='\u{9f}').contains(&c));
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    clean && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
}

/// True for a path that starts with a slash. A query is accepted.
pub(crate) fn is_url_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && !text.chars().any(char::is_whitespace)
}

/// True for `ddd`, `ddd, ddd` or `ddd-ddd`.
pub(crate) fn is_expected_codes(text: &str) -> bool {
    let code = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('-') {
        Some((from, to)) => code(from) && code(to),
        None => {
            let blank_outside = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
            !blank_outside && text.split(',').all(|part| code(part.trim()))
        }
    }
}

pub(crate) fn is_domain_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        let inside = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let underscore_inside = label.bytes().skip(1).any(|b| b == b'_');
        (1..=63).contains(&label.len())
            && inside
            && !underscore_inside
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (1..=253).contains(&text.len()) && text.split('.').all(label)
}

/// Octavia's `HTTP_HEADER_NAME_REGEX`. The `+-.` in it is a range, which includes the comma.
pub(crate) fn is_header_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+,-.^_`|~".contains(c))
}

pub(crate) fn is_header_value(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic();
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    (!text.is_empty() && text.chars().all(plain))
        || quoted.is_some_and(|inside| inside.chars().all(|c| plain(c) || c == ' ' || c == '\t'))
}

pub(crate) fn is_cookie_value(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"\"\\".contains(c))
}

/// The error of Python's `re.compile`, for the most common mistakes only.
pub(crate) fn regex_error(pattern: &str) -> Option<String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut groups = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        match c {
            '\\' if at + 1 == chars.len() => return Some(format!("bad escape (end of pattern) at position {at}")),
            '\\' => at += 1,
            '[' => {
                let first = at + if chars.get(at + 1) == Some(&'^') { 2 } else { 1 };
                match (first + 1..chars.len()).find(|&i| chars[i] == ']' && chars[i - 1] != '\\') {
                    Some(end) => at = end,
                    None => return Some(format!("unterminated character set at position {at}")),
                }
            }
            '(' => groups.push(at),
            ')' if groups.pop().is_none() => return Some(format!("unbalanced parenthesis at position {at}")),
            '*' | '+' | '?' if at == 0 => return Some("nothing to repeat at position 0".into()),
            _ => {}
        }
        at += 1;
    }
    groups.last().map(|open| format!("missing ), unterminated subpattern at position {open}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_without_host_or_with_blank_is_rejected() {
        for good in ["http://a/", "https://a.example:8080/x?y#z"] {
            assert!(is_url(good), "{good}");
        }
        for bad in ["nope", "HTTP://a/", "http://", "http:///x", "http://a/ b", "ftp://a/"] {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn expected_codes_are_single_list_or_range() {
        for good in ["200", "200,201", "200, 201 ,202", "200-299"] {
            assert!(is_expected_codes(good), "{good}");
        }
        for bad in ["", "20", "200-", "200-299,300", " 200", "200,", "2000"] {
            assert!(!is_expected_codes(bad), "{bad}");
        }
    }

    #[test]
    fn domain_name_without_labels_is_rejected() {
        for good in ["a", "a.example", "A.example.", "xn--a.b-c", "_tcp.example"] {
            assert!(is_domain_name(good), "{good}");
        }
        for bad in ["", ".", "-a", "a-", "a..b", "a b", "a_b.c"] {
            assert!(!is_domain_name(bad), "{bad}");
        }
    }

    #[test]
    fn bad_regular_expression_is_rejected_in_python_words() {
        assert_eq!(regex_error("^/a[bc]+(d|e)?\\.html$"), None);
        for (pattern, text) in [
            ("[", "unterminated character set at position 0"),
            ("a(", "missing ), unterminated subpattern at position 1"),
            ("a)", "unbalanced parenthesis at position 1"),
            ("*a", "nothing to repeat at position 0"),
            ("a\\", "bad escape (end of pattern) at position 1"),
        ] {
            assert_eq!(regex_error(pattern).as_deref(), Some(text));
        }
    }
}
