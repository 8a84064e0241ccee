//! Flavors, availability zones and providers.

use http::Method;
use serde_json::{Map, Value, json};

use super::super::ids::Ids;
use super::super::reply::{HandlerResult, Reply, not_found, policy_forbidden, routing_error};
use super::super::world::World;
use super::Context;
use super::checks::method_not_allowed;
use super::list::pick;

#[derive(Debug, Default)]
pub(crate) struct Catalog {
    flavors: Vec<Map<String, Value>>,
    zones: Vec<Map<String, Value>>,
    providers: Vec<Map<String, Value>>,
}

impl Catalog {
    /// The catalogue of the lab: two flavors, two zones, three providers.
    pub fn seeded(ids: &mut Ids) -> Self {
        let mut catalog = Self::default();
        catalog.add_flavor("single", "One amphora", ids);
        catalog.add_flavor("ha", "Active / standby pair", ids);
        for name in ["az1", "az2"] {
            let profile = ids.uuid();
            catalog.zones.push(map(json!({
                "name": name, "description": format!("Zone {name}"), "enabled": true,
                "availability_zone_profile_id": profile,
            })));
        }
        for (name, description) in [
            ("amphora", "The Octavia Amphora driver."),
            ("octavia", "Deprecated alias of the Octavia Amphora driver."),
            ("noop_driver", "The no-op provider (never leaves PENDING)."),
        ] {
            catalog.providers.push(map(json!({"name": name, "description": description})));
        }
        catalog
    }

    pub fn add_flavor(&mut self, name: &str, description: &str, ids: &mut Ids) -> String {
        let id = ids.uuid();
        self.flavors.push(map(json!({
            "id": id, "name": name, "description": description, "enabled": true, "flavor_profile_id": ids.uuid(),
        })));
        id
    }

    pub fn flavor(&self, id: &str) -> Option<&Map<String, Value>> {
        self.flavors.iter().find(|flavor| flavor["id"] == id)
    }

    pub fn flavor_named(&self, name: &str) -> Option<&Map<String, Value>> {
        self.flavors.iter().find(|flavor| flavor["name"] == name)
    }

    /// Enables or disables the flavors and zones of this name for new load balancers.
    pub fn enable(&mut self, name: &str, enabled: bool) {
        let all = self.flavors.iter_mut().chain(&mut self.zones);
        all.filter(|row| row["name"] == name).for_each(|row| drop(row.insert("enabled".into(), enabled.into())));
    }

    pub fn zone(&self, name: &str) -> Option<&Map<String, Value>> {
        self.zones.iter().find(|zone| zone["name"] == name)
    }

    pub fn has_provider(&self, name: &str) -> bool {
        self.providers.iter().any(|provider| provider["name"] == name)
    }
}

fn map(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

impl World {
    pub fn catalog_call(&mut self, ctx: Context<'_>, rest: &[&str]) -> HandlerResult {
        if ctx.call.method != Method::GET {
            // Writes are for administrators, and no test needs one.
            return if ctx.caller.is_admin() { Err(method_not_allowed()) } else { Err(policy_forbidden()) };
        }
        let catalog = &self.octavia.catalog;
        let fields = ctx.call.parameters("fields");
        let one = |root: &str, found: Option<&Map<String, Value>>, what: &str, key: &str| match found {
            Some(row) => Ok(Reply::json(200, &json!({root: pick(row.clone(), &fields)}))),
            None => Err(not_found(what, key)),
        };
        match rest {
            ["flavors"] => Ok(list("flavors", &catalog.flavors, ctx, true)),
            ["flavors", id] => one("flavor", catalog.flavor(id), "Flavor", id),
            ["availabilityzones"] => Ok(list("availability_zones", &catalog.zones, ctx, true)),
            ["availabilityzones", name] => one("availability_zone", catalog.zone(name), "Availability Zone", name),
            // Providers have neither filters nor pages.
            ["providers"] => Ok(list("providers", &catalog.providers, ctx, false)),
            _ if !ctx.caller.is_admin() => Err(policy_forbidden()),
            _ => Err(routing_error(404, "Not Found", "")),
        }
    }
}

fn list(key: &str, rows: &[Map<String, Value>], ctx: Context<'_>, pages: bool) -> Reply {
    let filters: Vec<_> =
        ctx.call.query.iter().filter(|(key, _)| pages && rows.iter().any(|row| row.contains_key(key))).collect();
    let fits = |row: &&Map<String, Value>| {
        filters.iter().all(|(key, wanted)| match &row[key.as_str()] {
            Value::String(text) => text.to_lowercase() == wanted.to_lowercase(),
            Value::Bool(flag) => *flag == (wanted.to_lowercase() == "true"),
            _ => false,
        })
    };
    let fields = ctx.call.parameters("fields");
    let shown: Vec<_> = rows.iter().filter(fits).map(|row| pick(row.clone(), &fields)).collect();
    let mut body = json!({key: shown});
    if pages {
        body[format!("{key}_links")] = json!([]);
    }
    Reply::json(200, &body)
}
