//! The load balancer itself.

use std::collections::BTreeSet;

use crate::api::LoadBalancerStackSpec;
use crate::model::{Id, LoadBalancer, Reference, ReferenceKind, Selector};
use crate::translate::api_features;
use crate::translate::ip_family::IpFamilies;
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

use super::vip;

const PATH: &str = "spec.loadBalancer";

/// Longest name that Octavia stores.
const NAME_MAX: usize = 255;

/// The load balancer, and the IP versions that it listens on. `default_name` serves where the spec gives no name.
pub(super) fn load_balancer(
    validator: &mut Validator<'_>,
    stack: &LoadBalancerStackSpec,
    default_name: &str,
) -> (LoadBalancer, IpFamilies) {
    let spec = &stack.load_balancer;
    // Namespace and name together may be longer than Octavia takes. The name is no identity, so it may be cut.
    let default_name: String = default_name.chars().take(NAME_MAX).collect();
    let name = validator.display_name(spec.name.as_ref(), &default_name, &format!("{PATH}.name"));
    let description =
        validator.optional_text(TextKind::Description, spec.description.as_ref(), &format!("{PATH}.description"));
    let tags = validator.tags(&spec.tags, &format!("{PATH}.tags"));
    let provider = object_name(validator, ReferenceKind::Provider, spec.provider.as_ref(), "provider");
    let flavor_id = validator.id(ReferenceKind::Flavor, spec.flavor.as_ref(), &format!("{PATH}.flavor"));
    if spec.availability_zone.is_some() {
        validator.needs_api(api_features::AVAILABILITY_ZONE, &format!("{PATH}.availabilityZone"));
    }
    let availability_zone =
        object_name(validator, ReferenceKind::AvailabilityZone, spec.availability_zone.as_ref(), "availabilityZone");
    let (vip, families) = vip::vip(validator, &spec.vip);
    let qos_policy_id =
        validator.id(ReferenceKind::QosPolicy, spec.vip.qos_policy.as_ref(), &format!("{PATH}.vip.qosPolicy"));
    let security_group_ids = security_group_ids(validator, stack);
    let load_balancer = LoadBalancer {
        name,
        description,
        tags,
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        provider,
        flavor_id,
        availability_zone,
        vip,
        qos_policy_id,
        security_group_ids,
    };
    (load_balancer, families)
}

/// The name of a provider or an availability zone, which have no id.
fn object_name(
    validator: &mut Validator<'_>,
    kind: ReferenceKind,
    name: Option<&String>,
    field: &str,
) -> Option<String> {
    let name = name?;
    validator.look_up(Reference { kind, by: Selector::Name(name.clone()) }, &format!("{PATH}.{field}"))?;
    Some(name.clone())
}

fn security_group_ids(validator: &mut Validator<'_>, stack: &LoadBalancerStackSpec) -> Option<BTreeSet<Id>> {
    let groups = stack.load_balancer.vip.security_groups.as_ref()?;
    let path = format!("{PATH}.vip.securityGroups");
    validator.needs_api(api_features::VIP_SECURITY_GROUPS, &path);
    let id = |(index, group)| validator.id(ReferenceKind::SecurityGroup, Some(group), &format!("{path}[{index}]"));
    Some(groups.iter().enumerate().filter_map(id).collect())
}
