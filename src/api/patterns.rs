//! What texts must look like: one source for the schema, which tells the API server, and for `intake`, which has the
//! last word. The syntax is that of RE2, which Go and Rust share.

/// A DNS label: what identifies listeners, pools and policies. At most 63 characters.
pub const KEY: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// A DNS subdomain: the name of a Secret. At most 253 characters.
pub const OBJECT_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

pub const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

/// Anything that fits on one line.
pub const LINE: &str = r"^[^\x00-\x1f\x7f]+$";
pub const LINE_OR_EMPTY: &str = r"^[^\x00-\x1f\x7f]*$";

/// Octavia stores a comma in a tag, but cannot filter by it then; Neutron's paths end at a slash.
pub const TAG: &str = r"^[^,/\x00-\x1f\x7f]+$";

/// Any end of a tag that leaves these letters, one after the other, at one of them.
macro_rules! leaving {
    ($letter:literal) => {
        concat!("([^", $letter, r",/\x00-\x1f\x7f][^,/\x00-\x1f\x7f]*)?")
    };
    ($letter:literal $($more:literal)+) => {
        concat!("([^", $letter, r",/\x00-\x1f\x7f][^,/\x00-\x1f\x7f]*|[", $letter, "]", leaving!($($more)+), ")?")
    };
}

/// As [`TAG`], but without those that begin with `evenkeel:` in any case. RE2 knows no "not".
pub const TAG_NOT_OURS: &str = concat!("^", leaving!("Ee" "Vv" "Ee" "Nn" "Kk" "Ee" "Ee" "Ll" ":"), "$");

/// Octavia: `VALID_CIPHER_RE`.
pub const CIPHERS: &str = "^[A-Za-z0-9+!:@=_.-]+$";

/// `ddd`, `ddd,ddd` or `ddd-ddd`; blanks around the comma.
pub const CODES: &str = "^[1-5][0-9]{2}(( *, *[1-5][0-9]{2})*|-[1-5][0-9]{2})$";

/// [`TOKEN`], or nothing.
pub const TOKEN_OR_EMPTY: &str = r"^[A-Za-z0-9!$%*+.^_`|~-]*$";

/// Printable ASCII: what stands in a configuration file must stay on its line.
pub const PRINTABLE: &str = "^[ -~]+$";

/// Octavia: `DISTINGUISHED_NAME_FIELD_REGEX`.
pub const DN_FIELD: &str = "^[A-Za-z][A-Za-z0-9-]*$";

/// One component of a duration and more of them: `50s`, `1m30s`.
pub const MILLISECONDS: &str = "^([0-9]{1,9}(h|m|s|ms)){1,4}$";
pub const SECONDS: &str = "^([0-9]{1,9}(h|m|s)){1,3}$";

/// Host part, port, path, query and fragment of a URL, as in RFC 3986, and `[` and `]` in the query. Evenkeel writes
/// `&`, `'` and `#` so that they reach haproxy (`intake::haproxy`); double quotes must be percent-encoded.
pub const URL: &str = r"^https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:[0-9]{1,5})?(/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?(\?([A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*)?(#([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$";

/// As [`URL`], from the path on, without a fragment. A second slash would begin a host.
pub const URL_PATH: &str = r"^/(([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?(\?([A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*)?$";

/// Octavia: `HTTP_HEADER_NAME_REGEX`, without the comma, which separates arguments of haproxy, and without `&`, `'` and
/// `#`: Octavia writes them as `&amp;`, as `&#39;` and as the beginning of a comment into haproxy.cfg.
pub const TOKEN: &str = r"^[A-Za-z0-9!$%*+.^_`|~-]+$";

pub const BARBICAN: &str =
    r"^https?://[^ ]+/v1/(secrets|containers)/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/?$";

/// Octavia: `DOMAIN_NAME_REGEX`.
pub const DOMAIN: &str =
    r"^[A-Za-z0-9_]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_is_not_ours_is_any_tag_with_another_beginning() {
        let (any, not_ours) = (regex::Regex::new(TAG).unwrap(), regex::Regex::new(TAG_NOT_OURS).unwrap());
        let ours = ["evenkeel:", "evenkeel:key=web", "EVENKEEL:x", "EvenKeel:uid=1"];
        let others = ["e", "E", "ev", "evenkeel", "Evenkeel", "evenkeel=x", "evenkeels:", "eve:n", "evenkee:l", "ä:"];
        let bad = ["a,b", "a/b", "e/", "evenkeel,", "evenkeel/x", "even\n", "\u{7f}"];
        for tag in ours {
            assert!(any.is_match(tag) && !not_ours.is_match(tag), "{tag:?}");
        }
        for tag in others {
            assert!(any.is_match(tag) && not_ours.is_match(tag), "{tag:?}");
        }
        for tag in bad {
            assert!(!any.is_match(tag) && !not_ours.is_match(tag), "{tag:?}");
        }
    }
}
