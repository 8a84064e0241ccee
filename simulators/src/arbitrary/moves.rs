//! Moves: edits that rename, swap and reorder objects of a stack instead of changing values.

use proptest::sample::Index;

use super::world::World;
use evenkeel::model::*;

/// One edit of that kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Move {
    RenamePool,
    RenameListener,
    RenamePolicy,
    /// Two listeners swap their ports.
    SwapPorts,
    /// Two pools change roles: every reference to the one leads to the other.
    SwapPools,
    /// A policy goes to another place in its list.
    ReorderPolicies,
    /// Another listener takes the policy over.
    HandPolicyOver,
    TurnRulesRound,
    /// A member goes from one pool to another.
    TransferMember,
    /// Changes the target or the code of a redirect.
    TouchAction,
    TouchPersistence,
    /// Changes the request of a monitor.
    TouchMonitor,
    TouchCertificates,
}

impl Move {
    pub const ALL: [Self; 13] = [
        Self::RenamePool,
        Self::RenameListener,
        Self::RenamePolicy,
        Self::SwapPorts,
        Self::SwapPools,
        Self::ReorderPolicies,
        Self::HandPolicyOver,
        Self::TurnRulesRound,
        Self::TransferMember,
        Self::TouchAction,
        Self::TouchPersistence,
        Self::TouchMonitor,
        Self::TouchCertificates,
    ];

    /// Makes the move. `one` and `two` choose among the objects; without enough of them nothing happens.
    pub fn make(self, world: &World, stack: &mut Desired, one: &Index, two: &Index) {
        match self {
            Self::RenamePool => rename_pool(stack, one, two),
            Self::RenameListener => rename_listener(stack, one, two),
            Self::SwapPorts => swap_ports(stack, one, two),
            Self::SwapPools => swap_pools(stack, one, two),
            Self::TransferMember => transfer_member(stack, one, two),
            Self::TouchPersistence => touch_persistence(stack, one, two),
            Self::TouchMonitor => touch_monitor(stack, one, two),
            Self::TouchCertificates => touch_certificates(world, stack, one, two),
            Self::RenamePolicy
            | Self::ReorderPolicies
            | Self::HandPolicyOver
            | Self::TurnRulesRound
            | Self::TouchAction => {
                self.of_policy(stack, one, two);
            }
        }
    }

    fn of_policy(self, stack: &mut Desired, one: &Index, two: &Index) {
        let mut with_policies: Vec<&mut Listener> =
            stack.listeners.values_mut().filter(|listener| !listener.policies.is_empty()).collect();
        if with_policies.is_empty() {
            return;
        }
        let policies = &mut with_policies.swap_remove(one.index(with_policies.len())).policies;
        let at = two.index(policies.len());
        match self {
            Self::RenamePolicy => policies[at].key = format!("policy{}", 6 + one.index(2)),
            Self::ReorderPolicies => {
                let policy = policies.remove(at);
                policies.insert(one.index(policies.len() + 1), policy);
            }
            Self::HandPolicyOver => {
                let policy = policies.remove(at);
                let last = stack.listeners.values_mut().next_back();
                if let Some(listener) = last.filter(|l| l.policies.iter().all(|other| other.key != policy.key)) {
                    listener.policies.insert(0, policy);
                }
            }
            Self::TouchAction => touch_action(&mut policies[at].action, one),
            _ => policies[at].rules.reverse(),
        }
    }
}

fn rename_pool(stack: &mut Desired, one: &Index, two: &Index) {
    let Some(from) = chosen(stack.pools.keys(), one) else { return };
    let to = format!("pool{}", 6 + two.index(2));
    if let Some(pool) = stack.pools.remove(&from) {
        stack.pools.insert(to.clone(), pool);
        redirect(stack, |used| if *used == from { to.clone() } else { used.clone() });
    }
}

fn rename_listener(stack: &mut Desired, one: &Index, two: &Index) {
    let Some(from) = chosen(stack.listeners.keys(), one) else { return };
    if let Some(listener) = stack.listeners.remove(&from) {
        stack.listeners.insert(format!("listener{}", 6 + two.index(2)), listener);
    }
}

fn swap_ports(stack: &mut Desired, one: &Index, two: &Index) {
    let keys = chosen(stack.listeners.keys(), one).zip(chosen(stack.listeners.keys(), two));
    let Some((one, two)) = keys else { return };
    let ports = [&one, &two].map(|key| stack.listeners.get(key).map(|listener| listener.port));
    for (key, port) in [(one, ports[1]), (two, ports[0])] {
        if let (Some(listener), Some(port)) = (stack.listeners.get_mut(&key), port) {
            listener.port = port;
        }
    }
}

fn swap_pools(stack: &mut Desired, one: &Index, two: &Index) {
    let keys = chosen(stack.pools.keys(), one).zip(chosen(stack.pools.keys(), two));
    let Some((one, two)) = keys else { return };
    redirect(stack, |used| match used {
        used if *used == one => two.clone(),
        used if *used == two => one.clone(),
        used => used.clone(),
    });
}

fn transfer_member(stack: &mut Desired, one: &Index, two: &Index) {
    let keys = chosen(stack.pools.keys(), one).zip(chosen(stack.pools.keys(), two));
    let Some((from, to)) = keys else { return };
    let member = stack.pools.get_mut(&from).and_then(|pool| pool.members.known_mut()?.pop_first());
    let members = stack.pools.get_mut(&to).and_then(|pool| pool.members.known_mut());
    if let (Some((key, member)), Some(members)) = (member, members) {
        members.insert(key, member);
    }
}

fn touch_action(action: &mut L7Action, index: &Index) {
    let next = |code: u16| if code == 308 { 301 } else { 308 };
    match action {
        L7Action::RedirectToUrl { url: target, code } | L7Action::RedirectPrefix { prefix: target, code } => {
            match index.index(3) {
                0 => target.push_str("/more"),
                1 => *code = next(*code),
                _ => (*target, *code) = ("https://c.example/".to_owned(), next(*code)),
            }
        }
        L7Action::RedirectToPool { .. } => *action = L7Action::Reject,
        L7Action::Reject => *action = L7Action::RedirectPrefix { prefix: "http://c.example".to_owned(), code: 302 },
    }
}

/// Changes times and masks of UDP and SCTP pools, the cookie of others.
fn touch_persistence(stack: &mut Desired, one: &Index, two: &Index) {
    let any = stack.pools.values().any(|pool| pool.protocol.is_datagram() && pool.persistence.is_some());
    let those = stack.pools.values_mut().filter(|pool| pool.protocol.is_datagram() == any);
    let Some(persistence) = one_of_those(those.filter_map(|pool| pool.persistence.as_mut()), one) else { return };
    let (timeout, granularity) = match two.index(4) {
        0 => (None, None),
        1 => (Some(7), None),
        2 => (Some(7), Some("255.255.0.0")),
        _ => (persistence.timeout, Some("255.0.0.0")),
    };
    (persistence.timeout, persistence.granularity) = (timeout, granularity.map(str::to_owned));
    persistence.cookie_name = Some("other".to_owned());
}

fn touch_monitor(stack: &mut Desired, one: &Index, two: &Index) {
    let those = stack.pools.values_mut().filter_map(|pool| pool.monitor.as_mut()?.http.as_mut());
    let Some(http) = one_of_those(those, one) else { return };
    let (version, domain): (Option<&str>, Option<&str>) = match two.index(6) {
        0 => (None, None),
        1 => (Some("1.0"), None),
        2 => (Some("1.1"), None),
        3 => (Some("1.1"), Some("shop.example")),
        4 => (Some("1.1"), Some("c.example")),
        _ => return http.expected_codes = "201".to_owned(),
    };
    (http.version, http.domain_name) = (version.map(str::to_owned), domain.map(str::to_owned));
}

/// Adds or removes the certificate where others exist for SNI, and the revocation list where an authority exists.
fn touch_certificates(world: &World, stack: &mut Desired, one: &Index, two: &Index) {
    let those = stack.listeners.values_mut().filter_map(|listener| listener.tls.as_mut());
    let Some(tls) = one_of_those(those, one) else { return };
    let of_authority = world.authorities.iter().find(|(ca, _)| Some(ca) == tls.client_ca_ref.as_ref());
    let other = world.authorities.iter().find(|(ca, _)| Some(ca) != tls.client_ca_ref.as_ref());
    match two.index(4) {
        0 if tls.certificate_ref.is_some() && !tls.sni_refs.is_empty() => tls.certificate_ref = None,
        0 => tls.certificate_ref = world.certificate_refs.first().cloned(),
        1 if tls.client_crl_ref.is_some() => tls.client_crl_ref = None,
        1 => tls.client_crl_ref = of_authority.map(|(_, crl)| crl.clone()),
        2 => (tls.client_ca_ref, tls.client_crl_ref) = other.cloned().unzip(),
        _ => tls.client_authentication = ClientAuthentication::None,
    }
}

fn one_of_those<'a, T>(those: impl Iterator<Item = &'a mut T>, index: &Index) -> Option<&'a mut T> {
    let mut those: Vec<&mut T> = those.collect();
    let at = (!those.is_empty()).then(|| index.index(those.len()))?;
    Some(those.swap_remove(at))
}

fn chosen<'a>(keys: impl ExactSizeIterator<Item = &'a Key>, index: &Index) -> Option<Key> {
    let count = keys.len();
    (count > 0).then(|| index.index(count)).and_then(|at| { keys }.nth(at).cloned())
}

/// Maps every reference to a pool.
fn redirect(stack: &mut Desired, turn: impl Fn(&Key) -> Key) {
    for listener in stack.listeners.values_mut() {
        listener.default_pool = listener.default_pool.as_ref().map(&turn);
        for policy in &mut listener.policies {
            if let L7Action::RedirectToPool { pool } = &mut policy.action {
                *pool = turn(pool);
            }
        }
    }
}
