//! Floating IPs of the model.

use std::net::IpAddr;

use serde_json::Value;

use super::calls::Octavia;
use super::fields::{Verdict, ensure, reject, text};
use super::vips::addresses;
use evenkeel::model::*;

impl Octavia {
    pub(super) fn floating_ip(&mut self, call: &Call) -> Verdict {
        match call {
            Call::CreateFloatingIp { body } => {
                let id = self.id();
                ensure(!body.contains_key("tags"), || "400 tags in a POST".to_owned())?;
                // Ids of subnets in random stacks end in their number.
                let subnet = body.get("subnet_id").and_then(Value::as_str).and_then(|id| id.chars().last());
                let third = 100 + subnet.and_then(|last| last.to_digit(10)).unwrap_or_default();
                let new = ObservedFloatingIp {
                    floating_ip_address: format!("198.51.{third}.{}", self.next % 250),
                    id,
                    floating_network_id: text(body, "floating_network_id")?,
                    ..ObservedFloatingIp::default()
                };
                let new = self.associated(new, body)?;
                self.tree_mut()?.floating_ips.push(new);
                Ok(())
            }
            Call::UpdateFloatingIp { id, body, revision: _ } => {
                let was = self.known(id)?.clone();
                let new = self.associated(was, body)?;
                *self.known(id)? = new;
                Ok(())
            }
            Call::DeleteFloatingIp { id, revision: _ } => {
                self.known(id)?;
                self.tree_mut()?.floating_ips.retain(|f| f.id != *id);
                Ok(())
            }
            Call::TagFloatingIp { id, tag, present } => {
                let floating_ip = self.known(id)?;
                let changes =
                    if *present { floating_ip.tags.insert(tag.clone()) } else { floating_ip.tags.remove(tag) };
                ensure(changes, || format!("needless write of tag {tag}"))
            }
            _ => reject("no such call"),
        }
    }

    fn known(&mut self, id: &str) -> Result<&mut ObservedFloatingIp, String> {
        self.tree_mut()?.floating_ips.iter_mut().find(|f| f.id == id).ok_or_else(|| format!("404 floating IP {id}"))
    }

    /// Associates a floating IP. A second one on one address is a 409.
    fn associated(&mut self, mut new: ObservedFloatingIp, body: &Body) -> Result<ObservedFloatingIp, String> {
        let load_balancer = self.tree_mut()?.load_balancer.clone();
        let mut on_port: Vec<String> =
            addresses(&load_balancer).filter(IpAddr::is_ipv4).map(|address| address.to_string()).collect();
        if let Some(Value::String(chosen)) = body.get("fixed_ip_address") {
            on_port.retain(|address| address == chosen);
        }
        for (field, value) in body {
            match (field.as_str(), value) {
                ("description", Value::String(description)) => new.description.clone_from(description),
                ("port_id", Value::Null) => (new.port_id, new.fixed_ip_address) = (None, None),
                ("port_id", Value::String(port)) => {
                    new.port_id = Some(port.clone());
                    let [address] = on_port.as_slice() else { return reject("400 no such fixed IPv4 address") };
                    new.fixed_ip_address = Some(address.clone());
                }
                ("floating_ip_address", Value::String(address)) => new.floating_ip_address.clone_from(address),
                ("fixed_ip_address" | "subnet_id", Value::String(_)) | ("floating_network_id", _) => {}
                (field, value) => return reject(format!("400 {field}: {value}")),
            }
        }
        let taken = |other: &ObservedFloatingIp| {
            other.id != new.id
                && new.port_id.is_some()
                && other.floating_network_id == new.floating_network_id
                && (&other.port_id, &other.fixed_ip_address) == (&new.port_id, &new.fixed_ip_address)
        };
        let taken = self.tree_mut()?.floating_ips.iter().any(taken);
        ensure(!taken, || "409 FloatingIPPortAlreadyAssociated".to_owned())?;
        Ok(new)
    }
}
