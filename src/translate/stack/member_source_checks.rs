//! Problems of the spec of member sources, whatever they lead to. The CRD has the same rules.

use crate::api::{
    DRAIN_MAX, LabelOperator, LabelSelectorSpec, MEMBER_WINDOW_MAX, MIN_MEMBERS_MAX, MemberSourceSpec, NodesSourceSpec,
    PoolSpec, ServicePort, ServiceSourceSpec, ServiceTarget,
};
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

/// Checks the settings of a pool that concern its sources together.
pub(super) fn check_pool(validator: &mut Validator<'_>, pool: &PoolSpec, path: &str) {
    let durations = [
        ("memberWindow", &pool.member_window, MEMBER_WINDOW_MAX, "0s to 10s"),
        ("drain", &pool.drain, DRAIN_MAX, "0s to 1h"),
    ];
    for (field, text, most, range) in durations {
        let Some(text) = text else { continue };
        let field = format!("{path}.{field}");
        validator.seconds(text, 0, most.as_secs(), range, &field);
        if pool.member_sources.is_empty() {
            validator.invalid(&field, "has no effect without memberSources: add a source, or remove it");
        }
    }
    check_min_members(validator, pool, path);
    for standby in [false, true] {
        let group = || pool.member_sources.iter().filter(|source| source.backup.unwrap_or_default() == standby);
        if group().any(|source| source.weight.is_some()) && group().any(|source| source.weight.is_none()) {
            let message =
                "either all member sources have a weight, or none (those with backup: true count by themselves)";
            validator.invalid(format!("{path}.memberSources"), message);
        }
    }
}

/// Rejects a floor that holds nothing back, or that would give traffic to pods that do not serve.
fn check_min_members(validator: &mut Validator<'_>, pool: &PoolSpec, path: &str) {
    let Some(floor) = pool.min_members else { return };
    let field = format!("{path}.minMembers");
    validator.number(floor, 0, MIN_MEMBERS_MAX, &field);
    if !pool.member_sources.iter().any(MemberSourceSpec::uses_pods) {
        validator.invalid(&field, "needs a member source with target PodIP: add one, or remove the field");
    }
    if pool.health_monitor.is_none() {
        validator
            .invalid(&field, "needs a healthMonitor in the pool, which keeps traffic from members that do not serve");
    }
}

/// Checks one source.
pub(super) fn check_source(validator: &mut Validator<'_>, source: &MemberSourceSpec, path: &str) {
    validator.check_text(TextKind::Key, &source.name, &format!("{path}.name"));
    match (&source.service, &source.nodes) {
        (Some(service), None) => check_service(validator, service, &format!("{path}.service")),
        (None, Some(nodes)) => check_nodes(validator, nodes, &format!("{path}.nodes")),
        _ => validator.invalid(path, "exactly one of service and nodes is required"),
    }
}

fn check_service(validator: &mut Validator<'_>, service: &ServiceSourceSpec, path: &str) {
    if service.service_name().is_none() {
        validator.invalid(
            format!("{path}.name"),
            "is not a valid name of a Service: write a DNS label that begins with a letter",
        );
    }
    let port_path = format!("{path}.port");
    match &service.port {
        ServicePort::Number(number) => {
            validator.port(*number, &port_path);
        }
        ServicePort::Name(name) => {
            validator.check_text(TextKind::Key, name, &port_path);
            if name.chars().all(|c| c.is_ascii_digit()) && !name.parse::<u16>().is_ok_and(|number| number > 0) {
                validator.invalid(&port_path, "must be the name of a port of the Service, or a number from 1 to 65535");
            }
        }
    }
    if service.target == ServiceTarget::PodIP && (service.node_selector.is_some() || service.address_type.is_some()) {
        validator.invalid(path, "nodeSelector and addressType are allowed for target NodePort only");
    }
    check_selector(validator, service.node_selector.as_ref(), &format!("{path}.nodeSelector"));
}

fn check_nodes(validator: &mut Validator<'_>, nodes: &NodesSourceSpec, path: &str) {
    validator.port(nodes.port, &format!("{path}.port"));
    check_selector(validator, nodes.selector.as_ref(), &format!("{path}.selector"));
}

fn check_selector(validator: &mut Validator<'_>, selector: Option<&LabelSelectorSpec>, path: &str) {
    for requirement in selector.iter().flat_map(|selector| &selector.match_expressions) {
        let compares = matches!(requirement.operator, LabelOperator::In | LabelOperator::NotIn);
        if compares == requirement.values.is_empty() {
            let field = format!("{path}.matchExpressions[{}].values", requirement.key);
            validator.invalid(field, "is required for In and NotIn, and not allowed for Exists and DoesNotExist");
        }
    }
}
