//! Objects of the cloud that a stack may refer to, by the lists of the cloud that it shares.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::member_settings::{member_path, source_path};
use crate::api::{AllowSpec, CloudRef, LoadBalancerStackSpec, patterns};
use crate::model::{Reference, ReferenceKind, Resolutions, ResolvedReference, Selector};
use crate::translate::selectors::cloud_ref;

/// One list of objects.
#[derive(Debug, Clone, Copy)]
pub(super) struct List<'a> {
    /// Field of the cloud with the list.
    pub permission: &'static str,
    kind: ReferenceKind,
    /// Ids and names.
    entries: &'a [String],
}

/// Lists of a cloud, as far as it has them.
pub(super) struct Lists<'a> {
    vip_networks: Option<List<'a>>,
    member_networks: Option<List<'a>>,
    external_networks: Option<List<'a>>,
    security_groups: Option<List<'a>>,
    qos_policies: Option<List<'a>>,
}

/// An object that a stack refers to, and the list that has to contain it, or its network.
pub(super) struct Check<'a> {
    pub field: String,
    pub list: List<'a>,
    reference: Reference,
}

impl<'a> Lists<'a> {
    pub(super) fn of(allow: &'a AllowSpec) -> Self {
        use ReferenceKind as Kind;
        let list = |permission: &'static str, kind: Kind, entries: &'a Option<Vec<String>>| {
            Some(List { permission, kind, entries: entries.as_deref()? })
        };
        Self {
            vip_networks: list("vipNetworks", Kind::Network, &allow.vip_networks),
            member_networks: list("memberNetworks", Kind::Network, &allow.member_networks),
            external_networks: list("externalNetworks", Kind::Network, &allow.external_networks),
            security_groups: list("securityGroups", Kind::SecurityGroup, &allow.security_groups),
            qos_policies: list("qosPolicies", Kind::QosPolicy, &allow.qos_policies),
        }
    }

    /// The names to look up for the checks of a stack.
    pub(super) fn references(&self, spec: &LoadBalancerStackSpec) -> BTreeSet<Reference> {
        checks(spec, self).iter().flat_map(|check| check.list.references()).collect()
    }
}

impl List<'_> {
    pub(super) fn noun(&self) -> &'static str {
        self.kind.noun()
    }

    fn references(&self) -> impl Iterator<Item = Reference> {
        self.entries.iter().filter(|entry| !is_uuid(entry)).map(|entry| self.by_name(entry))
    }

    fn by_name(&self, name: &str) -> Reference {
        Reference { kind: self.kind, by: Selector::Name(name.to_owned()) }
    }

    /// True for an object in the list. A name that leads nowhere, or to several objects, contains nothing.
    pub(super) fn contains(&self, id: &str, resolutions: &Resolutions) -> bool {
        let is_named = |entry: &String| match resolutions.0.get(&self.by_name(entry)) {
            Some(Ok(found)) => found.id() == Some(id),
            _ => false,
        };
        self.entries.iter().any(|entry| entry == id || is_named(entry))
    }
}

impl Check<'_> {
    /// Id of the object, or of its network; `None` where the reference leads nowhere, which is a problem of its own.
    pub(super) fn object_id<'r>(&self, resolutions: &'r Resolutions) -> Option<&'r str> {
        match resolutions.0.get(&self.reference)?.as_ref().ok()? {
            ResolvedReference::Subnet { network_id, .. } | ResolvedReference::Port { network_id, .. } => {
                Some(network_id)
            }
            other => other.id(),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(patterns::UUID).ok());
    PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Every reference of a stack that a list restricts.
pub(super) fn checks<'a>(spec: &LoadBalancerStackSpec, lists: &Lists<'a>) -> Vec<Check<'a>> {
    let mut found = Checks(Vec::new());
    found.add_load_balancer(spec, lists);
    for pool in &spec.pools {
        let path = format!("spec.pools[{}]", pool.name);
        for member in &pool.members {
            let field = format!("{}.subnet", member_path(&path, member));
            found.add(field, lists.member_networks, ReferenceKind::Subnet, member.subnet.as_ref());
        }
        for source in &pool.member_sources {
            let field = format!("{}.subnet", source_path(&path, source));
            found.add(field, lists.member_networks, ReferenceKind::Subnet, source.subnet.as_ref());
        }
    }
    found.0
}

struct Checks<'a>(Vec<Check<'a>>);

impl<'a> Checks<'a> {
    fn add_load_balancer(&mut self, spec: &LoadBalancerStackSpec, lists: &Lists<'a>) {
        use ReferenceKind as Kind;
        const PATH: &str = "spec.loadBalancer";
        let load_balancer = &spec.load_balancer;
        let vip = &load_balancer.vip;
        for (field, kind, reference) in [
            ("subnet", Kind::Subnet, &vip.subnet),
            ("network", Kind::VipNetwork, &vip.network),
            ("port", Kind::Port, &vip.port),
        ] {
            self.add(format!("{PATH}.vip.{field}"), lists.vip_networks, kind, reference.as_ref());
        }
        for (index, additional) in vip.additional.iter().enumerate() {
            let field = format!("{PATH}.vip.additional[{index}].subnet");
            self.add(field, lists.vip_networks, Kind::Subnet, Some(&additional.subnet));
        }
        for (index, group) in vip.security_groups.iter().flatten().enumerate() {
            let field = format!("{PATH}.vip.securityGroups[{index}]");
            self.add(field, lists.security_groups, Kind::SecurityGroup, Some(group));
        }
        self.add(format!("{PATH}.vip.qosPolicy"), lists.qos_policies, Kind::QosPolicy, vip.qos_policy.as_ref());
        let allocation = load_balancer.floating_ip.as_ref().and_then(|floating_ip| floating_ip.allocate.as_ref());
        if let Some(allocation) = allocation {
            let field = format!("{PATH}.floatingIP.allocate.network");
            self.add(field, lists.external_networks, Kind::Network, Some(&allocation.network));
        }
    }

    fn add(&mut self, field: String, list: Option<List<'a>>, kind: ReferenceKind, reference: Option<&CloudRef>) {
        let by = reference.and_then(cloud_ref);
        if let (Some(list), Some(by)) = (list, by) {
            self.0.push(Check { field, list, reference: Reference { kind, by } });
        }
    }
}
