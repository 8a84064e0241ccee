//! The grant of a cloud to namespaces. Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};

use crate::api::{AllowedNamespacesSpec, LabelSelectorSpec, NamespacesFrom};

/// True for a namespace whose stacks may use the cloud.
pub(super) fn is_granted(allowed: &AllowedNamespacesSpec, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
    match allowed.from {
        NamespacesFrom::None => false,
        NamespacesFrom::All => true,
        NamespacesFrom::Selected => {
            let is_named = allowed.names.iter().any(|name| name == namespace);
            is_named || allowed.selector.as_ref().is_some_and(|selector| selects(selector, labels))
        }
    }
}

/// An empty selector selects nothing here: the schema rejects it, because Kubernetes would take it for everything.
fn selects(selector: &LabelSelectorSpec, labels: &BTreeMap<String, String>) -> bool {
    let is_empty = selector.match_labels.is_empty() && selector.match_expressions.is_empty();
    !is_empty && Selector::try_from(LabelSelector::from(selector)).is_ok_and(|selector| selector.matches(labels))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn granted(allowed: Value, namespace: &str, labels: Value) -> bool {
        let allowed = serde_json::from_value(allowed).unwrap();
        let mut labels: BTreeMap<String, String> = serde_json::from_value(labels).unwrap();
        labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
        is_granted(&allowed, namespace, &labels)
    }

    #[test]
    fn grant_follows_names_or_labels_of_namespace() {
        let team_a = json!({"from": "Selected", "selector": {"matchLabels": {"team": "a"}}});
        let both = json!({"from": "Selected", "names": ["shop"], "selector": {"matchLabels": {"team": "a"}}});
        let not_trial = json!({"from": "Selected", "selector": {"matchExpressions": [
            {"key": "team", "operator": "Exists"}, {"key": "stage", "operator": "NotIn", "values": ["trial"]},
        ]}});
        let by_name = json!({"from": "Selected", "selector": {"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop"]},
        ]}});
        let cases = [
            (json!({}), "shop", json!({}), false),
            (json!({"from": "None"}), "shop", json!({"team": "a"}), false),
            (json!({"from": "All"}), "shop", json!({}), true),
            (json!({"from": "Selected", "names": ["shop", "web"]}), "web", json!({}), true),
            (json!({"from": "Selected", "names": ["shop"]}), "shop-2", json!({}), false),
            (json!({"from": "Selected", "names": ["shop"]}), "SHOP", json!({}), false),
            (team_a.clone(), "shop", json!({"team": "a"}), true),
            (team_a.clone(), "shop", json!({"team": "b"}), false),
            (team_a, "shop", json!({}), false),
            (both.clone(), "shop", json!({"team": "b"}), true),
            (both.clone(), "web", json!({"team": "a"}), true),
            (both, "web", json!({"team": "b"}), false),
            (not_trial.clone(), "shop", json!({"team": "a"}), true),
            (not_trial.clone(), "shop", json!({"team": "a", "stage": "trial"}), false),
            (not_trial, "shop", json!({"stage": "live"}), false),
            (by_name.clone(), "shop", json!({}), true),
            (by_name, "web", json!({}), false),
        ];
        for (allowed, namespace, labels, expected) in cases {
            assert_eq!(granted(allowed.clone(), namespace, labels.clone()), expected, "{allowed} {namespace} {labels}");
        }
    }

    /// Objects that the schema rejects, and that may have been stored before it did.
    #[test]
    fn contradictory_grant_grants_nothing_more() {
        for allowed in [
            json!({"from": "None", "names": ["shop"]}),
            json!({"names": ["shop"], "selector": {"matchLabels": {"team": "a"}}}),
            json!({"from": "Selected"}),
            json!({"from": "Selected", "selector": {}}),
            json!({"from": "Selected", "selector": {"matchExpressions": [
                {"key": "team", "operator": "In"}, {"key": "stage", "operator": "Exists"},
            ]}}),
        ] {
            assert!(!granted(allowed.clone(), "shop", json!({"team": "a"})), "{allowed}");
        }
    }
}
