//! Permissions of a stack whose cloud several namespaces share.
//!
//! In one project an id leads to any object, whoever made it. So fields that name objects of others are forbidden unless
//! the cloud allows them, and networks, security groups and QoS policies have to be in its lists where it has some. A
//! stack that asks for more is rejected as a whole, before anything is looked up or written.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::member_settings::{member_path, source_path};
use super::permitted_objects::{Lists, checks};
use super::{desired as translation, references as all_references};
use crate::api::{AllowSpec, LoadBalancerStackSpec};
use crate::model::{
    ApiVersion, ClusterContents, Desired, Members, Owner, Problem, ProblemReason, Reference, Resolutions,
    SourceEndpoints, SourceKey, SourcedEndpoints,
};

/// Addresses outside the allowed networks that a message shows.
const MAX_SHOWN: usize = 3;

/// Permissions of one stack.
#[derive(Debug, Clone, Copy)]
pub struct Permissions<'a> {
    /// Name of the cloud, for messages.
    pub cloud: &'a str,
    pub allow: &'a AllowSpec,
}

impl Permissions<'_> {
    /// The problem of a stack whose namespace may have no more load balancers.
    pub fn no_room(&self, namespace: &str) -> Problem {
        let (cloud, limit) = (self.cloud, self.allow.max_load_balancers_per_namespace.unwrap_or_default());
        let message = format!(
            "namespace {namespace} has as many load balancers as ClusterOpenStackCloud {cloud} allows, which is {limit} \
             (spec.allow.maxLoadBalancersPerNamespace): delete another stack, or ask the administrator of the cluster for \
             more"
        );
        Problem::new("spec.cloudCredentialsRef.clusterCloud", ProblemReason::ForbiddenByCloud, message)
    }

    /// The problem of a field that the cloud does not allow; `permission` is the field of the cloud that would.
    pub(super) fn forbids(&self, field: impl Into<String>, permission: &str, what: &str) -> Problem {
        let cloud = self.cloud;
        let message = format!(
            "{what} is not allowed by ClusterOpenStackCloud {cloud} (spec.allow.{permission}): remove it, or ask the \
             administrator of the cluster to allow it"
        );
        Problem::new(field, ProblemReason::ForbiddenByCloud, message)
    }
}

/// The cloud objects to look up for a stack: its references, and those of the lists that they are compared with. None for a
/// stack with a forbidden field: a look-up would tell whether an object of another namespace exists.
pub fn permitted_references(
    spec: &LoadBalancerStackSpec,
    permissions: Option<&Permissions<'_>>,
) -> BTreeSet<Reference> {
    let Some(permissions) = permissions else { return all_references(spec) };
    if !forbidden_fields(spec, permissions).is_empty() {
        return BTreeSet::new();
    }
    let mut references = all_references(spec);
    references.extend(Lists::of(permissions.allow).references(spec));
    references
}

/// Translates a stack, as [`desired`](fn@super::desired), within its permissions.
///
/// # Errors
/// All problems. Nothing may be written to the cloud then.
pub fn permitted(
    spec: &LoadBalancerStackSpec,
    permissions: Option<&Permissions<'_>>,
    owner: Owner,
    resolutions: &Resolutions,
    contents: &ClusterContents,
    version: ApiVersion,
) -> Result<Desired, Vec<Problem>> {
    let Some(permissions) = permissions else { return translation(spec, owner, resolutions, contents, version) };
    let forbidden = forbidden_fields(spec, permissions);
    if !forbidden.is_empty() {
        return Err(forbidden);
    }
    let translated = translation(spec, owner, resolutions, contents, version);
    let objects = forbidden_objects(spec, permissions, resolutions);
    let mut desired = match translated {
        Ok(desired) if objects.is_empty() => desired,
        Ok(_) => return Err(objects),
        Err(problems) => return Err(problems.into_iter().chain(objects).collect()),
    };
    restrict_sources(&mut desired, spec, permissions, &contents.endpoints);
    Ok(desired)
}

/// Problems that need no look-up.
fn forbidden_fields(spec: &LoadBalancerStackSpec, permissions: &Permissions<'_>) -> Vec<Problem> {
    let allow = permissions.allow;
    let mut problems = Vec::new();
    if spec.adopt.is_some() && !allow.adoption.unwrap_or_default() {
        problems.push(permissions.forbids("spec.adopt", "adoption", "an existing load balancer"));
    }
    let load_balancer = &spec.load_balancer;
    if load_balancer.vip.port.is_some() && !allow.vip_ports.unwrap_or_default() {
        problems.push(permissions.forbids("spec.loadBalancer.vip.port", "vipPorts", "an existing port"));
    }
    let existing = load_balancer.floating_ip.as_ref().is_some_and(|floating_ip| floating_ip.existing.is_some());
    if existing && !allow.existing_floating_ips.unwrap_or_default() {
        let field = "spec.loadBalancer.floatingIP.existing";
        problems.push(permissions.forbids(field, "existingFloatingIPs", "an existing floating IP"));
    }
    if !allow.barbican_refs.unwrap_or_default() {
        let fields = barbican_fields(spec).into_iter();
        problems.extend(fields.map(|field| permissions.forbids(field, "barbicanRefs", "a Barbican secret")));
    }
    if let Some(networks) = MemberNetworks::of(allow) {
        problems.extend(forbidden_addresses(spec, permissions, &networks));
    }
    problems
}

/// Paths of all references to Barbican secrets. Those to Secrets and ConfigMaps need no permission: they never leave the
/// namespace.
fn barbican_fields(spec: &LoadBalancerStackSpec) -> Vec<String> {
    let mut fields = Vec::new();
    let mut add = |field: String, url: Option<&String>| {
        if url.is_some() {
            fields.push(format!("{field}.barbicanRef"));
        }
    };
    for listener in &spec.listeners {
        let Some(tls) = &listener.tls else { continue };
        let path = format!("spec.listeners[{}].tls", listener.name);
        add(format!("{path}.certificate"), tls.certificate.as_ref().and_then(|spec| spec.barbican_ref.as_ref()));
        for (index, certificate) in tls.sni_certificates.iter().enumerate() {
            add(format!("{path}.sniCertificates[{index}]"), certificate.barbican_ref.as_ref());
        }
        add(format!("{path}.clientCA"), tls.client_ca.as_ref().and_then(|spec| spec.barbican_ref.as_ref()));
        add(format!("{path}.clientCRL"), tls.client_crl.as_ref().and_then(|spec| spec.barbican_ref.as_ref()));
    }
    for pool in &spec.pools {
        let Some(tls) = &pool.tls else { continue };
        let path = format!("spec.pools[{}].tls", pool.name);
        let certificate = tls.client_certificate.as_ref();
        add(format!("{path}.clientCertificate"), certificate.and_then(|spec| spec.barbican_ref.as_ref()));
        add(format!("{path}.ca"), tls.ca.as_ref().and_then(|spec| spec.barbican_ref.as_ref()));
        add(format!("{path}.crl"), tls.crl.as_ref().and_then(|spec| spec.barbican_ref.as_ref()));
    }
    fields
}

/// Networks that members may be in.
struct MemberNetworks(Vec<IpNet>);

impl MemberNetworks {
    /// `None`: all addresses are allowed. An entry that is no network allows none.
    fn of(allow: &AllowSpec) -> Option<Self> {
        let networks = allow.member_cidrs.as_ref()?;
        Some(Self(networks.iter().filter_map(|text| text.parse().ok()).collect()))
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// True for a text that is an address outside; other texts are rejected elsewhere.
    fn excludes(&self, text: &str) -> bool {
        text.parse().is_ok_and(|address| !self.contains(address))
    }
}

/// Addresses of members, and addresses to check in their place.
fn forbidden_addresses(
    spec: &LoadBalancerStackSpec,
    permissions: &Permissions<'_>,
    networks: &MemberNetworks,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut check = |field: String, address: Option<&String>| {
        if let Some(address) = address.filter(|address| networks.excludes(address)) {
            problems.push(permissions.forbids(field, "memberCIDRs", &format!("address {address}")));
        }
    };
    for pool in &spec.pools {
        let path = format!("spec.pools[{}]", pool.name);
        for member in &pool.members {
            let path = member_path(&path, member);
            check(format!("{path}.address"), Some(&member.address));
            check(format!("{path}.monitorAddress"), member.monitor_address.as_ref());
        }
        for source in &pool.member_sources {
            check(format!("{}.monitorAddress", source_path(&path, source)), source.monitor_address.as_ref());
        }
    }
    problems
}

/// Objects outside the lists of the cloud.
fn forbidden_objects(
    spec: &LoadBalancerStackSpec,
    permissions: &Permissions<'_>,
    resolutions: &Resolutions,
) -> Vec<Problem> {
    let lists = Lists::of(permissions.allow);
    let mut problems = Vec::new();
    for check in checks(spec, &lists) {
        let Some(id) = check.object_id(resolutions) else { continue };
        if !check.list.contains(id, resolutions) {
            let what = format!("{} {id}", check.list.noun());
            problems.push(permissions.forbids(check.field, check.list.permission, &what));
        }
    }
    problems
}

/// Leaves the members of a pool as they are while a source has endpoints outside the allowed networks.
fn restrict_sources(
    desired: &mut Desired,
    spec: &LoadBalancerStackSpec,
    permissions: &Permissions<'_>,
    sourced: &SourcedEndpoints,
) {
    let Some(networks) = MemberNetworks::of(permissions.allow) else { return };
    for pool in &spec.pools {
        let Some(pool_desired) = desired.pools.get_mut(&pool.name) else { continue };
        for source in &pool.member_sources {
            let key = SourceKey::new(&pool.name, &source.name);
            let Some(SourceEndpoints::Known(endpoints)) = sourced.get(&key) else { continue };
            let Some(members) = pool_desired.members.known() else { continue };
            let used = endpoints.keys().filter(|key| members.contains_key(key));
            let outside: BTreeSet<IpAddr> =
                used.map(|key| key.address).filter(|address| !networks.contains(*address)).collect();
            if !outside.is_empty() {
                let some: Vec<String> = outside.iter().take(MAX_SHOWN).map(ToString::to_string).collect();
                let what = format!("the endpoint at {}", some.join(", "));
                desired.source_problems.push(permissions.forbids(key.path(), "memberCIDRs", &what));
                pool_desired.members = Members::Unknown;
            }
        }
    }
}
