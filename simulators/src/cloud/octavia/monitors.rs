//! Health monitors (`octavia/api/v2/controllers/health_monitor.py`).

use serde_json::{Map, Value, json};

use super::super::reply::{HandlerResult, Reply, fault, invalid, not_found};
use super::super::world::World;
use super::checks::{OnNull, complete, store_change, text, truthy};
use super::jobs::Change;
use super::schema::request_kind;
use super::tables::schema;
use super::{Context, Kind, Record, body};

/// `udp_connect_min_interval_health_monitor`.
const UDP_CONNECT_LEAST_DELAY: i64 = 3;
/// Attributes of HTTP and HTTPS checks, and their defaults.
const HTTP_ONLY: [(&str, &str); 3] = [("http_method", "GET"), ("url_path", "/"), ("expected_codes", "200")];

impl World {
    pub fn monitor_post(&mut self, ctx: Context<'_>) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::HealthMonitor, request_kind::POST, self.config.api_minor)?;
        schema(Kind::HealthMonitor).fill(&mut given);
        let pool_id = text(&given, "pool_id").to_owned();
        let pool = self.writable(ctx, Kind::Pool, &pool_id)?;
        check_type(text(&given, "type"), given.get("delay"), pool.text("protocol"))?;
        self.check_quota(Kind::HealthMonitor, &pool.project, 1)?;
        self.check_lockable_below(Kind::Pool, &pool.id)?;
        given.remove("pool_id");
        let fields = monitor_fields(given)?;
        if self.octavia.store.children(Kind::HealthMonitor, &pool.id).next().is_some() {
            return Err(fault(409, "This pool already has a health monitor"));
        }
        let monitor =
            self.new_record(Kind::HealthMonitor, &pool.id, (&pool.load_balancer, &pool.project), fields, ctx.now);
        let target = (Kind::HealthMonitor, monitor.id.clone());
        self.octavia.store.insert(monitor);
        let change =
            Change::Children { targets: vec![target.clone()], ancestors: self.above(&pool), removed: Vec::new() };
        self.start(&pool.load_balancer, change, ctx.now);
        self.reply_with_stored(201, Kind::HealthMonitor, &target.1)
    }

    pub fn monitor_put(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::HealthMonitor, request_kind::PUT, self.config.api_minor)?;
        let stored = self.writable(ctx, Kind::HealthMonitor, id)?;
        let pool = self.pool_of(&stored)?;
        check_put(&given, &stored)?;
        if matches!(pool.text("protocol"), "UDP" | "SCTP") {
            check_type(stored.text("type"), given.get("delay"), pool.text("protocol"))?;
        }
        for (name, default) in HTTP_ONLY {
            if given.get(name).is_some_and(Value::is_null) {
                given.insert(name.into(), default.into());
            }
        }
        if given.get("max_retries_down").is_some_and(Value::is_null) {
            given.insert("max_retries_down".into(), 3.into());
        }
        self.check_lockable_below(Kind::Pool, &pool.id)?;
        store_change(&mut given, &stored, OnNull::Keep)?;
        self.overwrite(Kind::HealthMonitor, id, given);
        let targets = vec![(Kind::HealthMonitor, id.to_owned())];
        let change = Change::Children { targets, ancestors: self.above(&pool), removed: Vec::new() };
        self.start(&pool.load_balancer, change, ctx.now);
        self.reply_with_stored(200, Kind::HealthMonitor, id)
    }

    pub fn monitor_delete(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let stored = self.writable(ctx, Kind::HealthMonitor, id)?;
        let pool = self.pool_of(&stored)?;
        self.check_lockable_below(Kind::Pool, &pool.id)?;
        let target = (Kind::HealthMonitor, id.to_owned());
        self.start(&pool.load_balancer, Change::DeleteChild { target, ancestors: self.above(&pool) }, ctx.now);
        Ok(Reply::empty(204))
    }

    fn pool_of(&self, monitor: &Record) -> Result<Record, Reply> {
        self.octavia.store.get(Kind::Pool, &monitor.parent).cloned().ok_or_else(|| not_found("Pool", &monitor.parent))
    }
}

/// Checks that a monitor of this type suits a pool.
pub(super) fn check_type(kind: &str, delay: Option<&Value>, protocol: &str) -> Result<(), Reply> {
    if !matches!(protocol, "UDP" | "SCTP") {
        if matches!(kind, "UDP-CONNECT" | "SCTP") {
            return Err(invalid(format!("The {kind} type is only supported for pools of type UDP/SCTP.")));
        }
        return Ok(());
    }
    if !matches!(kind, "UDP-CONNECT" | "SCTP" | "TCP" | "HTTP") {
        return Err(invalid(format!(
            "The associated pool protocol is {protocol}, so only a UDP-CONNECT/SCTP/TCP/HTTP health monitor is \
             supported."
        )));
    }
    let short = delay.and_then(Value::as_i64).filter(|delay| *delay < UDP_CONNECT_LEAST_DELAY);
    match short.filter(|_| kind == "UDP-CONNECT") {
        Some(delay) => Err(invalid(format!(
            "The request delay value {delay} should be larger than {UDP_CONNECT_LEAST_DELAY} for UDP-CONNECT health \
             monitor type."
        ))),
        None => Ok(()),
    }
}

fn not_an_option(value: &str, option: &str) -> Reply {
    fault(400, format!("{value} is not a valid option for {option}"))
}

/// Checks a new monitor and builds its attributes (`_validate_create_hm`).
pub(super) fn monitor_fields(mut given: Map<String, Value>) -> Result<Map<String, Value>, Reply> {
    for field in ["type", "delay", "timeout", "max_retries"] {
        if given.get(field).is_none_or(Value::is_null) {
            return Err(not_an_option("None", field));
        }
    }
    let kind = text(&given, "type").to_owned();
    for (name, default) in HTTP_ONLY {
        let http = matches!(kind.as_str(), "HTTP" | "HTTPS");
        if !http && truthy(&given, name) {
            return Err(not_an_option(name, &format!("health monitors of type {kind}")));
        }
        if !truthy(&given, name) {
            given.insert(name.into(), if http { default.into() } else { Value::Null });
        }
    }
    let version = given.get("http_version").and_then(Value::as_f64);
    check_domain(truthy(&given, "domain_name"), version)?;
    if given.get("max_retries_down").is_some_and(Value::is_null) {
        return Err(fault(500, "Something unknown went wrong"));
    }
    let absent =
        [("name", Value::Null), ("tags", json!([])), ("http_version", Value::Null), ("domain_name", Value::Null)];
    complete(Kind::HealthMonitor, &mut given, &absent)?;
    given.remove("description");
    Ok(given)
}

fn check_domain(named: bool, version: Option<f64>) -> Result<(), Reply> {
    match version {
        None if named => Err(invalid("'http_version' must be specified when 'domain_name' is provided.")),
        Some(version) if named && version < 1.1 => Err(not_an_option(
            &format!("http_version {version:?}"),
            "health monitors HTTP 1.1 domain name health check",
        )),
        _ => Ok(()),
    }
}

fn check_put(given: &Map<String, Value>, stored: &Record) -> Result<(), Reply> {
    let kind = stored.text("type");
    if !matches!(kind, "HTTP" | "HTTPS") {
        // Even null is rejected.
        if let Some((name, _)) = HTTP_ONLY.iter().find(|(name, _)| given.contains_key(*name)) {
            return Err(not_an_option(name, &format!("health monitors of type {kind}")));
        }
    }
    for field in ["delay", "max_retries", "timeout"] {
        if given.get(field).is_some_and(Value::is_null) {
            return Err(not_an_option("None", field));
        }
    }
    let version = |fields: &Map<String, Value>| fields.get("http_version").and_then(Value::as_f64);
    let either = version(given).or(version(&stored.fields));
    if truthy(given, "domain_name") && either.is_none() {
        return check_domain(true, None);
    }
    let named = truthy(given, "domain_name") || stored.has("domain_name");
    if either.is_some() { check_domain(named, either) } else { Ok(()) }
}
