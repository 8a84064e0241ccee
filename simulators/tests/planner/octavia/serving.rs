//! Listeners of the model.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::calls::Octavia;
use super::fields::{LISTENER, Verdict, ensure, merged, reject, without};
use evenkeel::model::*;

pub(super) fn protocol_of(word: &str) -> Result<ListenerProtocol, String> {
    ListenerProtocol::ALL.iter().find(|p| p.as_str() == word).copied().ok_or_else(|| format!("400 protocol {word}"))
}

fn canonical_cidrs(listener: &mut ObservedListener) {
    let canonical = |text: &String| text.parse::<IpNet>().map_or_else(|_| text.clone(), |net| net.trunc().to_string());
    listener.allowed_cidrs = listener.allowed_cidrs.iter().map(canonical).collect();
}

impl Octavia {
    pub(super) fn listener(&mut self, id: &str) -> Result<&mut ObservedListener, String> {
        self.tree_mut()?.listeners.iter_mut().find(|l| l.id == id).ok_or_else(|| format!("404 listener {id}"))
    }

    pub(super) fn create_listener(&mut self, body: &Body) -> Result<Id, String> {
        self.check_secrets(body)?;
        let body = without(body, &["loadbalancer_id"]);
        let blank = ObservedListener {
            id: self.id(),
            admin_state_up: true,
            provisioning_status: Provisioning::Active,
            connection_limit: Some(-1),
            timeout_client_data: Some(50_000),
            timeout_member_connect: Some(5_000),
            timeout_member_data: Some(50_000),
            timeout_tcp_inspect: Some(0),
            client_authentication: Some("NONE".into()),
            ..ObservedListener::default()
        };
        // Null on create is "not given" for these (`create_listener` in octavia/db/prepare.py).
        let nulls = ["tls_versions", "alpn_protocols"];
        let given = body.iter().filter(|(f, v)| !(v.is_null() && nulls.contains(&f.as_str())));
        let given: Body = given.map(|(f, v)| (f.clone(), v.clone())).collect();
        let mut new: ObservedListener = merged(&blank, &given, LISTENER, &["protocol", "protocol_port"])?;
        let protocol = protocol_of(&new.protocol)?;
        if protocol == ListenerProtocol::TerminatedHttps {
            new.tls_ciphers.get_or_insert("operators-default".into());
            new.tls_versions.get_or_insert(vec!["TLSv1.3".into(), "TLSv1.2".into()]);
            new.alpn_protocols.get_or_insert(vec!["h2".into(), "http/1.1".into(), "http/1.0".into()]);
            let certified = new.default_tls_container_ref.is_some() || !new.sni_container_refs.is_empty();
            ensure(certified, || "400 TERMINATED_HTTPS needs a certificate".to_owned())?;
        }
        if protocol == ListenerProtocol::Prometheus && new.default_tls_container_ref.is_some() {
            ensure(nulls.iter().all(|f| body.contains_key(*f)), || "500 KeyError tls_versions".to_owned())?;
        }
        ensure(new.client_crl_container_ref.is_none() || new.client_ca_tls_container_ref.is_some(), || {
            "400 CRL".into()
        })?;
        self.check_listener(&new, None)?;
        self.check_cidrs(&body)?;
        canonical_cidrs(&mut new);
        let id = new.id.clone();
        self.tree_mut()?.listeners.push(new);
        Ok(id)
    }

    pub(super) fn update_listener(&mut self, id: &str, body: &Body) -> Verdict {
        self.check_secrets(body)?;
        let was = self.listener(id)?.clone();
        let crl_as_checked = body
            .get("client_crl_container_ref")
            .and_then(Value::as_str)
            .or(was.client_crl_container_ref.as_deref())
            .map(str::to_owned);
        let new: ObservedListener = merged(&was, body, LISTENER, &[])?;
        let mut new = ObservedListener { policies: was.policies.clone(), ..new };
        new.provisioning_status = Provisioning::Active;
        let ca_as_checked = new.client_ca_tls_container_ref.clone().or(was.client_ca_tls_container_ref);
        check_authority(ca_as_checked.as_deref(), crl_as_checked.as_deref())?;
        if body.get("client_authentication").is_some_and(|a| *a != json!("NONE")) {
            ensure(new.client_ca_tls_container_ref.is_some(), || "400 client authentication needs a CA".to_owned())?;
        }
        self.check_listener(&new, Some(id))?;
        self.check_cidrs(body)?;
        canonical_cidrs(&mut new);
        *self.listener(id)? = new;
        Ok(())
    }

    /// Checks the CIDRs of the request against security groups and VIPs. Octavia does not check stored ones.
    fn check_cidrs(&mut self, body: &Body) -> Verdict {
        let given = body.get("allowed_cidrs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let grouped = !self.tree_mut()?.load_balancer.vip_sg_ids.is_empty();
        ensure(!grouped || given.is_empty(), || "400 allowed_cidrs with security groups".to_owned())?;
        let suits = |cidr: &Value| cidr.as_str().is_some_and(|cidr| self.listens_on(cidr.contains(':')));
        ensure(given.iter().all(suits), || "400 CIDR IP version incompatible with all VIPs".to_owned())
    }

    /// Checks that Octavia makes on create and on update, and conditions of its worker.
    fn check_listener(&mut self, new: &ObservedListener, own: Option<&str>) -> Verdict {
        let protocol = protocol_of(&new.protocol)?;
        let tree = self.tree_mut()?;
        let taken = tree.listeners.iter().filter(|l| Some(l.id.as_str()) != own).any(|l| {
            l.protocol_port == new.protocol_port
                && protocol_of(&l.protocol).is_ok_and(|p| p.transport() == protocol.transport())
        });
        ensure(!taken, || format!("409 Another Listener is already using protocol_port {}", new.protocol_port))?;
        if let Some(pool) = &new.default_pool_id {
            let pool = tree.pools.iter().find(|p| p.id == *pool).ok_or("404 pool")?;
            let suits = PoolProtocol::ALL.iter().any(|p| p.as_str() == pool.protocol && protocol.suits(*p));
            ensure(suits, || format!("400 {} listener with a {} pool", new.protocol, pool.protocol))?;
        }
        let tls = new.default_tls_container_ref.is_some() || !new.sni_container_refs.is_empty();
        let may = matches!(protocol, ListenerProtocol::TerminatedHttps | ListenerProtocol::Prometheus);
        ensure(!tls || may, || "400 certificates are not allowed here".to_owned())?;
        ensure(new.insert_headers.is_empty() || protocol.is_http(), || "400 insert_headers".to_owned())?;
        ensure(new.hsts_max_age.is_none() || protocol == ListenerProtocol::TerminatedHttps, || "400 HSTS".to_owned())?;
        let flags = new.hsts_include_subdomains || new.hsts_preload;
        ensure(new.hsts_max_age.is_some() || !flags, || "400 HSTS flags without age".to_owned())?;
        for list in [&new.tls_versions, &new.alpn_protocols] {
            ensure(list.as_ref().is_none_or(|l| !l.is_empty()), || "400 empty list".to_owned())?;
        }
        ensure(!may || renders(new.tls_versions.as_ref(), new.tls_ciphers.as_ref()), || CRASH.to_owned())?;
        let headers: BTreeSet<&str> = new.insert_headers.values().map(String::as_str).collect();
        if headers.iter().any(|value| *value != "true") {
            return reject("400 header values are text");
        }
        Ok(())
    }
}

pub(super) const CRASH: &str = "KeyError in the worker: ERROR";

/// True if the worker can render: it leaves out the ciphers that no version needs, and crashes where there are none
/// (`_transform_listener` and `_transform_pool` in octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py).
pub(super) fn renders(versions: Option<&Vec<String>>, ciphers: Option<&String>) -> bool {
    let newest = |version: &String| version == "TLSv1.3";
    ciphers.is_some() || versions.is_none_or(|list| list.iter().any(newest) && !list.iter().all(newest))
}

/// Checks a revocation list: in this model its name ends like that of its authority.
pub(super) fn check_authority(ca: Option<&str>, crl: Option<&str>) -> Verdict {
    let Some(crl) = crl else { return Ok(()) };
    let Some(ca) = ca else { return reject("400 a CRL needs a CA") };
    let serial = |reference: &str| reference.rsplit('-').next().map(str::to_owned);
    ensure(serial(ca) == serial(crl), || format!("400 {crl} is not signed by {ca}"))
}
