//! The load balancer itself: what of it changes, and what cannot.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::json;

use super::diff::{FieldRules, Patch, Reset, add_some, object};
use crate::model::{
    AdditionalVip, Body, Call, Desired, Impact, Kind, LoadBalancer, ObservedAdditionalVip, ObservedLoadBalancer,
    OwnedFields, Owner, Problem, ProblemReason, Step, Vip, attempt_of, attempt_tag,
};

const RULES: FieldRules = FieldRules {
    operator_defaulted: &[
        ("description", Reset::EmptyText),
        ("vip_qos_policy_id", Reset::Null),
        ("vip_sg_ids", Reset::EmptyList),
    ],
    groups: &[],
};

/// The changeable fields as the stack wants them. `attempt`: of the create that made it, kept as it is.
fn wanted(owner: &Owner, load_balancer: &LoadBalancer, attempt: Option<&str>) -> Body {
    let LoadBalancer {
        name,
        description,
        tags,
        admin_state_up,
        provider: _,
        flavor_id: _,
        availability_zone: _,
        vip: _,
        qos_policy_id,
        security_group_ids,
    } = load_balancer;
    let mut body = object([("name", json!(name)), ("admin_state_up", json!(admin_state_up))]);
    add_some(
        &mut body,
        [
            ("description", description.as_ref().map(|d| json!(d))),
            ("vip_qos_policy_id", qos_policy_id.as_ref().map(|id| json!(id))),
            ("vip_sg_ids", security_group_ids.as_ref().map(|ids| json!(ids))),
        ],
    );
    let ours = owner.tags().into_iter().chain(attempt.map(attempt_tag));
    let tags = RULES.tags(tags, ours, &body);
    body.insert("tags".to_owned(), json!(tags));
    body
}

fn observed(seen: &ObservedLoadBalancer) -> Body {
    object([
        ("name", json!(seen.name)),
        ("description", json!(seen.description)),
        ("tags", json!(seen.tags)),
        ("admin_state_up", json!(seen.admin_state_up)),
        ("vip_qos_policy_id", json!(seen.vip_qos_policy_id)),
        ("vip_sg_ids", json!(seen.vip_sg_ids)),
    ])
}

/// The body that makes it, without its children. What is not given stays out: null is a 400 for flavor and zone.
pub(super) fn body(desired: &Desired, attempt: &str) -> Body {
    let load_balancer = &desired.load_balancer;
    let mut body = wanted(&desired.owner, load_balancer, Some(attempt));
    let LoadBalancer { provider, flavor_id, availability_zone, vip, .. } = load_balancer;
    let Vip { subnet_id, network_id, port_id, address, additional } = vip;
    add_some(
        &mut body,
        [
            ("provider", provider.as_ref().map(|p| json!(p))),
            ("flavor_id", flavor_id.as_ref().map(|f| json!(f))),
            ("availability_zone", availability_zone.as_ref().map(|z| json!(z))),
            ("vip_subnet_id", subnet_id.as_ref().map(|id| json!(id))),
            ("vip_network_id", network_id.as_ref().map(|id| json!(id))),
            ("vip_port_id", port_id.as_ref().map(|id| json!(id))),
            ("vip_address", address.as_ref().map(|a| json!(a))),
        ],
    );
    if !additional.is_empty() {
        let vips: Vec<Body> = additional.iter().map(additional_vip).collect();
        body.insert("additional_vips".to_owned(), json!(vips));
    }
    body
}

fn additional_vip(vip: &AdditionalVip) -> Body {
    let AdditionalVip { subnet_id, address } = vip;
    let mut body = object([("subnet_id", json!(subnet_id))]);
    add_some(&mut body, [("ip_address", address.as_ref().map(|a| json!(a)))]);
    body
}

/// Its `PUT`s, by their place among the other steps. One is all there is, but in a rare mix of wishes.
#[derive(Default)]
pub(super) struct Update {
    pub first: Vec<Step>,
    pub last: Option<Step>,
}

/// One `PUT`, if anything differs. It comes first, but for two things that wait until all children are as they should
/// be: switching on, and security groups, which exclude the CIDRs that listeners may still have. For the same reason
/// groups that go do not wait.
pub(super) fn update(desired: &Desired, seen: &ObservedLoadBalancer) -> Update {
    let want = wanted(&desired.owner, &desired.load_balancer, attempt_of(&seen.tags));
    let mut edit = RULES.compare(&want, &observed(seen), &OwnedFields::of(&seen.tags));
    let tags_first = edit.tags_first(&seen.tags);
    let switches_on = edit.change("admin_state_up").is_some_and(|c| c.want == json!(true));
    let groups_come = seen.vip_sg_ids.is_empty() && edit.changes("vip_sg_ids");
    let groups_go = !seen.vip_sg_ids.is_empty() && edit.changes("vip_sg_ids");
    let (first, last) = match (switches_on, groups_come, groups_go) {
        (true, _, true) => {
            let last = edit.take("admin_state_up");
            (edit, last)
        }
        (true, ..) | (_, true, _) => (Patch::default(), edit),
        _ => (edit, Patch::default()),
    };
    let put = |edit: Patch| {
        let impact = impact(&edit);
        let call = Call::UpdateLoadBalancer { id: seen.id.clone(), body: edit.body };
        Step { changes: edit.changes, ..Step::new(Kind::LoadBalancer, &seen.name, call) }.impact(impact)
    };
    let some = |edit: Patch| (!edit.is_empty()).then(|| put(edit));
    Update { first: tags_first.into_iter().chain([first]).filter_map(some).collect(), last: some(last) }
}

fn impact(edit: &Patch) -> Impact {
    if edit.switches_off() {
        Impact::Interrupts
    } else if edit.changes("vip_sg_ids") || edit.changes("vip_qos_policy_id") {
        Impact::NewConnections
    } else {
        Impact::None
    }
}

/// What differs although Octavia cannot change it. A value that the cloud does not show proves nothing.
pub(super) fn immutable(want: &LoadBalancer, seen: &ObservedLoadBalancer) -> Vec<Problem> {
    let Vip { subnet_id, network_id, port_id, address, additional } = &want.vip;
    let provider = want.provider.as_deref().filter(|_| !seen.provider.is_empty()).map(canonical_provider);
    let vip = |want: &Option<String>, seen: &Option<String>| {
        want.clone().zip(seen.clone()).filter(|(want, seen)| canonical_address(want) != canonical_address(seen))
    };
    let given = |want: &Option<String>, seen: &Option<String>| {
        let seen = seen.clone().unwrap_or_else(|| "none".to_owned());
        want.clone().map(|want| (want, seen)).filter(|(want, seen)| want != seen)
    };
    [
        ("provider", provider.map(|p| (p, canonical_provider(&seen.provider))).filter(|(want, seen)| want != seen)),
        ("flavor", given(&want.flavor_id, &seen.flavor_id)),
        ("availabilityZone", given(&want.availability_zone, &seen.availability_zone)),
        ("vip.subnet", vip(subnet_id, &seen.vip_subnet_id)),
        ("vip.network", vip(network_id, &seen.vip_network_id)),
        ("vip.port", vip(port_id, &seen.vip_port_id)),
        ("vip.address", vip(address, &seen.vip_address)),
        ("vip.additional", additional_difference(additional, &seen.additional_vips)),
    ]
    .into_iter()
    .filter_map(|(field, difference)| {
        let (want, is) = difference?;
        let field = format!("spec.loadBalancer.{field}");
        let message = format!(
            "{field} is {is} on load balancer {} and cannot become {want}: Octavia does not change it. Set it back, or \
             make a new stack",
            seen.id
        );
        Some(Problem::new(field, ProblemReason::ImmutableField, message))
    })
    .collect()
}

/// `octavia` is Octavia's own alias for its amphora driver.
fn canonical_provider(name: &str) -> String {
    if name == "octavia" { "amphora".to_owned() } else { name.to_owned() }
}

/// Addresses are stored as somebody spelled them.
fn canonical_address(text: &str) -> String {
    text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |address| address.to_string())
}

/// Compared only if any is given: by subnet, and by address where that is given.
fn additional_difference(want: &[AdditionalVip], seen: &[ObservedAdditionalVip]) -> Option<(String, String)> {
    if want.is_empty() {
        return None;
    }
    let there: BTreeMap<&str, Option<String>> = seen
        .iter()
        .filter_map(|vip| Some((vip.subnet_id.as_deref()?, vip.ip_address.as_deref().map(canonical_address))))
        .collect();
    let agrees = |vip: &AdditionalVip| match (there.get(vip.subnet_id.as_str()), &vip.address) {
        (Some(Some(is)), Some(want)) => *is == canonical_address(want),
        (Some(_), _) => true,
        (None, _) => false,
    };
    if want.len() == there.len() && want.iter().all(agrees) {
        return None;
    }
    let print = |subnet: &str, address: Option<&str>| match address {
        Some(address) => format!("{address} in {subnet}"),
        None => format!("any address in {subnet}"),
    };
    let wanted: BTreeSet<String> = want.iter().map(|v| print(&v.subnet_id, v.address.as_deref())).collect();
    let is: Vec<String> = there.iter().map(|(subnet, address)| print(subnet, address.as_deref())).collect();
    let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    Some((list(wanted.into_iter().collect()), list(is)))
}
