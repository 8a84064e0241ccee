//! Is it what the stack says? A comparison of its own, of the spec with the cloud's own records.

use std::collections::BTreeMap;

use evenkeel_simulators::cloud::CloudSim;
use serde_json::{Value, json};

/// Everything that is not as the spec wants it.
pub fn differences(name: &str, spec: &Value, tree: &Value, cloud: &CloudSim) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |what: String, seen: Value, want: Value| {
        if seen != want {
            found.push(format!("{what} is {seen}, wanted {want}"));
        }
    };
    let own = &spec["loadBalancer"];
    let ids: BTreeMap<&str, &str> = list(tree, "pools").filter_map(|p| Some((p["id"].as_str()?, key(p)?))).collect();
    let pool = |id: &Value| json!(id.as_str().and_then(|id| ids.get(id)));
    same("state".into(), tree["provisioning_status"].clone(), json!("ACTIVE"));
    same("name".into(), tree["name"].clone(), json!(format!("shop/{name}")));
    same("description".into(), tree["description"].clone(), or(&own["description"], json!("")));
    same("tags".into(), user_tags(tree), or(&own["tags"], json!([])));
    same("listeners".into(), names(tree, "listeners"), wanted_names(spec, "listeners"));
    same("pools".into(), names(tree, "pools"), wanted_names(spec, "pools"));
    for (want, seen) in pairs(spec, tree, "listeners") {
        let of = |field: &str| format!("{field} of listener {}", want["name"]);
        same(of("state"), seen["provisioning_status"].clone(), json!("ACTIVE"));
        same(of("protocol"), seen["protocol"].clone(), want["protocol"].clone());
        same(of("port"), seen["protocol_port"].clone(), want["port"].clone());
        same(of("limit"), seen["connection_limit"].clone(), or(&want["connectionLimit"], json!(-1)));
        same(of("default pool"), pool(&seen["default_pool_id"]), want["defaultPool"].clone());
        let policy = |p: &Value, to: Value, value: &str| {
            json!([p["action"], to, list(p, "rules").map(|r| r[value].clone()).collect::<Vec<_>>()])
        };
        let seen: Vec<Value> = list(seen, "l7policies")
            .map(|p| json!([key(p), policy(p, pool(&p["redirect_pool_id"]), "value")]))
            .collect();
        let want: Vec<Value> = list(want, "l7Policies")
            .map(|p| json!([p["name"], policy(p, p["redirectPool"].clone(), "value")]))
            .collect();
        same(of("policies"), json!(seen), json!(want));
    }
    for (want, seen) in pairs(spec, tree, "pools") {
        let of = |field: &str| format!("{field} of pool {}", want["name"]);
        same(of("state"), seen["provisioning_status"].clone(), json!("ACTIVE"));
        same(of("protocol"), seen["protocol"].clone(), want["protocol"].clone());
        same(of("algorithm"), seen["lb_algorithm"].clone(), want["algorithm"].clone());
        let seen_monitor = &seen["healthmonitor"];
        same(
            of("monitor"),
            json!([seen_monitor["type"], seen_monitor["delay"].as_u64().map(|s| format!("{s}s"))]),
            json!([want["healthMonitor"]["type"], want["healthMonitor"]["delay"]]),
        );
        let members = |of: &Value, port: &str, active: bool| -> BTreeMap<String, Value> {
            let state = |m: &Value| if active { m["provisioning_status"].clone() } else { json!("ACTIVE") };
            list(of, "members")
                .map(|m| (format!("{}:{}", m["address"], m[port]), json!([m["weight"], state(m)])))
                .collect()
        };
        same(of("members"), json!(members(seen, "protocol_port", true)), json!(members(want, "port", false)));
    }
    let bound = cloud.floating_ips().into_iter().filter(|ip| ip["port_id"] == tree["vip_port_id"]).count();
    same("floating IPs".into(), json!(bound), json!(usize::from(own["floatingIP"].is_object())));
    found
}

fn or(value: &Value, default: Value) -> Value {
    if value.is_null() { default } else { value.clone() }
}

fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of[field].as_array().into_iter().flatten()
}

fn key(seen: &Value) -> Option<&str> {
    list(seen, "tags").find_map(|tag| tag.as_str()?.strip_prefix("evenkeel:key="))
}

fn user_tags(seen: &Value) -> Value {
    list(seen, "tags").filter(|tag| !tag.as_str().is_some_and(|tag| tag.starts_with("evenkeel:"))).cloned().collect()
}

fn names(tree: &Value, field: &str) -> Value {
    let mut names: Vec<_> = list(tree, field).map(key).collect();
    names.sort_unstable();
    json!(names)
}

fn wanted_names(spec: &Value, field: &str) -> Value {
    let mut names: Vec<_> = list(spec, field).map(|one| one["name"].as_str()).collect();
    names.sort_unstable();
    json!(names)
}

/// What is wanted, and what has its name.
fn pairs<'a>(spec: &'a Value, tree: &'a Value, field: &'a str) -> impl Iterator<Item = (&'a Value, &'a Value)> {
    list(spec, field).filter_map(move |want| {
        let seen = list(tree, field).find(|seen| key(seen) == want["name"].as_str())?;
        Some((want, seen))
    })
}
