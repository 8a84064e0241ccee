//! Lists: filters (a repeated one matches any of its values), tags, fields, pagination.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::call::{Call, Caller};
use super::super::reply::{HandlerResult, Reply};
use super::super::tag_filters::{TAG_FILTERS, pass_tag_filters};
use super::network::Neutron;
use super::rbac::SHARED;
use super::resource::{RequestContext, Resource, Row, error, text};

const AUXILIARY: [&str; 6] = ["fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"];

fn columns(resource: Resource) -> impl Iterator<Item = &'static str> {
    let own = match resource {
        Resource::Network => "admin_state_up mtu status shared router:external is_default",
        Resource::Subnet => "network_id ip_version cidr gateway_ip enable_dhcp router:external subnetpool_id shared",
        Resource::Port => {
            "network_id admin_state_up mac_address device_id device_owner status fixed_ips security_groups \
             binding:host_id ip_allocation"
        }
        Resource::SecurityGroup => "stateful shared",
        Resource::QosPolicy => "shared is_default",
        Resource::FloatingIp => {
            "floating_ip_address floating_network_id router_id port_id fixed_ip_address status qos_policy_id"
        }
        Resource::RbacPolicy => "object_id object_type action target_tenant",
    };
    "id name project_id tenant_id description created_at updated_at revision_number changed_since"
        .split_whitespace()
        .filter(move |key| *key != "name" || resource != Resource::FloatingIp)
        .chain(own.split_whitespace())
}

impl Neutron {
    pub(super) fn list(&self, ctx: &RequestContext<'_>, resource: Resource) -> HandlerResult {
        let call = ctx.call;
        let filters: Vec<_> = call
            .query
            .iter()
            .filter(|(key, _)| !AUXILIARY.contains(&key.as_str()) && !TAG_FILTERS.contains(&key.as_str()))
            .collect();
        let unknown: BTreeSet<_> = filters
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| !columns(resource).any(|known| known == *key))
            .collect();
        if !unknown.is_empty() {
            let names: Vec<_> = unknown.iter().map(|name| format!("'{name}'")).collect();
            let text = format!("[{}] is invalid attribute for filtering", names.join(", "));
            return Err(error(400, "HTTPBadRequest", text).into());
        }
        let fits = |row: &Row| {
            self.is_visible(ctx.caller, resource, row)
                && filters
                    .iter()
                    .all(|(key, _)| filters.iter().any(|(other, wanted)| other == key && matches(row, key, wanted)))
                && pass_tag_filters(row.get("tags"), call, str::to_owned)
        };
        let mut rows: Vec<Row> = self
            .rows(resource)
            .into_iter()
            .filter(|row| fits(row))
            .map(|row| self.show(ctx.caller, resource, row))
            .collect();
        if let Some(marker) = call.parameter("marker") {
            rows.retain(|row| text(row, "id") > marker);
        }
        let (_, _, plural) = resource.names();
        let mut body = json!({});
        if let Some(limit) = call.parameter("limit").and_then(|limit| limit.parse::<usize>().ok()).filter(|l| *l > 0) {
            let more = rows.len() > limit;
            rows.truncate(limit);
            body[format!("{plural}_links")] = links(call, limit, &rows, more);
        }
        body[plural] = rows.into_iter().map(|row| Value::Object(pick(row, call))).collect();
        Ok(Reply::json(200, &body))
    }

    /// A row together with its derived attributes.
    pub(super) fn show(&self, caller: &Caller, resource: Resource, row: &Row) -> Row {
        let mut shown = row.clone();
        if resource == Resource::Network {
            let shared = self.allows(&caller.project, text(row, "id"), &[SHARED]);
            shown.insert("shared".into(), shared.into());
        }
        if resource == Resource::FloatingIp {
            let port = self.ports.get(text(row, "port_id"));
            let details = port.map_or(Value::Null, |port| {
                let names =
                    ["name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner"];
                Value::Object(
                    names.iter().filter_map(|name| Some(((*name).to_owned(), port.get(*name)?.clone()))).collect(),
                )
            });
            shown.insert("port_details".into(), details);
        }
        shown
    }
}

fn links(call: &Call, limit: usize, rows: &[Row], more: bool) -> Value {
    let Some(last) = rows.last().filter(|_| more) else { return json!([]) };
    let kept: Vec<_> = call
        .query
        .iter()
        .filter(|(key, _)| key != "marker" && key != "limit")
        .map(|(key, value)| format!("{key}={value}&"))
        .collect();
    let url = format!("{}{}{}", call.base, call.prefix, call.path);
    let href = format!("{url}?{}limit={limit}&marker={}", kept.concat(), text(last, "id"));
    json!([{"rel": "next", "href": href}])
}

fn matches(row: &Row, key: &str, wanted: &str) -> bool {
    match row.get(key) {
        Some(Value::String(value)) => value == wanted,
        Some(Value::Bool(value)) => *value == ["true", "1", "True"].contains(&wanted),
        Some(Value::Number(value)) => value.to_string() == wanted,
        // A filter such as fixed_ips=ip_address=192.0.2.1 or fixed_ips=subnet_id=...
        Some(Value::Array(items)) => {
            wanted.split_once('=').is_some_and(|(field, value)| items.iter().any(|item| item[field] == value))
        }
        Some(Value::Null) | None => wanted.is_empty(),
        Some(Value::Object(_)) => false,
    }
}

pub(super) fn pick(mut row: Row, call: &Call) -> Row {
    let fields = call.parameters("fields");
    if !fields.is_empty() {
        row.retain(|key, _| fields.contains(&key.as_str()));
    }
    row
}
