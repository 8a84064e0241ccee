//! The number of load balancers that a namespace may have in a shared cloud.

use std::collections::HashSet;

use kube::{Resource, ResourceExt};

use super::access::CloudAccess;
use super::uses::{cluster_cloud_of, has_load_balancer, has_record};
use crate::api::LoadBalancerStack;
use crate::controller::watch::MaybeStack;

/// Stacks that this process let through, by UID: the record of a create may not be in its view of the cluster yet.
#[derive(Default)]
pub(super) struct LetThrough(HashSet<String>);

impl LetThrough {
    /// Tells whether a stack may have a load balancer: it has one, or its namespace has fewer than it may have. A stack
    /// that was let through counts until it is gone, whatever became of it. A record of a create counts, and lets nothing
    /// through: tenants can write it. `others` are all stacks of the cluster.
    pub(super) fn admit<'a>(
        &mut self,
        stack: &LoadBalancerStack,
        access: &CloudAccess,
        others: impl Iterator<Item = &'a MaybeStack>,
    ) -> bool {
        let Some(limit) = access.spec.allow.max_load_balancers_per_namespace else { return true };
        let uid = stack.uid().unwrap_or_default();
        if has_load_balancer(stack) || self.0.contains(&uid) {
            return true;
        }
        let holds = |other: &LoadBalancerStack| {
            let is_neighbour = other.meta().namespace == stack.meta().namespace && other.uid() != stack.uid();
            let is_counted = has_record(other) || self.0.contains(&other.uid().unwrap_or_default());
            is_neighbour && is_counted && cluster_cloud_of(other) == Some(&access.name)
        };
        let used = others.filter_map(|stored| stored.0.as_ref().ok()).filter(|other| holds(other)).count();
        let admitted = usize::try_from(limit).is_ok_and(|limit| used < limit);
        if admitted {
            self.0.insert(uid);
        }
        admitted
    }

    /// Forgets stacks that are gone.
    pub(super) fn retain(&mut self, exists: impl Fn(&str) -> bool) {
        self.0.retain(|uid| exists(uid));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::ClusterOpenStackCloudSpec;

    fn stack(namespace: &str, name: &str, has_load_balancer: bool) -> MaybeStack {
        stack_with(json!({}), namespace, name, has_load_balancer)
    }

    fn stack_with(annotations: Value, namespace: &str, name: &str, has_load_balancer: bool) -> MaybeStack {
        let id = has_load_balancer.then_some("lb-1");
        serde_json::from_value(json!({
            "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
            "metadata": {"name": name, "namespace": namespace, "uid": format!("{namespace}/{name}"),
                         "annotations": annotations},
            "spec": {"cloudCredentialsRef": {"clusterCloud": "prod"}, "loadBalancer": {"vip": {"subnet": {"name": "s"}}}},
            "status": {"loadBalancer": {"id": id}},
        }))
        .unwrap()
    }

    fn access(limit: Option<i32>) -> CloudAccess {
        let spec: ClusterOpenStackCloudSpec = serde_json::from_value(json!({
            "secretRef": {"name": "prod"}, "cloudName": "c", "allow": {"maxLoadBalancersPerNamespace": limit},
        }))
        .unwrap();
        CloudAccess { name: "prod".to_owned(), spec: spec.into(), is_granted: true, is_deleting: false }
    }

    #[test]
    fn namespace_has_no_more_load_balancers_than_it_may() {
        let all = [
            stack("shop", "a", true),
            stack("shop", "b", false),
            stack("shop", "c", false),
            stack("other", "a", false),
        ];
        let mut let_through = LetThrough::default();
        let mut admit = |index: usize, limit: Option<i32>| {
            let_through.admit(all[index].0.as_ref().unwrap(), &access(limit), all.iter())
        };
        assert!(admit(0, Some(0)), "one that exists is kept");
        assert!(!admit(1, Some(1)));
        assert!(admit(1, Some(2)));
        assert!(admit(1, Some(0)), "a create may be in progress");
        assert!(!admit(2, Some(2)), "no view of the cluster shows b's load balancer yet");
        assert!(admit(3, Some(1)), "another namespace");
        assert!(admit(2, None));
        let_through.retain(|uid| uid != "shop/b");
        assert!(let_through.admit(all[2].0.as_ref().unwrap(), &access(Some(2)), all.iter()), "b is gone");
    }

    #[test]
    fn forged_record_of_a_create_lets_nothing_through() {
        let record = json!({"evenkeel.dev/create-pending": "aa@2020-01-01T00:00:00Z"});
        let all = [stack("shop", "a", true), stack_with(record, "shop", "b", false), stack("shop", "c", false)];
        let admit = |index: usize, limit: i32| {
            LetThrough::default().admit(all[index].0.as_ref().unwrap(), &access(Some(limit)), all.iter())
        };
        assert!(!admit(1, 1), "the load balancer of a is all that it may have");
        assert!(admit(1, 2));
        assert!(!admit(2, 2), "that of b may exist");
    }
}
