//! Floating IPs, and the tags of all Neutron resources.

use http::Method;
use serde_json::{Value, json};

use super::super::reply::{HandlerResult, Reply, neutron_error};
use super::network::Neutron;
use super::ports::fixed_ips;
use super::resource::{
    NeutronError, RequestContext, Resource, Row, common, error, not_authorized, object, read_body, text, touch,
};

const POST: [&str; 11] = [
    "floating_network_id",
    "port_id",
    "fixed_ip_address",
    "floating_ip_address",
    "subnet_id",
    "description",
    "qos_policy_id",
    "project_id",
    "tenant_id",
    "dns_name",
    "dns_domain",
];
const PUT: [&str; 4] = ["port_id", "fixed_ip_address", "description", "qos_policy_id"];

impl Neutron {
    pub fn floating_ip_limit(&self, project: &str) -> i64 {
        self.quotas.get(project).copied().unwrap_or(self.default_quota)
    }

    pub(super) fn floating_ip_post(&mut self, ctx: RequestContext<'_>) -> HandlerResult {
        let bad = |text: &str| neutron_error(400, "HTTPBadRequest", text);
        if ctx.call.json().is_some_and(|body| body["floatingip"].get("tags").is_some()) {
            return Err(bad("Attribute 'tags' not allowed in POST"));
        }
        let given = read_body(ctx.call, "floatingip", &POST)?;
        let network = text(&given, "floating_network_id").to_owned();
        if network.is_empty() {
            return Err(bad("Failed to parse request. Required attribute 'floating_network_id' not specified"));
        }
        let wanted = text(&given, "floating_ip_address").to_owned();
        if !wanted.is_empty() && !ctx.caller.is_admin() {
            let rules = "(rule:create_floatingip and rule:create_floatingip:floating_ip_address)";
            return Err(not_authorized(rules).into());
        }
        self.check_floating_quota(&ctx.caller.project)?;
        let row = self.find_visible(ctx.caller, Resource::Network, &network)?;
        if row["router:external"] != true {
            let text = format!("Bad floatingip request: Network {network} is not a valid external network.");
            return Err(neutron_error(400, "BadRequest", text));
        }
        let subnet = self.floating_subnet(&network, text(&given, "subnet_id"))?;
        let address = self.take_address(&subnet, &wanted).map_err(no_address(&network))?;
        let id = ctx.ids.uuid();
        let mut row = common(&id, "", &ctx.caller.project, ctx.now);
        row.remove("name");
        row.extend(object(json!({
            "floating_ip_address": address, "floating_network_id": network, "router_id": null, "port_id": null,
            "fixed_ip_address": null, "status": "DOWN", "qos_policy_id": given.get("qos_policy_id"),
            "port_forwardings": [], "description": text(&given, "description"),
        })));
        if let Err(error) = self.associate(&ctx, &mut row, &given) {
            self.free(&subnet, &address);
            return Err(error.into());
        }
        self.floating_ips.insert(id, row.clone());
        Ok(Reply::json(201, &json!({"floatingip": self.show(ctx.caller, Resource::FloatingIp, &row)})))
    }

    /// The subnet of an external network from which a floating IP is allocated: that of the wanted address, else the
    /// first.
    fn floating_subnet(&self, network: &str, wanted: &str) -> Result<String, NeutronError> {
        let subnets = self.subnets_of(network);
        let found = subnets.iter().find(|subnet| wanted.is_empty() || subnet.id == wanted);
        found.map(|subnet| subnet.id.clone()).ok_or_else(|| {
            let text = format!("Unable to find any IP address on external network {network}.");
            error(400, "ExternalIpAddressExhausted", text)
        })
    }

    fn check_floating_quota(&self, project: &str) -> Result<(), NeutronError> {
        let own = self.floating_ips.values().filter(|row| text(row, "project_id") == project).count();
        match usize::try_from(self.floating_ip_limit(project)) {
            Ok(limit) if own >= limit => Err(error(409, "OverQuota", "Quota exceeded for resources: ['floatingip'].")),
            _ => Ok(()),
        }
    }

    /// Associates a floating IP with the port in a body. A null port disassociates it.
    fn associate(&self, ctx: &RequestContext<'_>, row: &mut Row, given: &Row) -> Result<(), NeutronError> {
        let Some(port_id) = given.get("port_id") else { return Ok(()) };
        let Some(port_id) = port_id.as_str() else {
            for field in ["port_id", "fixed_ip_address", "router_id"] {
                row.insert(field.into(), Value::Null);
            }
            return Ok(());
        };
        let port = self.find_visible(ctx.caller, Resource::Port, port_id)?;
        let fixed = self.fixed_address(port_id, port, text(given, "fixed_ip_address"))?;
        let network = text(row, "floating_network_id");
        self.check_route(network, port, &fixed)?;
        let rival = self.floating_ips.values().find(|other| {
            text(other, "id") != text(row, "id")
                && text(other, "port_id") == port_id
                && text(other, "fixed_ip_address") == fixed
                && text(other, "floating_network_id") == network
        });
        if rival.is_some() {
            let (address, id) = (text(row, "floating_ip_address"), text(row, "id"));
            return Err(error(
                409,
                "FloatingIPPortAlreadyAssociated",
                format!(
                    "Cannot associate floating IP {address} ({id}) with port {port_id} using fixed IP {fixed}, as that \
                     fixed IP already has a floating IP on external network {network}."
                ),
            ));
        }
        row.insert("port_id".into(), port_id.into());
        row.insert("fixed_ip_address".into(), fixed.into());
        row.insert("router_id".into(), self.router_id().into());
        Ok(())
    }

    /// Checks that a router has its gateway on the external network and an interface on the port's subnet
    /// (`get_router_for_floatingip`).
    fn check_route(&self, network: &str, port: &Row, fixed: &str) -> Result<(), NeutronError> {
        let subnet = fixed_ips(port).into_iter().find(|(_, address)| address == fixed).map(|(subnet, _)| subnet);
        let Some(subnet) = subnet.and_then(|id| self.subnets.get(&id)) else { return Ok(()) };
        if subnet.row["router:external"] != true && !self.unrouted.contains(&subnet.id) {
            return Ok(());
        }
        let text = format!(
            "External network {network} is not reachable from subnet {}.  Therefore, cannot associate Port {} with a \
             Floating IP.",
            subnet.id,
            text(port, "id"),
        );
        Err(error(404, "ExternalGatewayForFloatingIPNotFound", text))
    }

    /// The id of the only router, derived from the smallest network id.
    fn router_id(&self) -> String {
        self.networks.keys().next().cloned().unwrap_or_default()
    }

    fn fixed_address(&self, id: &str, port: &Row, wanted: &str) -> Result<String, NeutronError> {
        let bad = |text: String| error(400, "BadRequest", format!("Bad floatingip request: {text}"));
        let ips: Vec<String> = fixed_ips(port).into_iter().map(|(_, address)| address).collect();
        if !wanted.is_empty() {
            let found = ips.iter().find(|address| *address == wanted).cloned();
            return found.ok_or_else(|| bad(format!("Port {id} does not have fixed ip {wanted}.")));
        }
        let v4: Vec<_> = ips.iter().filter(|address| !address.contains(':')).collect();
        match v4.as_slice() {
            [] => Err(bad(format!("Cannot add floating IP to port {id} that has no fixed IPv4 addresses."))),
            [one] => Ok((*one).clone()),
            _ => Err(bad(format!(
                "Port {id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a \
                 floating IP."
            ))),
        }
    }

    pub(super) fn floating_ip_put(&mut self, ctx: &RequestContext<'_>, id: &str) -> HandlerResult {
        let mut row = self.find_visible(ctx.caller, Resource::FloatingIp, id)?.clone();
        let body = ctx.call.json().unwrap_or_default();
        let read_only = |key: &&String| {
            ["tags", "floating_network_id", "floating_ip_address", "status", "router_id", "id"].contains(&key.as_str())
        };
        if let Some(field) = body["floatingip"].as_object().into_iter().flat_map(|given| given.keys()).find(read_only) {
            return Err(neutron_error(400, "HTTPBadRequest", format!("Cannot update read-only attribute {field}")));
        }
        let given = read_body(ctx.call, "floatingip", &PUT)?;
        check_revision(ctx, &row)?;
        self.associate(ctx, &mut row, &given)?;
        for field in ["description", "qos_policy_id"] {
            if let Some(value) = given.get(field) {
                row.insert(field.into(), value.clone());
            }
        }
        touch(&mut row, ctx.now);
        self.floating_ips.insert(id.to_owned(), row.clone());
        Ok(Reply::json(200, &json!({"floatingip": self.show(ctx.caller, Resource::FloatingIp, &row)})))
    }

    pub(super) fn floating_ip_delete(&mut self, ctx: &RequestContext<'_>, id: &str) -> HandlerResult {
        check_revision(ctx, self.find_visible(ctx.caller, Resource::FloatingIp, id)?)?;
        if let Some(row) = self.floating_ips.remove(id) {
            let subnets: Vec<String> =
                self.subnets_of(text(&row, "floating_network_id")).iter().map(|subnet| subnet.id.clone()).collect();
            for subnet in subnets {
                self.free(&subnet, text(&row, "floating_ip_address"));
            }
        }
        Ok(Reply::empty(204))
    }

    /// Handles /v2.0/{collection}/{id}/tags and below.
    pub(super) fn tags_call(
        &mut self,
        ctx: &RequestContext<'_>,
        resource: Resource,
        id: &str,
        rest: &[String],
    ) -> HandlerResult {
        // Neutron's tags plugin crashes when the object is missing.
        self.find_visible(ctx.caller, resource, id).map_err(|_| {
            let text = "Request Failed: internal server error while processing your request.";
            neutron_error(500, "HTTPInternalServerError", text)
        })?;
        let Some(row) = self.row_mut(resource, id) else { return Err(resource.not_found(id).into()) };
        let mut tags: Vec<String> =
            row["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let (reply, changed) = match (&ctx.call.method, rest) {
            (&Method::GET, []) => (Reply::json(200, &json!({"tags": tags})), false),
            (&Method::GET, [tag]) if tags.contains(tag) => (Reply::empty(204), false),
            (&Method::PUT, []) => {
                let body = ctx.call.json().unwrap_or_default();
                let Some(list) = body["tags"].as_array() else {
                    let shown = super::super::octavia::python_repr(&body["tags"]);
                    let text = format!("Invalid input for operation: {shown} is not a list.");
                    return Err(neutron_error(400, "InvalidInput", text));
                };
                tags = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                (Reply::json(200, &json!({"tags": tags})), true)
            }
            (&Method::PUT, [tag]) => {
                tags.push(tag.clone());
                (Reply::json(201, &Value::Null), true)
            }
            (&Method::DELETE, []) => {
                tags.clear();
                (Reply::empty(204), true)
            }
            (&Method::DELETE, [tag]) if tags.contains(tag) => {
                tags.retain(|other| other != tag);
                (Reply::empty(204), true)
            }
            (_, [tag]) => return Err(neutron_error(404, "TagNotFound", format!("Tag {tag} could not be found."))),
            _ => return Err(neutron_error(404, "HTTPNotFound", "The resource could not be found.")),
        };
        if changed {
            tags.sort();
            tags.dedup();
            row.insert("tags".into(), tags.into());
            touch(row, ctx.now);
        }
        Ok(reply)
    }
}

/// Checks the `If-Match` header of Neutron's extension `revision-if-match`.
fn check_revision(ctx: &RequestContext<'_>, row: &Row) -> Result<(), NeutronError> {
    let wanted = ctx
        .call
        .header("if-match")
        .and_then(|text| text.strip_prefix("revision_number="))
        .and_then(|n| n.parse::<i64>().ok());
    let now = row["revision_number"].as_i64().unwrap_or_default();
    match wanted {
        Some(wanted) if wanted != now => {
            let text = format!("Constrained to {wanted}, but current revision is {now}");
            Err(error(412, "RevisionNumberConstraintFailed", text))
        }
        _ => Ok(()),
    }
}

fn no_address(network: &str) -> impl Fn(NeutronError) -> Reply {
    let network = network.to_owned();
    move |error| {
        if error.kind == "IpAddressGenerationFailure" {
            let text = format!("Unable to find any IP address on external network {network}.");
            return neutron_error(400, "ExternalIpAddressExhausted", text);
        }
        error.into()
    }
}
