//! L7 rules (`octavia/api/v2/controllers/l7rule.py`), with its order of checks: a request with several faults gets the
//! response that Octavia gives.

use http::Method;
use serde_json::{Map, Value, json};

use super::super::reply::{HandlerResult, Reply, fault, not_found, routing_error};
use super::super::world::World;
use super::checks::method_not_allowed;
use super::checks::{OnNull, complete, store_change, text, truthy};
use super::jobs::Change;
use super::schema::request_kind;
use super::tables::schema;
use super::text_formats::{is_cookie_value, is_header_name, is_header_value, regex_error};
use super::{Context, Kind, Record, body, list};

/// The most rules of one policy (`MAX_L7RULES_PER_L7POLICY`).
const MAX_RULES: usize = 50;

impl World {
    /// Handles everything below /l7policies/{policy}/rules.
    pub fn rule_call(&mut self, ctx: Context<'_>, policy_id: &str, rest: &[&str]) -> HandlerResult {
        // Octavia resolves the policy while routing, hence the other shape of the error.
        let Some(policy) = self.octavia.store.get(Kind::L7Policy, policy_id).cloned() else {
            return Err(routing_error(404, "Bad Request", format!("L7Policy {policy_id} not found.")));
        };
        match (&ctx.call.method, rest) {
            (&Method::GET, []) => {
                ctx.check_may_read(&policy.project)?;
                let rows = self.octavia.store.children(Kind::L7Rule, policy_id);
                list::list(&self.octavia.store, Kind::L7Rule, rows, ctx.call, self.config.page_limit)
            }
            (&Method::GET, [id]) => self.get(ctx, Kind::L7Rule, id),
            (&Method::POST, []) => self.rule_post(ctx, &policy),
            (&Method::PUT, [id]) => self.rule_put(ctx, &policy, id),
            (&Method::DELETE, [id]) => self.rule_delete(ctx, &policy, id),
            (&Method::PUT | &Method::DELETE, []) => Err(fault(400, "Missing argument: \"id\"")),
            _ => Err(method_not_allowed()),
        }
    }

    fn rule_post(&mut self, ctx: Context<'_>, policy: &Record) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::L7Rule, request_kind::POST, self.config.api_minor)?;
        schema(Kind::L7Rule).fill(&mut given);
        ctx.check_may_write(&policy.project)?;
        check_rule(&given)?;
        if self.octavia.store.children(Kind::L7Rule, &policy.id).count() >= MAX_RULES {
            return Err(too_many_rules(&policy.id));
        }
        self.check_quota(Kind::L7Rule, &policy.project, 1)?;
        self.check_lockable_below(Kind::L7Policy, &policy.id)?;
        let id = self.insert_rule(ctx, policy, given)?;
        let targets = vec![(Kind::L7Rule, id.clone())];
        self.start(
            &policy.load_balancer,
            Change::Children { targets, ancestors: ancestors_of_rules(policy), removed: Vec::new() },
            ctx.now,
        );
        self.reply_with_stored(201, Kind::L7Rule, &id)
    }

    /// Stores a checked rule, of a POST of its own or within POST /loadbalancers, and returns its id.
    pub fn insert_rule(
        &mut self,
        ctx: Context<'_>,
        policy: &Record,
        mut given: Map<String, Value>,
    ) -> Result<String, Reply> {
        complete(Kind::L7Rule, &mut given, &[("tags", json!([])), ("key", Value::Null)])?;
        let parent = (policy.load_balancer.as_str(), policy.project.as_str());
        let rule = self.new_record(Kind::L7Rule, &policy.id, parent, given, ctx.now);
        let id = rule.id.clone();
        self.octavia.store.insert(rule);
        Ok(id)
    }

    fn rule_put(&mut self, ctx: Context<'_>, policy: &Record, id: &str) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::L7Rule, request_kind::PUT, self.config.api_minor)?;
        let stored = self.octavia.store.get(Kind::L7Rule, id).cloned().ok_or_else(|| not_found("L7 Rule", id))?;
        ctx.check_may_write(&policy.project)?;
        if given.get("invert").is_some_and(Value::is_null) {
            given.insert("invert".into(), false.into());
        }
        let mut merged = stored.fields.clone();
        merged.extend(given.clone());
        check_rule(&merged)?;
        self.check_lockable_below(Kind::L7Policy, &policy.id)?;
        check_null_key(&stored.fields, &given)?;
        // Any update clears a key that the type does not use. A create keeps it.
        if matches!(text(&merged, "type"), "HOST_NAME" | "PATH" | "FILE_TYPE") {
            given.insert("key".into(), Value::Null);
        }
        store_change(&mut given, &stored, OnNull::Clear)?;
        self.overwrite(Kind::L7Rule, id, given);
        let targets = vec![(Kind::L7Rule, id.to_owned())];
        self.start(
            &policy.load_balancer,
            Change::Children { targets, ancestors: ancestors_of_rules(policy), removed: Vec::new() },
            ctx.now,
        );
        self.reply_with_stored(200, Kind::L7Rule, id)
    }

    fn rule_delete(&mut self, ctx: Context<'_>, policy: &Record, id: &str) -> HandlerResult {
        self.octavia.store.get(Kind::L7Rule, id).ok_or_else(|| not_found("L7 Rule", id))?;
        ctx.check_may_write(&policy.project)?;
        self.check_lockable_below(Kind::L7Policy, &policy.id)?;
        let change =
            Change::DeleteChild { target: (Kind::L7Rule, id.to_owned()), ancestors: ancestors_of_rules(policy) };
        self.start(&policy.load_balancer, change, ctx.now);
        Ok(Reply::empty(204))
    }
}

/// The objects that are PENDING_UPDATE, as the load balancer is, while a rule of the policy changes.
fn ancestors_of_rules(policy: &Record) -> Vec<(Kind, String)> {
    vec![(Kind::Listener, policy.parent.clone()), (Kind::L7Policy, policy.id.clone())]
}

fn too_many_rules(policy: &str) -> Reply {
    fault(409, format!("Too many rules on L7 policy {policy}"))
}

/// Checks the rules of one policy within POST /loadbalancers. `new_id` draws the id of the policy, which appears only
/// in the message: after an error Octavia stores nothing.
pub(super) fn check_rules(rules: &[Map<String, Value>], new_id: impl FnOnce() -> String) -> Result<(), Reply> {
    if rules.len() > MAX_RULES {
        return Err(too_many_rules(&new_id()));
    }
    rules.iter().try_for_each(check_rule)
}

/// Returns 500 for a PUT that sets the key of an SSL rule to null where the stored key would break the changed rule, as
/// Octavia does. Octavia checks twice: before the write, null counts as no key and passes; within the write
/// (`repositories.py`), null is dropped, so that the stored key is checked, and nothing catches the error.
fn check_null_key(stored: &Map<String, Value>, given: &Map<String, Value>) -> Result<(), Reply> {
    if !given.get("key").is_some_and(Value::is_null) {
        return Ok(());
    }
    let mut merged = stored.clone();
    merged.extend(given.clone().into_iter().filter(|(_, value)| !value.is_null()));
    let error = if text(&merged, "type").starts_with("SSL_") { ssl_error(&merged) } else { None };
    error.map_or(Ok(()), |text| Err(fault(500, format!("Invalid L7 Rule: {text}"))))
}

/// Checks one rule as `validate.l7rule_data` does.
fn check_rule(rule: &Map<String, Value>) -> Result<(), Reply> {
    let rejected = |text: &str| Err(fault(400, format!("Error parsing L7Rule: {text}")));
    let invalid = |text: &str| rejected(&format!("Invalid L7 Rule: {text}"));
    let (kind, compare, value) = (text(rule, "type"), text(rule, "compare_type"), text(rule, "value"));
    if value.is_empty() {
        return invalid("L7 rule type requires a value");
    }
    if kind.starts_with("SSL_") {
        return match ssl_error(rule) {
            Some(text) => invalid(&text),
            None if kind == "SSL_DN_FIELD" && compare == "REGEX" => check_regex(value),
            None => Ok(()),
        };
    }
    if matches!(kind, "HEADER" | "COOKIE") {
        if !truthy(rule, "key") {
            return invalid("L7 rule type requires a key");
        }
        if !is_header_name(text(rule, "key")) {
            return rejected("Invalid characters in key");
        }
    }
    if kind == "FILE_TYPE" && !matches!(compare, "REGEX" | "EQUAL_TO") {
        return invalid("invalid comparison type for rule type");
    }
    match (compare, kind) {
        ("REGEX", _) => check_regex(value),
        (_, "COOKIE") if !is_cookie_value(value) => rejected("Invalid characters in cookie value"),
        (_, "COOKIE") => Ok(()),
        (_, "HEADER") if !is_header_value(value) => rejected("Invalid characters in header value"),
        _ if !is_header_value(value) => rejected("Invalid characters in comparison value"),
        _ => Ok(()),
    }
}

fn check_regex(value: &str) -> Result<(), Reply> {
    match regex_error(value) {
        Some(error) => Err(fault(400, format!("Error parsing L7Rule: Unable to parse regular expression: {error}"))),
        None => Ok(()),
    }
}

/// The error of a rule whose type starts with `SSL_`, which matches the client's certificate; `None` for a valid one.
fn ssl_error(rule: &Map<String, Value>) -> Option<String> {
    let (kind, compare, value, key) =
        (text(rule, "type"), text(rule, "compare_type"), text(rule, "value"), text(rule, "key"));
    if kind == "SSL_DN_FIELD" {
        let mut chars = key.chars();
        let starts_with_letter = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
        let is_field_name = starts_with_letter && chars.all(|c| c.is_ascii_alphanumeric() || c == '-');
        return match (key.is_empty(), is_field_name) {
            (true, _) => Some(format!("L7rule type {kind} needs to specify a key and a value.")),
            (false, false) => Some("Invalid L7rule distinguished name field.".into()),
            (false, true) => None,
        };
    }
    if !key.is_empty() {
        return Some(format!("L7rule type {kind} does not use the \"key\" field."));
    }
    if kind == "SSL_CONN_HAS_CERT" && value.to_lowercase() != "true" {
        return Some(format!("L7rule value {value} is not a boolean True string."));
    }
    if kind == "SSL_VERIFY_RESULT" && !value.chars().all(|c| c.is_ascii_digit()) {
        return Some(format!("L7rule type {kind} needs a int value, which is >= 0"));
    }
    (compare != "EQUAL_TO").then(|| format!("L7rule type {kind} only supports the EQUAL_TO compare type."))
}
