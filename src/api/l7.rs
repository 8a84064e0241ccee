//! L7 policies and their rules.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rules::l7;
use super::schema;
use crate::model::{L7CompareType, L7PolicyAction, L7RuleType};

/// Action on requests that match all rules.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = l7::target_of_action("redirectPool", "REDIRECT_TO_POOL"),
    validation = l7::target_of_action("redirectURL", "REDIRECT_TO_URL"),
    validation = l7::target_of_action("redirectPrefix", "REDIRECT_PREFIX"),
    validation = l7::redirect_code_needs_redirect(),
    validation = l7::policy_has_enabled_rule()
)]
pub struct L7PolicySpec {
    /// Name of the policy in this listener, and its identity: a DNS label of at most 63 characters. A policy with
    /// another name is another policy.
    #[schemars(schema_with = "schema::key")]
    pub name: String,

    /// Name in Octavia: for people only, at most 255 characters on one line, changeable. Default: name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub display_name: Option<String>,

    /// Action on a request that matches.
    pub action: L7PolicyAction,

    /// For REDIRECT_TO_POOL: name of a pool in spec.pools of protocol HTTP, PROXY or PROXYV2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::key")]
    pub redirect_pool: Option<String>,

    /// For REDIRECT_TO_URL: URL to send the client to, http or https in lower case, at most 255 characters. Blanks and
    /// double quotes must be percent-encoded. For provider amphora Evenkeel writes &, ' and # as \x26, \x27 and \x23,
    /// which Octavia shows and haproxy turns back; each takes 4 of the 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "redirectURL")]
    #[schemars(schema_with = "schema::url")]
    pub redirect_url: Option<String>,

    /// For REDIRECT_PREFIX: URL to put before the path of the request, in the format of redirectURL. Octavia API 2.10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::url")]
    pub redirect_prefix: Option<String>,

    /// For REDIRECT_TO_URL and REDIRECT_PREFIX: status code 301, 302, 303, 307 or 308. Default: 302. Octavia API 2.9.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "redirectHTTPCode")]
    #[schemars(schema_with = "schema::redirect_code")]
    pub redirect_http_code: Option<i32>,

    /// Text for people, at most 255 characters. If absent, Evenkeel leaves Octavia's value unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Tags in Octavia beside Evenkeel's owner tags: at most 32, each of 1 to 255 characters without comma and slash. None
    /// may begin with evenkeel: in any case, and no two may differ only in case, accents or trailing blanks, which Octavia's
    /// database ignores. Unlisted tags are removed. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::many_tags")]
    pub tags: Vec<String>,

    /// Administrative state: false disables the policy. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Conditions that must all match: at most 16; their order has no meaning. An enabled policy needs at least one
    /// rule whose adminStateUp is not false, because Octavia never evaluates a policy without one. A rule of type PATH
    /// that STARTS_WITH / matches every request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub rules: Vec<L7RuleSpec>,
}

/// Condition on a request.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = l7::key_of_type(),
    validation = l7::key_is_dn_field(),
    validation = l7::comparison_of_file_type(),
    validation = l7::comparison_of_certificate_state(),
    validation = l7::value_of_has_cert(),
    validation = l7::value_of_verify_result(),
    validation = l7::value_is_unquoted(),
    validation = l7::value_of_path_characters(),
    validation = l7::value_of_path_beginning(),
    validation = l7::value_of_cookie_characters()
)]
pub struct L7RuleSpec {
    /// Part of the request to examine. PATH: the path of the URL; FILE_TYPE: its end; HOST_NAME: the requested host;
    /// HEADER and COOKIE: the one that key names; SSL_...: the certificate of the client, on TERMINATED_HTTPS listeners
    /// only.
    #[serde(rename = "type")]
    pub kind: L7RuleType,

    /// Comparison. FILE_TYPE takes EQUAL_TO and REGEX only, SSL_CONN_HAS_CERT and SSL_VERIFY_RESULT take EQUAL_TO only.
    pub compare_type: L7CompareType,

    /// For HEADER, COOKIE and SSL_DN_FIELD: name of the header, cookie or field, at most 120 characters. Empty is the
    /// same as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::rule_key")]
    pub key: Option<String>,

    /// Value to compare with: 1 to 255 printable ASCII characters, without quotes around them. Octavia would break some
    /// of them on the way to haproxy (blanks, & < > " ' #, a leading -): Evenkeel then writes a REGEX with the same
    /// meaning. A REGEX must be valid for both Python's re and haproxy's PCRE2: no lookbehind, back references, atomic
    /// groups and comments. It need not match the whole text. HEADER and HOST_NAME: haproxy splits a header at its
    /// commas and compares the parts, without the blanks around them. HOST_NAME: the header Host with its port, in any
    /// case. FILE_TYPE: the end of the path, so jpg also matches /ajpg, and .jpg does not; its REGEX is compared with
    /// the whole path.
    #[schemars(schema_with = "schema::rule_value")]
    pub value: String,

    /// Inversion: true makes the rule match requests that the comparison does not. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invert: Option<bool>,

    /// Administrative state: false disables the rule. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Tags in Octavia: at most 32, each of 1 to 255 characters without comma and slash. None may begin with evenkeel: in
    /// any case, and no two may differ only in case, accents or trailing blanks, which Octavia's database ignores. Unlisted
    /// tags are removed. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::plain_tags")]
    pub tags: Vec<String>,
}
