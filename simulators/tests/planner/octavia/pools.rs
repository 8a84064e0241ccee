//! Pools, members and monitors of the model.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::calls::Octavia;
use super::fields::{MEMBER, MONITOR, POOL, Verdict, ensure, merged, reject, text, without};
use super::serving::{CRASH, check_authority, renders};
use evenkeel::model::*;

fn is_datagram(protocol: &str) -> bool {
    matches!(protocol, "UDP" | "SCTP")
}

impl Octavia {
    fn pool(&mut self, id: &str) -> Result<&mut ObservedPool, String> {
        self.tree_mut()?.pools.iter_mut().find(|p| p.id == id).ok_or_else(|| format!("404 pool {id}"))
    }

    /// The pool for a write below it. Such a write also sends its listeners through PENDING_UPDATE.
    pub(super) fn writable_pool(&mut self, id: &str) -> Result<&mut ObservedPool, String> {
        let active = self.pool(id)?.provisioning_status == Provisioning::Active;
        ensure(active, || format!("409 Pool {id} is immutable"))?;
        self.push_listeners_of(id)?;
        self.pool(id)
    }

    fn push_listeners_of(&mut self, pool: &str) -> Verdict {
        let using = self.tree_mut()?.listeners.iter_mut().filter(|l| l.default_pool_id.as_deref() == Some(pool));
        using.for_each(|listener| listener.provisioning_status = Provisioning::Active);
        Ok(())
    }

    pub(super) fn create_pool(&mut self, body: &Body) -> Result<Id, String> {
        self.check_secrets(body)?;
        text(body, "lb_algorithm")?;
        let encrypts = body.get("tls_enabled") == Some(&json!(true));
        if encrypts {
            let read = ["tls_ciphers", "tls_versions", "alpn_protocols"];
            ensure(read.iter().all(|f| body.contains_key(*f)), || "500 KeyError tls_ciphers".to_owned())?;
        }
        let blank = ObservedPool {
            id: self.id(),
            admin_state_up: true,
            provisioning_status: Provisioning::Active,
            ..ObservedPool::default()
        };
        let given: Body = body.iter().filter(|(_, v)| !v.is_null()).map(|(f, v)| (f.clone(), v.clone())).collect();
        let mut new: ObservedPool = merged(&blank, &given, POOL, &["protocol"])?;
        if encrypts {
            new.tls_ciphers.get_or_insert("operators-default".into());
            new.tls_versions.get_or_insert(vec!["TLSv1.2".into(), "TLSv1.3".into()]);
            new.alpn_protocols.get_or_insert(vec!["http/1.1".into()]);
        }
        check_pool(&new)?;
        let id = new.id.clone();
        self.tree_mut()?.pools.push(new);
        Ok(id)
    }

    pub(super) fn update_pool(&mut self, id: &str, body: &Body) -> Verdict {
        self.check_secrets(body)?;
        let was = self.pool(id)?.clone();
        if let Some(Value::Object(persistence)) = body.get("session_persistence") {
            ensure(persistence.contains_key("type"), || "persistence in part".to_owned())?;
        }
        let new: ObservedPool = merged(&was, body, POOL, &[])?;
        let new = ObservedPool {
            provisioning_status: Provisioning::Active,
            members: was.members,
            monitor: was.monitor,
            ..new
        };
        check_pool(&new)?;
        let renders = !new.tls_enabled || renders(new.tls_versions.as_ref(), new.tls_ciphers.as_ref());
        ensure(renders, || CRASH.to_owned())?;
        *self.pool(id)? = new;
        self.push_listeners_of(id)
    }

    /// Deletes a pool: 409 while a policy refers to it. A default pool goes, and leaves its listeners without one.
    pub(super) fn delete_pool(&mut self, id: &str) -> Verdict {
        let tree = self.tree_mut()?;
        let mut policies = tree.listeners.iter().flat_map(|l| &l.policies);
        if let Some(policy) = policies.find(|p| p.redirect_pool_id.as_deref() == Some(id)) {
            return reject(format!("409 Pool {id} is in use by L7 policy {}", policy.id));
        }
        let before = tree.pools.len();
        tree.pools.retain(|pool| pool.id != id);
        ensure(tree.pools.len() < before, || "404".to_owned())?;
        for listener in tree.listeners.iter_mut().filter(|l| l.default_pool_id.as_deref() == Some(id)) {
            listener.default_pool_id = None;
        }
        Ok(())
    }

    /// Matches members by the text of the address. Fields that an item leaves out of an existing member are kept (name,
    /// tags, subnet) or reset (all others).
    pub(super) fn replace_members(&mut self, pool: &str, additive: bool, items: &[Body], grows: bool) -> Verdict {
        let old = self.writable_pool(pool)?.members.clone();
        let protocol = self.pool(pool)?.protocol.clone();
        let mut sent = BTreeSet::new();
        let mut members = Vec::new();
        for item in items {
            let key = (text(item, "address")?, item.get("protocol_port").and_then(Value::as_u64));
            ensure(sent.insert(key.clone()), || format!("409 member {key:?} twice"))?;
            let there = old.iter().find(|m| m.address == key.0 && Some(u64::from(m.protocol_port)) == key.1);
            let base = ObservedMember {
                id: there.map_or_else(|| self.id(), |m| m.id.clone()),
                admin_state_up: true,
                provisioning_status: Provisioning::Active,
                weight: Some(1),
                name: there.map(|m| m.name.clone()).unwrap_or_default(),
                tags: there.map(|m| m.tags.clone()).unwrap_or_default(),
                subnet_id: there.and_then(|m| m.subnet_id.clone()),
                ..ObservedMember::default()
            };
            let new: ObservedMember = merged(&base, item, MEMBER, &[])?;
            self.check_family(&protocol, &new.address)?;
            members.push(new);
        }
        let is_sent = |m: &ObservedMember| sent.contains(&(m.address.clone(), Some(u64::from(m.protocol_port))));
        let created = members.iter().filter(|m| old.iter().all(|o| o.id != m.id)).count();
        let left_out: Vec<ObservedMember> = old.into_iter().filter(|m| !is_sent(m)).collect();
        let growth = created > if additive { 0 } else { left_out.len() };
        ensure(growth == grows, || format!("grows is {grows}, but {created} are new"))?;
        if additive {
            members.extend(left_out);
        }
        self.pool(pool)?.members = members;
        Ok(())
    }

    pub(super) fn monitor(&mut self, call: &Call) -> Verdict {
        if let Call::Create { parent: None, body } = call {
            let id = self.id();
            let pool = self.writable_pool(&text(body, "pool_id")?)?;
            ensure(pool.monitor.is_none(), || "409 This pool already has a health monitor".to_owned())?;
            let new = new_monitor(id, body, &pool.protocol)?;
            pool.monitor = Some(new);
            return Ok(());
        }
        let (Call::Update { id, .. } | Call::Delete { id, .. }) = call else { return reject("no such call") };
        let pools = &self.tree_mut()?.pools;
        let owner = pools.iter().find(|p| p.monitor.as_ref().is_some_and(|m| m.id == *id)).map(|p| p.id.clone());
        let pool = self.writable_pool(&owner.ok_or("404 monitor")?)?;
        pool.monitor = match (call, pool.monitor.take()) {
            (Call::Update { body, .. }, Some(was)) => Some(changed_monitor(&was, body)?),
            _ => None,
        };
        Ok(())
    }
}

fn check_pool(pool: &ObservedPool) -> Verdict {
    check_authority(pool.ca_tls_container_ref.as_deref(), pool.crl_container_ref.as_deref())?;
    let Some(persistence) = &pool.session_persistence else { return Ok(()) };
    let of_datagrams = persistence.persistence_timeout.is_some() || persistence.persistence_granularity.is_some();
    ensure(!of_datagrams || is_datagram(&pool.protocol), || "400 persistence_timeout is for UDP".to_owned())?;
    let cookie = persistence.kind == "APP_COOKIE";
    ensure(cookie == persistence.cookie_name.is_some(), || "400 cookie_name".to_owned())?;
    ensure(!is_datagram(&pool.protocol) || persistence.kind == "SOURCE_IP", || "400 cookies on UDP".to_owned())
}

const HTTP_FIELDS: [&str; 3] = ["http_method", "url_path", "expected_codes"];

fn new_monitor(id: Id, body: &Body, protocol: &str) -> Result<ObservedMonitor, String> {
    let kind = text(body, "type")?;
    let http = matches!(kind.as_str(), "HTTP" | "HTTPS");
    let fits = match kind.as_str() {
        "HTTP" | "TCP" => true,
        "UDP-CONNECT" | "SCTP" => is_datagram(protocol),
        _ => !is_datagram(protocol),
    };
    ensure(fits, || format!("400 {kind} monitor on a {protocol} pool"))?;
    ensure(http || !HTTP_FIELDS.iter().any(|f| body.contains_key(*f)), || "400 HTTP fields".to_owned())?;
    let given = |default: &str| http.then(|| default.to_owned());
    let blank = ObservedMonitor {
        id,
        admin_state_up: true,
        provisioning_status: Provisioning::Active,
        max_retries_down: Some(3),
        http_method: given("GET"),
        url_path: given("/"),
        expected_codes: given("200"),
        ..ObservedMonitor::default()
    };
    ensure(body.values().all(|v| !v.is_null()), || "null in a POST".to_owned())?;
    let new: ObservedMonitor = merged(&blank, &without(body, &["pool_id"]), MONITOR, &["type"])?;
    ensure(new.domain_name.is_none() || new.http_version == Some(1.1), || "400 domain_name".to_owned())?;
    Ok(new)
}

/// `_validate_update_hm`: the new values are held against the stored ones.
fn changed_monitor(was: &ObservedMonitor, body: &Body) -> Result<ObservedMonitor, String> {
    let http = matches!(was.kind.as_str(), "HTTP" | "HTTPS");
    ensure(http || !HTTP_FIELDS.iter().any(|f| body.contains_key(*f)), || "400 HTTP fields".to_owned())?;
    let version = body.get("http_version").and_then(Value::as_f64).or(was.http_version);
    let domain = body.get("domain_name").and_then(Value::as_str).or(was.domain_name.as_deref());
    if domain.is_some() && version.is_some_and(|v| v < 1.1) {
        return reject("400 http_version 1.0 with a domain name");
    }
    ensure(body.get("domain_name").is_none_or(Value::is_null) || version.is_some(), || "400 http_version".to_owned())?;
    let new: ObservedMonitor = merged(was, body, MONITOR, &[])?;
    Ok(ObservedMonitor { provisioning_status: Provisioning::Active, ..new })
}
