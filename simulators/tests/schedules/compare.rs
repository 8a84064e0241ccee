//! Comparison of the spec with the cloud's own records. It shares no code with the planner.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_simulators::cloud::CloudSim;
use evenkeel_simulators::random_cluster::oracle::{
    ClusterObjects, ExpectedMembers, ExpectedTls, Floor, expected_members, has_ipv6, listener_tls, member_addresses,
    member_differences, pool_tls, stored_content,
};
use serde_json::{Value, json};

struct Report(Vec<String>);

impl Report {
    fn same(&mut self, what: &str, seen: impl Into<Value>, want: impl Into<Value>) {
        let (seen, want) = (seen.into(), want.into());
        if seen != want {
            self.0.push(format!("{what} is {seen}, wanted {want}"));
        }
    }
}

/// All differences between spec and cloud.
pub fn differences(name: &str, spec: &Value, tree: &Value, cloud: &CloudSim, objects: &ClusterObjects) -> Vec<String> {
    let mut report = Report(Vec::new());
    let own = &spec["loadBalancer"];
    report.same("state", tree["provisioning_status"].clone(), "ACTIVE");
    report.same("name", tree["name"].clone(), format!("shop/{name}"));
    report.same("description", tree["description"].clone(), or(&own["description"], json!("")));
    report.same("tags", user_tags(tree), or(&own["tags"], json!([])));
    report.same("listeners", names(tree, "listeners"), wanted_names(spec, "listeners"));
    report.same("pools", names(tree, "pools"), wanted_names(spec, "pools"));
    let ids: BTreeMap<&str, &str> = list(tree, "pools").filter_map(|p| Some((p["id"].as_str()?, key(p)?))).collect();
    for (want, seen) in pairs(spec, tree, "listeners") {
        listener(&mut report, want, seen, &ids);
        tls(&mut report, &format!("listener {}", want["name"]), &listener_tls(&want["tls"], objects), seen, cloud);
    }
    for (want, seen) in pairs(spec, tree, "pools") {
        pool(&mut report, want, seen);
        tls(&mut report, &format!("pool {}", want["name"]), &pool_tls(&want["tls"], objects), seen, cloud);
        let held = Floor::of(want, objects).map(|floor| floor.held(&member_addresses(seen))).unwrap_or_default();
        match expected_members(want, has_ipv6(spec), objects, &held) {
            ExpectedMembers::Known(expected) => report.0.extend(member_differences(seen, &expected)),
            ExpectedMembers::Unknown => report.0.push(format!("members of pool {} cannot be known", want["name"])),
        }
    }
    let bound = cloud.floating_ips().into_iter().filter(|ip| ip["port_id"] == tree["vip_port_id"]).count();
    report.same("floating IPs", bound, usize::from(own["floatingIP"].is_object()));
    report.0
}

fn listener(report: &mut Report, want: &Value, seen: &Value, pools: &BTreeMap<&str, &str>) {
    let of = |field: &str| format!("{field} of listener {}", want["name"]);
    let pool = |id: &Value| json!(id.as_str().and_then(|id| pools.get(id)));
    report.same(&of("state"), seen["provisioning_status"].clone(), "ACTIVE");
    report.same(&of("protocol"), seen["protocol"].clone(), want["protocol"].clone());
    report.same(&of("port"), seen["protocol_port"].clone(), want["port"].clone());
    report.same(&of("limit"), seen["connection_limit"].clone(), or(&want["connectionLimit"], json!(-1)));
    report.same(&of("default pool"), pool(&seen["default_pool_id"]), want["defaultPool"].clone());
    let row = |policy: &Value, name: Value, to: Value| {
        let values: Vec<&Value> = list(policy, "rules").map(|rule| &rule["value"]).collect();
        json!([name, policy["action"], to, values])
    };
    let policies = list(seen, "l7policies").map(|p| row(p, json!(key(p)), pool(&p["redirect_pool_id"])));
    let wanted = list(want, "l7Policies").map(|p| row(p, p["name"].clone(), p["redirectPool"].clone()));
    report.same(&of("policies"), policies.collect::<Value>(), wanted.collect::<Value>());
}

fn pool(report: &mut Report, want: &Value, seen: &Value) {
    let of = |field: &str| format!("{field} of pool {}", want["name"]);
    report.same(&of("state"), seen["provisioning_status"].clone(), "ACTIVE");
    report.same(&of("protocol"), seen["protocol"].clone(), want["protocol"].clone());
    report.same(&of("algorithm"), seen["lb_algorithm"].clone(), want["algorithm"].clone());
    let (monitor, wanted) = (&seen["healthmonitor"], &want["healthMonitor"]);
    let delay = monitor["delay"].as_u64().map(|seconds| format!("{seconds}s"));
    report.same(&of("monitor"), json!([monitor["type"], delay]), json!([wanted["type"], wanted["delay"]]));
    let states = list(seen, "members").map(|member| &member["provisioning_status"]);
    report.same(&of("members in another state"), states.filter(|state| **state != "ACTIVE").count(), 0);
}

fn tls(report: &mut Report, what: &str, expected: &ExpectedTls, seen: &Value, cloud: &CloudSim) {
    let content = |reference: &Value| reference.as_str().map(|url| stored_content(cloud, url));
    for (field, wanted) in &expected.single {
        if content(&seen[*field]) != wanted.clone().map(Ok) {
            report.0.push(format!("{field} of {what} is {:?}, wanted {wanted:?}", content(&seen[*field])));
        }
    }
    let sni: BTreeSet<_> = list(seen, "sni_container_refs").map(content).collect();
    if sni != expected.sni.iter().map(|wanted| wanted.clone().map(Ok)).collect() {
        report.0.push(format!("SNI of {what} is {sni:?}, wanted {:?}", expected.sni));
    }
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

/// Pairs of an item of the spec and the object with its name.
fn pairs<'a>(spec: &'a Value, tree: &'a Value, field: &'a str) -> impl Iterator<Item = (&'a Value, &'a Value)> {
    list(spec, field).filter_map(move |want| {
        let seen = list(tree, field).find(|seen| key(seen) == want["name"].as_str())?;
        Some((want, seen))
    })
}
