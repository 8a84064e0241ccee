//! RBAC policies of networks, and the visibility that they grant.

use serde_json::{Value, json};

use super::super::call::Caller;
use super::super::ids::Ids;
use super::super::reply::{HandlerResult, Reply};
use super::network::Neutron;
use super::resource::{RequestContext, Resource, Row, not_authorized, object, read_body, text};

pub(super) const SHARED: &str = "access_as_shared";
pub(super) const EXTERNAL: &str = "access_as_external";

impl Neutron {
    pub(super) fn add_rbac(&mut self, network: &str, owner: &str, action: &str, target: &str, ids: &mut Ids) -> Row {
        let id = ids.uuid();
        let row = object(json!({
            "id": id, "project_id": owner, "tenant_id": owner, "action": action, "object_id": network,
            "object_type": "network", "target_tenant": target,
        }));
        self.rbac.insert(id, row.clone());
        row
    }

    /// True for a network that a project may use by one of these actions.
    pub(super) fn allows(&self, project: &str, network: &str, actions: &[&str]) -> bool {
        let is_for = |row: &Row| ["*", project].contains(&text(row, "target_tenant"));
        let fits = |row: &&Row| text(row, "object_id") == network && actions.contains(&text(row, "action"));
        self.rbac.values().filter(fits).any(is_for)
    }

    /// True for a row that the caller may see. A subnet is shared with its network. An administrator sees the rows of
    /// all projects.
    pub(super) fn is_visible(&self, caller: &Caller, resource: Resource, row: &Row) -> bool {
        let allowed = |network: &str| self.allows(&caller.project, text(row, network), &[SHARED, EXTERNAL]);
        let shared = match resource {
            Resource::Network => allowed("id"),
            Resource::Subnet => allowed("network_id"),
            Resource::RbacPolicy => false,
            _ => row.get("shared") == Some(&Value::Bool(true)),
        };
        caller.is_admin() || text(row, "project_id") == caller.project || shared
    }

    pub(super) fn rbac_post(&mut self, ctx: RequestContext<'_>) -> HandlerResult {
        let given = read_body(ctx.call, "rbac_policy", &["object_type", "object_id", "action", "target_tenant"])?;
        let target = text(&given, "target_tenant");
        if target == "*" && !ctx.caller.is_admin() {
            let rules = "((rule:create_rbac_policy and rule:create_rbac_policy:target_tenant) and \
                         rule:create_rbac_policy:target_project)";
            return Err(not_authorized(rules).into());
        }
        let network = text(&given, "object_id");
        self.find_visible(ctx.caller, Resource::Network, network)?;
        let row = self.add_rbac(network, &ctx.caller.project, text(&given, "action"), target, ctx.ids);
        Ok(Reply::json(201, &json!({"rbac_policy": row})))
    }

    pub(super) fn rbac_delete(&mut self, ctx: &RequestContext<'_>, id: &str) -> HandlerResult {
        self.find_visible(ctx.caller, Resource::RbacPolicy, id)?;
        self.rbac.remove(id);
        Ok(Reply::empty(204))
    }
}
