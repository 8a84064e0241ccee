//! L7 policies and their rules.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema;
use crate::model::{L7CompareType, L7PolicyAction, L7RuleType};

/// What to do with the requests that match all its rules.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.redirectPool) == (self.action == 'REDIRECT_TO_POOL')")
        .message("redirectPool is required for action REDIRECT_TO_POOL and allowed for no other")
        .field_path(".redirectPool"),
    validation = Rule::new("has(self.redirectURL) == (self.action == 'REDIRECT_TO_URL')")
        .message("redirectURL is required for action REDIRECT_TO_URL and allowed for no other")
        .field_path(".redirectURL"),
    validation = Rule::new("has(self.redirectPrefix) == (self.action == 'REDIRECT_PREFIX')")
        .message("redirectPrefix is required for action REDIRECT_PREFIX and allowed for no other")
        .field_path(".redirectPrefix"),
    validation = Rule::new("!has(self.redirectHTTPCode) || self.action in ['REDIRECT_TO_URL', 'REDIRECT_PREFIX']")
        .message("redirectHTTPCode is allowed for actions REDIRECT_TO_URL and REDIRECT_PREFIX only")
        .field_path(".redirectHTTPCode"),
    validation = Rule::new("(has(self.rules) && self.rules.exists(r, !has(r.adminStateUp) || r.adminStateUp)) || (has(self.adminStateUp) && !self.adminStateUp)")
        .message("rules must have at least one entry whose adminStateUp is not false: a policy without is never evaluated; PATH STARTS_WITH / matches every request")
        .field_path(".rules")
)]
pub struct L7PolicySpec {
    /// The name of the policy in this listener, which is also its identity: a DNS label of at most 63 characters.
    #[schemars(schema_with = "schema::key")]
    pub name: String,

    /// Octavia's name: for people only, may change. Absent means name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub display_name: Option<String>,

    /// What to do with a request that matches.
    pub action: L7PolicyAction,

    /// For REDIRECT_TO_POOL: name of a pool in spec.pools of protocol HTTP, PROXY or PROXYV2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::key")]
    pub redirect_pool: Option<String>,

    /// For REDIRECT_TO_URL: the URL to send the client to, http or https in lower case, at most 255 characters. Blanks and
    /// double quotes must be percent-encoded. For provider amphora Evenkeel writes &, ' and # as \x26, \x27 and \x23,
    /// which Octavia shows and haproxy turns back; each takes 4 of the 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "redirectURL")]
    #[schemars(schema_with = "schema::url")]
    pub redirect_url: Option<String>,

    /// For REDIRECT_PREFIX: the URL to put before the path of the request; written as redirectURL. Octavia API 2.10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::url")]
    pub redirect_prefix: Option<String>,

    /// For REDIRECT_TO_URL and REDIRECT_PREFIX: 301, 302, 303, 307 or 308. Absent means 302. Octavia API 2.9.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "redirectHTTPCode")]
    #[schemars(schema_with = "schema::redirect_code")]
    pub redirect_http_code: Option<i32>,

    /// A text for people, at most 255 characters. Absent means that Evenkeel leaves it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Tags in Octavia, besides Evenkeel's own: at most 32 of at most 255 characters each, without comma and slash;
    /// evenkeel: is refused as a beginning. No two may differ in case, accents or blanks at the end alone: Octavia's
    /// database holds them for one. Tags that are not listed are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::many_tags")]
    pub tags: Vec<String>,

    /// False: the policy is not evaluated. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// All of these must match, at most 16; their order does not matter. A policy without rules, or
    /// with rules whose adminStateUp is false alone, is never evaluated, so it is refused unless its own adminStateUp is
    /// false; a rule of type PATH that STARTS_WITH / matches every request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub rules: Vec<L7RuleSpec>,
}

/// One thing that a request must have.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.key) && self.key != '') == (self.type in ['HEADER', 'COOKIE', 'SSL_DN_FIELD'])")
        .message("key is required for types HEADER, COOKIE and SSL_DN_FIELD and allowed for no other")
        .field_path(".key"),
    validation = Rule::new("self.type != 'SSL_DN_FIELD' || !has(self.key) || self.key.matches('^[A-Za-z][A-Za-z0-9-]*$')")
        .message("key of type SSL_DN_FIELD must be the name of a field of a distinguished name, for example CN or OU")
        .field_path(".key"),
    validation = Rule::new("self.type != 'FILE_TYPE' || self.compareType in ['EQUAL_TO', 'REGEX']")
        .message("compareType of type FILE_TYPE must be EQUAL_TO or REGEX")
        .field_path(".compareType"),
    validation = Rule::new("!(self.type in ['SSL_CONN_HAS_CERT', 'SSL_VERIFY_RESULT']) || self.compareType == 'EQUAL_TO'")
        .message("compareType of types SSL_CONN_HAS_CERT and SSL_VERIFY_RESULT must be EQUAL_TO")
        .field_path(".compareType"),
    validation = Rule::new("self.type != 'SSL_CONN_HAS_CERT' || self.value.lowerAscii() == 'true'")
        .message("value of type SSL_CONN_HAS_CERT must be \"true\"; invert turns it round")
        .field_path(".value"),
    validation = Rule::new("self.type != 'SSL_VERIFY_RESULT' || (size(self.value) < 10 && self.value.matches('^[0-9]+$'))")
        .message("value of type SSL_VERIFY_RESULT must be a whole number, the code of OpenSSL's verification")
        .field_path(".value"),
    validation = Rule::new("self.compareType == 'REGEX' || !self.value.startsWith('\"') || !self.value.endsWith('\"') || size(self.value) < 2")
        .message("value is written without the double quotes; for a text that has them itself, use compareType REGEX with \\x22 for each")
        .field_path(".value"),
    validation = Rule::new("!(self.type in ['PATH', 'FILE_TYPE']) || self.compareType == 'REGEX' || !self.value.matches('[ ?#]')")
        .message("value of types PATH and FILE_TYPE must have no blanks, ? and #: write %20 and %23, and leave the query out")
        .field_path(".value"),
    validation = Rule::new("self.type != 'PATH' || !(self.compareType in ['EQUAL_TO', 'STARTS_WITH']) || self.value.startsWith('/')")
        .message("value of type PATH must begin with / for compareTypes EQUAL_TO and STARTS_WITH")
        .field_path(".value"),
    validation = Rule::new("self.type != 'COOKIE' || self.compareType == 'REGEX' || self.value.contains('\"') || !self.value.matches('[;,]')")
        .message("value of type COOKIE must have no semicolons and commas, unless compareType is REGEX")
        .field_path(".value")
)]
pub struct L7RuleSpec {
    /// What to look at. PATH: the path of the URL; FILE_TYPE: its ending; HOST_NAME: the host that is asked for; HEADER
    /// and COOKIE: the one named by key; SSL_...: the client's certificate, on TERMINATED_HTTPS listeners only.
    #[serde(rename = "type")]
    pub kind: L7RuleType,

    /// How to compare. FILE_TYPE knows EQUAL_TO and REGEX only, SSL_CONN_HAS_CERT and SSL_VERIFY_RESULT only EQUAL_TO.
    pub compare_type: L7CompareType,

    /// For HEADER, COOKIE and SSL_DN_FIELD: which one, at most 120 characters. Absent and empty are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::rule_key")]
    pub key: Option<String>,

    /// What to compare with: at most 255 printable ASCII characters, as they are, without quotes around them. Where Octavia
    /// would break one of them on its way to haproxy (blanks, & < > " ' #, a leading -), Evenkeel writes a REGEX that says
    /// the same. A REGEX is what both Python's re and haproxy's PCRE2 take: without lookbehind, back references, atomic
    /// groups and comments; it need not match the whole text. HEADER and HOST_NAME: haproxy splits a header at its commas
    /// and compares the parts, without the blanks around them. HOST_NAME: the header Host with its port, in any case.
    /// FILE_TYPE: the end of the path, so jpg is the end of /ajpg, too, and .jpg is not; its REGEX looks at the whole path.
    #[schemars(schema_with = "schema::rule_value")]
    pub value: String,

    /// True: what does not match matches. Absent means false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invert: Option<bool>,

    /// False: the rule is not evaluated. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Tags in Octavia: at most 32 of at most 255 characters each, without comma and slash; evenkeel: is refused as a
    /// beginning. No two may differ in case, accents or blanks at the end alone: Octavia's database holds them for one.
    /// Tags that are not listed are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::plain_tags")]
    pub tags: Vec<String>,
}
