//! Schemas of the scalars and small lists that occur at many places of the resource.
//!
//! The API server multiplies the cost of a CEL rule by the number of places where it may run, up to 102,400 for a member,
//! and limits the sum. A pattern costs nothing, so patterns are used wherever they suffice.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::patterns as p;
use super::rules::values::{
    CIDR_IS_CANONICAL, CODES_ASCEND, DRAIN_RANGE, IP_IS_CANONICAL, IP_IS_IPV4, IP_IS_OF_MACHINE, MEMBER_WINDOW_RANGE,
    MONITOR_SECONDS_RANGE, RESYNC_PERIOD_RANGE, SECONDS_MAXIMUM, SERVICE_PORT_RANGE, TAGS_ARE_NOT_RESERVED,
    TAGS_DIFFER_TO_OCTAVIA, TIMEOUT_MAXIMUM,
};

pub(super) fn key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 63, "pattern": p::KEY})
}

pub(super) fn service_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 63, "pattern": p::SERVICE_NAME})
}

/// Port of a Service, by name or number.
pub(super) fn service_port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "maxLength": 63,
        "x-kubernetes-validations": [SERVICE_PORT_RANGE.json()]
    })
}

/// Labels with their values, at most 16.
pub(super) fn match_labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 63}
    })
}

pub(super) fn label_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 16, "items": {"type": "string", "maxLength": 63}})
}

/// Duration in whole seconds, from zero to ten seconds.
pub(super) fn member_window(_: &mut SchemaGenerator) -> Schema {
    seconds_with(MEMBER_WINDOW_RANGE.json())
}

/// Duration in whole seconds, from zero to an hour.
pub(super) fn drain(_: &mut SchemaGenerator) -> Schema {
    seconds_with(DRAIN_RANGE.json())
}

fn seconds_with(rule: serde_json::Value) -> Schema {
    json_schema!({"type": "string", "maxLength": 32, "pattern": p::SECONDS, "x-kubernetes-validations": [rule]})
}

pub(super) fn uuid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 36,
        "pattern": p::UUID
    })
}

/// Name of a cloud object: text on one line.
pub(super) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": p::LINE})
}

/// Name for people, as [`name`]; empty is the same as absent.
pub(super) fn display_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 255, "pattern": p::LINE_OR_EMPTY})
}

pub(super) fn description(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 255})
}

/// An IP address in canonical spelling. Map keys are compared as text, so another spelling would hide a duplicate.
pub(super) fn ip(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 45,
        "x-kubernetes-validations": [IP_IS_CANONICAL.json()]
    })
}

/// An IP address that one machine can have, in canonical spelling. An unspecified address would make haproxy connect to the
/// listener, a loopback address to the amphora. The rule is cheap, because it may run at 204,800 places; `translate` also
/// rejects multicast addresses.
pub(super) fn machine_ip(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 45,
        "x-kubernetes-validations": [IP_IS_CANONICAL.json(), IP_IS_OF_MACHINE.json()]
    })
}

/// Address of a floating IP, which is always IPv4.
pub(super) fn ipv4(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 15,
        "x-kubernetes-validations": [IP_IS_IPV4.json()]
    })
}

/// Networks in canonical spelling.
pub(super) fn cidrs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 256,
        "x-kubernetes-list-type": "set",
        "items": {
            "type": "string",
            "maxLength": 49,
            "x-kubernetes-validations": [CIDR_IS_CANONICAL.json()]
        }
    })
}

/// Names of namespaces.
pub(super) fn namespaces(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 256,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "minLength": 1, "maxLength": 63, "pattern": p::KEY}
    })
}

/// Objects of the cloud, each by its id or its name.
pub(super) fn allowed_objects(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": p::LINE}
    })
}

fn tag(pattern: &str) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": pattern})
}

/// Tags of load balancers and listeners: few enough places for both rules.
pub(super) fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": tag(p::TAG),
        "x-kubernetes-validations": [TAGS_ARE_NOT_RESERVED.json(), TAGS_DIFFER_TO_OCTAVIA.json()]
    })
}

/// Tags that select an object, whoever wrote them.
pub(super) fn selecting_tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 32, "x-kubernetes-list-type": "set", "items": tag(p::TAG)})
}

/// Owner of a load balancer: one line, as long as two tags.
pub(super) fn owner(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 510, "pattern": p::LINE})
}

/// Tags of pools, monitors and policies: only the first rule of [`tags`] is within the cost budget.
pub(super) fn many_tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": tag(p::TAG),
        "x-kubernetes-validations": [TAGS_ARE_NOT_RESERVED.json()]
    })
}

/// Tags of members and L7 rules: too many places for any rule, so a pattern stands for the first of [`tags`], without its
/// message. The second is left to `translate`.
pub(super) fn plain_tags(_: &mut SchemaGenerator) -> Schema {
    let items = tag(p::TAG_NOT_RESERVED);
    json_schema!({"type": "array", "maxItems": 32, "x-kubernetes-list-type": "set", "items": items})
}

/// Duration in whole milliseconds, up to the 24 days that Octavia takes (`MAX_TIMEOUT`).
pub(super) fn milliseconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": p::MILLISECONDS,
        "x-kubernetes-validations": [TIMEOUT_MAXIMUM.json()]
    })
}

/// Duration in whole seconds, up to ten years.
pub(super) fn seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": p::SECONDS,
        "x-kubernetes-validations": [SECONDS_MAXIMUM.json()]
    })
}

/// Duration in whole seconds, from one second to a day.
pub(super) fn monitor_seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": p::SECONDS,
        "x-kubernetes-validations": [MONITOR_SECONDS_RANGE.json()]
    })
}

/// Duration in whole seconds: zero, or from ten seconds to a day.
pub(super) fn resync_period(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": p::SECONDS,
        "x-kubernetes-validations": [RESYNC_PERIOD_RANGE.json()]
    })
}

pub(super) fn barbican_ref(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 255, "pattern": p::BARBICAN})
}

pub(super) fn ciphers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 2048, "pattern": p::CIPHERS})
}

pub(super) fn url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 255, "pattern": p::URL})
}

pub(super) fn url_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 2048, "pattern": p::URL_PATH})
}

/// HTTP status codes: `ddd`, `ddd,ddd` or `ddd-ddd`, at most the 64 characters of Octavia's column.
pub(super) fn expected_codes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 64,
        "pattern": p::CODES,
        "x-kubernetes-validations": [CODES_ASCEND.json()]
    })
}

pub(super) fn domain_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 253, "pattern": p::DOMAIN})
}

pub(super) fn cookie_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": p::TOKEN})
}

/// Key of an L7 rule; empty is the same as absent. Shorter than Octavia's 255 characters, for the cost budget.
pub(super) fn rule_key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 120, "pattern": p::TOKEN_OR_EMPTY})
}

/// Value of an L7 rule: printable ASCII, since in a configuration file it must stay on its line.
pub(super) fn rule_value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": p::PRINTABLE})
}

pub(super) fn redirect_code(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "enum": [301, 302, 303, 307, 308]})
}
