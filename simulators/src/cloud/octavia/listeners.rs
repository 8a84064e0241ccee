//! Listeners (`octavia/api/v2/controllers/listener.py`).

use serde_json::{Map, Value, json};

use super::super::reply::{HandlerResult, Reply, fault, invalid, not_found};
use super::super::world::World;
use super::checks::{
    OnNull, as_set, complete, layer4, listener_exists, no_children, no_nesting, protocols_fit, store_change, text,
    truthy,
};
use super::jobs::Change;
use super::python::python_repr;
use super::schema::request_kind;
use super::tables::schema;
use super::tls_checks::{check_ciphers, check_hsts, check_hsts_put, check_tls_lists};
use super::{Context, Kind, Record, body};

const HTTP_HEADERS: [&str; 6] =
    ["X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-IP", "X-Client-IP", "X-Real-IP"];
const SSL_HEADERS: [&str; 8] = [
    "X-SSL-Client-Verify",
    "X-SSL-Client-Has-Cert",
    "X-SSL-Client-DN",
    "X-SSL-Client-CN",
    "X-SSL-Issuer",
    "X-SSL-Client-SHA1",
    "X-SSL-Client-Not-Before",
    "X-SSL-Client-Not-After",
];
const TIMEOUTS: [&str; 4] =
    ["timeout_client_data", "timeout_member_connect", "timeout_member_data", "timeout_tcp_inspect"];
const TLS: [&str; 3] = ["tls_ciphers", "tls_versions", "alpn_protocols"];

/// Characters of a reference for SNI in the database.
const SNI_COLUMN: usize = 128;

impl World {
    pub fn listener_post(&mut self, ctx: Context<'_>) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::Listener, request_kind::POST, self.config.api_minor)?;
        schema(Kind::Listener).fill(&mut given);
        let lb = self.parent_load_balancer(ctx, text(&given, "loadbalancer_id"))?;
        self.check_quota(Kind::Listener, &lb.project, 1)?;
        self.check_default_pool(&lb.id, text(&given, "protocol"), text(&given, "default_pool_id"))?;
        self.check_lockable(&lb.id)?;
        given.remove("loadbalancer_id");
        let nests = truthy(&given, "default_pool") || truthy(&given, "l7policies");
        let fields = self.listener_fields(ctx, &lb, given, request_kind::POST)?;
        if nests {
            return Err(no_nesting());
        }
        let listener = self.new_record(Kind::Listener, &lb.id, (&lb.id, &lb.project), fields, ctx.now);
        let target = (Kind::Listener, listener.id.clone());
        self.octavia.store.insert(listener);
        let change = Change::Children { targets: vec![target.clone()], ancestors: Vec::new(), removed: Vec::new() };
        self.start(&lb.id, change, ctx.now);
        self.reply_with_stored(201, Kind::Listener, &target.1)
    }

    /// Checks a new listener and builds its attributes. `lb` is the stored load balancer.
    pub fn listener_fields(
        &self,
        ctx: Context<'_>,
        lb: &Record,
        mut given: Map<String, Value>,
        request_kind: u8,
    ) -> Result<Map<String, Value>, Reply> {
        let protocol = text(&given, "protocol").to_owned();
        let had_tls_keys = TLS.map(|key| given.contains_key(key));
        given.remove("default_pool");
        given.remove("l7policies");
        self.fill_from_config(&mut given, &protocol);
        let offloads = protocol == "TERMINATED_HTTPS" || (protocol == "PROMETHEUS" && has_references(&given));
        check_headers(&given, &protocol)?;
        check_new_tls(&given, &protocol, offloads)?;
        check_ciphers(&given)?;
        let mut refs = as_set(given.get("sni_container_refs"));
        if truthy(&given, "default_tls_container_ref") {
            refs.push(text(&given, "default_tls_container_ref").to_owned());
        }
        self.check_certificates(ctx, &refs)?;
        if truthy(&given, "client_ca_tls_container_ref") {
            let crl = text(&given, "client_crl_container_ref");
            self.check_ca(ctx, text(&given, "client_ca_tls_container_ref"), crl)?;
        }
        self.check_port(lb, &given, &protocol)?;
        check_cidrs(lb, given.get("allowed_cidrs"))?;
        // The single call leaves out absent attributes, and nothing fills them for PROMETHEUS.
        if let (true, "PROMETHEUS", request_kind::NESTED) = (offloads, protocol.as_str(), request_kind)
            && let Some(missing) = TLS[1..].iter().zip(&had_tls_keys[1..]).find(|(_, had)| !**had)
        {
            return Err(fault(500, format!("'{}'", missing.0)));
        }
        if offloads {
            check_tls_lists(&given)?;
        }
        check_hsts(&given, &protocol)?;
        complete_listener(given)
    }

    fn fill_from_config(&self, given: &mut Map<String, Value>, protocol: &str) {
        for (name, value) in TIMEOUTS.iter().zip(self.config.listener_timeouts) {
            if !given.get(*name).is_some_and(Value::is_number) {
                given.insert((*name).into(), value.into());
            }
        }
        if protocol == "TERMINATED_HTTPS" {
            for name in TLS {
                if given.get(name).is_none_or(Value::is_null) {
                    given.insert(name.into(), self.default_tls(name));
                }
            }
        }
    }

    pub fn default_tls(&self, name: &str) -> Value {
        match name {
            "tls_ciphers" => self.config.default_ciphers.clone().into(),
            "tls_versions" => self.config.default_tls_versions.clone().into(),
            _ => self.config.default_alpn.clone().into(),
        }
    }

    pub fn check_default_pool(&self, lb: &str, protocol: &str, pool: &str) -> Result<(), Reply> {
        if pool.is_empty() {
            return Ok(());
        }
        if protocol == "PROMETHEUS" {
            return Err(no_children());
        }
        let found = self.octavia.store.get(Kind::Pool, pool).filter(|found| found.load_balancer == lb);
        protocols_fit(protocol, found.ok_or_else(|| not_found("Pool", pool))?.text("protocol"))
    }

    fn check_port(&self, lb: &Record, given: &Map<String, Value>, protocol: &str) -> Result<(), Reply> {
        let port = given.get("protocol_port").and_then(Value::as_i64);
        let taken =
            self.octavia.store.children(Kind::Listener, &lb.id).find(|other| {
                other.number("protocol_port") == port && layer4(other.text("protocol")) == layer4(protocol)
            });
        taken.map_or(Ok(()), |other| Err(listener_exists(other.text("protocol"), port)))
    }

    pub fn listener_put(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::Listener, request_kind::PUT, self.config.api_minor)?;
        let stored = self.writable(ctx, Kind::Listener, id)?;
        let lb = self.parent_load_balancer(ctx, &stored.load_balancer)?;
        self.check_listener_put(ctx, &lb, &stored, &given)?;
        self.reset_listener(&mut given);
        self.check_default_pool(&lb.id, stored.text("protocol"), text(&given, "default_pool_id"))?;
        self.check_lockable(&lb.id)?;
        if let Some(cidrs) = given.get("allowed_cidrs") {
            let before = cidrs.as_array().map_or(0, Vec::len);
            let set = as_set(Some(cidrs));
            if set.len() < before {
                return Err(fault(500, "(pymysql.err.IntegrityError) (1062, \"Duplicate entry for key 'PRIMARY'\")"));
            }
            given.insert("allowed_cidrs".into(), if set.is_empty() { Value::Null } else { set.into() });
        }
        if given.contains_key("sni_container_refs") {
            store_sni(&mut given)?;
        }
        store_change(&mut given, &stored, OnNull::Keep)?;
        self.overwrite(Kind::Listener, id, given);
        let target = (Kind::Listener, id.to_owned());
        let change = Change::Children { targets: vec![target], ancestors: Vec::new(), removed: Vec::new() };
        self.start(&lb.id, change, ctx.now);
        self.reply_with_stored(200, Kind::Listener, id)
    }

    fn check_listener_put(
        &self,
        ctx: Context<'_>,
        lb: &Record,
        stored: &Record,
        given: &Map<String, Value>,
    ) -> Result<(), Reply> {
        let protocol = stored.text("protocol");
        let offloads = protocol == "TERMINATED_HTTPS" || (protocol == "PROMETHEUS" && has_references(given));
        if matches!(protocol, "UDP" | "SCTP") && (has_references(given) || truthy(given, "insert_headers")) {
            return Err(invalid(format!("{protocol} protocol listener does not support TLS or header insertion.")));
        }
        if !offloads && has_references(given) {
            return Err(references_not_allowed(protocol));
        }
        let wanted = given.get("client_authentication");
        let has_ca = stored.has("client_ca_tls_container_ref") || truthy(given, "client_ca_tls_container_ref");
        // null is compared before it is replaced by the default, so it needs a CA too.
        if let Some(wanted) = wanted.filter(|wanted| **wanted != "NONE" && !has_ca) {
            return Err(authentication_needs_ca(wanted));
        }
        check_headers(given, protocol)?;
        let mut refs = as_set(given.get("sni_container_refs"));
        if truthy(given, "default_tls_container_ref") {
            refs.push(text(given, "default_tls_container_ref").to_owned());
        }
        self.check_certificates(ctx, &refs)?;
        let either = |field: &str| {
            let new = text(given, field);
            if new.is_empty() { stored.text(field).to_owned() } else { new.to_owned() }
        };
        let (ca, crl) = (either("client_ca_tls_container_ref"), either("client_crl_container_ref"));
        if ca.is_empty() && !crl.is_empty() {
            return Err(crl_needs_ca());
        }
        if !ca.is_empty() {
            self.check_ca(ctx, &ca, &crl)?;
        }
        check_cidrs(lb, given.get("allowed_cidrs"))?;
        check_ciphers(given)?;
        check_tls_lists(given)?;
        check_hsts_put(given, stored)
    }

    /// Replaces null by the default (`_set_default_on_none`).
    fn reset_listener(&self, given: &mut Map<String, Value>) {
        let mut defaults = vec![
            ("connection_limit", json!(-1)),
            ("client_authentication", json!("NONE")),
            ("hsts_include_subdomains", json!(false)),
            ("hsts_preload", json!(false)),
            ("insert_headers", json!({})),
            ("sni_container_refs", json!([])),
        ];
        defaults.extend(TIMEOUTS.iter().zip(self.config.listener_timeouts).map(|(name, value)| (*name, json!(value))));
        defaults.extend(TLS.map(|name| (name, self.default_tls(name))));
        for (name, value) in defaults {
            if given.get(name).is_some_and(Value::is_null) {
                given.insert(name.into(), value);
            }
        }
    }

    pub fn listener_delete(&mut self, ctx: Context<'_>, id: &str) -> HandlerResult {
        let stored = self.writable(ctx, Kind::Listener, id)?;
        self.check_lockable(&stored.load_balancer)?;
        let change = Change::DeleteChild { target: (Kind::Listener, id.to_owned()), ancestors: Vec::new() };
        self.start(&stored.load_balancer, change, ctx.now);
        Ok(Reply::empty(204))
    }
}

fn complete_listener(mut given: Map<String, Value>) -> Result<Map<String, Value>, Reply> {
    let cidrs = as_set(given.get("allowed_cidrs"));
    given.insert("allowed_cidrs".into(), if cidrs.is_empty() { Value::Null } else { cidrs.into() });
    store_sni(&mut given)?;
    if !truthy(&given, "insert_headers") {
        given.insert("insert_headers".into(), json!({}));
    }
    let absent = [
        ("name", Value::Null),
        ("description", Value::Null),
        ("tags", json!([])),
        ("default_pool_id", Value::Null),
        ("default_tls_container_ref", Value::Null),
        ("client_ca_tls_container_ref", Value::Null),
        ("client_crl_container_ref", Value::Null),
        ("tls_ciphers", Value::Null),
        ("tls_versions", Value::Null),
        ("alpn_protocols", Value::Null),
        ("hsts_max_age", Value::Null),
    ];
    complete(Kind::Listener, &mut given, &absent)?;
    Ok(given)
}

/// Keeps the references for SNI as a set. Their column is shorter than what the API accepts.
fn store_sni(given: &mut Map<String, Value>) -> Result<(), Reply> {
    let refs = as_set(given.get("sni_container_refs"));
    if refs.iter().any(|reference| reference.chars().count() > SNI_COLUMN) {
        let error = "(pymysql.err.DataError) (1406, \"Data too long for column 'tls_container_id' at row 1\")";
        return Err(fault(500, error));
    }
    given.insert("sni_container_refs".into(), refs.into());
    Ok(())
}

/// True with references to certificates (`_has_tls_container_refs`). The single call, POST and PUT name the key of the
/// CA otherwise than this check does, so a CA alone goes unnoticed.
fn has_references(given: &Map<String, Value>) -> bool {
    truthy(given, "default_tls_container_ref") || truthy(given, "sni_container_refs")
}

fn check_headers(given: &Map<String, Value>, protocol: &str) -> Result<(), Reply> {
    let Some(headers) = given.get("insert_headers").and_then(Value::as_object).filter(|map| !map.is_empty()) else {
        return Ok(());
    };
    let terminated = protocol == "TERMINATED_HTTPS";
    if protocol != "HTTP" && !terminated {
        return Err(fault(400, format!("insert-headers is not a valid option for a {protocol} protocol listener.")));
    }
    let names: Vec<Value> = headers.keys().map(|name| name.as_str().into()).collect();
    let known = |name: &str| HTTP_HEADERS.contains(&name) || SSL_HEADERS.contains(&name);
    if !headers.keys().all(|name| known(name)) {
        let shown = python_repr(&Value::Array(names));
        return Err(fault(400, format!("dict_keys({shown}) is not a valid option for insert_headers")));
    }
    let ssl: Vec<Value> =
        headers.keys().filter(|name| SSL_HEADERS.contains(&name.as_str())).map(|name| name.as_str().into()).collect();
    if !terminated && !ssl.is_empty() {
        let shown = python_repr(&Value::Array(ssl));
        return Err(fault(400, format!("{shown} is not a valid option for {protocol} protocol listener.")));
    }
    Ok(())
}

fn references_not_allowed(protocol: &str) -> Reply {
    invalid(format!("Certificate container references are not allowed on {protocol} protocol listeners."))
}

fn authentication_needs_ca(wanted: &Value) -> Reply {
    let wanted = super::python::python(wanted);
    invalid(format!("Client authentication setting {wanted} requires a client CA container reference."))
}

fn crl_needs_ca() -> Reply {
    invalid("A client authentication CA reference is required to specify a client authentication revocation list.")
}

fn check_new_tls(given: &Map<String, Value>, protocol: &str, offloads: bool) -> Result<(), Reply> {
    let has_own = has_references(given);
    let has_ca = truthy(given, "client_ca_tls_container_ref");
    if matches!(protocol, "UDP" | "SCTP") && has_own {
        return Err(invalid(format!("{protocol} protocol listener does not support TLS.")));
    }
    if !offloads && has_own {
        return Err(references_not_allowed(protocol));
    }
    if has_ca && !has_own {
        return Err(invalid(
            "An SNI or default certificate container reference must be provided with a client CA container reference.",
        ));
    }
    if offloads && !has_own {
        return Err(invalid(format!(
            "An SNI or default certificate container reference must be provided for {protocol} protocol listeners."
        )));
    }
    let authentication = given.get("client_authentication").unwrap_or(&Value::Null);
    if *authentication != "NONE" && !has_ca {
        return Err(authentication_needs_ca(authentication));
    }
    if truthy(given, "client_crl_container_ref") && !has_ca {
        return Err(crl_needs_ca());
    }
    Ok(())
}

fn check_cidrs(lb: &Record, cidrs: Option<&Value>) -> Result<(), Reply> {
    let cidrs: Vec<_> = cidrs.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let groups = lb.fields.get("vip_sg_ids").and_then(Value::as_array);
    if !cidrs.is_empty() && groups.is_some_and(|groups| !groups.is_empty()) {
        return Err(invalid("Allowed CIDRs are not allowed when using custom VIP Security Groups."));
    }
    let vips = World::vip_addresses(lb);
    for cidr in cidrs {
        if !vips.iter().any(|vip| vip.contains(':') == cidr.contains(':')) {
            let vips = python_repr(&vips.iter().map(|vip| Value::from(vip.as_str())).collect());
            return Err(invalid(format!("CIDR {cidr} IP version incompatible with all VIPs {vips} IP version.")));
        }
    }
    Ok(())
}
