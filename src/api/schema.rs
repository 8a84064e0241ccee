//! Schemas of the scalars and small lists that stand at many places of the resource.
//!
//! Rules cost: the API server multiplies the price of a CEL rule by the number of places it may run at, up to 102,400
//! for a member. Where a pattern can say it, a pattern says it; it is free.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::patterns as p;

pub fn key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 63, "pattern": p::KEY})
}

pub fn uuid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 36,
        "pattern": p::UUID
    })
}

/// A name in the cloud: anything that fits on one line.
pub fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": p::LINE})
}

/// As [`name`]; empty is the same as absent.
pub fn display_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 255, "pattern": p::LINE_OR_EMPTY})
}

pub fn description(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 255})
}

/// In one spelling only: doubles would slip through the map keys of members, which Octavia compares as text.
pub fn ip(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 45,
        "x-kubernetes-validations": [{
            "rule": "isIP(self) && ip.isCanonical(self)",
            "message": "must be an IPv4 or IPv6 address in canonical spelling, for example 203.0.113.10 or 2001:db8::10"
        }]
    })
}

/// Of a floating IP.
pub fn ipv4(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 15,
        "x-kubernetes-validations": [{
            "rule": "isIP(self) && ip.isCanonical(self) && !self.contains(':')",
            "message": "must be an IPv4 address in canonical spelling, for example 203.0.113.10"
        }]
    })
}

pub fn cidrs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 256,
        "x-kubernetes-list-type": "set",
        "items": {
            "type": "string",
            "maxLength": 49,
            "x-kubernetes-validations": [{
                "rule": "isCIDR(self) && string(cidr(self).masked()) == self",
                "message": "must be a network in canonical spelling without host bits, for example 192.0.2.0/24, 203.0.113.7/32 or 2001:db8::/32"
            }]
        }
    })
}

fn tag(pattern: &str) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": pattern})
}

/// Tags of load balancers and listeners: few enough for both rules.
pub fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": tag(p::TAG),
        "x-kubernetes-validations": [
            {
                "rule": "self.all(t, !t.lowerAscii().startsWith('evenkeel:'))",
                "message": "tags must not begin with evenkeel: (in any case), these are Evenkeel's own"
            },
            {
                "rule": "[self.map(t, t.lowerAscii().find('^.*[^ ]'))].all(all, all.all(t, all.exists_one(u, u == t)))",
                "message": "tags must differ by more than upper and lower case and blanks at the end: Octavia's database does not tell them apart"
            }
        ]
    })
}

/// Tags of pools, monitors and policies: only the first rule of [`tags`] is within the budget.
pub fn many_tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": tag(p::TAG),
        "x-kubernetes-validations": [{
            "rule": "self.all(t, !t.lowerAscii().startsWith('evenkeel:'))",
            "message": "tags must not begin with evenkeel: (in any case), these are Evenkeel's own"
        }]
    })
}

/// Tags of members and rules: too many places for any rule, so a pattern says the first of [`tags`], without its words.
/// The second is left to `intake`.
pub fn plain_tags(_: &mut SchemaGenerator) -> Schema {
    let items = tag(p::TAG_NOT_OURS);
    json_schema!({"type": "array", "maxItems": 32, "x-kubernetes-list-type": "set", "items": items})
}

/// Whole milliseconds, up to the 24 days that Octavia takes (`MAX_TIMEOUT`).
pub fn milliseconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": p::MILLISECONDS,
        "x-kubernetes-validations": [{
            "rule": "duration(self) <= duration('576h')",
            "message": "must be at most 24 days (576h)"
        }]
    })
}

/// Whole seconds, from none to ten years.
pub fn seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": p::SECONDS,
        "x-kubernetes-validations": [{
            "rule": "duration(self) <= duration('87600h')",
            "message": "must be at most ten years (87600h)"
        }]
    })
}

/// Whole seconds, from one second to a day.
pub fn monitor_seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": p::SECONDS,
        "x-kubernetes-validations": [{
            "rule": "duration(self) >= duration('1s') && duration(self) <= duration('24h')",
            "message": "must be from 1s to 24h"
        }]
    })
}

/// None, or from ten seconds to a day.
pub fn resync_period(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "pattern": p::SECONDS,
        "x-kubernetes-validations": [{
            "rule": "duration(self) == duration('0s') || (duration(self) >= duration('10s') && duration(self) <= duration('24h'))",
            "message": "must be from 10s to 24h, or 0s to switch it off"
        }]
    })
}

pub fn barbican_ref(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 255, "pattern": p::BARBICAN})
}

pub fn ciphers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 2048, "pattern": p::CIPHERS})
}

pub fn url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 255, "pattern": p::URL})
}

pub fn url_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 2048, "pattern": p::URL_PATH})
}

/// `ddd`, `ddd,ddd` or `ddd-ddd`, 64 characters at most (Octavia's column).
pub fn expected_codes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 64,
        "pattern": p::CODES,
        "x-kubernetes-validations": [{
            "rule": "!self.contains('-') || int(self.split('-')[0]) <= int(self.split('-')[1])",
            "message": "the first code of a range must not be greater than the second, for example 200-204"
        }]
    })
}

pub fn domain_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 253, "pattern": p::DOMAIN})
}

pub fn cookie_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": p::TOKEN})
}

/// Empty is the same as absent. Shorter than Octavia's 255, for the budget.
pub fn rule_key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 120, "pattern": p::TOKEN_OR_EMPTY})
}

/// Printable ASCII: what stands in a configuration file must stay on its line.
pub fn rule_value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": p::PRINTABLE})
}

pub fn redirect_code(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "enum": [301, 302, 303, 307, 308]})
}
