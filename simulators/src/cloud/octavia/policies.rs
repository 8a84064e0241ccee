//! L7 policies (`octavia/api/v2/controllers/l7policy.py`) and their dense positions.

use serde_json::{Map, Value, json};

use super::super::clock::Moment;
use super::super::reply::{HandlerResult, Reply, fault, not_found};
use super::super::world::World;
use super::checks::{
    OnNull, complete, no_children, no_nesting, protocols_fit, store_change, text, truthy, unsupported,
};
use super::jobs::Change;
use super::schema::request_kind;
use super::tables::schema;
use super::{Context, Kind, Record, body};

impl World {
    pub fn policy_post(&mut self, ctx: Context<'_>) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::L7Policy, request_kind::POST, self.config.api_minor)?;
        schema(Kind::L7Policy).fill(&mut given);
        let listener = self.writable(ctx, Kind::Listener, text(&given, "listener_id"))?;
        let protocol = listener.text("protocol");
        if protocol == "PROMETHEUS" {
            return Err(no_children());
        }
        self.check_redirect_pool(&listener, text(&given, "redirect_pool_id"))?;
        self.check_quota(Kind::L7Policy, &listener.project, 1)?;
        given.remove("listener_id");
        let nests = truthy(&given, "rules");
        sanitize(&mut given)?;
        self.check_lockable(&listener.load_balancer)?;
        self.check_pool_is_near(&listener, &given)?;
        if nests {
            return Err(no_nesting());
        }
        if !matches!(protocol, "HTTP" | "TERMINATED_HTTPS") {
            return Err(unsupported(&format!("{protocol} protocol listeners do not support L7 policies")));
        }
        let id = self.insert_policy(ctx, &listener, given)?;
        let change = Change::Children {
            targets: vec![(Kind::L7Policy, id.clone())],
            ancestors: vec![(Kind::Listener, listener.id.clone())],
            removed: Vec::new(),
        };
        self.start(&listener.load_balancer, change, ctx.now);
        self.reply_with_stored(201, Kind::L7Policy, &id)
    }

    fn check_redirect_pool(&self, listener: &Record, pool: &str) -> Result<(), Reply> {
        if pool.is_empty() {
            return Ok(());
        }
        let found = self.octavia.store.get(Kind::Pool, pool).ok_or_else(|| not_found("Pool", pool))?;
        protocols_fit(listener.text("protocol"), found.text("protocol"))
    }

    /// Checks that the pool belongs to the same load balancer.
    fn check_pool_is_near(&self, listener: &Record, given: &Map<String, Value>) -> Result<(), Reply> {
        let pool = text(given, "redirect_pool_id");
        if text(given, "action") != "REDIRECT_TO_POOL" {
            return Ok(());
        }
        match self.octavia.store.get(Kind::Pool, pool) {
            Some(found) if found.load_balancer == listener.load_balancer => Ok(()),
            _ => Err(not_found("Pool", if pool.is_empty() { "None" } else { pool })),
        }
    }

    /// Stores a sanitized policy at its position and renumbers the others.
    pub fn insert_policy(
        &mut self,
        ctx: Context<'_>,
        listener: &Record,
        mut given: Map<String, Value>,
    ) -> Result<String, Reply> {
        let wanted = given.get("position").and_then(Value::as_i64);
        given.remove("rules");
        given.remove("redirect_pool");
        let absent = [
            ("name", Value::Null),
            ("description", Value::Null),
            ("tags", json!([])),
            ("redirect_pool_id", Value::Null),
            ("redirect_url", Value::Null),
            ("redirect_prefix", Value::Null),
            ("redirect_http_code", Value::Null),
        ];
        complete(Kind::L7Policy, &mut given, &absent)?;
        given.insert("position".into(), i64::from(i32::MAX).into());
        let parent = (listener.load_balancer.as_str(), listener.project.as_str());
        let policy = self.new_record(Kind::L7Policy, &listener.id, parent, given, ctx.now);
        let id = policy.id.clone();
        self.octavia.store.insert(policy);
        self.renumber(&listener.id, wanted.map(|position| (id.as_str(), position)), ctx.now);
        if let Some(policy) = self.octavia.store.get_mut(Kind::L7Policy, &id) {
            policy.updated = None;
        }
        Ok(id)
    }

    /// Renumbers the policies of a listener: positions are 1 to n. A policy may move to a position; one beyond the end
    /// means the end.
    pub fn renumber(&mut self, listener: &str, moved: Option<(&str, i64)>, now: &Moment) {
        let mut order: Vec<String> =
            self.octavia.store.policies(listener).into_iter().map(|policy| policy.id.clone()).collect();
        if let Some((id, position)) = moved
            && let Some(from) = order.iter().position(|other| other == id)
        {
            let policy = order.remove(from);
            let to = usize::try_from(position - 1).unwrap_or_default().min(order.len());
            order.insert(to, policy);
        }
        for (position, id) in (1_i64..).zip(order) {
            let policy = self.octavia.store.get_mut(Kind::L7Policy, &id);
            if let Some(policy) = policy.filter(|policy| policy.number("position") != Some(position)) {
                policy.set("position", position);
                policy.updated = Some(now.without_offset());
            }
        }
    }

    pub fn policy_put(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::L7Policy, request_kind::PUT, self.config.api_minor)?;
        let stored = self.writable(ctx, Kind::L7Policy, id)?;
        let listener = self.listener_of(&stored)?;
        sanitize(&mut given)?;
        if given.is_empty() {
            return Err(bad_arguments("Invalid update options"));
        }
        self.check_redirect_pool(&listener, text(&given, "redirect_pool_id"))?;
        self.check_lockable(&listener.load_balancer)?;
        self.check_pool_is_near(&listener, &given)?;
        drop_other_targets(&mut given);
        store_change(&mut given, &stored, OnNull::Clear)?;
        let position = given.remove("position").and_then(|position| position.as_i64());
        self.overwrite(Kind::L7Policy, id, given);
        if let Some(position) = position.filter(|position| stored.number("position") != Some(*position)) {
            self.renumber(&listener.id, Some((id, position)), ctx.now);
        }
        let change = Change::Children {
            targets: vec![(Kind::L7Policy, id.to_owned())],
            ancestors: vec![(Kind::Listener, listener.id.clone())],
            removed: Vec::new(),
        };
        self.start(&listener.load_balancer, change, ctx.now);
        self.reply_with_stored(200, Kind::L7Policy, id)
    }

    pub fn policy_delete(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let stored = self.writable(ctx, Kind::L7Policy, id)?;
        self.check_lockable(&stored.load_balancer)?;
        let ancestors = vec![(Kind::Listener, stored.parent.clone())];
        let change = Change::DeleteChild { target: (Kind::L7Policy, id.to_owned()), ancestors };
        self.start(&stored.load_balancer, change, ctx.now);
        Ok(Reply::empty(204))
    }

    pub fn listener_of(&self, policy: &Record) -> Result<Record, Reply> {
        let listener = self.octavia.store.get(Kind::Listener, &policy.parent).cloned();
        listener.ok_or_else(|| not_found("Listener", &policy.parent))
    }
}

fn bad_arguments(text: &str) -> Reply {
    fault(400, format!("Invalid L7 Policy arguments: {text}"))
}

/// `validate.sanitize_l7policy_api_args`: an action needs its target in the same body, a target implies its action, and
/// attributes of other actions become null.
pub(super) fn sanitize(given: &mut Map<String, Value>) -> Result<(), Reply> {
    if let Some(action) = given.get("action").cloned() {
        check_action(given, &action)?;
    }
    let pool = if truthy(given, "redirect_pool_id") { "redirect_pool_id" } else { "redirect_pool" };
    let to_pool = truthy(given, pool);
    if to_pool && (truthy(given, "redirect_url") || truthy(given, "redirect_prefix")) {
        return Err(bad_arguments(
            "Cannot specify redirect_pool_id and redirect_url or redirect_prefix at the same time",
        ));
    }
    if to_pool {
        given.insert("action".into(), "REDIRECT_TO_POOL".into());
        set_null(given, &["redirect_url", "redirect_prefix", "redirect_http_code"]);
    }
    let others = |mine: &str| {
        ["redirect_url", "redirect_prefix", "redirect_pool_id"].into_iter().filter(|name| *name != mine).collect()
    };
    for (target, action) in [("redirect_url", "REDIRECT_TO_URL"), ("redirect_prefix", "REDIRECT_PREFIX")] {
        if truthy(given, target) {
            given.insert("action".into(), action.into());
            let others: Vec<_> = others(target);
            set_null(given, &others);
            given.remove("redirect_pool");
            if !truthy(given, "redirect_http_code") {
                given.insert("redirect_http_code".into(), 302.into());
            }
        }
    }
    Ok(())
}

fn check_action(given: &mut Map<String, Value>, action: &Value) -> Result<(), Reply> {
    match action.as_str() {
        Some("REJECT") => {
            set_null(given, &["redirect_url", "redirect_pool_id"]);
            given.remove("redirect_pool");
        }
        Some("REDIRECT_TO_URL") => {
            if !truthy(given, "redirect_url") {
                return Err(bad_arguments("redirect_url must not be None"));
            }
            set_null(given, &["redirect_pool_id"]);
            given.remove("redirect_pool");
        }
        Some("REDIRECT_TO_POOL") => {
            if !truthy(given, "redirect_pool_id") && !truthy(given, "redirect_pool") {
                return Err(bad_arguments("redirect_pool_id or redirect_pool must not be None"));
            }
            set_null(given, &["redirect_url"]);
        }
        Some("REDIRECT_PREFIX") if !truthy(given, "redirect_prefix") => {
            return Err(bad_arguments("redirect_prefix must not be None"));
        }
        Some("REDIRECT_PREFIX") => {}
        _ => {
            let shown = super::python::python(action);
            return Err(fault(400, format!("Invalid L7 Policy action specified: {shown}")));
        }
    }
    Ok(())
}

fn set_null(given: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        given.insert((*name).to_owned(), Value::Null);
    }
}

/// Clears the targets of the other actions after an update of the action.
fn drop_other_targets(given: &mut Map<String, Value>) {
    let dropped: &[&str] = match text(given, "action") {
        "REJECT" => &["redirect_url", "redirect_pool_id", "redirect_prefix", "redirect_http_code"],
        "REDIRECT_TO_URL" => &["redirect_pool_id", "redirect_prefix"],
        "REDIRECT_TO_POOL" => &["redirect_url", "redirect_prefix", "redirect_http_code"],
        "REDIRECT_PREFIX" => &["redirect_url", "redirect_pool_id"],
        _ => &[],
    };
    set_null(given, dropped);
}
