//! Rules of scalars and small lists, for schemas that are written as JSON.

use serde_json::{Value, json};

/// A rule on `self`, a scalar or a list of scalars.
pub(crate) struct ValueRule {
    condition: &'static str,
    message: &'static str,
}

impl ValueRule {
    /// An entry of `x-kubernetes-validations`.
    pub(crate) fn json(&self) -> Value {
        json!({"rule": self.condition, "message": self.message})
    }
}

/// Requires an IP address in canonical spelling.
pub(crate) const IP_IS_CANONICAL: ValueRule = ValueRule {
    condition: "isIP(self) && ip.isCanonical(self)",
    message: "must be an IPv4 or IPv6 address in canonical spelling, for example 203.0.113.10 or 2001:db8::10",
};

/// Requires an IPv4 address in canonical spelling.
pub(crate) const IP_IS_IPV4: ValueRule = ValueRule {
    condition: "isIP(self) && ip.isCanonical(self) && !self.contains(':')",
    message: "must be an IPv4 address in canonical spelling, for example 203.0.113.10",
};

/// Requires an address that is neither unspecified nor loopback.
pub(crate) const IP_IS_OF_MACHINE: ValueRule = ValueRule {
    condition: "!(self in ['0.0.0.0', '::', '::1']) && !self.startsWith('127.')",
    message: "must be the address of one machine: not 0.0.0.0, ::, ::1 or an address of 127.0.0.0/8",
};

/// Requires a network in canonical spelling without host bits.
pub(crate) const CIDR_IS_CANONICAL: ValueRule = ValueRule {
    condition: "isCIDR(self) && string(cidr(self).masked()) == self",
    message: "must be a network in canonical spelling without host bits, for example 192.0.2.0/24, 203.0.113.7/32 or \
              2001:db8::/32",
};

/// Requires tags other than Evenkeel's owner tags.
pub(crate) const TAGS_ARE_NOT_RESERVED: ValueRule = ValueRule {
    condition: "self.all(t, !t.lowerAscii().startsWith('evenkeel:'))",
    message: "tags must not begin with evenkeel: (in any case), which is reserved for Evenkeel's owner tags",
};

/// Requires tags that differ in Octavia's database, as far as CEL can tell: by more than case and trailing blanks.
pub(crate) const TAGS_DIFFER_TO_OCTAVIA: ValueRule = ValueRule {
    condition: "[self.map(t, t.lowerAscii().find('^.*[^ ]'))].all(all, all.all(t, all.exists_one(u, u == t)))",
    message: "tags must differ by more than upper and lower case and trailing blanks, which Octavia's database ignores",
};

/// Limits a timeout to Octavia's `MAX_TIMEOUT`.
pub(crate) const TIMEOUT_MAXIMUM: ValueRule =
    ValueRule { condition: "duration(self) <= duration('576h')", message: "must be at most 24 days (576h)" };

/// Limits a duration in seconds.
pub(crate) const SECONDS_MAXIMUM: ValueRule =
    ValueRule { condition: "duration(self) <= duration('87600h')", message: "must be at most ten years (87600h)" };

/// Limits the delay and the timeout of a health monitor.
pub(crate) const MONITOR_SECONDS_RANGE: ValueRule = ValueRule {
    condition: "duration(self) >= duration('1s') && duration(self) <= duration('24h')",
    message: "must be from 1s to 24h",
};

/// Limits the resync period, which 0s disables.
pub(crate) const RESYNC_PERIOD_RANGE: ValueRule = ValueRule {
    condition: "duration(self) == duration('0s') || (duration(self) >= duration('10s') && duration(self) <= duration('24h'))",
    message: "must be from 10s to 24h, or 0s to disable it",
};

/// Limits the interval between two changes of members.
pub const MEMBER_WINDOW_RANGE: ValueRule =
    ValueRule { condition: "duration(self) <= duration('10s')", message: "must be from 0s to 10s" };

/// Limits the time for which a member drains.
pub const DRAIN_RANGE: ValueRule =
    ValueRule { condition: "duration(self) <= duration('1h')", message: "must be from 0s to 1h" };

/// Requires the name of a port of a Service, or a number that a port can have.
pub const SERVICE_PORT_RANGE: ValueRule = ValueRule {
    condition: "string(self).matches('^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$') || \
                (string(self).matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && string(self).matches('[a-z]'))",
    message: "must be the name of a port of the Service, or a number from 1 to 65535",
};

/// Requires a range of status codes that ascends.
pub(crate) const CODES_ASCEND: ValueRule = ValueRule {
    condition: "!self.contains('-') || int(self.split('-')[0]) <= int(self.split('-')[1])",
    message: "the first code of a range must not be greater than the second, for example 200-204",
};
