//! The load balancer, its VIPs and its floating IP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use evenkeel::model::{Desired, FloatingIp, LoadBalancer};
use evenkeel_simulators::cloud::{CloudSim, Kind};
use serde_json::{Value, json};

use super::records::{key, keyed, list, sorted, user_tags};
use super::report::Report;
use super::{listeners, pools};

/// All differences between desired state and cloud. A setting that the stack leaves open has the cloud's default,
/// because nothing else ever set it.
pub fn differences(want: &Desired, sim: &CloudSim) -> Vec<String> {
    let secrets = own_secrets(sim);
    let names: Vec<&str> = secrets.iter().map(|(name, _)| name.as_str()).collect();
    let wanted: BTreeSet<&str> = want.stored_secrets().map(|secret| secret.name.as_str()).collect();
    let mut report = Report::new(secrets.iter().cloned().collect());
    report.same("secrets", &json!(names), json!(wanted));
    let all = sim.objects(Kind::LoadBalancer);
    let [seen] = all.as_slice() else { return vec![format!("{} load balancers", all.len())] };
    let tree = sim.tree(seen["id"].as_str().unwrap_or_default()).map(Value::Object).unwrap_or_default();
    let own = &want.load_balancer;
    report.fields(
        "load balancer",
        &tree,
        [
            ("name", json!(own.name)),
            ("description", json!(own.description.as_deref().unwrap_or_default())),
            ("admin_state_up", json!(own.admin_state_up)),
            ("provisioning_status", json!("ACTIVE")),
            ("vip_qos_policy_id", json!(own.qos_policy_id)),
        ],
    );
    let groups = own.security_group_ids.clone().unwrap_or_default();
    report.same("security groups", &sorted(&tree["vip_sg_ids"]), json!(groups));
    report.same("load balancer tags", &user_tags(&tree), json!(own.tags));
    report.fields("load balancer", &tree, once_given(own));
    further_vips(&mut report, own, &tree);
    let names: BTreeMap<&str, &str> =
        list(&tree, "pools").filter_map(|pool| Some((pool["id"].as_str()?, key(pool)?))).collect();
    let (listeners, pools) = (keyed(&tree, "listeners"), keyed(&tree, "pools"));
    report.same(
        "listeners",
        &json!(listeners.keys().collect::<Vec<_>>()),
        json!(want.listeners.keys().collect::<Vec<_>>()),
    );
    report.same("pools", &json!(pools.keys().collect::<Vec<_>>()), json!(want.pools.keys().collect::<Vec<_>>()));
    for (key, want) in &want.listeners {
        listeners::listener(
            &mut report,
            key,
            want,
            listeners.get(key.as_str()).copied().unwrap_or(&Value::Null),
            &names,
        );
    }
    for (key, want) in &want.pools {
        pools::pool(&mut report, key, want, pools.get(key.as_str()).copied().unwrap_or(&Value::Null));
    }
    floating_ip(&mut report, want, &tree, sim);
    report.into_differences()
}

/// Names and URLs of the secrets of stacks, by name.
fn own_secrets(sim: &CloudSim) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = sim.stored_secrets().into_iter().map(|secret| (text(&secret["name"]), text(&secret["secret_ref"])));
    let mut own: Vec<(String, String)> = all.filter(|(name, _)| name.starts_with("evenkeel-")).collect();
    own.sort();
    own
}

/// Immutable fields of the load balancer. Of additional addresses only the subnets, because the cloud chooses most
/// addresses.
fn once_given(own: &LoadBalancer) -> Vec<(&'static str, Value)> {
    let given = [
        ("provider", own.provider.as_ref()),
        ("flavor_id", own.flavor_id.as_ref()),
        ("availability_zone", own.availability_zone.as_ref()),
        ("vip_subnet_id", own.vip.subnet_id.as_ref()),
        ("vip_network_id", own.vip.network_id.as_ref()),
        ("vip_port_id", own.vip.port_id.as_ref()),
        ("vip_address", own.vip.address.as_ref()),
    ];
    given.into_iter().filter_map(|(field, value)| Some((field, json!(value?)))).collect()
}

fn further_vips(report: &mut Report, own: &LoadBalancer, tree: &Value) {
    let seen: BTreeMap<&str, &Value> = list(tree, "additional_vips")
        .filter_map(|vip| Some((vip["subnet_id"].as_str()?, &vip["ip_address"])))
        .collect();
    report.same("number of further VIPs", &json!(seen.len()), json!(own.vip.additional.len()));
    for vip in &own.vip.additional {
        let address = seen.get(vip.subnet_id.as_str()).copied().cloned().unwrap_or_default();
        let wanted = vip.address.as_ref().map_or_else(|| address.clone(), |address| json!(address));
        report.same("a further VIP", &address, wanted);
    }
}

fn floating_ip(report: &mut Report, want: &Desired, tree: &Value, sim: &CloudSim) {
    let all = sim.floating_ips();
    let here: Vec<_> = all.iter().filter(|ip| ip["port_id"] == tree["vip_port_id"]).collect();
    report.same("floating IPs", &json!(here.len()), json!(usize::from(want.floating_ip.is_some())));
    match (&want.floating_ip, here.as_slice()) {
        (Some(FloatingIp::Existing { id }), [ip]) => report.same("floating IP", &ip["id"], json!(id)),
        (Some(FloatingIp::Allocate { network_id, subnet, .. }), [ip]) => {
            let own = ip["floating_ip_address"].as_str().and_then(|own| own.parse::<IpAddr>().ok());
            let fits = subnet.as_ref().is_none_or(|subnet| own.is_some_and(|own| subnet.cidr.contains(&own)));
            report.same("subnet of the floating IP", &json!(fits), json!(true));
            report.same(
                "tag of the floating IP",
                &json!(ip["tags"].to_string().contains("evenkeel:created-by=")),
                json!(true),
            );
            report.same("network of the floating IP", &ip["floating_network_id"], json!(network_id));
            report.same("mark of the floating IP", &ip["description"], json!(want.owner.owner_description()));
        }
        _ => {}
    }
    let claimed = |ip: &&serde_json::Map<String, Value>| {
        ip["port_id"].is_null() && json!(ip).to_string().contains(&want.owner.uid)
    };
    report.same("floating IPs that lead nowhere", &json!(all.iter().filter(claimed).count()), json!(0));
}
