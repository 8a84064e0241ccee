//! Children inside POST /loadbalancers (`_graph_create`), with its missing checks and its crashes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::reply::{Reply, fault, invalid};
use super::super::world::World;
use super::checks::{no_children, text, truthy};
use super::members::{check_reserved, check_sriov};
use super::monitors::{check_type, monitor_fields};
use super::policies::sanitize;
use super::rules::check_rules;
use super::schema::request_kind;
use super::tables::schema;
use super::{Context, Kind, Record};

type Given = Map<String, Value>;

/// Largest number of attributes of a pool that is only a reference: its name, and the two that are filled.
const REFERENCE: usize = 3;

impl World {
    /// Stores the children of a load balancer that is stored already. After an error the caller removes all of them.
    pub fn single_call(
        &mut self,
        ctx: Context<'_>,
        lb: &str,
        listeners: Vec<Given>,
        pools: Vec<Given>,
    ) -> Result<(), Reply> {
        let (listeners, pools) = gather_pools(listeners, pools)?;
        let Some(lb) = self.octavia.store.get(Kind::LoadBalancer, lb).cloned() else { return Ok(()) };
        if !pools.is_empty() {
            self.check_quota(Kind::Pool, &lb.project, pools.len())?;
        }
        let mut names = BTreeMap::new();
        for pool in pools {
            let name = text(&pool, "name").to_owned();
            let id = self.nested_pool(ctx, &lb, pool)?;
            names.insert(name, id);
        }
        if !listeners.is_empty() {
            self.check_quota(Kind::Listener, &lb.project, listeners.len())?;
        }
        for listener in listeners {
            self.nested_listener(ctx, &lb, listener, &names)?;
        }
        Ok(())
    }

    fn nested_pool(&mut self, ctx: Context<'_>, lb: &Record, mut given: Given) -> Result<String, Reply> {
        for field in ["protocol", "lb_algorithm"] {
            if !given.contains_key(field) {
                let name = text(&given, "name");
                let text = format!("Pool definition for '{name}' missing required attribute: {field}");
                return Err(invalid(text));
            }
        }
        // Octavia reads these attributes without a check for their presence.
        if truthy(&given, "tls_enabled") {
            for field in ["tls_ciphers", "tls_versions", "alpn_protocols"] {
                if !given.contains_key(field) {
                    return Err(fault(500, format!("'{field}'")));
                }
            }
        }
        let members = take(&mut given, "members");
        let monitor = given.remove("healthmonitor");
        let fields = self.pool_fields(ctx, given)?;
        let pool = self.new_record(Kind::Pool, &lb.id, (&lb.id, &lb.project), fields, ctx.now);
        self.octavia.store.insert(pool.clone());
        if let Some(Value::Object(monitor)) = monitor {
            self.nested_monitor(ctx, &pool, monitor)?;
        }
        if !members.is_empty() {
            self.check_quota(Kind::Member, &lb.project, members.len())?;
        }
        for mut member in members {
            schema(Kind::Member).fill(&mut member);
            check_reserved(text(&member, "address"))?;
            check_sriov(&member)?;
            self.check_twin(&pool, &member)?;
            let member = self.make_member(ctx, &pool, member, false)?;
            self.octavia.store.insert(member);
        }
        Ok(pool.id)
    }

    fn nested_monitor(&mut self, ctx: Context<'_>, pool: &Record, mut given: Given) -> Result<(), Reply> {
        schema(Kind::HealthMonitor).fill(&mut given);
        self.check_quota(Kind::HealthMonitor, &pool.project, 1)?;
        let (kind, delay) = (text(&given, "type").to_owned(), given.get("delay").cloned());
        let fields = monitor_fields(given)?;
        let parent = (pool.load_balancer.as_str(), pool.project.as_str());
        let monitor = self.new_record(Kind::HealthMonitor, &pool.id, parent, fields, ctx.now);
        self.octavia.store.insert(monitor);
        check_type(&kind, delay.as_ref(), pool.text("protocol"))
    }

    fn nested_listener(
        &mut self,
        ctx: Context<'_>,
        lb: &Record,
        mut given: Given,
        pools: &BTreeMap<String, String>,
    ) -> Result<(), Reply> {
        let policies = take(&mut given, "l7policies");
        if let Some(id) = pool_reference(&mut given, "default_pool", pools)? {
            given.insert("default_pool_id".into(), id.into());
        }
        let protocol = text(&given, "protocol").to_owned();
        self.check_default_pool(&lb.id, &protocol, text(&given, "default_pool_id"))?;
        let fields = self.listener_fields(ctx, lb, given, request_kind::NESTED)?;
        let listener = self.new_record(Kind::Listener, &lb.id, (&lb.id, &lb.project), fields, ctx.now);
        self.octavia.store.insert(listener.clone());
        if protocol == "PROMETHEUS" && !policies.is_empty() {
            return Err(no_children());
        }
        for policy in policies {
            self.nested_policy(ctx, &listener, policy, pools)?;
        }
        Ok(())
    }

    /// Stores a nested policy. Octavia checks neither the protocol of the redirect pool nor the quotas of policies and
    /// rules.
    fn nested_policy(
        &mut self,
        ctx: Context<'_>,
        listener: &Record,
        mut given: Given,
        pools: &BTreeMap<String, String>,
    ) -> Result<(), Reply> {
        schema(Kind::L7Policy).fill(&mut given);
        let mut rules = take(&mut given, "rules");
        if let Some(id) = pool_reference(&mut given, "redirect_pool", pools)? {
            given.insert("redirect_pool_id".into(), id.into());
        }
        sanitize(&mut given)?;
        for rule in &mut rules {
            schema(Kind::L7Rule).fill(rule);
        }
        check_rules(&rules, || self.ids.uuid())?;
        let id = self.insert_policy(ctx, listener, given)?;
        let Some(policy) = self.octavia.store.get(Kind::L7Policy, &id).cloned() else { return Ok(()) };
        for rule in rules {
            self.insert_rule(ctx, &policy, rule)?;
        }
        Ok(())
    }
}

fn take(given: &mut Given, name: &str) -> Vec<Given> {
    let Some(Value::Array(items)) = given.remove(name) else { return Vec::new() };
    items.into_iter().filter_map(|item| if let Value::Object(map) = item { Some(map) } else { None }).collect()
}

fn pool_reference(given: &mut Given, field: &str, pools: &BTreeMap<String, String>) -> Result<Option<String>, Reply> {
    match given.remove(field) {
        Some(Value::Object(pool)) => {
            let name = text(&pool, "name");
            let id = pools.get(name).filter(|_| !name.is_empty());
            id.cloned().map(Some).ok_or_else(|| fault(400, format!("Missing details for Pool object: {name}")))
        }
        _ => Ok(None),
    }
}

/// Moves the definitions of nested pools to the top-level ones and leaves references. Names are required and unique.
fn gather_pools(mut listeners: Vec<Given>, pools: Vec<Given>) -> Result<(Vec<Given>, Vec<Given>), Reply> {
    let filled = |mut pool: Given| {
        schema(Kind::Pool).fill(&mut pool);
        pool
    };
    let mut pools: Vec<Given> = pools.into_iter().map(filled).collect();
    let mut required = BTreeSet::new();
    for listener in &mut listeners {
        schema(Kind::Listener).fill(listener);
        gather(listener, "default_pool", &mut pools, &mut required)?;
        let policies = listener.get_mut("l7policies").and_then(Value::as_array_mut).into_iter().flatten();
        for policy in policies.filter_map(Value::as_object_mut) {
            gather(policy, "redirect_pool", &mut pools, &mut required)?;
        }
    }
    let names: BTreeSet<_> =
        pools.iter().map(|pool| pool.get("name").cloned().unwrap_or_default().to_string()).collect();
    if names.len() != pools.len() {
        return Err(invalid("Pool names must be unique when creating a fully populated loadbalancer."));
    }
    let defined = |name: &String| pools.iter().any(|pool| text(pool, "name") == name);
    if let Some(ghost) = required.iter().find(|name| !defined(name)) {
        return Err(invalid(format!("Pool '{ghost}' was referenced but no full definition was found.")));
    }
    Ok((listeners, pools))
}

fn gather(
    holder: &mut Given,
    field: &str,
    pools: &mut Vec<Given>,
    required: &mut BTreeSet<String>,
) -> Result<(), Reply> {
    let Some(Value::Object(pool)) = holder.get(field) else { return Ok(()) };
    let mut pool = pool.clone();
    schema(Kind::Pool).fill(&mut pool);
    let name = text(&pool, "name").to_owned();
    if name.is_empty() {
        return Err(invalid("Pools must be named when creating a fully populated loadbalancer."));
    }
    if pool.len() > REFERENCE {
        let reference = Given::from_iter([("name".to_owned(), Value::from(name))]);
        holder.insert(field.to_owned(), Value::Object(reference));
        pools.push(pool);
    } else {
        required.insert(name);
    }
    Ok(())
}
