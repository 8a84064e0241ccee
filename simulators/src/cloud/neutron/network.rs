//! The database of the simulated Neutron, the dispatch of requests by path and method, and the creation of the
//! networks, subnets, groups and QoS policies with which a simulation starts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use http::Method;
use ipnet::IpNet;
use serde_json::json;

use super::super::call::{Caller, decode};
use super::super::clock::Moment;
use super::super::ids::Ids;
use super::super::reply::{HandlerResult, Reply, neutron_error};
use super::resource::{NeutronError, RequestContext, Resource, Row, common, not_authorized, object, text};
use super::{addresses, list, rbac};

#[derive(Debug, Clone)]
pub(crate) struct Subnet {
    pub id: String,
    pub network: String,
    pub cidr: IpNet,
    pub row: Row,
}

/// The simulated Neutron: its rows by id, its quotas and its settings.
#[derive(Debug, Default)]
pub(crate) struct Neutron {
    pub networks: BTreeMap<String, Row>,
    pub subnets: BTreeMap<String, Subnet>,
    pub ports: BTreeMap<String, Row>,
    /// Security groups.
    pub groups: BTreeMap<String, Row>,
    /// QoS policies.
    pub policies: BTreeMap<String, Row>,
    pub floating_ips: BTreeMap<String, Row>,
    /// RBAC policies of networks: the projects that may use them, as shared or as external network.
    pub(super) rbac: BTreeMap<String, Row>,
    /// Addresses in use, by subnet id.
    pub(super) taken: BTreeMap<String, BTreeSet<IpAddr>>,
    /// Subnets that are on no router, so that no floating IP leads to their ports.
    pub unrouted: BTreeSet<String>,
    /// Offset at which the search for a free address continues, by subnet id.
    pub(super) next_offsets: BTreeMap<String, u32>,
    /// Quotas of floating IPs by project. Other projects have `default_quota`; -1 is unlimited.
    pub quotas: BTreeMap<String, i64>,
    pub default_quota: i64,
    /// False for a Neutron without the L3 extension: it returns 404 for requests for floating IPs.
    pub(super) has_l3_extension: bool,
}

impl Neutron {
    pub fn new(default_quota: i64, has_l3_extension: bool) -> Self {
        Self { default_quota, has_l3_extension, ..Self::default() }
    }

    /// Handles a request of Neutron's API.
    pub fn handle(&mut self, ctx: RequestContext<'_>) -> HandlerResult {
        let segments = ctx.call.segments();
        let rest: Vec<&str> = match segments.as_slice() {
            ["v2.0"] => return Ok(Reply::json(200, &json!({"resources": []}))),
            // Neutron has QoS policies below /v2.0/qos, and everything else below /v2.0.
            ["v2.0", "qos", rest @ ..] | ["v2.0", rest @ ..] => rest.to_vec(),
            [] => return Ok(Reply::json(200, &json!({"versions": [{"id": "v2.0", "status": "CURRENT"}]}))),
            _ => return Err(unknown_path()),
        };
        if let ["quotas", project] = rest.as_slice() {
            return self.quota_call(&ctx, project);
        }
        let is_supported = |resource: &Resource| self.has_l3_extension || *resource != Resource::FloatingIp;
        let is_in_path = |resource: &Resource| Some(&resource.names().0) == rest.first();
        let Some(resource) = Resource::ALL.into_iter().filter(is_supported).find(is_in_path) else {
            return Err(unknown_path());
        };
        if ctx.call.method != Method::GET && !ctx.caller.writes(&ctx.caller.project) {
            let action = write_action(&ctx.call.method);
            return Err(not_authorized(&format!("rule:{action}_{}", resource.names().1)).into());
        }
        match (&ctx.call.method, &rest[1..], resource) {
            (&Method::GET, [], _) => self.list(&ctx, resource),
            (&Method::GET, [id], _) => {
                let row = self.find_visible(ctx.caller, resource, id)?;
                let shown = list::pick(self.show(ctx.caller, resource, row), ctx.call);
                Ok(Reply::json(200, &json!({resource.names().1: shown})))
            }
            (_, [id, "tags", tags @ ..], _) => {
                let (id, tags) = ((*id).to_owned(), tags.iter().map(|tag| decode(tag)).collect::<Vec<_>>());
                self.tags_call(&ctx, resource, &id, &tags)
            }
            (&Method::POST, [], Resource::FloatingIp) => self.floating_ip_post(ctx),
            (&Method::PUT, [id], Resource::FloatingIp) => self.floating_ip_put(&ctx, id),
            (&Method::DELETE, [id], Resource::FloatingIp) => self.floating_ip_delete(&ctx, id),
            (&Method::POST, [], Resource::Port) => self.port_post(ctx),
            (&Method::PUT, [id], Resource::Port) => self.port_put(&ctx, id),
            (&Method::DELETE, [id], Resource::Port) => self.port_delete(&ctx, id),
            (&Method::POST, [], Resource::RbacPolicy) => self.rbac_post(ctx),
            (&Method::DELETE, [id], Resource::RbacPolicy) => self.rbac_delete(&ctx, id),
            _ => Err(neutron_error(405, "HTTPMethodNotAllowed", METHOD_NOT_ALLOWED)),
        }
    }

    /// Shows, sets or resets the quotas of a project, of which only the one of floating IPs can change. A user reads the
    /// quotas of its own project, and an administrator does everything in every project
    /// (`neutron/conf/policies/quotas.py`).
    pub(super) fn quota_call(&mut self, ctx: &RequestContext<'_>, project: &str) -> HandlerResult {
        let method = &ctx.call.method;
        let is_own_read = *method == Method::GET && ctx.caller.project == project;
        if !ctx.caller.is_admin() && !is_own_read {
            let action = if *method == Method::GET { "get" } else { write_action(method) };
            return Err(not_authorized(&format!("rule:{action}_quota")).into());
        }
        if *method == Method::DELETE {
            let text = format!("Quota for project {project} could not be found.");
            return match self.quotas.remove(project) {
                Some(_) => Ok(Reply::empty(204)),
                None => Err(neutron_error(404, "TenantQuotaNotFound", text)),
            };
        }
        if *method == Method::PUT {
            let body = ctx.call.json().unwrap_or_default();
            if let Some(limit) = body["quota"]["floatingip"].as_i64() {
                self.quotas.insert(project.to_owned(), limit);
            }
        }
        Ok(Reply::json(200, &json!({"quota": {"floatingip": self.floating_ip_limit(project), "port": -1}})))
    }

    pub(crate) fn rows(&self, resource: Resource) -> Vec<&Row> {
        match resource {
            Resource::Network => self.networks.values().collect(),
            Resource::Subnet => self.subnets.values().map(|subnet| &subnet.row).collect(),
            Resource::Port => self.ports.values().collect(),
            Resource::SecurityGroup => self.groups.values().collect(),
            Resource::QosPolicy => self.policies.values().collect(),
            Resource::FloatingIp => self.floating_ips.values().collect(),
            Resource::RbacPolicy => self.rbac.values().collect(),
        }
    }

    pub(super) fn row(&self, resource: Resource, id: &str) -> Option<&Row> {
        match resource {
            Resource::Network => self.networks.get(id),
            Resource::Subnet => self.subnets.get(id).map(|subnet| &subnet.row),
            Resource::Port => self.ports.get(id),
            Resource::SecurityGroup => self.groups.get(id),
            Resource::QosPolicy => self.policies.get(id),
            Resource::FloatingIp => self.floating_ips.get(id),
            Resource::RbacPolicy => self.rbac.get(id),
        }
    }

    pub(super) fn row_mut(&mut self, resource: Resource, id: &str) -> Option<&mut Row> {
        match resource {
            Resource::Network => self.networks.get_mut(id),
            Resource::Subnet => self.subnets.get_mut(id).map(|subnet| &mut subnet.row),
            Resource::Port => self.ports.get_mut(id),
            Resource::SecurityGroup => self.groups.get_mut(id),
            Resource::QosPolicy => self.policies.get_mut(id),
            Resource::FloatingIp => self.floating_ips.get_mut(id),
            Resource::RbacPolicy => self.rbac.get_mut(id),
        }
    }

    /// An object that the caller may see. An object of another project is not found.
    pub(super) fn find_visible(&self, caller: &Caller, resource: Resource, id: &str) -> Result<&Row, NeutronError> {
        self.row(resource, id)
            .filter(|row| self.is_visible(caller, resource, row))
            .ok_or_else(|| resource.not_found(id))
    }

    pub fn sees_network(&self, caller: &Caller, id: &str) -> bool {
        self.find_visible(caller, Resource::Network, id).is_ok()
    }

    pub fn sees_subnet(&self, caller: &Caller, id: &str) -> bool {
        self.find_visible(caller, Resource::Subnet, id).is_ok()
    }

    pub fn sees_policy(&self, caller: &Caller, id: &str) -> bool {
        self.find_visible(caller, Resource::QosPolicy, id).is_ok()
    }

    pub fn sees_group(&self, caller: &Caller, id: &str) -> bool {
        self.find_visible(caller, Resource::SecurityGroup, id).is_ok()
    }

    pub fn visible_port(&self, caller: &Caller, id: &str) -> Option<&Row> {
        self.find_visible(caller, Resource::Port, id).ok()
    }

    pub fn subnets_of(&self, network: &str) -> Vec<&Subnet> {
        self.subnets.values().filter(|subnet| subnet.network == network).collect()
    }

    /// The id of the network of a subnet; empty if there is no such subnet.
    pub fn subnet_network(&self, subnet: &str) -> String {
        self.subnets.get(subnet).map(|subnet| subnet.network.clone()).unwrap_or_default()
    }

    pub fn add_network(&mut self, name: &str, project: &str, external: bool, ids: &mut Ids, now: &Moment) -> String {
        let id = ids.uuid();
        let mut row = common(&id, name, project, now);
        row.extend(object(json!({
            "admin_state_up": true, "mtu": 1500, "status": "ACTIVE", "subnets": [], "shared": false,
            "router:external": external, "port_security_enabled": true, "qos_policy_id": null,
            "availability_zone_hints": [], "availability_zones": [], "is_default": false,
        })));
        self.networks.insert(id.clone(), row);
        if external {
            // Neutron opens an external network to all projects by such a policy (neutron/db/external_net_db.py).
            self.add_rbac(&id, project, rbac::EXTERNAL, "*", ids);
        }
        id
    }

    pub fn add_subnet(&mut self, name: &str, network: &str, cidr: IpNet, ids: &mut Ids, now: &Moment) -> String {
        let id = ids.uuid();
        let owner = self.networks.get(network).map(|row| text(row, "project_id").to_owned()).unwrap_or_default();
        let external = self.networks.get(network).is_some_and(|row| row["router:external"] == true);
        let gateway = addresses::gateway(&cidr);
        let mut row = common(&id, name, &owner, now);
        let version = if cidr.addr().is_ipv4() { 4 } else { 6 };
        row.extend(object(json!({
            "network_id": network, "ip_version": version, "cidr": cidr.to_string(), "gateway_ip": gateway.to_string(),
            "enable_dhcp": !external, "router:external": external, "subnetpool_id": null, "host_routes": [],
            "dns_nameservers": [], "service_types": [], "allocation_pools": [],
        })));
        if let Some(subnets) = self.networks.get_mut(network).and_then(|row| row["subnets"].as_array_mut()) {
            subnets.push(id.clone().into());
        }
        // The gateway's address goes to no port.
        self.taken.entry(id.clone()).or_default().insert(gateway);
        self.subnets.insert(id.clone(), Subnet { id: id.clone(), network: network.to_owned(), cidr, row });
        id
    }

    /// Adds a security group.
    pub fn add_group(&mut self, name: &str, project: &str, ids: &mut Ids, now: &Moment) -> String {
        let id = ids.uuid();
        let mut row = common(&id, name, project, now);
        row.extend(object(json!({"stateful": true, "shared": false, "security_group_rules": []})));
        self.groups.insert(id.clone(), row);
        id
    }

    /// Adds a QoS policy that all projects may use.
    pub fn add_policy(&mut self, name: &str, project: &str, ids: &mut Ids, now: &Moment) -> String {
        let id = ids.uuid();
        let mut row = common(&id, name, project, now);
        row.extend(object(json!({"shared": true, "is_default": false, "rules": []})));
        self.policies.insert(id.clone(), row);
        id
    }
}

/// The action of a write in the names of Neutron's policies.
fn write_action(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::DELETE => "delete",
        _ => "update",
    }
}

const METHOD_NOT_ALLOWED: &str =
    "The server could not comply with the request since it is either malformed or otherwise incorrect.";

fn unknown_path() -> Reply {
    neutron_error(404, "HTTPNotFound", "The resource could not be found.")
}
