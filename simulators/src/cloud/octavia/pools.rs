//! Pools (`octavia/api/v2/controllers/pool.py`).

use serde_json::{Map, Value, json};

use super::super::reply::{HandlerResult, Reply, fault, invalid};
use super::super::world::World;
use super::checks::{
    OnNull, complete, no_children, no_nesting, protocols_fit, store_change, text, truthy, unsupported,
};
use super::jobs::Change;
use super::schema::request_kind;
use super::tables::schema;
use super::tls_checks::{check_ciphers, check_tls_lists};
use super::{Context, Kind, Record, body};

impl World {
    pub fn pool_post(&mut self, ctx: Context<'_>) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::Pool, request_kind::POST, self.config.api_minor)?;
        schema(Kind::Pool).fill(&mut given);
        let listener_id = text(&given, "listener_id").to_owned();
        let lb_id = self.parent_of_pool(text(&given, "loadbalancer_id"), &listener_id)?;
        let lb = self.parent_load_balancer(ctx, &lb_id)?;
        // With a load balancer given, Octavia does not check the listener's protocol.
        if text(&given, "loadbalancer_id").is_empty() {
            let listener = self.octavia.store.get(Kind::Listener, &listener_id);
            let protocol = listener.map(|listener| listener.text("protocol")).unwrap_or_default();
            if protocol == "PROMETHEUS" {
                return Err(no_children());
            }
            protocols_fit(protocol, text(&given, "protocol"))?;
        }
        check_persistence(&given, text(&given, "protocol"), false)?;
        self.check_quota(Kind::Pool, &lb.project, 1)?;
        let listener = self.octavia.store.get(Kind::Listener, &listener_id);
        if listener.is_some_and(|listener| listener.has("default_pool_id")) {
            return Err(fault(409, "This listener already has a default pool"));
        }
        self.check_lockable(&lb.id)?;
        let nests = truthy(&given, "members") || truthy(&given, "healthmonitor");
        let algorithm = text(&given, "lb_algorithm").to_owned();
        given.remove("listener_id");
        given.remove("loadbalancer_id");
        let fields = self.pool_fields(ctx, given)?;
        if nests {
            return Err(no_nesting());
        }
        check_algorithm(&algorithm)?;
        let pool = self.new_record(Kind::Pool, &lb.id, (&lb.id, &lb.project), fields, ctx.now);
        let target = (Kind::Pool, pool.id.clone());
        let mut ancestors = Vec::new();
        if let Some(listener) = self.octavia.store.get_mut(Kind::Listener, &listener_id) {
            listener.set("default_pool_id", pool.id.clone());
            ancestors.push((Kind::Listener, listener_id));
        }
        self.octavia.store.insert(pool);
        self.start(&lb.id, Change::Children { targets: vec![target.clone()], ancestors, removed: Vec::new() }, ctx.now);
        self.reply_with_stored(201, Kind::Pool, &target.1)
    }

    /// The load balancer of a new pool: the given one, else that of its listener.
    fn parent_of_pool(&self, load_balancer: &str, listener: &str) -> Result<String, Reply> {
        match (load_balancer, listener) {
            ("", "") => Err(invalid("Must provide at least one of: loadbalancer_id, listener_id")),
            ("", listener) => match self.octavia.store.get(Kind::Listener, listener) {
                Some(listener) => Ok(listener.load_balancer.clone()),
                None => Err(fault(500, "'NoneType' object has no attribute 'load_balancer_id'")),
            },
            (load_balancer, _) => Ok(load_balancer.to_owned()),
        }
    }

    /// Checks a new pool and builds its attributes (`_validate_create_pool`).
    pub fn pool_fields(&self, ctx: Context<'_>, mut given: Map<String, Value>) -> Result<Map<String, Value>, Reply> {
        given.remove("members");
        given.remove("healthmonitor");
        if truthy(&given, "tls_enabled") {
            for name in ["tls_ciphers", "tls_versions", "alpn_protocols"] {
                if given.get(name).is_none_or(Value::is_null) {
                    given.insert(name.into(), self.default_tls(name));
                }
            }
        }
        let (ca, crl) = (text(&given, "ca_tls_container_ref"), text(&given, "crl_container_ref"));
        if !crl.is_empty() && ca.is_empty() {
            return Err(invalid("A CA certificate reference is required to specify a revocation list."));
        }
        let own = text(&given, "tls_container_ref");
        self.check_certificates(ctx, &if own.is_empty() { Vec::new() } else { vec![own.to_owned()] })?;
        if !ca.is_empty() {
            self.check_ca(ctx, ca, crl)?;
        }
        check_ciphers(&given)?;
        if truthy(&given, "tls_enabled") {
            check_tls_lists(&given)?;
        } else if given.get("tls_enabled").is_some_and(Value::is_null) {
            given.insert("tls_enabled".into(), false.into());
        }
        if let Some(persistence) = given.get("session_persistence").and_then(Value::as_object) {
            let shown = whole_persistence(persistence);
            given.insert("session_persistence".into(), shown);
        }
        let absent = [
            ("name", Value::Null),
            ("description", Value::Null),
            ("tags", json!([])),
            ("session_persistence", Value::Null),
            ("tls_container_ref", Value::Null),
            ("ca_tls_container_ref", Value::Null),
            ("crl_container_ref", Value::Null),
            ("tls_ciphers", Value::Null),
            ("tls_versions", Value::Null),
            ("alpn_protocols", Value::Null),
        ];
        complete(Kind::Pool, &mut given, &absent)?;
        Ok(given)
    }

    pub fn pool_put(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::Pool, request_kind::PUT, self.config.api_minor)?;
        let stored = self.writable(ctx, Kind::Pool, id)?;
        for name in ["tls_versions", "tls_ciphers"] {
            if given.get(name).is_some_and(Value::is_null) {
                given.insert(name.into(), self.default_tls(name));
            }
        }
        keep_persistence_type(&mut given, &stored);
        self.check_pool_put(ctx, &given, &stored)?;
        self.check_lockable(&stored.load_balancer)?;
        if truthy(&given, "lb_algorithm") {
            check_algorithm(text(&given, "lb_algorithm"))?;
        }
        for column in ["lb_algorithm", "tls_enabled"] {
            if given.get(column).is_some_and(Value::is_null) {
                return Err(fault(
                    500,
                    format!("(pymysql.err.IntegrityError) (1048, \"Column '{column}' cannot be null\")"),
                ));
            }
        }
        store_change(&mut given, &stored, OnNull::Keep)?;
        if let Some(persistence) = given.get("session_persistence").and_then(Value::as_object) {
            let shown = whole_persistence(persistence);
            given.insert("session_persistence".into(), shown);
        }
        self.overwrite(Kind::Pool, id, given);
        let ancestors = self.listeners_as_ancestors(&stored);
        let targets = vec![(Kind::Pool, id.to_owned())];
        self.start(&stored.load_balancer, Change::Children { targets, ancestors, removed: Vec::new() }, ctx.now);
        self.reply_with_stored(200, Kind::Pool, id)
    }

    fn check_pool_put(&self, ctx: Context<'_>, given: &Map<String, Value>, stored: &Record) -> Result<(), Reply> {
        check_persistence(given, stored.text("protocol"), true)?;
        let crl = match given.get("crl_container_ref") {
            Some(crl) => crl.as_str().unwrap_or_default(),
            None => stored.text("crl_container_ref"),
        };
        let had_ca = stored.has("ca_tls_container_ref");
        let ca = match given.get("ca_tls_container_ref") {
            Some(ca) => ca.as_str().unwrap_or_default(),
            None => stored.text("ca_tls_container_ref"),
        };
        if ca.is_empty() && !crl.is_empty() {
            return Err(invalid(if had_ca {
                "A CA reference cannot be removed when a certificate revocation list is present."
            } else {
                "A CA reference is required to specify a certificate revocation list."
            }));
        }
        if truthy(given, "tls_container_ref") {
            self.check_certificates(ctx, &[text(given, "tls_container_ref").to_owned()])?;
        }
        if !ca.is_empty() {
            self.check_ca(ctx, ca, crl)?;
        }
        check_ciphers(given)?;
        check_tls_lists(given)
    }

    pub fn pool_delete(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let stored = self.writable(ctx, Kind::Pool, id)?;
        if let Some(policy) = self.octavia.store.policies_to(&stored).first() {
            return Err(fault(409, format!("Pool {id} is in use by L7 policy {}", policy.id)));
        }
        self.check_lockable(&stored.load_balancer)?;
        let ancestors = self.listeners_as_ancestors(&stored);
        let change = Change::DeleteChild { target: (Kind::Pool, id.to_owned()), ancestors };
        self.start(&stored.load_balancer, change, ctx.now);
        Ok(Reply::empty(204))
    }

    pub fn listeners_as_ancestors(&self, pool: &Record) -> Vec<(Kind, String)> {
        self.octavia.store.listeners_of(pool).into_iter().map(|id| (Kind::Listener, id)).collect()
    }
}

/// Checks the algorithm. The amphora provider does not know SOURCE_IP_PORT; the single call does not ask the provider.
fn check_algorithm(algorithm: &str) -> Result<(), Reply> {
    if algorithm == "SOURCE_IP_PORT" {
        return Err(unsupported("Amphora provider does not support SOURCE_IP_PORT algorithm."));
    }
    Ok(())
}

/// Session persistence with all four attributes, which are always shown.
fn whole_persistence(given: &Map<String, Value>) -> Value {
    let value = |name: &str| given.get(name).cloned().unwrap_or_default();
    json!({
        "type": value("type"), "cookie_name": value("cookie_name"),
        "persistence_timeout": value("persistence_timeout"),
        "persistence_granularity": value("persistence_granularity"),
    })
}

/// Keeps the stored type of a PUT without one. The other attributes are reset.
fn keep_persistence_type(given: &mut Map<String, Value>, stored: &Record) {
    let kept = stored.fields.get("session_persistence").map(|stored| stored["type"].clone()).unwrap_or_default();
    let persistence = given.get_mut("session_persistence").and_then(Value::as_object_mut);
    if let Some(persistence) = persistence.filter(|persistence| !truthy(persistence, "type") && !kept.is_null()) {
        persistence.insert("type".into(), kept);
    }
}

fn check_persistence(given: &Map<String, Value>, protocol: &str, put: bool) -> Result<(), Reply> {
    let Some(persistence) = given.get("session_persistence").and_then(Value::as_object) else { return Ok(()) };
    let kind = text(persistence, "type");
    let timed = truthy(persistence, "persistence_timeout") || truthy(persistence, "persistence_granularity");
    let named = truthy(persistence, "cookie_name");
    if matches!(protocol, "UDP" | "SCTP") {
        if kind == "SOURCE_IP" && named {
            return Err(invalid(
                "session_persistence SOURCE_IP type for UDP and SCTP protocols only accepts: type, \
                 persistence_timeout, persistence_granularity.",
            ));
        }
        if named {
            return Err(invalid("Cookie names are not supported for UDP/SCTP pools."));
        }
        if matches!(kind, "HTTP_COOKIE" | "APP_COOKIE") {
            return Err(invalid(format!(
                "Session persistence of type {kind} is not supported for UDP/SCTP protocol pools."
            )));
        }
    } else if timed {
        let which = if put { "UDP" } else { "UDP and SCTP" };
        return Err(invalid(format!(
            "persistence_timeout and persistence_granularity is only for {which} protocol pools."
        )));
    }
    if kind.is_empty() {
        return Err(invalid("Invalid session_persistence provided."));
    }
    check_cookie(text(persistence, "cookie_name"), kind)
}

fn check_cookie(name: &str, kind: &str) -> Result<(), Reply> {
    if !name.is_empty() && kind != "APP_COOKIE" {
        return Err(invalid(
            "Field \"cookie_name\" can only be specified with session persistence of type \"APP_COOKIE\".",
        ));
    }
    let bad = |c: char| c <= ' ' || c == '\u{7f}' || "\"(),/:;<=>?@[\\]{}".contains(c);
    if name.contains(bad) {
        return Err(invalid("Supplied \"cookie_name\" is invalid."));
    }
    if name.is_empty() && kind == "APP_COOKIE" {
        return Err(invalid(
            "Field \"cookie_name\" must be specified when using the \"APP_COOKIE\" session persistence type.",
        ));
    }
    Ok(())
}
