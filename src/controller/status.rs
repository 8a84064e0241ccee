//! The only writer of status: of stacks, and of clouds that namespaces share.

use std::fmt::Debug;

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::conditions::{self, ConditionInputs, MAX_UNHEALTHY};
use super::conflict::Tries;
use super::names::MANAGER;
use super::source_members::{self, SERVING};
use super::written::Written;
use crate::api::{
    AdditionalVipStatus, Condition, ForeignChildStatus, ListenerStatus, LoadBalancerStack, LoadBalancerStackStatus,
    LoadBalancerStatus, MembersStatus, PlanStatus, PoolStatus,
};
use crate::engine::{Outcome, State};
use crate::failpoint;
use crate::model::{
    ApiVersion, ForeignChild, ObservedAdditionalVip, ObservedFloatingIp, ObservedLoadBalancer, ObservedPool,
    ObservedTree, Plan, Provisioning, SourcedEndpoints, key_of,
};
use crate::openstack::Project;

const MAX_STEPS: usize = 20;
const MAX_ADDITIONAL_VIPS: usize = 64;
const MAX_FOREIGN: usize = 20;

/// Facts about the cloud of a stack; `None` before the cloud has told them.
#[derive(Debug, Clone, Default)]
pub(super) struct CloudFacts {
    pub project: Option<Project>,
    pub version: Option<ApiVersion>,
}

/// Status after a reconcile. A part that the reconcile did not read stays the same.
pub(super) fn build(
    stack: &LoadBalancerStack,
    outcome: &Outcome,
    cloud: &CloudFacts,
    sourced: &SourcedEndpoints,
    conditions: Vec<Condition>,
) -> LoadBalancerStackStatus {
    let previous = stack.status.clone().unwrap_or_default();
    let mut status = LoadBalancerStackStatus {
        observed_generation: stack.metadata.generation,
        plan: plan_status(outcome).or(previous.plan.filter(|_| is_unread(outcome, &conditions))),
        conditions,
        ..previous
    };
    if let Some(load_balancer) = outcome.load_balancer() {
        let before = status.load_balancer.take().unwrap_or_default();
        let same = before.id.as_ref() == Some(&load_balancer.id);
        let kept = if same { before } else { LoadBalancerStatus::default() };
        // Also while it is deleted and until the new one is there: its immutable fields may change until then.
        let still = kept.never_served == Some(true) && load_balancer.provisioning_status != Provisioning::Active;
        let mut shown = load_balancer_status(load_balancer, cloud, kept);
        shown.never_served = (outcome.never_served || still).then_some(true);
        status.load_balancer = Some(shown);
        if !same {
            status.listeners.clear();
            status.pools.clear();
            status.foreign_children.clear();
        }
    }
    if let Some(foreign) = &outcome.foreign {
        status.foreign_children = foreign.iter().take(MAX_FOREIGN).map(foreign_child).collect();
    }
    if let Some(tree) = outcome.tree() {
        put_tree(&mut status, tree, stack, sourced);
    }
    status
}

/// Status of a paused stack. Nothing is read, so only the conditions change, and the generation counts as observed: it
/// was seen, and kstatus takes a stack whose generation lags for one in progress, however long it stays paused.
pub(super) fn paused(stack: &LoadBalancerStack, now: Timestamp) -> LoadBalancerStackStatus {
    let status = stack.status.clone().unwrap_or_default();
    let inputs = ConditionInputs {
        previous: &status.conditions,
        generation: stack.metadata.generation.unwrap_or_default(),
        deleting: stack.metadata.deletion_timestamp.is_some(),
        held_back: &[],
        now,
    };
    let conditions = conditions::paused(inputs);
    LoadBalancerStackStatus { observed_generation: stack.metadata.generation, conditions, ..status }
}

/// Server-side apply under the name of the controller. An unchanged status is not written: the write would trigger
/// another reconcile.
pub(super) async fn write(
    api: &Api<LoadBalancerStack>,
    stack: &LoadBalancerStack,
    status: LoadBalancerStackStatus,
) -> Result<Option<Written<LoadBalancerStackStatus>>, kube::Error> {
    if stack.status.as_ref() == Some(&status) {
        return Ok(None);
    }
    Ok(apply(api, stack, &status).await?.and_then(written_status))
}

/// Server-side apply of the status of an object; `None` if the object was deleted in the meantime.
pub(super) async fn apply<K>(api: &Api<K>, object: &K, status: &impl Serialize) -> Result<Option<K>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let patch = Patch::Apply(json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"uid": object.meta().uid},
        "status": status,
    }));
    let parameters = PatchParams::apply(MANAGER).force();
    failpoint::hit(format_args!("before-update-status"));
    // The API server gives up on a patch that meets too many other writes. (Under another UID it is another object, and
    // the next reconcile is about that one.)
    let mut tries = Tries::default();
    let written = loop {
        match api.patch_status(&object.name_any(), &parameters, &patch).await {
            Err(error) if tries.again(&error).await => {}
            ended => break ended,
        }
    };
    failpoint::hit(format_args!("after-update-status"));
    match written {
        Ok(written) => Ok(Some(written)),
        Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

fn written_status(stack: LoadBalancerStack) -> Option<Written<LoadBalancerStackStatus>> {
    Written::at(stack.metadata.resource_version.as_deref(), stack.status?)
}

/// Lays a status over an older view of the stack; `None` when the view has caught up.
pub(super) fn apply_if_newer(
    written: Written<LoadBalancerStackStatus>,
    stack: &mut LoadBalancerStack,
) -> Option<Written<LoadBalancerStackStatus>> {
    let is_newer = written.is_newer_than(stack);
    if is_newer {
        stack.status = Some(written.value.clone());
    }
    is_newer.then_some(written)
}

fn load_balancer_status(lb: &ObservedLoadBalancer, cloud: &CloudFacts, kept: LoadBalancerStatus) -> LoadBalancerStatus {
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    LoadBalancerStatus {
        id: Some(lb.id.clone()),
        name: filled(&lb.name),
        project_id: filled(&lb.project_id).or(kept.project_id),
        region: cloud.project.as_ref().map(|project| project.region.clone()).or(kept.region),
        vip_address: lb.vip_address.clone().or(kept.vip_address),
        additional_vips: additional_vips(lb, kept.additional_vips),
        vip_port_id: lb.vip_port_id.clone().or(kept.vip_port_id),
        floating_ip: kept.floating_ip,
        provisioning_status: Some(lb.provisioning_status.to_string()),
        never_served: None,
        operating_status: filled(&lb.operating_status),
        provider: filled(&lb.provider),
        octavia_api_version: cloud.version.map(|version| version.to_string()).or(kept.octavia_api_version),
    }
}

/// Additional VIPs in the order of their subnets: Octavia's order is that of its database.
fn additional_vips(lb: &ObservedLoadBalancer, kept: Vec<AdditionalVipStatus>) -> Vec<AdditionalVipStatus> {
    let shown = |vip: &ObservedAdditionalVip| {
        Some(AdditionalVipStatus {
            subnet_id: vip.subnet_id.clone()?,
            address: vip.ip_address.clone().filter(|address| !address.is_empty()),
            port_id: vip.port_id.clone(),
        })
    };
    let mut vips: Vec<_> = lb.additional_vips.iter().filter_map(shown).take(MAX_ADDITIONAL_VIPS).collect();
    vips.sort_by(|a, b| (&a.subnet_id, &a.address).cmp(&(&b.subnet_id, &b.address)));
    if vips.is_empty() { kept } else { vips }
}

fn put_tree(
    status: &mut LoadBalancerStackStatus,
    tree: &ObservedTree,
    stack: &LoadBalancerStack,
    sourced: &SourcedEndpoints,
) {
    if let Some(lb) = &mut status.load_balancer {
        let on_vip = |ip: &&ObservedFloatingIp| ip.port_id.is_some() && ip.port_id == tree.load_balancer.vip_port_id;
        lb.floating_ip = tree.floating_ips.iter().find(on_vip).map(|ip| ip.floating_ip_address.clone());
    }
    status.listeners = tree
        .listeners
        .iter()
        .filter_map(|listener| {
            Some(ListenerStatus {
                name: key_of(&listener.tags)?.to_owned(),
                id: listener.id.clone(),
                provisioning_status: listener.provisioning_status.to_string(),
                operating_status: listener.operating_status.clone(),
            })
        })
        .collect();
    status.listeners.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    status.pools = tree.pools.iter().filter_map(|pool| pool_status(pool, stack, sourced)).collect();
    status.pools.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
}

fn foreign_child(child: &ForeignChild) -> ForeignChildStatus {
    ForeignChildStatus { kind: child.kind.noun().to_owned(), id: child.id.clone(), name: child.name.clone() }
}

fn pool_status(pool: &ObservedPool, stack: &LoadBalancerStack, sourced: &SourcedEndpoints) -> Option<PoolStatus> {
    let name = key_of(&pool.tags)?;
    let in_state = |states: &[&str]| {
        pool.members.iter().filter(|member| states.contains(&member.operating_status.as_str())).count() as i32
    };
    let spec = stack.spec.pools.iter().find(|spec| spec.name == name);
    let down = pool.members.iter().filter(|member| member.operating_status == "ERROR");
    Some(PoolStatus {
        name: name.to_owned(),
        id: pool.id.clone(),
        provisioning_status: pool.provisioning_status.to_string(),
        operating_status: pool.operating_status.clone(),
        members: MembersStatus {
            sources: spec.map(|spec| source_members::by_source(pool, spec, sourced)).unwrap_or_default(),
            total: pool.members.len() as i32,
            online: in_state(SERVING),
            draining: in_state(&["DRAINING"]),
            error: in_state(&["ERROR"]),
            unhealthy: down
                .take(MAX_UNHEALTHY)
                .map(|member| format!("{}:{}", member.address, member.protocol_port))
                .collect(),
        },
    })
}

/// True if nothing has been planned, since Octavia works on a load balancer that is only observed: what was planned before
/// stays shown, as the conditions do.
fn is_unread(outcome: &Outcome, conditions: &[Condition]) -> bool {
    matches!(outcome.state, State::Waiting { .. }) && conditions::are_out_of_sync(conditions)
}

/// Steps that are in progress, held back or would be done. None for a stack in sync.
fn plan_status(outcome: &Outcome) -> Option<PlanStatus> {
    let Plan { steps, held_back: held, problems: _ } = &outcome.plan;
    let shown = matches!(
        outcome.state,
        State::Progressing | State::Waiting { .. } | State::Blocked { .. } | State::Observed { .. }
    );
    let lines: Vec<String> = steps.iter().chain(held).take(MAX_STEPS).map(ToString::to_string).collect();
    (shown && !lines.is_empty()).then(|| PlanStatus { summary: outcome.plan.summary(), steps: lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(version: &str, condition: &str) -> LoadBalancerStack {
        let spec = json!({"loadBalancer": {"vip": {}}});
        let status = json!({"conditions": [{"type": "Ready", "status": "False", "reason": condition, "message": "",
            "lastTransitionTime": "2026-11-23T10:00:00Z"}]});
        let metadata = json!({"name": "web", "resourceVersion": version});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap()
    }

    #[test]
    fn written_status_counts_until_the_view_has_it() {
        let reported = written_status(stack("100", "new")).unwrap();
        let mut older = stack("99", "old");
        assert_eq!(apply_if_newer(reported.clone(), &mut older), Some(reported.clone()));
        assert_eq!(older.status, stack("", "new").status);
        for version in ["100", "101", "opaque"] {
            let mut seen = stack(version, "another client's");
            assert_eq!(apply_if_newer(reported.clone(), &mut seen), None);
            assert_eq!(seen.status, stack("", "another client's").status);
        }
    }

    #[test]
    fn never_served_stays_until_the_load_balancer_is_seen_active() {
        use crate::engine::{Observed, Retry, WaitReason};
        let mut stack = stack("1", "old");
        let mut never_served = |id: &str, seen: Option<Provisioning>, told: bool| {
            let mut outcome = Outcome::waiting(WaitReason::QuotaExceeded, String::new(), Retry::Backoff);
            outcome.never_served = told;
            outcome.observed = seen.map_or(Observed::Nothing, |provisioning_status| {
                let id = id.to_owned();
                Observed::LoadBalancer(Box::new(ObservedLoadBalancer { id, provisioning_status, ..Default::default() }))
            });
            let status = build(&stack, &outcome, &CloudFacts::default(), &SourcedEndpoints::new(), Vec::new());
            let never_served = status.load_balancer.as_ref().and_then(|lb| lb.never_served);
            stack.status = Some(status);
            never_served
        };
        assert_eq!(never_served("a", Some(Provisioning::Error), true), Some(true));
        for seen in [Some(Provisioning::Error), Some(Provisioning::PendingDelete), None] {
            assert_eq!(never_served("a", seen, false), Some(true), "{seen:?}: on its way out");
        }
        assert_eq!(never_served("b", Some(Provisioning::PendingCreate), false), None, "another one");
        assert_eq!(never_served("b", Some(Provisioning::Error), true), Some(true));
        assert_eq!(never_served("b", Some(Provisioning::Active), false), None);
        assert_eq!(never_served("b", Some(Provisioning::Error), false), None);
    }
}
