//! Rules of `spec`, of the list of listeners, and of the list of pools.

use kube::core::Rule;

use super::protocols::{DATAGRAM, HTTP_LISTENERS, HTTP_POOLS};

/// A condition that must hold for every listener `l`.
fn all_listeners(condition: &str, message: &str) -> Rule {
    listeners_rule(&format!("self.listeners.all(l, {condition})"), message)
}

fn listeners_rule(condition: &str, message: &str) -> Rule {
    Rule::new(format!("!has(self.listeners) || {condition}")).message(message).field_path(".listeners")
}

/// A condition that must hold for the `redirectPool` of every L7 policy `r`.
fn all_redirect_pools(condition: &str) -> String {
    let holds = format!("l.l7Policies.all(r, !has(r.redirectPool) || {condition})");
    format!("self.listeners.all(l, !has(l.l7Policies) || {holds})")
}

/// Requires credentials.
pub(crate) fn credentials_are_named() -> Rule {
    Rule::new("has(self.cloudCredentialsRef)")
        .message("cloudCredentialsRef is required: name the Secret with the credentials, or a ClusterOpenStackCloud")
        .field_path(".cloudCredentialsRef")
}

/// Requires that the default pool of a listener is in `spec.pools`.
pub(crate) fn default_pool_exists() -> Rule {
    all_listeners(
        "!has(l.defaultPool) || (has(self.pools) && self.pools.exists(p, p.name == l.defaultPool))",
        "defaultPool must be the name of a pool in spec.pools",
    )
}

/// Requires that the protocol of the default pool suits the listener, by Octavia's VALID_LISTENER_POOL_PROTOCOL_MAP.
pub(crate) fn default_pool_suits_listener() -> Rule {
    let suits = format!(
        "(l.protocol == 'TCP' ? p.protocol in ['TCP', 'HTTP', 'HTTPS', 'PROXY', 'PROXYV2'] : \
         l.protocol in {HTTP_LISTENERS} ? p.protocol in {HTTP_POOLS} : \
         l.protocol == 'HTTPS' ? p.protocol in ['TCP', 'HTTPS', 'PROXY', 'PROXYV2'] : \
         l.protocol == p.protocol)"
    );
    let all = format!("!has(l.defaultPool) || self.pools.all(p, p.name != l.defaultPool || {suits})");
    listeners_rule(
        &format!("!has(self.pools) || self.listeners.all(l, {all})"),
        "the protocol of defaultPool must suit the listener: TCP takes TCP, HTTP, HTTPS, PROXY, PROXYV2; HTTP and \
         TERMINATED_HTTPS take HTTP, PROXY, PROXYV2; HTTPS takes TCP, HTTPS, PROXY, PROXYV2; UDP takes UDP; SCTP takes \
         SCTP; PROMETHEUS takes none",
    )
}

/// Requires that the pool of a redirect is in `spec.pools`.
pub(crate) fn redirect_pool_exists() -> Rule {
    let all = all_redirect_pools("r.redirectPool in names");
    listeners_rule(
        &format!("[has(self.pools) ? self.pools.map(p, p.name) : []].all(names, {all})"),
        "redirectPool must be the name of a pool in spec.pools",
    )
}

/// Requires that HTTP requests can go to the pool of a redirect.
pub(crate) fn redirect_pool_takes_http() -> Rule {
    let others = format!("self.pools.filter(p, !(p.protocol in {HTTP_POOLS})).map(p, p.name)");
    let all = all_redirect_pools("!(r.redirectPool in others)");
    listeners_rule(
        &format!("!has(self.pools) || [{others}].all(others, {all})"),
        "the protocol of redirectPool must be HTTP, PROXY or PROXYV2",
    )
}

/// Requires that either security groups or allowed CIDRs filter clients, since Octavia takes only one of them.
pub(crate) fn one_filter_of_clients() -> Rule {
    let groups = "self.loadBalancer.vip.securityGroups";
    Rule::new(format!(
        "!has({groups}) || size({groups}) == 0 || !has(self.listeners) || \
         self.listeners.all(l, !has(l.allowedCIDRs) || size(l.allowedCIDRs) == 0)"
    ))
    .message(
        "allowedCIDRs of a listener and loadBalancer.vip.securityGroups exclude each other: filter with the security \
         groups, or remove them",
    )
    .field_path(".listeners")
}

/// Requires that no two listeners have the same port of the same transport.
pub(crate) fn listener_ports_differ() -> Rule {
    let transport = |listener: &str| format!("({listener}.protocol in {DATAGRAM} ? {listener}.protocol : 'TCP')");
    let same = format!("b.port == a.port && {} == {}", transport("b"), transport("a"));
    Rule::new(format!("self.all(a, self.exists_one(b, {same}))")).message(
        "two listeners must not have the same port: TCP (with HTTP, HTTPS, TERMINATED_HTTPS and PROMETHEUS), UDP and \
         SCTP each have their own ports",
    )
}

/// Limits the members of all pools together.
pub(crate) fn members_in_all_pools() -> Rule {
    Rule::new("self.map(p, has(p.members) ? size(p.members) : 0).sum() <= 4096")
        .message("all pools together must have at most 4096 members")
}

/// Requires that the Octavia names of pools differ, because the single call refers to pools by name.
pub(crate) fn pool_display_names_differ() -> Rule {
    let names = "self.map(p, has(p.displayName) && p.displayName != '' ? p.displayName : p.name)";
    Rule::new(format!("[{names}].all(names, names.all(n, names.exists_one(m, m == n)))"))
        .message("displayName (or name, where it is absent) must differ between pools")
}
