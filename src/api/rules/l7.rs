//! Rules of L7 policies and of L7 rules.

use kube::core::Rule;

/// Types whose value is compared with the path of a request.
const PATH_TYPES: &str = "['PATH', 'FILE_TYPE']";

fn rule(condition: &str, message: &str, field: &str) -> Rule {
    Rule::new(condition).message(message).field_path(field)
}

/// Requires a target exactly for the action that uses it. Octavia drops the target of another action silently.
pub(crate) fn target_of_action(target: &str, action: &str) -> Rule {
    rule(
        &format!("has(self.{target}) == (self.action == '{action}')"),
        &format!("{target} is required for action {action} and allowed for no other"),
        &format!(".{target}"),
    )
}

/// Requires a redirect to a URL for its status code.
pub(crate) fn redirect_code_needs_redirect() -> Rule {
    rule(
        "!has(self.redirectHTTPCode) || self.action in ['REDIRECT_TO_URL', 'REDIRECT_PREFIX']",
        "redirectHTTPCode is allowed for actions REDIRECT_TO_URL and REDIRECT_PREFIX only",
        ".redirectHTTPCode",
    )
}

/// Requires an enabled rule in an enabled policy, since Octavia evaluates no policy without one.
pub(crate) fn policy_has_enabled_rule() -> Rule {
    rule(
        "(has(self.rules) && self.rules.exists(r, !has(r.adminStateUp) || r.adminStateUp)) || \
         (has(self.adminStateUp) && !self.adminStateUp)",
        "rules must have at least one entry whose adminStateUp is not false: a policy without is never evaluated; PATH \
         STARTS_WITH / matches every request",
        ".rules",
    )
}

/// Requires a key exactly for the types that use it.
pub(crate) fn key_of_type() -> Rule {
    rule(
        "(has(self.key) && self.key != '') == (self.type in ['HEADER', 'COOKIE', 'SSL_DN_FIELD'])",
        "key is required for types HEADER, COOKIE and SSL_DN_FIELD and allowed for no other",
        ".key",
    )
}

/// Requires the name of a DN field as the key of SSL_DN_FIELD (Octavia: `DISTINGUISHED_NAME_FIELD_REGEX`).
pub(crate) fn key_is_dn_field() -> Rule {
    rule(
        "self.type != 'SSL_DN_FIELD' || !has(self.key) || self.key.matches('^[A-Za-z][A-Za-z0-9-]*$')",
        "key of type SSL_DN_FIELD must be the name of a field of a distinguished name, for example CN or OU",
        ".key",
    )
}

/// Requires a comparison that Octavia knows for FILE_TYPE.
pub(crate) fn comparison_of_file_type() -> Rule {
    rule(
        "self.type != 'FILE_TYPE' || self.compareType in ['EQUAL_TO', 'REGEX']",
        "compareType of type FILE_TYPE must be EQUAL_TO or REGEX",
        ".compareType",
    )
}

/// Requires a comparison that Octavia knows for the state of a certificate.
pub(crate) fn comparison_of_certificate_state() -> Rule {
    rule(
        "!(self.type in ['SSL_CONN_HAS_CERT', 'SSL_VERIFY_RESULT']) || self.compareType == 'EQUAL_TO'",
        "compareType of types SSL_CONN_HAS_CERT and SSL_VERIFY_RESULT must be EQUAL_TO",
        ".compareType",
    )
}

/// Requires the only value that Octavia knows for SSL_CONN_HAS_CERT, in any case.
pub(crate) fn value_of_has_cert() -> Rule {
    rule(
        "self.type != 'SSL_CONN_HAS_CERT' || self.value.lowerAscii() == 'true'",
        "value of type SSL_CONN_HAS_CERT must be \"true\"; set invert to match connections without a certificate",
        ".value",
    )
}

/// Requires a code of OpenSSL's verification.
pub(crate) fn value_of_verify_result() -> Rule {
    rule(
        "self.type != 'SSL_VERIFY_RESULT' || (size(self.value) < 10 && self.value.matches('^[0-9]+$'))",
        "value of type SSL_VERIFY_RESULT must be a whole number, the code of OpenSSL's verification",
        ".value",
    )
}

/// Requires a value without surrounding quotes, which Octavia takes for part of its own syntax.
pub(crate) fn value_is_unquoted() -> Rule {
    rule(
        "self.compareType == 'REGEX' || !self.value.startsWith('\"') || !self.value.endsWith('\"') || \
         size(self.value) < 2",
        "value is written without the double quotes; for a text that has them itself, use compareType REGEX with \\x22 for \
         each",
        ".value",
    )
}

/// Requires characters that occur in the path of a request.
pub(crate) fn value_of_path_characters() -> Rule {
    rule(
        &format!("!(self.type in {PATH_TYPES}) || self.compareType == 'REGEX' || !self.value.matches('[ ?#]')"),
        "value of types PATH and FILE_TYPE must have no blanks, ? and #: write %20 and %23, and leave the query out",
        ".value",
    )
}

/// Requires the slash that begins every path.
pub(crate) fn value_of_path_beginning() -> Rule {
    rule(
        "self.type != 'PATH' || !(self.compareType in ['EQUAL_TO', 'STARTS_WITH']) || self.value.startsWith('/')",
        "value of type PATH must begin with / for compareTypes EQUAL_TO and STARTS_WITH",
        ".value",
    )
}

/// Requires characters that occur in the value of a cookie.
pub(crate) fn value_of_cookie_characters() -> Rule {
    rule(
        "self.type != 'COOKIE' || self.compareType == 'REGEX' || self.value.contains('\"') || \
         !self.value.matches('[;,]')",
        "value of type COOKIE must have no semicolons and commas, unless compareType is REGEX",
        ".value",
    )
}
