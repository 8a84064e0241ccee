//! Quotas of projects (`octavia/api/v2/controllers/quotas.py`): a limit for each kind of object. -1 is no limit, and
//! the default of every limit here.

use http::Method;
use serde_json::{Map, Value, json};

use super::super::reply::{HandlerResult, Reply, not_found, policy_forbidden};
use super::super::world::World;
use super::checks::method_not_allowed;
use super::schema::request_kind;
use super::tables::QUOTA;
use super::{Context, Kind, body};

/// Deprecated names of two limits, each with its present name. A PUT accepts both names, and responses show both.
const DEPRECATED_NAMES: [(&str, &str); 2] = [("load_balancer", "loadbalancer"), ("health_monitor", "healthmonitor")];

impl World {
    /// Handles everything below /quotas.
    pub fn quota_call(&mut self, ctx: Context<'_>, rest: &[&str]) -> HandlerResult {
        match (&ctx.call.method, rest) {
            (&Method::GET, []) => {
                let is_visible = |project: &&String| ctx.caller.is_admin() || **project == ctx.caller.project;
                let rows: Vec<_> =
                    self.octavia.quotas.keys().filter(is_visible).map(|id| self.show_quota(id)).collect();
                Ok(Reply::json(200, &json!({"quotas": rows, "quotas_links": []})))
            }
            (&Method::GET, ["defaults"]) | (&Method::GET, [_, "default"]) => {
                ctx.check_admin()?;
                // No project has an empty id, so this shows the defaults.
                Ok(Reply::json(200, &json!({"quota": self.show_quota("")})))
            }
            (&Method::GET, [project]) => {
                if !ctx.caller.reads(project) {
                    return Err(policy_forbidden());
                }
                Ok(Reply::json(200, &json!({"quota": self.show_quota(project)})))
            }
            (&Method::PUT, [project]) => {
                let given = body::read_quota(ctx.call, &QUOTA, request_kind::PUT, self.config.api_minor)?;
                ctx.check_admin()?;
                self.set_quotas(project, &given);
                Ok(Reply::json(202, &json!({"quota": self.show_quota(project)})))
            }
            (&Method::DELETE, [project]) => {
                ctx.check_admin()?;
                match self.octavia.quotas.remove(*project) {
                    Some(_) => Ok(Reply::empty(202)),
                    None => Err(not_found("Quotas", project)),
                }
            }
            _ => Err(method_not_allowed()),
        }
    }

    /// Stores the given limits of a project and keeps its others.
    fn set_quotas(&mut self, project: &str, given: &Map<String, Value>) {
        let limits = self.octavia.quotas.entry(project.to_owned()).or_default();
        for kind in Kind::ALL {
            let field = kind.quota_field();
            let deprecated =
                DEPRECATED_NAMES.iter().find(|(_, name)| *name == field).map(|(deprecated, _)| *deprecated);
            let value = given.get(field).or_else(|| given.get(deprecated?)).and_then(Value::as_i64);
            if let Some(value) = value {
                limits.insert(field, value);
            }
        }
    }

    /// The limits of a project as the API shows them. It does not show how much of them is used.
    fn show_quota(&self, project: &str) -> Value {
        let limits = self.octavia.quotas.get(project);
        let limit = |field: &str| limits.and_then(|limits| limits.get(field)).copied().unwrap_or(-1);
        let mut shown = Map::new();
        for kind in Kind::ALL {
            shown.insert(kind.quota_field().into(), limit(kind.quota_field()).into());
        }
        for (deprecated, field) in DEPRECATED_NAMES {
            shown.insert(deprecated.into(), limit(field).into());
        }
        shown.insert("project_id".into(), project.into());
        shown.insert("tenant_id".into(), project.into());
        Value::Object(shown)
    }
}
