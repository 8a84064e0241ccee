//! Ports, both those of tenants and those that Octavia creates.

use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::ids::Ids;
use super::super::reply::{HandlerResult, Reply, neutron_error};
use super::network::Neutron;
use super::resource::{NeutronError, RequestContext, Resource, Row, common, error, object, read_body, text, touch};

const POST: [&str; 15] = [
    "network_id",
    "name",
    "description",
    "fixed_ips",
    "security_groups",
    "admin_state_up",
    "device_id",
    "device_owner",
    "qos_policy_id",
    "tags",
    "project_id",
    "tenant_id",
    "port_security_enabled",
    "binding:vnic_type",
    "allowed_address_pairs",
];

/// A port to be created.
pub(crate) struct NewPort<'a> {
    pub project: &'a str,
    pub network: &'a str,
    pub name: String,
    /// device_id and device_owner.
    pub device: (String, String),
    pub admin_state_up: bool,
    /// Subnet and address, the latter empty for any.
    pub fixed_ips: Vec<(String, String)>,
}

/// Subnet and address of each fixed IP.
pub(crate) fn fixed_ips(port: &Row) -> Vec<(String, String)> {
    let ips = port.get("fixed_ips").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    ips.map(|ip| (text(ip, "subnet_id").to_owned(), text(ip, "ip_address").to_owned())).collect()
}

impl Neutron {
    pub fn make_port(&mut self, wanted: NewPort<'_>, ids: &mut Ids, now: &Moment) -> Result<String, NeutronError> {
        let mut taken: Vec<(String, String)> = Vec::new();
        for (subnet, address) in &wanted.fixed_ips {
            match self.take_address(subnet, address) {
                Ok(address) => taken.push((subnet.clone(), address)),
                Err(error) => {
                    taken.iter().for_each(|(subnet, address)| self.free(subnet, address));
                    return Err(error);
                }
            }
        }
        let id = ids.uuid();
        let mut row = common(&id, &wanted.name, wanted.project, now);
        let ips: Vec<_> = taken.iter().map(|(subnet, ip)| json!({"subnet_id": subnet, "ip_address": ip})).collect();
        let group = self.default_group(wanted.project);
        let mac = ids.hex();
        row.extend(object(json!({
            "network_id": wanted.network,
            "mac_address": format!("fa:16:3e:{}:{}:{}", &mac[..2], &mac[2..4], &mac[4..6]),
            "admin_state_up": wanted.admin_state_up, "status": "DOWN", "device_id": wanted.device.0,
            "device_owner": wanted.device.1, "fixed_ips": ips, "port_security_enabled": true, "qos_policy_id": null,
            "security_groups": group, "binding:vnic_type": "normal", "allowed_address_pairs": [],
            "extra_dhcp_opts": [], "qos_network_policy_id": null, "ip_allocation": "immediate",
        })));
        self.ports.insert(id.clone(), row);
        Ok(id)
    }

    fn default_group(&self, project: &str) -> Vec<&str> {
        let own = |row: &&Row| text(row, "project_id") == project && text(row, "name") == "default";
        self.groups.values().find(own).map(|row| text(row, "id")).into_iter().collect()
    }

    /// Adds Octavia's security group to a tenant's VIP port, as Octavia does, and leaves device and owner empty.
    pub fn take_over(&mut self, port: &str, ids: &mut Ids) {
        if let Some(row) = self.ports.get_mut(port) {
            row.insert("security_groups".into(), json!([ids.uuid()]));
        }
    }

    pub fn remove_port(&mut self, id: &str, now: &Moment) {
        let Some(port) = self.ports.remove(id) else { return };
        for (subnet, address) in fixed_ips(&port) {
            self.free(&subnet, &address);
        }
        for row in self.floating_ips.values_mut().filter(|row| text(row, "port_id") == id) {
            for field in ["port_id", "fixed_ip_address", "router_id"] {
                row.insert(field.into(), Value::Null);
            }
            touch(row, now);
        }
    }

    pub(super) fn port_post(&mut self, ctx: RequestContext<'_>) -> HandlerResult {
        let given = read_body(ctx.call, "port", &POST)?;
        let network = text(&given, "network_id").to_owned();
        if network.is_empty() {
            let text = "Failed to parse request. Required attribute 'network_id' not specified";
            return Err(neutron_error(400, "HTTPBadRequest", text));
        }
        self.find_visible(ctx.caller, Resource::Network, &network)?;
        let mut ips = fixed_ips(&given);
        if ips.is_empty() {
            // Neutron's choice: one address of the first IPv4 subnet, and one of the first IPv6 subnet.
            let subnets = self.subnets_of(&network);
            let first = |v4: bool| subnets.iter().find(|subnet| subnet.cidr.addr().is_ipv4() == v4);
            ips = [true, false].into_iter().filter_map(first).map(|s| (s.id.clone(), String::new())).collect();
        }
        for (subnet, address) in &mut ips {
            self.complete_fixed_ip(&network, subnet, address)?;
        }
        let wanted = NewPort {
            project: &ctx.caller.project,
            network: &network,
            name: text(&given, "name").to_owned(),
            device: (text(&given, "device_id").to_owned(), text(&given, "device_owner").to_owned()),
            admin_state_up: given.get("admin_state_up").and_then(Value::as_bool).unwrap_or(true),
            fixed_ips: ips,
        };
        let id = self.make_port(wanted, ctx.ids, ctx.now)?;
        if let Some(row) = self.ports.get_mut(&id) {
            // Neutron drops the tags of a POST silently.
            let kept = ["description", "security_groups", "qos_policy_id"];
            row.extend(given.into_iter().filter(|(key, _)| kept.contains(&key.as_str())));
            return Ok(Reply::json(201, &json!({"port": row})));
        }
        Err(neutron_error(404, "PortNotFound", format!("Port {id} could not be found.")))
    }

    /// Completes a fixed IP: an address without a subnet gets the subnet that contains it.
    fn complete_fixed_ip(&self, network: &str, subnet: &mut String, address: &str) -> Result<(), NeutronError> {
        let subnets = self.subnets_of(network);
        if subnet.is_empty() {
            let parsed = address.parse::<std::net::IpAddr>().ok();
            let found = subnets.iter().find(|subnet| parsed.is_some_and(|address| subnet.cidr.contains(&address)));
            match found {
                Some(found) => subnet.clone_from(&found.id),
                None => {
                    let text = format!(
                        "IP address {address} is not a valid IP for any of the subnets on the specified network."
                    );
                    return Err(error(400, "InvalidIpForNetwork", text));
                }
            }
        }
        if subnets.iter().any(|known| known.id == *subnet) {
            return Ok(());
        }
        let text = format!(
            "Invalid input for operation: Failed to create port on network {network}, because fixed_ips \
             included invalid subnet {subnet}."
        );
        Err(error(400, "InvalidInput", text))
    }

    pub(super) fn port_put(&mut self, ctx: &RequestContext<'_>, id: &str) -> HandlerResult {
        self.find_visible(ctx.caller, Resource::Port, id)?;
        let known =
            ["name", "description", "admin_state_up", "device_id", "device_owner", "security_groups", "qos_policy_id"];
        let given = read_body(ctx.call, "port", &known)?;
        let row = self.ports.get_mut(id).ok_or_else(|| Resource::Port.not_found(id))?;
        row.extend(given);
        touch(row, ctx.now);
        Ok(Reply::json(200, &json!({"port": row})))
    }

    pub(super) fn port_delete(&mut self, ctx: &RequestContext<'_>, id: &str) -> HandlerResult {
        self.find_visible(ctx.caller, Resource::Port, id)?;
        self.remove_port(id, ctx.now);
        Ok(Reply::empty(204))
    }
}
