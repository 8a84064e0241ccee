//! Addresses of a load balancer (`_validate_vip_request_object` and the Neutron driver).

use serde_json::{Map, Value, json};

use super::super::neutron::NewPort;
use super::super::reply::{Reply, fault, invalid};
use super::super::world::World;
use super::checks::text;
use super::{Context, Record};

/// The VIP of a request, as far as it is known before its port exists.
#[derive(Debug, Default)]
pub(super) struct Vip {
    port: String,
    network: String,
    subnet: String,
    address: String,
    qos_policy: Option<String>,
    groups: Value,
    /// Subnet and address of additional VIPs.
    more: Vec<(String, String)>,
}

impl World {
    pub(super) fn choose_vip(&self, ctx: Context<'_>, given: &Map<String, Value>) -> Result<Vip, Reply> {
        let own = |name: &str| text(given, name).to_owned();
        let mut vip = Vip {
            port: own("vip_port_id"),
            network: own("vip_network_id"),
            subnet: own("vip_subnet_id"),
            address: own("vip_address"),
            qos_policy: given.get("vip_qos_policy_id").and_then(Value::as_str).map(str::to_owned),
            groups: given.get("vip_sg_ids").filter(|ids| ids.is_array()).cloned().unwrap_or_else(|| json!([])),
            more: additional(given),
        };
        if !vip.port.is_empty() {
            self.vip_of_port(ctx, &mut vip, given.contains_key("vip_qos_policy_id"))?;
        } else if !vip.network.is_empty() {
            self.vip_of_network(ctx, &mut vip)?;
        } else if !vip.subnet.is_empty() {
            vip.network = self.subnet_network(ctx, &vip.subnet)?;
        } else {
            return Err(invalid("VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id."));
        }
        if let Some(policy) = given.get("vip_qos_policy_id").and_then(Value::as_str) {
            self.check_qos_policy(ctx, policy)?;
        }
        self.check_more_vips(&vip)?;
        self.check_groups(ctx, given)?;
        Ok(vip)
    }

    fn subnet_network(&self, ctx: Context<'_>, subnet: &str) -> Result<String, Reply> {
        if !self.neutron.sees_subnet(ctx.caller, subnet) {
            return Err(fault(400, format!("Subnet {subnet} not found.")));
        }
        Ok(self.neutron.subnet_network(subnet))
    }

    fn vip_of_port(&self, ctx: Context<'_>, vip: &mut Vip, has_policy: bool) -> Result<(), Reply> {
        let Some(port) = self.neutron.visible_port(ctx.caller, &vip.port) else {
            return Err(fault(400, format!("Port {} not found.", vip.port)));
        };
        let device = text(port, "device_id");
        if !device.is_empty() {
            return Err(invalid(format!("Port {} is already used by device {device} ", vip.port)));
        }
        vip.network = text(port, "network_id").to_owned();
        if !has_policy {
            vip.qos_policy = port.get("qos_policy_id").and_then(Value::as_str).map(str::to_owned);
        }
        let fixed: Vec<(String, String)> = super::super::neutron::fixed_ips(port);
        if !vip.subnet.is_empty() {
            self.subnet_network(ctx, &vip.subnet)?;
            match fixed.iter().find(|(subnet, _)| *subnet == vip.subnet) {
                Some((_, address)) => vip.address.clone_from(address),
                None if vip.address.is_empty() => {
                    return Err(invalid("No VIP address found on the specified VIP port within the specified subnet."));
                }
                None => {}
            }
        } else if !vip.address.is_empty() {
            let same = |(_, address): &&(String, String)| {
                address.parse::<std::net::IpAddr>().ok() == vip.address.parse::<std::net::IpAddr>().ok()
            };
            let found = fixed.iter().find(same);
            let (subnet, _) =
                found.ok_or_else(|| invalid("Specified VIP address not found on the specified VIP port."))?;
            vip.subnet.clone_from(subnet);
        } else if let [(subnet, address)] = fixed.as_slice() {
            vip.subnet.clone_from(subnet);
            vip.address.clone_from(address);
        } else {
            return Err(invalid(
                "VIP port's subnet could not be determined. Please specify either a VIP subnet or address.",
            ));
        }
        Ok(())
    }

    fn vip_of_network(&self, ctx: Context<'_>, vip: &mut Vip) -> Result<(), Reply> {
        if !self.neutron.sees_network(ctx.caller, &vip.network) {
            return Err(fault(400, format!("Network {} not found.", vip.network)));
        }
        let subnets = self.neutron.subnets_of(&vip.network);
        if !vip.subnet.is_empty() {
            if !subnets.iter().any(|subnet| subnet.id == vip.subnet) {
                return Err(fault(400, format!("Subnet {} not found.", vip.subnet)));
            }
            return Ok(());
        }
        let found = match vip.address.parse::<std::net::IpAddr>() {
            Ok(address) => subnets
                .iter()
                .find(|subnet| subnet.cidr.contains(&address))
                .ok_or_else(|| invalid("Supplied network does not contain a subnet for VIP address specified."))?,
            // Octavia's choice: the first IPv4 subnet, else the first.
            Err(_) => subnets
                .iter()
                .find(|subnet| subnet.cidr.addr().is_ipv4())
                .or(subnets.first())
                .ok_or_else(|| invalid("Supplied network does not contain a subnet."))?,
        };
        vip.subnet.clone_from(&found.id);
        Ok(())
    }

    fn check_more_vips(&self, vip: &Vip) -> Result<(), Reply> {
        let mut subnets = vec![vip.subnet.as_str()];
        for (subnet, _) in &vip.more {
            if subnets.contains(&subnet.as_str()) {
                return Err(invalid("Duplicate VIP subnet(s) specified. Only one IP can be bound per subnet."));
            }
            subnets.push(subnet);
        }
        if let Some(unknown) = subnets.iter().find(|subnet| !self.neutron.subnets.contains_key(**subnet)) {
            return Err(invalid(format!("Subnet {unknown} not found")));
        }
        if subnets.iter().any(|subnet| self.neutron.subnet_network(subnet) != vip.network) {
            return Err(invalid("All VIP subnets must belong to the same network."));
        }
        Ok(())
    }

    pub(super) fn check_qos_policy(&self, ctx: Context<'_>, policy: &str) -> Result<(), Reply> {
        if self.neutron.sees_policy(ctx.caller, policy) {
            return Ok(());
        }
        Err(fault(400, format!("qos_policy {policy} not found.")))
    }

    pub(super) fn check_groups(&self, ctx: Context<'_>, given: &Map<String, Value>) -> Result<(), Reply> {
        let groups = given.get("vip_sg_ids").and_then(Value::as_array).into_iter().flatten();
        match groups.filter_map(Value::as_str).find(|group| !self.neutron.sees_group(ctx.caller, group)) {
            Some(group) => Err(fault(400, format!("Security Group {group} not found."))),
            None => Ok(()),
        }
    }

    /// Creates the VIP port, or uses the tenant's, and writes the addresses into the row. Returns true when Octavia
    /// owns the port.
    pub(super) fn allocate_vip(&mut self, ctx: Context<'_>, lb: &mut Record, vip: Vip) -> Result<bool, Reply> {
        let owned = vip.port.is_empty();
        let port = if owned { self.make_vip_port(ctx, lb, &vip)? } else { vip.port.clone() };
        let fixed = self.neutron.ports.get(&port).map(super::super::neutron::fixed_ips).unwrap_or_default();
        let address_in = |subnet: &str| fixed.iter().find(|(known, _)| known == subnet).map(|(_, address)| address);
        let address = address_in(&vip.subnet).cloned().unwrap_or(vip.address);
        // A subnet without an address on the tenant's own port leads to a VIP without one.
        let more: Vec<_> = vip
            .more
            .iter()
            .map(|(subnet, _)| json!({"subnet_id": subnet, "ip_address": address_in(subnet), "port_id": port}))
            .collect();
        if !owned {
            self.neutron.take_over(&port, &mut self.ids);
        }
        lb.set("vip_address", address);
        lb.set("vip_port_id", port);
        lb.set("vip_subnet_id", vip.subnet);
        lb.set("vip_network_id", vip.network);
        lb.set("vip_qos_policy_id", vip.qos_policy.map_or(Value::Null, Value::from));
        lb.set("vip_sg_ids", vip.groups);
        lb.set("additional_vips", more);
        Ok(owned)
    }

    fn make_vip_port(&mut self, ctx: Context<'_>, lb: &Record, vip: &Vip) -> Result<String, Reply> {
        let first = (vip.subnet.clone(), vip.address.clone());
        let fixed_ips = std::iter::once(first).chain(vip.more.iter().cloned()).collect();
        let wanted = NewPort {
            project: &lb.project,
            network: &vip.network,
            name: format!("octavia-lb-{}", lb.id),
            device: (format!("lb-{}", lb.id), "Octavia".to_owned()),
            admin_state_up: false,
            fixed_ips,
        };
        self.neutron.make_port(wanted, &mut self.ids, ctx.now).map_err(|error| match error.status {
            409 => fault(409, format!("The VIP IP address is already in use: {}", error.message)),
            _ => fault(500, "Provider 'amphora' reports error: BadRequestException: 400"),
        })
    }
}

fn additional(given: &Map<String, Value>) -> Vec<(String, String)> {
    let vips = given.get("additional_vips").and_then(Value::as_array).into_iter().flatten();
    let vips = vips.filter_map(Value::as_object);
    vips.map(|vip| (text(vip, "subnet_id").to_owned(), text(vip, "ip_address").to_owned())).collect()
}
