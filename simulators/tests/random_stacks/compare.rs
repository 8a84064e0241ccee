//! Comparison of the desired state with the cloud's own records. It shares no code with the planner.

use std::collections::BTreeMap;
use std::net::IpAddr;

use evenkeel::model::{Desired, FloatingIp, HealthMonitor, L7Action, Listener, LoadBalancer, Pool, TlsParameters};
use evenkeel_simulators::cloud::CloudSim;
use serde_json::{Value, json};

/// The key in the owner tags of an object.
pub fn key(seen: &Value) -> Option<&str> {
    seen["tags"].as_array()?.iter().find_map(|tag| tag.as_str()?.strip_prefix("evenkeel:key="))
}

struct Report(Vec<String>);

impl Report {
    fn same(&mut self, what: &str, seen: &Value, want: Value) {
        // 1 and 1.0 are the same number.
        let equal = *seen == want || (seen.is_number() && seen.as_f64() == want.as_f64());
        if !equal {
            self.0.push(format!("{what} is {seen}, wanted {want}"));
        }
    }

    fn fields<'a>(&mut self, what: &str, seen: &Value, wants: impl IntoIterator<Item = (&'a str, Value)>) {
        for (field, want) in wants {
            self.same(&format!("{what} {field}"), &seen[field], want);
        }
    }
}

/// All differences between desired state and cloud. A setting that the stack leaves open has the cloud's default,
/// because nothing else ever set it.
pub fn differences(want: &Desired, sim: &CloudSim) -> Vec<String> {
    let mut report = Report(Vec::new());
    let all = sim.objects(evenkeel_simulators::cloud::Kind::LoadBalancer);
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
        listener(&mut report, key, want, listeners.get(key.as_str()).copied().unwrap_or(&Value::Null), &names);
    }
    for (key, want) in &want.pools {
        pool(&mut report, key, want, pools.get(key.as_str()).copied().unwrap_or(&Value::Null));
    }
    floating_ip(&mut report, want, &tree, sim);
    report.0
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

/// The given TLS parameters. The others are operator-defaulted.
fn parameters(report: &mut Report, what: &str, want: &TlsParameters, seen: &Value) {
    if let Some(versions) = &want.versions {
        report.same(&format!("{what} tls_versions"), &sorted(&seen["tls_versions"]), sorted(&json!(versions)));
    }
    let given = [
        ("tls_ciphers", want.ciphers.as_ref().map(|ciphers| json!(ciphers))),
        ("alpn_protocols", want.alpn_protocols.as_ref().map(|protocols| json!(protocols))),
    ];
    report.fields(what, seen, given.into_iter().filter_map(|(field, value)| Some((field, value?))));
}

fn listener(report: &mut Report, name: &str, want: &Listener, seen: &Value, pools: &BTreeMap<&str, &str>) {
    let pool = |id: &Value| id.as_str().and_then(|id| pools.get(id)).copied();
    let what = format!("listener {name}");
    let times = &want.timeouts;
    report.fields(
        &what,
        seen,
        [
            ("name", json!(want.name)),
            ("protocol", json!(want.protocol.as_str())),
            ("protocol_port", json!(want.port)),
            ("description", json!(want.description.as_deref().unwrap_or_default())),
            ("admin_state_up", json!(want.admin_state_up)),
            ("provisioning_status", json!("ACTIVE")),
            ("connection_limit", json!(want.connection_limit.unwrap_or(-1))),
            ("insert_headers", json!(want.insert_headers)),
            ("timeout_client_data", json!(times.client_data.unwrap_or(50_000))),
            ("timeout_member_connect", json!(times.member_connect.unwrap_or(5_000))),
            ("timeout_member_data", json!(times.member_data.unwrap_or(50_000))),
            ("timeout_tcp_inspect", json!(times.tcp_inspect.unwrap_or(0))),
        ],
    );
    report.same(&format!("{what} tags"), &user_tags(seen), json!(want.tags));
    report.same(&format!("{what} allowed_cidrs"), &sorted(&seen["allowed_cidrs"]), json!(want.allowed_cidrs));
    report.same(&format!("{what} default pool"), &json!(pool(&seen["default_pool_id"])), json!(want.default_pool));
    if let Some(tls) = &want.tls {
        report.fields(
            &what,
            seen,
            [
                ("default_tls_container_ref", json!(tls.certificate_ref)),
                ("client_ca_tls_container_ref", json!(tls.client_ca_ref)),
                ("client_crl_container_ref", json!(tls.client_crl_ref)),
                ("client_authentication", json!(tls.client_authentication.as_str())),
                ("hsts_max_age", json!(tls.hsts.as_ref().map(|hsts| hsts.max_age))),
            ],
        );
        report.same(&format!("{what} SNI"), &sorted(&seen["sni_container_refs"]), json!(tls.sni_refs));
        parameters(report, &what, &tls.parameters, seen);
        if let Some(hsts) = &tls.hsts {
            let flags = json!([hsts.include_subdomains, hsts.preload]);
            report.same(
                &format!("{what} HSTS"),
                &json!([seen["hsts_include_subdomains"], seen["hsts_preload"]]),
                flags,
            );
        }
    }
    let order: Vec<_> = list(seen, "l7policies").map(key).collect();
    report.same(
        &format!("{what} order of policies"),
        &json!(order),
        json!(want.policies.iter().map(|p| Some(&p.key)).collect::<Vec<_>>()),
    );
    for (at, (want, seen)) in want.policies.iter().zip(list(seen, "l7policies")).enumerate() {
        let what = format!("policy {name}/{}", want.key);
        let (mut url, mut prefix, mut code, mut to) = (None, None, None, None);
        match &want.action {
            L7Action::RedirectToPool { pool } => to = Some(pool.as_str()),
            L7Action::RedirectToUrl { url: wanted, code: number } => (url, code) = (Some(wanted), Some(number)),
            L7Action::RedirectPrefix { prefix: wanted, code: number } => (prefix, code) = (Some(wanted), Some(number)),
            L7Action::Reject => {}
        }
        report.fields(
            &what,
            seen,
            [
                ("name", json!(want.name)),
                ("description", json!(want.description.as_deref().unwrap_or_default())),
                ("admin_state_up", json!(want.admin_state_up)),
                ("provisioning_status", json!("ACTIVE")),
                ("position", json!(at + 1)),
                ("action", json!(want.action.kind().as_str())),
                ("redirect_url", json!(url)),
                ("redirect_prefix", json!(prefix)),
                ("redirect_http_code", json!(code)),
            ],
        );
        report.same(&format!("{what} tags"), &user_tags(seen), json!(want.tags));
        report.same(&format!("{what} pool"), &json!(pool(&seen["redirect_pool_id"])), json!(to));
        let rule = |rule: &evenkeel::model::L7Rule| {
            let (kind, compare) = (rule.kind.as_str(), rule.compare.as_str());
            json!([kind, compare, rule.key, rule.value, rule.invert, rule.admin_state_up, rule.tags])
        };
        let fields = ["type", "compare_type", "key", "value", "invert", "admin_state_up"];
        let seen_rule = |rule: &Value| {
            // An absent key and an empty one are the same to Octavia.
            let field = |field: &&str| if rule[*field] == "" { Value::Null } else { rule[*field].clone() };
            let mut row: Vec<Value> = fields.iter().map(field).collect();
            row.push(user_tags(rule));
            Value::Array(row)
        };
        let wanted = sorted(&want.rules.iter().map(rule).collect());
        report.same(&format!("{what} rules"), &sorted(&list(seen, "rules").map(seen_rule).collect()), wanted);
    }
}

fn pool(report: &mut Report, name: &str, want: &Pool, seen: &Value) {
    let what = format!("pool {name}");
    let tls = want.tls.as_ref();
    report.fields(
        &what,
        seen,
        [
            ("name", json!(want.name)),
            ("protocol", json!(want.protocol.as_str())),
            ("lb_algorithm", json!(want.algorithm.as_str())),
            ("description", json!(want.description.as_deref().unwrap_or_default())),
            ("admin_state_up", json!(want.admin_state_up)),
            ("provisioning_status", json!("ACTIVE")),
            ("tls_enabled", json!(tls.is_some())),
            ("tls_container_ref", json!(tls.and_then(|tls| tls.client_certificate_ref.as_ref()))),
            ("ca_tls_container_ref", json!(tls.and_then(|tls| tls.ca_ref.as_ref()))),
            ("crl_container_ref", json!(tls.and_then(|tls| tls.crl_ref.as_ref()))),
        ],
    );
    report.same(&format!("{what} tags"), &user_tags(seen), json!(want.tags));
    if let Some(tls) = tls {
        parameters(report, &what, &tls.parameters, seen);
    }
    let persistence = want
        .persistence
        .as_ref()
        .map(|want| json!([want.kind.as_str(), want.cookie_name, want.timeout, want.granularity]));
    let persistent = &seen["session_persistence"];
    let fields = ["type", "cookie_name", "persistence_timeout", "persistence_granularity"];
    let persistent = persistent.is_object().then(|| fields.map(|field| persistent[field].clone()));
    report.same(&format!("{what} persistence"), &json!(persistent), json!(persistence));
    monitor(report, &what, want.monitor.as_ref(), &seen["healthmonitor"]);
    let wanted: BTreeMap<String, Value> = want
        .members
        .known()
        .into_iter()
        .flatten()
        .map(|(key, m)| {
            let row = json!([
                m.name,
                m.weight,
                m.backup,
                m.admin_state_up,
                m.subnet_id,
                m.monitor_address,
                m.monitor_port,
                m.tags,
                "ACTIVE",
            ]);
            (key.to_string(), row)
        })
        .collect();
    let fields = ["name", "weight", "backup", "admin_state_up", "subnet_id", "monitor_address", "monitor_port"];
    let members: BTreeMap<String, Value> = list(seen, "members")
        .map(|m| {
            let address: Option<IpAddr> = m["address"].as_str().and_then(|address| address.parse().ok());
            let port = m["protocol_port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
            let mut row: Vec<Value> = fields.iter().map(|field| m[*field].clone()).collect();
            row.extend([user_tags(m), m["provisioning_status"].clone()]);
            let key = address.map(|address| std::net::SocketAddr::new(address, port).to_string());
            (key.unwrap_or_default(), Value::Array(row))
        })
        .collect();
    report.same(&format!("{what} members"), &json!(members), json!(wanted));
}

fn monitor(report: &mut Report, pool: &str, want: Option<&HealthMonitor>, seen: &Value) {
    let what = format!("monitor of {pool}");
    let Some(want) = want else { return report.same(&what, seen, Value::Null) };
    report.fields(
        &what,
        seen,
        [
            ("type", json!(want.kind.as_str())),
            ("name", json!(want.name)),
            ("delay", json!(want.delay)),
            ("timeout", json!(want.timeout)),
            ("max_retries", json!(want.max_retries)),
            ("max_retries_down", json!(want.max_retries_down)),
            ("admin_state_up", json!(want.admin_state_up)),
            ("provisioning_status", json!("ACTIVE")),
        ],
    );
    report.same(&format!("{what} tags"), &user_tags(seen), json!(want.tags));
    if let Some(http) = &want.http {
        report.fields(
            &what,
            seen,
            [
                ("http_method", json!(http.method.as_str())),
                ("url_path", json!(http.url_path)),
                ("expected_codes", json!(http.expected_codes)),
                ("domain_name", json!(http.domain_name)),
                ("http_version", json!(http.version.as_ref().and_then(|version| version.parse::<f64>().ok()))),
            ],
        );
    }
}

fn floating_ip(report: &mut Report, want: &Desired, tree: &Value, sim: &CloudSim) {
    let all = sim.floating_ips();
    let here: Vec<_> = all.iter().filter(|ip| ip["port_id"] == tree["vip_port_id"]).collect();
    report.same("floating IPs", &json!(here.len()), json!(usize::from(want.floating_ip.is_some())));
    match (&want.floating_ip, here.as_slice()) {
        (Some(FloatingIp::Existing { id }), [ip]) => report.same("floating IP", &ip["id"], json!(id)),
        (Some(FloatingIp::Allocate { network_id, subnet, .. }), [ip]) => {
            let own = ip["floating_ip_address"].as_str().and_then(|own| own.parse::<std::net::IpAddr>().ok());
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

fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of[field].as_array().into_iter().flatten()
}

fn keyed<'a>(of: &'a Value, field: &str) -> BTreeMap<&'a str, &'a Value> {
    list(of, field).filter_map(|seen| Some((key(seen)?, seen))).collect()
}

fn user_tags(seen: &Value) -> Value {
    let tags = list(seen, "tags").filter(|tag| !tag.as_str().is_some_and(|tag| tag.starts_with("evenkeel:")));
    sorted(&tags.cloned().collect())
}

/// A set as a sorted list. Null is an empty set.
fn sorted(set: &Value) -> Value {
    let mut items = set.as_array().cloned().unwrap_or_default();
    items.sort_by_key(ToString::to_string);
    Value::Array(items)
}
