//! Drift: changes by other clients, and failures, behind the controller's back.

use anyhow::{Context, Result};
use evenkeel_simulators::cloud::{Kind, Provisioning, Service};
use http::Method;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::planner_rig::PlannerRig;

#[derive(Debug, Clone, Copy)]
enum DriftKind {
    Delete,
    Rename,
    Switch,
    /// Sets the object to ERROR, as after a change that Octavia's worker could not carry out.
    Fail,
    UnplugFloatingIp,
    DeleteFloatingIp,
    DescribeFloatingIp,
}

/// One change to one object.
#[derive(Debug, Clone)]
pub struct Drift {
    what: DriftKind,
    at: Index,
}

pub fn drifts() -> impl Strategy<Value = Vec<Drift>> {
    use DriftKind as W;
    let what = vec![
        W::Delete,
        W::Delete,
        W::Rename,
        W::Rename,
        W::Switch,
        W::Fail,
        W::UnplugFloatingIp,
        W::DeleteFloatingIp,
        W::DescribeFloatingIp,
    ];
    vec((select(what), any::<Index>()).prop_map(|(what, at)| Drift { what, at }), 1..4)
}

/// An object of the tree.
struct Object {
    kind: Kind,
    id: String,
    path: String,
    fields: Value,
}

impl Drift {
    pub async fn apply(&self, rig: &PlannerRig) -> Result<()> {
        if let DriftKind::UnplugFloatingIp | DriftKind::DeleteFloatingIp | DriftKind::DescribeFloatingIp = self.what {
            return self.apply_to_floating_ip(rig).await;
        }
        let objects = objects(&rig.octavia_tree());
        if objects.is_empty() {
            return Ok(());
        }
        let Object { kind, id, path, fields } = self.at.get(&objects);
        let put = |field: &str, value: Value| {
            let body = json!({kind.json_key(): {field: value}});
            rig.request_as_other_client(Method::PUT, Service::LoadBalancer, path, Some(body))
        };
        let done = match self.what {
            DriftKind::Delete => rig.request_as_other_client(Method::DELETE, Service::LoadBalancer, path, None).await,
            DriftKind::Rename if *kind == Kind::L7Rule => put("invert", json!(fields["invert"] != true)).await,
            DriftKind::Rename if *kind == Kind::Member => put("weight", json!(77)).await,
            DriftKind::Rename => put("name", json!("renamed by another tool")).await,
            DriftKind::Switch => put("admin_state_up", json!(fields["admin_state_up"] != true)).await,
            DriftKind::Fail
            | DriftKind::UnplugFloatingIp
            | DriftKind::DeleteFloatingIp
            | DriftKind::DescribeFloatingIp => {
                rig.sim.set_statuses(*kind, id, Some(Provisioning::Error), None);
                Ok(())
            }
        };
        done.with_context(|| format!("{self:?}"))
    }

    async fn apply_to_floating_ip(&self, rig: &PlannerRig) -> Result<()> {
        let port = rig.octavia_tree()["vip_port_id"].clone();
        let lent = |id: &Value| rig.world.floating_ip_ids.iter().any(|lent| *id == lent.as_str());
        let floating_ips = rig.sim.floating_ips();
        let Some(on_vip) = floating_ips.iter().find(|ip| ip["port_id"] == port) else { return Ok(()) };
        let path = format!("/v2.0/floatingips/{}", on_vip["id"].as_str().unwrap_or_default());
        match self.what {
            DriftKind::DeleteFloatingIp if !lent(&on_vip["id"]) => {
                rig.request_as_other_client(Method::DELETE, Service::Network, &path, None).await
            }
            DriftKind::DescribeFloatingIp => {
                let body = json!({"floatingip": {"description": "the shop's"}});
                rig.request_as_other_client(Method::PUT, Service::Network, &path, Some(body)).await
            }
            _ => {
                let body = json!({"floatingip": {"port_id": null}});
                rig.request_as_other_client(Method::PUT, Service::Network, &path, Some(body)).await
            }
        }
    }
}

fn objects(tree: &Value) -> Vec<Object> {
    let mut objects = Vec::new();
    let mut add = |kind: Kind, below: &str, fields: &Value| {
        let id = fields["id"].as_str().unwrap_or_default().to_owned();
        let path = format!("{below}/{id}");
        objects.push(Object { kind, id, path: path.clone(), fields: fields.clone() });
        path
    };
    for listener in list(tree, "listeners") {
        add(Kind::Listener, "/v2/lbaas/listeners", listener);
        for policy in list(listener, "l7policies") {
            let path = add(Kind::L7Policy, "/v2/lbaas/l7policies", policy);
            for rule in list(policy, "rules") {
                add(Kind::L7Rule, &format!("{path}/rules"), rule);
            }
        }
    }
    for pool in list(tree, "pools") {
        let path = add(Kind::Pool, "/v2/lbaas/pools", pool);
        for member in list(pool, "members") {
            add(Kind::Member, &format!("{path}/members"), member);
        }
        if pool["healthmonitor"].is_object() {
            add(Kind::HealthMonitor, "/v2/lbaas/healthmonitors", &pool["healthmonitor"]);
        }
    }
    objects
}

fn list<'a>(of: &'a Value, field: &str) -> &'a [Value] {
    of[field].as_array().map_or(&[], Vec::as_slice)
}
