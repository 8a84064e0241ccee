//! Patterns of texts: one source for the schema, which the API server checks, and for `translate`, which is the
//! authority. The syntax is that of RE2, which Go and Rust share.

/// A DNS label: the identity of a listener, a pool or a policy. At most 63 characters.
pub const KEY: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// A DNS label that begins with a letter: the name of a Service. At most 63 characters.
pub const SERVICE_NAME: &str = "^[a-z]([-a-z0-9]*[a-z0-9])?$";

/// A DNS subdomain: the name of a Secret or ConfigMap. At most 253 characters.
pub const OBJECT_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A key of a Secret or ConfigMap. At most 253 characters.
pub const DATA_KEY: &str = "^[-._a-zA-Z0-9]+$";

/// A UUID in lower case.
pub const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

/// Text on one line.
pub const LINE: &str = r"^[^\x00-\x1f\x7f]+$";

/// [`LINE`], or nothing.
pub const LINE_OR_EMPTY: &str = r"^[^\x00-\x1f\x7f]*$";

/// A tag. Octavia stores a tag with a comma but cannot filter by it; a slash would end the path of a Neutron request.
pub const TAG: &str = r"^[^,/\x00-\x1f\x7f]+$";

/// Pattern of a text that departs from a prefix: at some character of the prefix it ends, or has a character that is
/// neither the next of the prefix nor forbidden in tags. RE2 has no negative lookahead, so every departure is written out.
///
/// The arguments are the characters of the prefix, each in both cases. `leaving!("Aa" "Bb")`, for the prefix `ab`, is the
/// following (with `x` for the characters that no tag may have):
///
/// ```text
/// ([^Aax][^x]*|[Aa]([^Bbx][^x]*)?)?
///  |           |   |            |
///  |           |   |            +-- or the text is just "a"
///  |           |   +-- second character: not a "b", then anything
///  |           +-- first character: an "a"
///  +-- first character: not an "a", then anything (or, by the last "?", the text is empty)
/// ```
///
/// So the empty text, `a`, `b` and `ac` match, and `ab`, `AB` and `abc` do not.
macro_rules! leaving {
    ($letter:literal) => {
        concat!("([^", $letter, r",/\x00-\x1f\x7f][^,/\x00-\x1f\x7f]*)?")
    };
    ($letter:literal $($more:literal)+) => {
        concat!("([^", $letter, r",/\x00-\x1f\x7f][^,/\x00-\x1f\x7f]*|[", $letter, "]", leaving!($($more)+), ")?")
    };
}

/// As [`TAG`], without tags that begin with `evenkeel:` in any case.
pub const TAG_NOT_RESERVED: &str = concat!("^", leaving!("Ee" "Vv" "Ee" "Nn" "Kk" "Ee" "Ee" "Ll" ":"), "$");

/// A cipher list (Octavia: `VALID_CIPHER_RE`).
pub const CIPHERS: &str = "^[A-Za-z0-9+!:@=_.-]+$";

/// HTTP status codes: `ddd`, `ddd,ddd` or `ddd-ddd`, with blanks around the comma.
pub const CODES: &str = "^[1-5][0-9]{2}(( *, *[1-5][0-9]{2})*|-[1-5][0-9]{2})$";

/// [`TOKEN`], or nothing.
pub const TOKEN_OR_EMPTY: &str = r"^[A-Za-z0-9!$%*+.^_`|~-]*$";

/// Printable ASCII: in a configuration file a value must stay on its line.
pub const PRINTABLE: &str = "^[ -~]+$";

/// A field of a distinguished name (Octavia: `DISTINGUISHED_NAME_FIELD_REGEX`).
pub const DN_FIELD: &str = "^[A-Za-z][A-Za-z0-9-]*$";

/// A duration in whole milliseconds: `50s`, `1m30s`, `500ms`.
pub const MILLISECONDS: &str = "^([0-9]{1,9}(h|m|s|ms)){1,4}$";

/// A duration in whole seconds: `50s`, `1m30s`.
pub const SECONDS: &str = "^([0-9]{1,9}(h|m|s)){1,3}$";

/// A URL: host, port, path, query and fragment, as in RFC 3986, and `[` and `]` in the query. Evenkeel spells `&`, `'` and
/// `#` so that they reach haproxy (`translate/haproxy`); double quotes must be percent-encoded.
pub const URL: &str = r"^https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:[0-9]{1,5})?(/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?(\?([A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*)?(#([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$";

/// As [`URL`], from the path on and without a fragment. A second slash would begin a host.
pub const URL_PATH: &str = r"^/(([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?(\?([A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*)?$";

/// The name of a header or a cookie: Octavia's `HTTP_HEADER_NAME_REGEX` without the comma, which separates arguments of
/// haproxy, and without `&`, `'` and `#`, which arrive in haproxy.cfg as `&amp;`, as `&#39;` and as the beginning of a comment.
pub const TOKEN: &str = r"^[A-Za-z0-9!$%*+.^_`|~-]+$";

/// The URL of a Barbican secret or container.
pub const BARBICAN: &str =
    r"^https?://[^ ]+/v1/(secrets|containers)/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/?$";

/// A host name (Octavia: `DOMAIN_NAME_REGEX`).
pub const DOMAIN: &str =
    r"^[A-Za-z0-9_]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreserved_tag_is_any_tag_with_another_prefix() {
        let any = regex::Regex::new(TAG).unwrap();
        let unreserved = regex::Regex::new(TAG_NOT_RESERVED).unwrap();
        let reserved = ["evenkeel:", "evenkeel:key=web", "EVENKEEL:x", "EvenKeel:uid=1"];
        let others = ["e", "E", "ev", "evenkeel", "Evenkeel", "evenkeel=x", "evenkeels:", "eve:n", "evenkee:l", "ä:"];
        let bad = ["a,b", "a/b", "e/", "evenkeel,", "evenkeel/x", "even\n", "\u{7f}"];
        for tag in reserved {
            assert!(any.is_match(tag) && !unreserved.is_match(tag), "{tag:?}");
        }
        for tag in others {
            assert!(any.is_match(tag) && unreserved.is_match(tag), "{tag:?}");
        }
        for tag in bad {
            assert!(!any.is_match(tag) && !unreserved.is_match(tag), "{tag:?}");
        }
    }
}
