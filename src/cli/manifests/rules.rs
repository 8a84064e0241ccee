//! Rules in CEL that nothing but the API server holds: the translator corrects or allows what they reject, and nothing
//! else here looks at credentials and at the grants of a ClusterOpenStackCloud.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::Value;

use crate::api::duration;

/// Most members of a stack.
const MAX_MEMBERS: usize = 4096;

/// A rule, found in the schema by the beginning of its message.
struct NativeRule {
    message: &'static str,
    admits: fn(&Value) -> bool,
}

const RULES: [NativeRule; 9] = [
    NativeRule { message: "must be an IPv4 or IPv6 address in canonical spelling", admits: is_canonical_address },
    NativeRule { message: "must be a network in canonical spelling", admits: is_canonical_network },
    NativeRule { message: "must be from 10s to 24h, or 0s", admits: is_resync_period },
    NativeRule { message: "all pools together must have at most", admits: has_no_more_members_than_allowed },
    NativeRule { message: "cloudCredentialsRef is required", admits: |spec| is_given(spec, "cloudCredentialsRef") },
    NativeRule { message: "either secretName and cloudName are required, or clusterCloud", admits: names_credentials },
    NativeRule { message: "names and selector belong to from: Selected", admits: selection_suits_from },
    NativeRule { message: "an empty selector would select every namespace", admits: selector_is_not_empty },
    NativeRule { message: "values are required for In and NotIn", admits: values_suit_operator },
];

/// A rule that a value breaks.
pub(super) struct BrokenRule<'a> {
    /// Path below the value, with its dot; empty for the value itself.
    pub(super) field: &'a str,
    pub(super) message: &'a str,
}

/// The rules of a part of the schema that a value breaks.
pub(super) fn broken<'a>(schema: &'a Value, value: &'a Value) -> impl Iterator<Item = BrokenRule<'a>> {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    rules.filter_map(move |rule| {
        let message = rule["message"].as_str()?;
        let native = RULES.iter().find(|native| message.starts_with(native.message))?;
        let field = rule["fieldPath"].as_str().unwrap_or_default();
        (!(native.admits)(value)).then_some(BrokenRule { field, message })
    })
}

fn is_canonical_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok_and(|address| address.to_string() == text))
}

fn is_canonical_network(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpNet>().is_ok_and(|network| network.trunc().to_string() == text))
}

fn is_resync_period(value: &Value) -> bool {
    const SHORTEST: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_hours(24);
    let period = value.as_str().and_then(duration::parse);
    period.is_none_or(|period| period.is_zero() || (SHORTEST..=LONGEST).contains(&period))
}

fn has_no_more_members_than_allowed(pools: &Value) -> bool {
    let pools = pools.as_array().into_iter().flatten();
    pools.filter_map(|pool| pool["members"].as_array()).map(Vec::len).sum::<usize>() <= MAX_MEMBERS
}

fn names_credentials(reference: &Value) -> bool {
    let [secret, cloud, cluster_cloud] =
        ["secretName", "cloudName", "clusterCloud"].map(|field| is_given(reference, field));
    if cluster_cloud { !secret && !cloud } else { secret && cloud }
}

fn selection_suits_from(namespaces: &Value) -> bool {
    let selects = has_items(namespaces, "names") || is_given(namespaces, "selector");
    (namespaces["from"] == "Selected") == selects
}

fn selector_is_not_empty(namespaces: &Value) -> bool {
    let selector = &namespaces["selector"];
    selector.is_null() || has_items(selector, "matchLabels") || has_items(selector, "matchExpressions")
}

fn values_suit_operator(expression: &Value) -> bool {
    let compares = expression["operator"] == "In" || expression["operator"] == "NotIn";
    compares == has_items(expression, "values")
}

fn is_given(object: &Value, field: &str) -> bool {
    !object[field].is_null()
}

fn has_items(object: &Value, field: &str) -> bool {
    match &object[field] {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;

    #[test]
    fn every_native_rule_is_one_of_the_definitions() {
        let definitions = api::crd_yaml() + &api::cluster_cloud_crd_yaml();
        let definitions = definitions.split_whitespace().collect::<Vec<_>>().join(" ");
        for rule in &RULES {
            assert!(definitions.contains(rule.message), "{}", rule.message);
        }
    }
}
