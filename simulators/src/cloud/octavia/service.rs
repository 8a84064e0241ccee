//! Routing of requests to the handlers of each kind, and the parts that all handlers share.

use http::Method;
use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::clock::Moment;
use super::super::reply::{HandlerResult, Reply, fault, not_found, routing_error};
use super::super::world::World;
use super::checks::{method_not_allowed, no_statistics};
use super::context::Context;
use super::record::{Kind, Operating, Provisioning, Record};
use super::{list, render};

/// Publication dates of the minor versions, as in `octavia/api/root_controller.py`.
const VERSIONS: [&str; 31] = [
    "2016-12-11T00:00:00Z",
    "2018-04-20T00:00:00Z",
    "2018-07-31T00:00:00Z",
    "2018-12-18T00:00:00Z",
    "2018-12-19T00:00:00Z",
    "2019-01-21T00:00:00Z",
    "2019-01-25T00:00:00Z",
    "2018-01-25T12:00:00Z",
    "2019-02-12T00:00:00Z",
    "2019-03-04T00:00:00Z",
    "2019-03-05T00:00:00Z",
    "2019-06-24T00:00:00Z",
    "2019-09-11T00:00:00Z",
    "2019-09-13T00:00:00Z",
    "2019-11-10T00:00:00Z",
    "2020-03-10T00:00:00Z",
    "2020-03-15T00:00:00Z",
    "2020-04-29T00:00:00Z",
    "2020-04-29T01:00:00Z",
    "2020-05-12T00:00:00Z",
    "2020-08-02T00:00:00Z",
    "2020-09-03T00:00:00Z",
    "2020-09-04T00:00:00Z",
    "2020-09-07T00:00:00Z",
    "2020-10-15T00:00:00Z",
    "2021-10-02T00:00:00Z",
    "2022-08-29T00:00:00Z",
    "2023-05-05T00:00:00Z",
    "2023-11-08T00:00:00Z",
    "2024-10-15T00:00:00Z",
    "2025-02-26T00:00:00Z",
];

/// Handles GET /, which needs no token.
pub(crate) fn versions(call: &Call, minor: u32) -> Reply {
    let href = format!("{}{}/v2", call.base, call.prefix);
    let versions: Vec<_> = (0..=minor)
        .zip(VERSIONS)
        .map(|(number, updated)| {
            let status = if number == minor { "CURRENT" } else { "SUPPORTED" };
            let links = json!([{"href": href, "rel": "self"}]);
            json!({"id": format!("v2.{number}"), "status": status, "updated": updated, "links": links})
        })
        .collect();
    Reply::json(200, &json!({"versions": versions}))
}

impl World {
    /// Handles any request with a valid token.
    pub fn octavia(&mut self, ctx: Context<'_>) -> HandlerResult {
        let segments = ctx.call.segments();
        let rest = match segments.as_slice() {
            ["v2" | "v2.0"] => return Ok(Reply::json(200, &json!("v2"))),
            ["v2" | "v2.0", "lbaas", rest @ ..] | ["v2" | "v2.0", rest @ ..] => rest,
            _ => return Err(routing_error(404, "Not Found", Value::Null)),
        };
        acceptable(ctx.call)?;
        match rest {
            ["octavia", "amphorae", ..] => {
                ctx.check_admin()?;
                Ok(Reply::json(200, &json!({"amphorae": [], "amphorae_links": []})))
            }
            ["quotas", rest @ ..] => self.quota_call(ctx, rest),
            ["pools", pool, "members", rest @ ..] => self.member_call(ctx, pool, rest),
            ["l7policies", policy, "rules", rest @ ..] => self.rule_call(ctx, policy, rest),
            ["loadbalancers", id, what] => self.load_balancer_extra(ctx, id, what),
            ["listeners", id, "stats"] => {
                self.readable(ctx, Kind::Listener, id)?;
                Ok(no_statistics())
            }
            ["flavors" | "availabilityzones" | "providers" | "flavorprofiles" | "availabilityzoneprofiles", ..] => {
                self.catalog_call(ctx, rest)
            }
            [collection, rest @ ..] => {
                let kinds = [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::HealthMonitor, Kind::L7Policy];
                match kinds.into_iter().find(|kind| kind.collection() == *collection) {
                    Some(kind) => self.object_call(ctx, kind, rest),
                    None => Err(routing_error(404, "Not Found", "")),
                }
            }
            [] => Err(routing_error(404, "Not Found", "")),
        }
    }

    pub(super) fn object_call(&mut self, ctx: Context<'_>, kind: Kind, rest: &[&str]) -> HandlerResult {
        match (&ctx.call.method, rest) {
            (&Method::GET, []) => self.list(ctx, kind),
            (&Method::GET, [id]) => self.get(ctx, kind, id),
            (&Method::POST, []) => match kind {
                Kind::LoadBalancer => self.load_balancer_post(ctx),
                Kind::Listener => self.listener_post(ctx),
                Kind::Pool => self.pool_post(ctx),
                Kind::HealthMonitor => self.monitor_post(ctx),
                _ => self.policy_post(ctx),
            },
            (&Method::PUT, [id]) => match kind {
                Kind::LoadBalancer => self.load_balancer_put(ctx, id),
                Kind::Listener => self.listener_put(ctx, id),
                Kind::Pool => self.pool_put(ctx, id),
                Kind::HealthMonitor => self.monitor_put(ctx, id),
                _ => self.policy_put(ctx, id),
            },
            (&Method::DELETE, [id]) => match kind {
                Kind::LoadBalancer => self.load_balancer_delete(ctx, id),
                Kind::Listener => self.listener_delete(ctx, id),
                Kind::Pool => self.pool_delete(ctx, id),
                Kind::HealthMonitor => self.monitor_delete(ctx, id),
                _ => self.policy_delete(ctx, id),
            },
            (&Method::PUT | &Method::DELETE, []) => Err(fault(400, "Missing argument: \"id\"")),
            _ => Err(method_not_allowed()),
        }
    }

    pub(super) fn list(&self, ctx: Context<'_>, kind: Kind) -> HandlerResult {
        let asked = ctx.call.parameter("project_id");
        // An administrator who names no project sees all projects, any other user only its own.
        let project = if ctx.caller.is_admin() { asked } else { Some(asked.unwrap_or(&ctx.caller.project)) };
        if let Some(project) = project {
            ctx.check_may_read(project)?;
        }
        let rows = self.octavia.store.all(kind).filter(|row| project.is_none_or(|project| row.project == project));
        list::list(&self.octavia.store, kind, rows, ctx.call, self.config.page_limit)
    }

    pub(super) fn get(&self, ctx: Context<'_>, kind: Kind, id: &str) -> HandlerResult {
        let record = self.readable(ctx, kind, id)?;
        Ok(self.reply_with(200, record, ctx.call))
    }

    /// An object that exists and that the caller may read.
    pub(super) fn readable(&self, ctx: Context<'_>, kind: Kind, id: &str) -> Result<&Record, Reply> {
        let record = self.octavia.store.get(kind, id).ok_or_else(|| not_found(kind.display_name(), id))?;
        ctx.check_may_read(&record.project)?;
        Ok(record)
    }

    /// An object that exists and that the caller may change.
    pub(super) fn writable(&self, ctx: Context<'_>, kind: Kind, id: &str) -> Result<Record, Reply> {
        let record = self.octavia.store.get(kind, id).ok_or_else(|| not_found(kind.display_name(), id))?;
        ctx.check_may_write(&record.project)?;
        Ok(record.clone())
    }

    /// The load balancer named in the body of a POST.
    pub(super) fn parent_load_balancer(&self, ctx: Context<'_>, id: &str) -> Result<Record, Reply> {
        self.writable(ctx, Kind::LoadBalancer, id)
    }

    pub(super) fn reply_with(&self, status: u16, record: &Record, call: &Call) -> Reply {
        let shown = list::pick(render::show(&self.octavia.store, record), &call.parameters("fields"));
        Reply::json(status, &json!({record.kind.json_key(): shown}))
    }

    /// The response to a POST or PUT: the object as it is stored now.
    pub(super) fn reply_with_stored(&self, status: u16, kind: Kind, id: &str) -> HandlerResult {
        let record = self.octavia.store.get(kind, id).ok_or_else(|| not_found(kind.display_name(), id))?;
        let shown = render::show(&self.octavia.store, record);
        Ok(Reply::json(status, &json!({kind.json_key(): shown})))
    }

    /// A new row. `fields` have the form in which they are shown.
    pub(super) fn new_record(
        &mut self,
        kind: Kind,
        parent: &str,
        load_balancer: (&str, &str),
        fields: Map<String, Value>,
        now: &Moment,
    ) -> Record {
        Record {
            kind,
            id: self.ids.uuid(),
            parent: parent.to_owned(),
            load_balancer: load_balancer.0.to_owned(),
            project: load_balancer.1.to_owned(),
            created: now.without_offset(),
            updated: None,
            provisioning: Provisioning::PendingCreate,
            operating: Operating::Offline,
            fields,
        }
    }

    /// Writes the given attributes over the stored ones.
    pub(super) fn overwrite(&mut self, kind: Kind, id: &str, given: Map<String, Value>) {
        if let Some(record) = self.octavia.store.get_mut(kind, id) {
            record.fields.extend(given);
        }
    }
}

/// Checks the `Accept` header: Octavia responds in JSON only.
fn acceptable(call: &Call) -> Result<(), Reply> {
    let accept = call.header("accept").unwrap_or("*/*");
    let json = |offer: &str| {
        let kind = offer.split(';').next().unwrap_or_default().trim();
        ["*/*", "application/*", "application/json", ""].contains(&kind)
    };
    if accept.split(',').any(json) {
        return Ok(());
    }
    Err(routing_error(406, "Not Acceptable", "Only content type application/json is accepted."))
}
