//! A plain stack for tests to start from: a listener and two pools.

use std::collections::{BTreeMap, BTreeSet};

use super::octavia::Octavia;
use evenkeel::model::*;
use evenkeel::plan::{create, update};
use zeroize::Zeroizing;

pub fn owner() -> Owner {
    Owner { uid: "u1".into(), cluster: "c1".into(), namespace: "shop".into(), name: "web".into() }
}

pub fn stack() -> Desired {
    Desired {
        owner: owner(),
        load_balancer: LoadBalancer {
            name: "shop/web".into(),
            description: None,
            tags: BTreeSet::new(),
            admin_state_up: true,
            provider: None,
            flavor_id: None,
            availability_zone: None,
            vip: Vip { subnet_id: Some("subnet-1".into()), ..Vip::default() },
            qos_policy_id: None,
            security_group_ids: None,
        },
        listeners: [("http".to_owned(), listener("http", ListenerProtocol::Http, 80, Some("web")))].into(),
        pools: [
            ("api".to_owned(), pool("api", PoolProtocol::Http, &["10.0.0.21"])),
            ("web".to_owned(), pool("web", PoolProtocol::Http, &["10.0.0.11", "10.0.0.12"])),
        ]
        .into(),
        floating_ip: None,
        adopt: None,
        prune: PrunePolicy::Owned,
        allow_interruption: false,
        create_problems: Vec::new(),
        source_problems: Vec::new(),
    }
}

pub fn listener(name: &str, protocol: ListenerProtocol, port: u16, default_pool: Option<&str>) -> Listener {
    Listener {
        name: name.into(),
        protocol,
        port,
        description: None,
        tags: BTreeSet::new(),
        admin_state_up: true,
        default_pool: default_pool.map(str::to_owned),
        connection_limit: None,
        allowed_cidrs: BTreeSet::new(),
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: None,
        policies: Vec::new(),
    }
}

pub fn existing(reference: &str) -> CertificateRef {
    CertificateRef::Existing(reference.to_owned())
}

pub fn tls(certificate: &str) -> ListenerTls {
    ListenerTls {
        certificate_ref: Some(existing(certificate)),
        sni_refs: BTreeSet::new(),
        client_ca_ref: None,
        client_crl_ref: None,
        client_authentication: ClientAuthentication::None,
        parameters: TlsParameters::default(),
        hsts: None,
    }
}

pub fn pool(name: &str, protocol: PoolProtocol, addresses: &[&str]) -> Pool {
    Pool {
        name: name.into(),
        protocol,
        algorithm: Algorithm::RoundRobin,
        description: None,
        tags: BTreeSet::new(),
        admin_state_up: true,
        persistence: None,
        tls: None,
        monitor: None,
        members: Members::Known(addresses.iter().map(|address| (member_key(address), member())).collect()),
    }
}

pub fn member_key(address: &str) -> MemberKey {
    MemberKey { address: address.parse().unwrap(), port: 8080 }
}

pub fn member() -> Member {
    Member {
        name: String::new(),
        weight: 1,
        backup: false,
        admin_state_up: true,
        subnet_id: None,
        monitor_address: None,
        monitor_port: None,
        tags: BTreeSet::new(),
    }
}

pub fn monitor(kind: MonitorType) -> HealthMonitor {
    let http = HttpCheck {
        method: HttpMethod::Get,
        url_path: "/healthz".into(),
        expected_codes: "200".into(),
        version: None,
        domain_name: None,
    };
    HealthMonitor {
        name: "m".into(),
        kind,
        delay: 5,
        timeout: 3,
        max_retries: 3,
        max_retries_down: 3,
        http: kind.is_http().then_some(http),
        admin_state_up: true,
        tags: BTreeSet::new(),
    }
}

pub fn policy(key: &str, action: L7Action, paths: &[&str]) -> L7Policy {
    L7Policy {
        key: key.into(),
        name: key.into(),
        description: None,
        tags: BTreeSet::new(),
        admin_state_up: true,
        action,
        rules: paths.iter().map(|path| rule(path)).collect(),
    }
}

pub fn to_pool(pool: &str) -> L7Action {
    L7Action::RedirectToPool { pool: pool.into() }
}

pub fn rule(path: &str) -> L7Rule {
    L7Rule {
        kind: L7RuleType::Path,
        compare: L7CompareType::StartsWith,
        key: None,
        value: path.into(),
        invert: false,
        admin_state_up: true,
        tags: BTreeSet::new(),
    }
}

/// The single POST of a stack without stored certificates.
pub fn single_post(want: &Desired) -> Step {
    create(want, &ObservedSecrets::default(), "a1").steps.remove(0)
}

/// A certificate from the cluster, with a content that this number stands for.
pub fn stored(number: u32) -> CertificateRef {
    CertificateRef::Stored(stored_secret(number))
}

pub fn stored_secret(number: u32) -> StoredSecret {
    let payload = Zeroizing::new(b"-----BEGIN CERTIFICATE-----".to_vec());
    StoredSecret::new(&owner(), SecretContent::new(payload, SecretFormat::Pkcs12, format!("{number:032x}")))
}

/// The cloud after the single POST.
pub fn made(want: &Desired) -> Octavia {
    let mut octavia = Octavia::default();
    octavia.make(want, "a1");
    octavia
}

/// The stack, after an edit.
pub fn edited(edit: impl FnOnce(&mut Desired)) -> Desired {
    let mut want = stack();
    edit(&mut want);
    want
}

/// The plan from one stack to another.
pub fn plan(before: &Desired, after: &Desired) -> Plan {
    update(after, made(before).tree.as_ref().unwrap())
}

pub fn web(want: &mut Desired) -> &mut Pool {
    want.pools.get_mut("web").unwrap()
}

pub fn web_members(want: &mut Desired) -> &mut BTreeMap<MemberKey, Member> {
    web(want).members.known_mut().unwrap()
}

pub fn http(want: &mut Desired) -> &mut Listener {
    want.listeners.get_mut("http").unwrap()
}

/// Compares a plan with its printed form, line by line without indentation.
pub fn shows(plan: &Plan, expected: &str) {
    let expected: String =
        expected.trim_matches('\n').lines().map(|line| format!("{}\n", line.trim_start_matches("    "))).collect();
    let printed = plan.to_string();
    assert!(printed == expected, "printed:\n{printed}\nexpected:\n{expected}");
}
