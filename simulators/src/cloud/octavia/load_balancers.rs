//! Load balancers (`octavia/api/v2/controllers/load_balancer.py`).

use http::Method;
use serde_json::{Map, Value, json};

use super::super::reply::{HandlerResult, Reply, fault, invalid, not_found};
use super::super::world::World;
use super::batch::is_true;
use super::checks::{OnNull, check_groups_differ, complete, store_change, text};
use super::checks::{method_not_allowed, no_statistics};
use super::jobs::Change;
use super::python::python;
use super::record::{Provisioning, Record};
use super::render::{show_tree, status_tree};
use super::schema::request_kind;
use super::tables::schema;
use super::{Context, Kind, body};

impl World {
    pub fn load_balancer_post(&mut self, ctx: Context<'_>) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::LoadBalancer, request_kind::POST, self.config.api_minor)?;
        schema(Kind::LoadBalancer).fill(&mut given);
        let project = [text(&given, "project_id"), text(&given, "tenant_id"), &ctx.caller.project]
            .into_iter()
            .find(|project| !project.is_empty())
            .unwrap_or_default()
            .to_owned();
        ctx.check_may_write(&project)?;
        let vip = self.choose_vip(ctx, &given)?;
        self.check_flavor_and_zone(&given)?;
        let provider = self.choose_provider(&given)?;
        self.check_quota(Kind::LoadBalancer, &project, 1)?;
        let listeners = take_list(&mut given, "listeners");
        let pools = take_list(&mut given, "pools");
        given.remove("additional_vips");
        given.insert("provider".into(), provider.into());
        let absent = [
            ("name", Value::Null),
            ("description", Value::Null),
            ("tags", json!([])),
            ("flavor_id", Value::Null),
            ("availability_zone", Value::Null),
            ("vip_vnic_type", json!("normal")),
        ];
        complete(Kind::LoadBalancer, &mut given, &absent)?;
        let mut lb = self.new_record(Kind::LoadBalancer, "", ("", &project), given, ctx.now);
        lb.load_balancer = lb.id.clone();
        let id = lb.id.clone();
        let allocated = self.allocate_vip(ctx, &mut lb, vip)?;
        self.octavia.store.insert(lb);
        if let Err(error) = self.single_call(ctx, &id, listeners, pools) {
            // Octavia rolls the rows back and leaks the VIP port: nothing in the path of the API deletes it.
            self.octavia.store.remove_tree(Kind::LoadBalancer, &id);
            return Err(error);
        }
        if allocated {
            self.octavia.owned_ports.insert(id.clone());
        }
        self.start(&id, Change::CreateLoadBalancer, ctx.now);
        let lb = self.octavia.store.get(Kind::LoadBalancer, &id).ok_or_else(|| not_found("Load Balancer", &id))?;
        Ok(Reply::json(201, &json!({"loadbalancer": show_tree(&self.octavia.store, lb)})))
    }

    fn check_flavor_and_zone(&self, given: &Map<String, Value>) -> Result<(), Reply> {
        if let Some(flavor) = given.get("flavor_id") {
            match self.octavia.catalog.flavor(&python(flavor)) {
                None => return Err(invalid("Invalid flavor_id.")),
                Some(flavor) if flavor["enabled"] == false => {
                    let id = python(&flavor["id"]);
                    return Err(fault(400, format!("The selected flavor is not allowed in this deployment: {id}")));
                }
                Some(_) => {}
            }
        }
        if let Some(zone) = given.get("availability_zone") {
            match self.octavia.catalog.zone(&python(zone)) {
                None => return Err(invalid("Invalid availability zone.")),
                Some(zone) if zone["enabled"] == false => {
                    let name = python(&zone["name"]);
                    let text = format!("The selected availability_zone is not allowed in this deployment: {name}");
                    return Err(fault(400, text));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn choose_provider(&self, given: &Map<String, Value>) -> Result<String, Reply> {
        let flavor = given.get("flavor_id").and_then(Value::as_str);
        let provider = match (given.get("provider"), flavor) {
            (None, None) => self.config.default_provider.clone(),
            (None, Some(_)) => "amphora".to_owned(),
            // null means the amphora provider, whatever the configured default is.
            (Some(Value::Null), _) => "amphora".to_owned(),
            (Some(given), Some(flavor)) if given != "amphora" => {
                let text = format!("Flavor '{flavor}' is not compatible with provider '{}'", python(given));
                return Err(fault(400, text));
            }
            (Some(given), _) => python(given),
        };
        if !self.octavia.catalog.has_provider(&provider) {
            return Err(fault(400, format!("Provider '{provider}' is not enabled.")));
        }
        Ok(provider)
    }

    pub fn load_balancer_put(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::LoadBalancer, request_kind::PUT, self.config.api_minor)?;
        let stored = self.writable(ctx, Kind::LoadBalancer, id)?;
        let policy = text(&given, "vip_qos_policy_id");
        if !policy.is_empty() && policy != stored.text("vip_qos_policy_id") {
            self.check_qos_policy(ctx, policy)?;
        }
        if given.get("vip_sg_ids").is_some_and(Value::is_null) {
            given.insert("vip_sg_ids".into(), json!([]));
        }
        self.check_groups(ctx, &given)?;
        self.test_state(&stored)?;
        check_groups_differ(&given)?;
        store_change(&mut given, &stored, OnNull::Keep)?;
        self.overwrite(Kind::LoadBalancer, id, given);
        self.start(id, Change::UpdateLoadBalancer, ctx.now);
        self.reply_with_stored(200, Kind::LoadBalancer, id)
    }

    /// Checks the lock, with the message of the load balancer's own controller.
    fn test_state(&self, stored: &Record) -> Result<(), Reply> {
        if stored.provisioning == Provisioning::Active {
            return Ok(());
        }
        let (state, id) = (stored.provisioning.text(), &stored.id);
        Err(fault(409, format!("Invalid state {state} of loadbalancer resource {id}")))
    }

    pub fn load_balancer_delete(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let stored = self.writable(ctx, Kind::LoadBalancer, id)?;
        let cascade = is_true(ctx.call.parameter("cascade"));
        // Octavia checks this before the state.
        if !cascade && !self.octavia.store.tree(id).is_empty() {
            return Err(invalid(format!("Cannot delete Load Balancer {id} - it has children")));
        }
        if stored.provisioning != Provisioning::Error {
            self.test_state(&stored)?;
        }
        self.start(id, Change::DeleteLoadBalancer, ctx.now);
        Ok(Reply::empty(204))
    }

    /// Handles /loadbalancers/{id}/status, stats and failover.
    pub fn load_balancer_extra(&mut self, ctx: Context<'_>, id: &str, what: &str) -> HandlerResult {
        match (&ctx.call.method, what) {
            (&Method::GET, "status" | "statuses") => {
                let lb = self.readable(ctx, Kind::LoadBalancer, id)?;
                Ok(Reply::json(200, &status_tree(&self.octavia.store, lb)))
            }
            (&Method::GET, "stats") => {
                self.readable(ctx, Kind::LoadBalancer, id)?;
                Ok(no_statistics())
            }
            (&Method::PUT, "failover") => {
                let stored = self.octavia.store.get(Kind::LoadBalancer, id).cloned();
                let stored = stored.ok_or_else(|| not_found("Load Balancer", id))?;
                ctx.check_admin()?;
                if stored.provisioning != Provisioning::Error {
                    self.test_state(&stored)?;
                }
                self.start(id, Change::Failover, ctx.now);
                Ok(Reply::empty(202))
            }
            _ => Err(method_not_allowed()),
        }
    }
}

fn take_list(given: &mut Map<String, Value>, name: &str) -> Vec<Map<String, Value>> {
    let list = given.remove(name).unwrap_or_default();
    let Value::Array(items) = list else { return Vec::new() };
    items.into_iter().filter_map(|item| if let Value::Object(map) = item { Some(map) } else { None }).collect()
}
