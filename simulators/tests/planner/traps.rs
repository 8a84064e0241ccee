//! Octavia's normalising, field by field: spellings that are no difference, and fields that must be sent together.

use serde_json::{Value, json};

use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan::update;

/// The body of a plan's only step.
fn only_body(plan: &Plan) -> Value {
    assert_eq!(plan.steps.len(), 1, "{plan}");
    match &plan.steps[0].call {
        Call::Update { body, .. } | Call::UpdateLoadBalancer { body, .. } | Call::Create { body, .. } => json!(body),
        call => panic!("{call:?}"),
    }
}

fn bodies(plan: &Plan) -> Vec<Value> {
    let body = |call: &Call| match call {
        Call::Update { body, .. } | Call::UpdateLoadBalancer { body, .. } => json!(body),
        call => panic!("{call:?}"),
    };
    plan.steps.iter().map(|step| body(&step.call)).collect()
}

#[test]
fn other_spelling_by_octavia_is_no_difference() {
    let want = edited(|want| {
        want.load_balancer.vip.additional =
            vec![AdditionalVip { subnet_id: "v6".into(), address: Some("2001:db8::10".into()) }];
        http(want).allowed_cidrs = ["10.0.0.0/8".to_owned(), "2001:db8::/32".into(), "192.0.2.7/32".into()].into();
        web(want).monitor = Some(HealthMonitor {
            http: Some(HttpCheck {
                expected_codes: "200,201,202".into(),
                version: Some("1.1".into()),
                domain_name: Some("Shop.example.".into()),
                ..monitor(MonitorType::Http).http.unwrap()
            }),
            ..monitor(MonitorType::Http)
        });
        *web_members(want) = [(member_key("2001:db8::1"), member())].into();
    });
    let mut tree = made(&want).tree.unwrap();
    tree.listeners[0].allowed_cidrs = ["10.1.2.3/8".to_owned(), "2001:DB8::/32".into(), "192.0.2.7".into()].into();
    let web = tree.pools.iter_mut().find(|p| p.name == "web").unwrap();
    web.monitor.as_mut().unwrap().expected_codes = Some("200, 202 ,201".into());
    web.members[0].address = "2001:DB8:0::1".into();
    web.session_persistence = None;
    let plan = update(&want, &tree);
    assert!(plan.is_empty(), "{plan}");
}

#[test]
fn tls_versions_are_a_set_and_alpn_is_ordered() {
    let parameters = TlsParameters {
        versions: Some([TlsVersion::V1_2, TlsVersion::V1_3].into()),
        ciphers: None,
        alpn_protocols: Some(vec![AlpnProtocol::H2, AlpnProtocol::Http11]),
    };
    let want = edited(|want| {
        let listener = http(want);
        listener.protocol = ListenerProtocol::TerminatedHttps;
        listener.tls = Some(ListenerTls { parameters, ..tls("cert-1") });
    });
    let mut tree = made(&want).tree.unwrap();
    tree.listeners[0].tls_versions = Some(vec!["TLSv1.3".into(), "TLSv1.2".into(), "TLSv1.3".into()]);
    assert!(update(&want, &tree).is_empty());
    tree.listeners[0].alpn_protocols.as_mut().unwrap().reverse();
    assert_eq!(only_body(&update(&want, &tree)), json!({"alpn_protocols": ["h2", "http/1.1"]}));
}

#[test]
fn unset_operator_defaulted_field_is_not_compared() {
    let mut tree = made(&stack()).tree.unwrap();
    tree.listeners[0].timeout_client_data = Some(77);
    tree.listeners[0].connection_limit = None;
    tree.listeners[0].description = "written by hand".into();
    tree.load_balancer.vip_qos_policy_id = Some("their policy".into());
    assert!(update(&stack(), &tree).is_empty());
}

#[test]
fn removed_field_resets_in_write_that_drops_its_record() {
    let before = edited(|want| {
        want.load_balancer.description = Some("desired".into());
        want.load_balancer.qos_policy_id = Some("gold".into());
        let listener = http(want);
        listener.connection_limit = Some(20_000);
        listener.timeouts.client_data = Some(1_000);
        listener.description = Some(String::new());
    });
    let plan = plan(&before, &stack());
    let [load_balancer, listener] = bodies(&plan).try_into().unwrap();
    let tags = [
        "evenkeel:attempt=a1",
        "evenkeel:cluster=c1",
        "evenkeel:name=web",
        "evenkeel:namespace=shop",
        "evenkeel:uid=u1",
    ];
    assert_eq!(load_balancer, json!({"description": "", "vip_qos_policy_id": null, "tags": tags}));
    assert_eq!(
        listener,
        json!({
            "description": "", "connection_limit": null, "timeout_client_data": null, "tags": ["evenkeel:key=http"],
        })
    );
}

#[test]
fn set_field_with_equal_value_is_still_recorded() {
    let want = edited(|want| http(want).connection_limit = Some(-1));
    let tags = ["evenkeel:key=http", "evenkeel:owned-fields=connection_limit"];
    assert_eq!(only_body(&plan(&stack(), &want)), json!({"tags": tags}));
}

#[test]
fn tls_versions_are_never_reset_by_null() {
    let terminated = |versions| {
        edited(|want| {
            let listener = http(want);
            listener.protocol = ListenerProtocol::TerminatedHttps;
            let parameters = TlsParameters { versions, ..TlsParameters::default() };
            listener.tls = Some(ListenerTls { parameters, ..tls("cert-1") });
        })
    };
    let plan = plan(&terminated(Some([TlsVersion::V1_3].into())), &terminated(None));
    assert_eq!(only_body(&plan)["tls_versions"], json!(["TLSv1.2", "TLSv1.3"]));
}

#[test]
fn client_authentication_is_sent_with_its_ca() {
    let terminated = |authentication, ca: Option<&str>, crl: Option<&str>| {
        edited(|want| {
            let listener = http(want);
            listener.protocol = ListenerProtocol::TerminatedHttps;
            listener.tls = Some(ListenerTls {
                client_authentication: authentication,
                client_ca_ref: ca.map(existing),
                client_crl_ref: crl.map(existing),
                ..tls("cert-1")
            });
        })
    };
    use ClientAuthentication as A;
    let (open, asks) = (terminated(A::None, None, None), terminated(A::Optional, Some("ca-1"), Some("crl-1")));
    assert_eq!(
        only_body(&plan(&open, &asks)),
        json!({
            "client_authentication": "OPTIONAL", "client_ca_tls_container_ref": "ca-1",
            "client_crl_container_ref": "crl-1",
        })
    );
    assert_eq!(
        only_body(&plan(&asks, &open)),
        json!({
            "client_authentication": "NONE", "client_ca_tls_container_ref": null, "client_crl_container_ref": null,
        })
    );
    // Octavia would check the stored list against the new authority.
    let other = terminated(A::Optional, Some("ca-2"), None);
    assert_eq!(
        bodies(&plan(&asks, &other)),
        [
            json!({"client_crl_container_ref": null}),
            json!({"client_authentication": "OPTIONAL", "client_ca_tls_container_ref": "ca-2"}),
        ]
    );
}

#[test]
fn hsts_is_sent_as_a_whole() {
    let terminated = |hsts| {
        edited(|want| {
            let listener = http(want);
            listener.protocol = ListenerProtocol::TerminatedHttps;
            listener.tls = Some(ListenerTls { hsts, ..tls("cert-1") });
        })
    };
    let on = terminated(Some(Hsts { max_age: 60, include_subdomains: true, preload: false }));
    let off = json!({"hsts_max_age": null, "hsts_include_subdomains": false, "hsts_preload": false});
    assert_eq!(only_body(&plan(&on, &terminated(None))), off);
    // Flags that Octavia leaves behind without an age mean nothing.
    let mut tree = made(&terminated(None)).tree.unwrap();
    tree.listeners[0].hsts_preload = true;
    assert!(update(&terminated(None), &tree).is_empty());
}

#[test]
fn persistence_is_sent_as_a_whole_and_removed_by_null() {
    let with = |cookie: Option<&str>| {
        edited(|want| {
            web(want).persistence = cookie.map(|cookie| Persistence {
                kind: PersistenceType::AppCookie,
                cookie_name: Some(cookie.into()),
                timeout: None,
                granularity: None,
            });
        })
    };
    let whole = json!({"session_persistence": {"type": "APP_COOKIE", "cookie_name": "b"}});
    assert_eq!(only_body(&plan(&with(Some("a")), &with(Some("b")))), whole);
    assert_eq!(only_body(&plan(&with(Some("a")), &with(None))), json!({"session_persistence": null}));
}

#[test]
fn pool_that_stops_tls_drops_its_references() {
    let encrypted = edited(|want| {
        web(want).tls = Some(PoolTls {
            client_certificate_ref: Some(existing("cert-1")),
            ca_ref: Some(existing("ca-1")),
            crl_ref: None,
            parameters: TlsParameters { ciphers: Some("AES".into()), ..TlsParameters::default() },
        });
    });
    assert_eq!(
        only_body(&plan(&encrypted, &stack())),
        json!({
            "tls_enabled": false, "tls_container_ref": null, "ca_tls_container_ref": null, "tls_ciphers": null,
            "tags": ["evenkeel:key=web"],
        })
    );
}

#[test]
fn monitor_host_name_goes_before_http_version_drops() {
    let with = |version: &str, domain: Option<&str>| {
        edited(|want| {
            let mut monitor = monitor(MonitorType::Http);
            let http = monitor.http.as_mut().unwrap();
            (http.version, http.domain_name) = (Some(version.into()), domain.map(str::to_owned));
            web(want).monitor = Some(monitor);
        })
    };
    let before = with("1.1", Some("shop.example"));
    assert_eq!(
        bodies(&plan(&before, &with("1.0", None))),
        [json!({"domain_name": null}), json!({"http_version": 1.0})]
    );
    assert_eq!(
        only_body(&plan(&before, &with("1.1", Some("b.example")))),
        json!({"domain_name": "b.example", "http_version": 1.1})
    );
}

#[test]
fn other_monitors_send_no_http_fields() {
    let with = |delay| edited(|want| web(want).monitor = Some(HealthMonitor { delay, ..monitor(MonitorType::Tcp) }));
    let mut tree = made(&with(5)).tree.unwrap();
    let pool = tree.pools.iter_mut().find(|p| p.name == "web").unwrap();
    pool.monitor.as_mut().unwrap().http_version = Some(1.1);
    assert_eq!(only_body(&update(&with(6), &tree)), json!({"delay": 6}));
}

#[test]
fn redirect_is_sent_with_action_and_code() {
    let to = |url: &str, code| {
        let action = L7Action::RedirectToUrl { url: url.into(), code };
        edited(|want| http(want).policies = vec![policy("p", action, &["/a"])])
    };
    assert_eq!(
        only_body(&plan(&to("https://a.example/", 301), &to("https://b.example/", 301))),
        json!({"action": "REDIRECT_TO_URL", "redirect_url": "https://b.example/", "redirect_http_code": 301})
    );
}

#[test]
fn key_of_path_rule_is_ignored() {
    let want = edited(|want| http(want).policies = vec![policy("p", L7Action::Reject, &["/a"])]);
    let mut tree = made(&want).tree.unwrap();
    tree.listeners[0].policies[0].rules[0].key = Some("left over from the create".into());
    assert!(update(&want, &tree).is_empty());
}

#[test]
fn provider_alias_and_address_spelling_are_no_difference() {
    let want = edited(|want| {
        want.load_balancer.provider = Some("octavia".into());
        want.load_balancer.vip.address = Some("2001:db8::10".into());
    });
    let mut tree = made(&stack()).tree.unwrap();
    tree.load_balancer.vip_address = Some("2001:DB8:0::10".into());
    assert!(update(&want, &tree).is_empty());
}

#[test]
fn additional_vips_compare_by_subnet_and_given_address() {
    let with = |additional| edited(|want| want.load_balancer.vip.additional = additional);
    let vip = |subnet: &str, address: Option<&str>| AdditionalVip {
        subnet_id: subnet.into(),
        address: address.map(str::to_owned),
    };
    let mut tree = made(&stack()).tree.unwrap();
    tree.load_balancer.additional_vips = vec![ObservedAdditionalVip {
        subnet_id: Some("v6".into()),
        ip_address: Some("2001:DB8::1".into()),
        port_id: None,
    }];
    assert!(update(&with(vec![]), &tree).is_empty());
    assert!(update(&with(vec![vip("v6", None)]), &tree).is_empty());
    assert!(update(&with(vec![vip("v6", Some("2001:db8::1"))]), &tree).is_empty());
    for differs in [vec![vip("v6", Some("2001:db8::2"))], vec![vip("other", None)]] {
        let problems = update(&with(differs), &tree).problems;
        assert_eq!(problems[0].field, "spec.loadBalancer.vip.additional");
    }
}
