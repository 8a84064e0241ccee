//! Members of a pool from its sources, joined with those that the spec lists.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{MemberSourceSpec, PoolSpec};
use crate::model::{
    Endpoint, EndpointPhase, IpFamily, Member, MemberKey, Members, ReferenceKind, SourceEndpoints, SourceKey,
};
use crate::translate::ip_family::{FamilyCondition, IpFamilies};
use crate::translate::validator::Validator;

use super::member::{WEIGHT_MAX, monitor_address, unreachable};
use super::member_settings::{MemberSettings, source_path};
use super::member_source_checks::{check_pool, check_source};
use super::member_weights::{Backend, spread};

/// Joins the members of the sources to the static ones. Unknown if any source is.
pub(super) fn with_sources(
    validator: &mut Validator<'_>,
    pool: &PoolSpec,
    pool_path: &str,
    families: &IpFamilies,
    mut members: BTreeMap<MemberKey, Member>,
) -> Members {
    check_pool(validator, pool, pool_path);
    let sources = sources(validator, pool, pool_path, families);
    let Some(sources) = sources.into_iter().collect::<Option<Vec<_>>>() else { return Members::Unknown };
    let mut backends = Vec::new();
    // Sources that serve come before standbys: a member of both serves.
    let (standby, serving): (Vec<_>, Vec<_>) = sources.into_iter().partition(|source| source.template.backup);
    for source in serving.into_iter().chain(standby) {
        let mut backend = Backend { weight: source.weight, backup: source.template.backup, members: Vec::new() };
        for (key, endpoint) in &source.endpoints {
            if let Some(member) = members.get_mut(key) {
                member.backup &= source.template.backup;
                continue;
            }
            if endpoint.phase != EndpointPhase::Draining {
                backend.members.push(key.clone());
            }
            members.insert(key.clone(), source.member(*endpoint));
        }
        backends.push(backend);
    }
    spread(&backends, &mut members);
    Members::Known(members)
}

/// One source with its endpoints.
struct Source {
    /// The fields that all its members share.
    template: Member,
    weight: Option<u16>,
    endpoints: BTreeMap<MemberKey, Endpoint>,
}

impl Source {
    fn member(&self, endpoint: Endpoint) -> Member {
        Member {
            weight: u16::from(endpoint.phase != EndpointPhase::Draining),
            monitor_port: self.template.monitor_port.or(endpoint.health_check_port),
            ..self.template.clone()
        }
    }
}

/// The sources of a pool; `None` for one whose endpoints are unknown.
fn sources(
    validator: &mut Validator<'_>,
    pool: &PoolSpec,
    pool_path: &str,
    families: &IpFamilies,
) -> Vec<Option<Source>> {
    let mut names = BTreeSet::new();
    let mut result = Vec::new();
    for spec in &pool.member_sources {
        let key = SourceKey::new(&pool.name, &spec.name);
        let path = source_path(pool_path, spec);
        if !names.insert(&spec.name) {
            validator.invalid(&path, "another source of the pool has this name: choose a different one");
        }
        let template = template(validator, spec, &path);
        if pool.health_monitor.is_none() {
            MemberSettings::of_source(spec, pool_path).reject_monitor_fields(validator);
        }
        let weight = spec.weight.map(|weight| validator.number(weight, 0, WEIGHT_MAX, &format!("{path}.weight")));
        check_family(validator, pool, spec, &path, families);
        let endpoints = known(validator, &key).and_then(|all| usable(validator, pool, spec, &path, families, all));
        result.push(endpoints.map(|endpoints| Source { template, weight, endpoints }));
    }
    result
}

/// The fields that all members of a source share, with the problems of the spec.
fn template(validator: &mut Validator<'_>, spec: &MemberSourceSpec, path: &str) -> Member {
    check_source(validator, spec, path);
    let monitor_address = monitor_address(validator, spec.monitor_address.as_ref(), path);
    Member {
        name: spec.name.clone(),
        weight: 1,
        backup: spec.backup.unwrap_or_default(),
        admin_state_up: true,
        subnet_id: validator.id(ReferenceKind::Subnet, spec.subnet.as_ref(), &format!("{path}.subnet")),
        monitor_address,
        monitor_port: spec.monitor_port.map(|port| validator.port(port, &format!("{path}.monitorPort"))),
        tags: validator.tags(&spec.tags, &format!("{path}.tags")),
    }
}

/// LVS does not translate between IP versions.
fn check_family(
    validator: &mut Validator<'_>,
    pool: &PoolSpec,
    spec: &MemberSourceSpec,
    path: &str,
    families: &IpFamilies,
) {
    let Some(family) = spec.family().filter(|_| pool.protocol.is_datagram()) else { return };
    let field = format!("{path}.{}.family", if spec.service.is_some() { "service" } else { "nodes" });
    validator.check_family(families, FamilyCondition::Needs(family), &field, || {
        let protocol = pool.protocol;
        format!("no address of the load balancer is {family}: {protocol} traffic is not translated between IP versions")
    });
}

/// The endpoints of a source, as far as they are known.
fn known(validator: &mut Validator<'_>, key: &SourceKey) -> Option<BTreeMap<MemberKey, Endpoint>> {
    match validator.contents.endpoints.get(key)? {
        SourceEndpoints::Known(endpoints) => Some(endpoints.clone()),
        SourceEndpoints::Unknown(problem) => {
            validator.source_problems.extend(problem.clone());
            None
        }
    }
}

/// The endpoints that the pool can use. Of a source that names no IP version those of the load balancer's own; none of
/// them, where there are others, is a problem of the source and no authoritative zero.
fn usable(
    validator: &mut Validator<'_>,
    pool: &PoolSpec,
    spec: &MemberSourceSpec,
    path: &str,
    families: &IpFamilies,
    mut endpoints: BTreeMap<MemberKey, Endpoint>,
) -> Option<BTreeMap<MemberKey, Endpoint>> {
    let had_some = !endpoints.is_empty();
    let mut rejected = None;
    endpoints.retain(|key, _| match unreachable(key.address) {
        None => true,
        Some(reason) => {
            rejected = Some(reason);
            false
        }
    });
    if let Some(reason) = rejected {
        validator.source_problem(path, format!("an endpoint is left out: {reason}"));
    }
    if spec.family().is_none() {
        let wanted = wanted_families(pool, families, &endpoints);
        endpoints.retain(|key, _| wanted.contains(&IpFamily::of(key.address)));
    }
    if had_some && endpoints.is_empty() {
        validator.source_problem(
            path,
            "no endpoint has an address that the load balancer can use; the members of the pool stay as they are: give \
             the source an IP version with family, or endpoints of the load balancer's own IP version",
        );
        return None;
    }
    Some(endpoints)
}

/// IP versions of the members: those of the load balancer. One of them in pools of streams, so that a pod with two
/// addresses is one member: IPv4 if the load balancer and an endpoint have it.
fn wanted_families(
    pool: &PoolSpec,
    families: &IpFamilies,
    endpoints: &BTreeMap<MemberKey, Endpoint>,
) -> BTreeSet<IpFamily> {
    let own = match families {
        IpFamilies::Known(own) | IpFamilies::Predicted(own) => own.clone(),
        IpFamilies::Unknown => IpFamily::ALL.into(),
    };
    if pool.protocol.is_datagram() {
        return own;
    }
    let has = |family: &IpFamily| endpoints.keys().any(|key| IpFamily::of(key.address) == *family);
    own.into_iter().find(has).into_iter().collect()
}
