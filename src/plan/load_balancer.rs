//! The load balancer itself: its updates, and the differences that Octavia cannot resolve.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::diff::{FieldRules, Patch, Reset, add_some, object};
use crate::model::{
    AdditionalVip, Body, Call, Desired, Impact, Kind, LoadBalancer, ObservedAdditionalVip, ObservedLoadBalancer,
    ObservedTree, OwnedFields, Problem, ProblemReason, SECRETS_TAG, Step, Vip, attempt_of, attempt_tag,
};

const RULES: FieldRules = FieldRules {
    operator_defaulted: &[
        ("description", Reset::EmptyText),
        ("vip_qos_policy_id", Reset::Null),
        ("vip_sg_ids", Reset::EmptyList),
    ],
    groups: &[],
};

/// Changeable fields in the desired state. `attempt`: the tag of the create, kept as it is.
fn desired_body(desired: &Desired, attempt: Option<&str>, has_secrets: bool) -> Body {
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
    } = &desired.load_balancer;
    let mut body = object([("name", json!(name)), ("admin_state_up", json!(admin_state_up))]);
    add_some(
        &mut body,
        [
            ("description", description.as_ref().map(|d| json!(d))),
            ("vip_qos_policy_id", qos_policy_id.as_ref().map(|id| json!(id))),
            ("vip_sg_ids", security_group_ids.as_ref().map(|ids| json!(ids))),
        ],
    );
    let stores_secrets = has_secrets || desired.stored_secrets().next().is_some();
    let secrets = stores_secrets.then(|| SECRETS_TAG.to_owned());
    let own = desired.owner.tags().into_iter().chain(attempt.map(attempt_tag)).chain(secrets);
    let tags = RULES.tags(tags, own, &body);
    body.insert("tags".to_owned(), json!(tags));
    body
}

fn observed_body(observed: &ObservedLoadBalancer) -> Body {
    object([
        ("name", json!(observed.name)),
        ("description", json!(observed.description)),
        ("tags", json!(observed.tags)),
        ("admin_state_up", json!(observed.admin_state_up)),
        ("vip_qos_policy_id", json!(observed.vip_qos_policy_id)),
        ("vip_sg_ids", json!(observed.vip_sg_ids)),
    ])
}

/// The body that creates it, without its children. Fields without a value stay out: null is a 400 for flavor and zone.
pub(super) fn create_body(desired: &Desired, attempt: &str, has_secrets: bool) -> Body {
    let mut body = desired_body(desired, Some(attempt), has_secrets);
    let LoadBalancer { provider, flavor_id, availability_zone, vip, .. } = &desired.load_balancer;
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

/// `PUT`s of the load balancer, by their place among the other steps. One at most, unless it is switched on while its
/// security groups go, or a tag takes the place of its equal.
#[derive(Default)]
pub(super) struct Update {
    pub first: Vec<Step>,
    pub last: Option<Step>,
}

/// One `PUT`, if anything differs. It comes first, with two exceptions that wait until all children are as desired:
/// switching on, and new security groups, which exclude the CIDRs that listeners may still have. For the same reason
/// groups that go do not wait. The tag that leads to secrets never waits: secrets are stored after it.
pub(super) fn update(desired: &Desired, tree: &ObservedTree) -> Update {
    let observed = &tree.load_balancer;
    let has_secrets = observed.tags.contains(SECRETS_TAG) || !tree.secrets.known().is_empty();
    let body = desired_body(desired, attempt_of(&observed.tags), has_secrets);
    let mut patch = RULES.compare(&body, &observed_body(observed), &OwnedFields::of(&observed.tags));
    let tags_first = patch.tags_first(&observed.tags);
    let switches_on = patch.change("admin_state_up").is_some_and(|c| c.want == json!(true));
    let groups_change = patch.changes("vip_sg_ids");
    let groups_come = groups_change && observed.vip_sg_ids.is_empty();
    let groups_go = groups_change && !observed.vip_sg_ids.is_empty();
    let (first, mut last) = match (switches_on, groups_come, groups_go) {
        (true, _, true) => {
            let last = patch.take("admin_state_up");
            (patch, last)
        }
        (true, ..) | (_, true, _) => (Patch::default(), patch),
        _ => (patch, Patch::default()),
    };
    let secrets_tag = if first.is_empty() { secrets_tag_first(&mut last) } else { None };
    let some = |patch| put(observed, patch);
    Update {
        first: tags_first.into_iter().chain(secrets_tag).chain([first]).filter_map(some).collect(),
        last: some(last),
    }
}

/// `PUT`s by which the stack becomes the owner of a load balancer. The first ones write the owner tags together with all
/// other fields that may change at once, so that the data plane reloads once. The tag of the create goes: it names a create
/// of another owner.
pub(super) fn claim(desired: &Desired, tree: &ObservedTree) -> Update {
    let observed = &tree.load_balancer;
    let body = desired_body(desired, None, observed.tags.contains(SECRETS_TAG));
    let mut patch = RULES.compare(&body, &observed_body(observed), &OwnedFields::of(&observed.tags));
    let first = patch.tags_first(&observed.tags);
    let mut rest = Patch::default();
    // New security groups exclude the CIDRs that listeners may still have.
    if observed.vip_sg_ids.is_empty() {
        rest = rest.and(patch.take("vip_sg_ids"));
    }
    if !patch.switches_off() {
        rest = rest.and(patch.take("admin_state_up"));
    }
    let some = |patch| put(observed, patch);
    Update { first: first.into_iter().chain([patch]).filter_map(some).collect(), last: some(rest) }
}

/// The `PUT` of a patch; `None` for an empty one.
fn put(observed: &ObservedLoadBalancer, patch: Patch) -> Option<Step> {
    if patch.is_empty() {
        return None;
    }
    let impact = impact(&patch);
    let call = Call::UpdateLoadBalancer { id: observed.id.clone(), body: patch.body };
    Some(Step { changes: patch.changes, ..Step::new(Kind::LoadBalancer, &observed.name, call) }.impact(impact))
}

/// The `PUT` that adds the tag which leads to secrets, if it is missing, before a patch that has to wait. All other tags
/// stay: those of the owned fields go together with the values that they are about.
fn secrets_tag_first(patch: &mut Patch) -> Option<Patch> {
    let change = patch.changes.iter_mut().find(|change| change.field == "tags")?;
    let tags = |value: &Value| serde_json::from_value::<BTreeSet<String>>(value.clone()).ok();
    let (observed, desired) = (tags(&change.was)?, tags(&change.want)?);
    if observed.contains(SECRETS_TAG) || !desired.contains(SECRETS_TAG) {
        return None;
    }
    let mut tagged = observed.clone();
    tagged.insert(SECRETS_TAG.to_owned());
    change.was = json!(tagged);
    if tagged == desired {
        patch.take("tags");
    }
    let mut first = Patch::default();
    first.set("tags", json!(observed), json!(tagged));
    Some(first)
}

fn impact(patch: &Patch) -> Impact {
    if patch.switches_off() {
        Impact::Interrupts
    } else if patch.changes("vip_sg_ids") || patch.changes("vip_qos_policy_id") {
        Impact::NewConnections
    } else {
        Impact::None
    }
}

/// A field that Octavia cannot change, for people.
struct Difference {
    want: String,
    is: String,
}

/// Problems of fields that differ although Octavia cannot change them. A value that the cloud does not show proves
/// nothing.
pub(super) fn immutable(desired: &LoadBalancer, observed: &ObservedLoadBalancer) -> Vec<Problem> {
    let Vip { subnet_id, network_id, port_id, address, additional } = &desired.vip;
    let provider = desired.provider.as_deref().filter(|_| !observed.provider.is_empty()).map(canonical_provider);
    let is = canonical_provider(&observed.provider);
    let shown = |want: &Option<String>, is: &Option<String>| {
        let (want, is) = (want.clone()?, is.clone()?);
        (canonical_address(&want) != canonical_address(&is)).then_some(Difference { want, is })
    };
    let given = |want: &Option<String>, is: &Option<String>| {
        let is = is.clone().unwrap_or_else(|| "none".to_owned());
        want.clone().filter(|want| *want != is).map(|want| Difference { want, is })
    };
    [
        ("provider", provider.filter(|want| *want != is).map(|want| Difference { want, is })),
        ("flavor", given(&desired.flavor_id, &observed.flavor_id)),
        ("availabilityZone", given(&desired.availability_zone, &observed.availability_zone)),
        ("vip.subnet", shown(subnet_id, &observed.vip_subnet_id)),
        ("vip.network", shown(network_id, &observed.vip_network_id)),
        ("vip.port", shown(port_id, &observed.vip_port_id)),
        ("vip.address", shown(address, &observed.vip_address)),
        ("vip.additional", additional_difference(additional, &observed.additional_vips)),
    ]
    .into_iter()
    .filter_map(|(field, difference)| {
        let Difference { want, is } = difference?;
        let field = format!("spec.loadBalancer.{field}");
        let message = format!(
            "{field} is {is} on load balancer {} and cannot become {want}: Octavia does not change it. Set it back, or \
             make a new stack",
            observed.id
        );
        Some(Problem::new(field, ProblemReason::ImmutableField, message))
    })
    .collect()
}

/// `octavia` is Octavia's own alias for its amphora driver.
fn canonical_provider(name: &str) -> String {
    if name == "octavia" { "amphora".to_owned() } else { name.to_owned() }
}

/// The canonical spelling of an address: the cloud keeps the one that a client has sent.
fn canonical_address(text: &str) -> String {
    text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |address| address.to_string())
}

/// The difference of additional VIPs, desired and observed, for people. Compared only if the stack names any: by
/// subnet, and by address where it names one.
fn additional_difference(desired: &[AdditionalVip], observed: &[ObservedAdditionalVip]) -> Option<Difference> {
    if desired.is_empty() {
        return None;
    }
    let addresses: BTreeMap<&str, Option<String>> = observed
        .iter()
        .filter_map(|vip| Some((vip.subnet_id.as_deref()?, vip.ip_address.as_deref().map(canonical_address))))
        .collect();
    let agrees = |vip: &AdditionalVip| match (addresses.get(vip.subnet_id.as_str()), &vip.address) {
        (Some(Some(is)), Some(want)) => *is == canonical_address(want),
        (Some(_), _) => true,
        (None, _) => false,
    };
    if desired.len() == addresses.len() && desired.iter().all(agrees) {
        return None;
    }
    let print = |subnet: &str, address: Option<&str>| match address {
        Some(address) => format!("{address} in {subnet}"),
        None => format!("any address in {subnet}"),
    };
    let wanted: BTreeSet<String> = desired.iter().map(|v| print(&v.subnet_id, v.address.as_deref())).collect();
    let is: Vec<String> = addresses.iter().map(|(subnet, address)| print(subnet, address.as_deref())).collect();
    let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    Some(Difference { want: list(wanted.into_iter().collect()), is: list(is) })
}
