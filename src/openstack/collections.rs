//! The API collections that Evenkeel uses: their paths, and the keys of their JSON. All paths to Octavia and Neutron, and
//! those of secrets to Barbican, start here.

use http::Method;

use super::http::{ApiRequest, Service};

/// A collection of resources of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Collection {
    service: Service,
    path: &'static str,
    /// The key of the array in a list response.
    pub(super) list_key: &'static str,
    /// The key of the object in a response or a request about one resource.
    pub(super) item_key: &'static str,
}

impl Collection {
    const fn octavia(path: &'static str, list_key: &'static str, item_key: &'static str) -> Self {
        Self { service: Service::LoadBalancer, path, list_key, item_key }
    }

    const fn neutron(path: &'static str, list_key: &'static str, item_key: &'static str) -> Self {
        Self { service: Service::Network, path, list_key, item_key }
    }

    pub(super) fn request(self, method: Method) -> ApiRequest {
        ApiRequest::new(self.service, method, self.path)
    }

    /// A read of the collection.
    pub(super) fn list(self) -> ApiRequest {
        ApiRequest::get(self.service, self.path)
    }

    /// A read of one resource.
    pub(super) fn item(self, id: &str) -> ApiRequest {
        self.list().path_segment(id)
    }
}

/// The prefix of all paths of Octavia, for errors about no collection in particular.
pub(super) const OCTAVIA_API: &str = "/v2/lbaas";

pub(super) const LOAD_BALANCERS: Collection =
    Collection::octavia("/v2/lbaas/loadbalancers", "loadbalancers", "loadbalancer");
pub(super) const LISTENERS: Collection = Collection::octavia("/v2/lbaas/listeners", "listeners", "listener");
pub(super) const POOLS: Collection = Collection::octavia("/v2/lbaas/pools", "pools", "pool");
pub(super) const HEALTH_MONITORS: Collection =
    Collection::octavia("/v2/lbaas/healthmonitors", "healthmonitors", "healthmonitor");
pub(super) const L7_POLICIES: Collection = Collection::octavia("/v2/lbaas/l7policies", "l7policies", "l7policy");
pub(super) const FLAVORS: Collection = Collection::octavia("/v2/lbaas/flavors", "flavors", "flavor");
pub(super) const AVAILABILITY_ZONES: Collection =
    Collection::octavia("/v2/lbaas/availabilityzones", "availability_zones", "availability_zone");
pub(super) const PROVIDERS: Collection = Collection::octavia("/v2/lbaas/providers", "providers", "provider");
pub(super) const QUOTAS: Collection = Collection::octavia("/v2/lbaas/quotas", "quotas", "quota");

pub(super) const SECRETS: Collection =
    Collection { service: Service::KeyManager, path: "/v1/secrets", list_key: "secrets", item_key: "secret" };

/// Below a pool: its members.
pub(super) const MEMBERS: &str = "members";
/// Below an L7 policy: its rules.
pub(super) const RULES: &str = "rules";

pub(super) const NETWORKS: Collection = Collection::neutron("/v2.0/networks", "networks", "network");
pub(super) const SUBNETS: Collection = Collection::neutron("/v2.0/subnets", "subnets", "subnet");
pub(super) const PORTS: Collection = Collection::neutron("/v2.0/ports", "ports", "port");
pub(super) const FLOATING_IPS: Collection = Collection::neutron("/v2.0/floatingips", "floatingips", "floatingip");
pub(super) const SECURITY_GROUPS: Collection =
    Collection::neutron("/v2.0/security-groups", "security_groups", "security_group");
pub(super) const QOS_POLICIES: Collection = Collection::neutron("/v2.0/qos/policies", "policies", "policy");
pub(super) const RBAC_POLICIES: Collection = Collection::neutron("/v2.0/rbac-policies", "rbac_policies", "rbac_policy");
