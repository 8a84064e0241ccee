//! Random edits: parts of another stack, taken field by field, and then [moves](super::moves).

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::moves::Move;
use super::stacks::{repair, stack};
use super::world::World;
use evenkeel::model::*;

/// Share of another stack that an edit takes.
#[derive(Debug, Clone, Copy)]
enum Extent {
    Nothing,
    AFourth,
    Half,
    Everything,
}

/// A stack, and the same stack after an edit of any fields that can be edited.
pub fn stack_and_edit(world: &World) -> impl Strategy<Value = (Desired, Desired)> + use<> {
    use Extent as E;
    let extent = select(vec![E::Nothing, E::AFourth, E::AFourth, E::Half, E::Half, E::Everything]);
    let moves = vec((select(Move::ALL.to_vec()), any::<Index>(), any::<Index>()), 0..4);
    let world = world.clone();
    (stack(&world), stack(&world), vec(any::<bool>(), 251), extent, moves).prop_map(
        move |(before, other, bits, extent, moves)| {
            let mut after = before.clone();
            mix(&mut after, &other, &mut Picks { bits: bits.iter().copied().cycle(), extent });
            for (step, one, two) in &moves {
                step.make(&world, &mut after, one, two);
            }
            (before, repair(&world, after))
        },
    )
}

/// Decides for one part after the other if it is taken.
struct Picks<I> {
    bits: I,
    extent: Extent,
}

impl<I: Iterator<Item = bool>> Picks<I> {
    fn pick(&mut self) -> bool {
        let mut bit = || self.bits.next().unwrap_or_default();
        match self.extent {
            Extent::Nothing => false,
            Extent::AFourth => bit() & bit(),
            Extent::Half => bit(),
            Extent::Everything => true,
        }
    }

    fn take<T: Clone>(&mut self, to: &mut T, from: &T) {
        if self.pick() {
            to.clone_from(from);
        }
    }

    /// Mixes entries of both stacks; adds and removes others.
    fn take_entries<K: Ord + Clone, V: Clone>(
        &mut self,
        to: &mut BTreeMap<K, V>,
        from: &BTreeMap<K, V>,
        mix: impl Fn(&mut Self, &mut V, &V),
    ) {
        let keys: BTreeSet<K> = to.keys().chain(from.keys()).cloned().collect();
        for key in keys {
            match (to.get_mut(&key), from.get(&key)) {
                (Some(to), Some(from)) => mix(self, to, from),
                (None, Some(new)) if self.pick() => {
                    to.insert(key, new.clone());
                }
                (Some(_), None) if self.pick() => {
                    to.remove(&key);
                }
                _ => {}
            }
        }
    }

    /// The same as [`take_entries`](Self::take_entries), inside a section that is added or removed as a whole.
    fn take_option<T: Clone>(&mut self, to: &mut Option<T>, from: &Option<T>, mix: impl Fn(&mut Self, &mut T, &T)) {
        match (to.as_mut(), from) {
            (Some(to), Some(from)) => mix(self, to, from),
            _ => self.take(to, from),
        }
    }
}

fn mix<I: Iterator<Item = bool>>(to: &mut Desired, from: &Desired, picks: &mut Picks<I>) {
    let Desired {
        owner: _,
        load_balancer,
        listeners,
        pools,
        floating_ip,
        adopt: _,
        prune: _,
        allow_interruption,
        create_problems: _,
        source_problems: _,
    } = from;
    mix_load_balancer(&mut to.load_balancer, load_balancer, picks);
    picks.take_entries(&mut to.listeners, listeners, |picks, to, from| mix_listener(to, from, picks));
    picks.take_entries(&mut to.pools, pools, |picks, to, from| mix_pool(to, from, picks));
    picks.take(&mut to.floating_ip, floating_ip);
    picks.take(&mut to.allow_interruption, allow_interruption);
}

fn mix_load_balancer<I: Iterator<Item = bool>>(to: &mut LoadBalancer, from: &LoadBalancer, picks: &mut Picks<I>) {
    let LoadBalancer {
        name,
        description,
        tags,
        admin_state_up,
        // Immutable.
        provider: _,
        flavor_id: _,
        availability_zone: _,
        vip: _,
        qos_policy_id,
        security_group_ids,
    } = from;
    picks.take(&mut to.name, name);
    picks.take(&mut to.description, description);
    picks.take(&mut to.tags, tags);
    picks.take(&mut to.admin_state_up, admin_state_up);
    picks.take(&mut to.qos_policy_id, qos_policy_id);
    picks.take(&mut to.security_group_ids, security_group_ids);
}

fn mix_listener<I: Iterator<Item = bool>>(to: &mut Listener, from: &Listener, picks: &mut Picks<I>) {
    let Listener {
        name,
        protocol,
        port,
        description,
        tags,
        admin_state_up,
        default_pool,
        connection_limit,
        allowed_cidrs,
        insert_headers,
        timeouts: Timeouts { client_data, member_connect, member_data, tcp_inspect },
        tls,
        policies,
    } = from;
    picks.take(&mut to.name, name);
    picks.take(&mut to.protocol, protocol);
    picks.take(&mut to.port, port);
    picks.take(&mut to.description, description);
    picks.take(&mut to.tags, tags);
    picks.take(&mut to.admin_state_up, admin_state_up);
    picks.take(&mut to.default_pool, default_pool);
    picks.take(&mut to.connection_limit, connection_limit);
    picks.take(&mut to.allowed_cidrs, allowed_cidrs);
    picks.take(&mut to.insert_headers, insert_headers);
    picks.take(&mut to.timeouts.client_data, client_data);
    picks.take(&mut to.timeouts.member_connect, member_connect);
    picks.take(&mut to.timeouts.member_data, member_data);
    picks.take(&mut to.timeouts.tcp_inspect, tcp_inspect);
    picks.take_option(&mut to.tls, tls, |picks, to, from| mix_listener_tls(to, from, picks));
    mix_policies(&mut to.policies, policies, picks);
}

fn mix_listener_tls<I: Iterator<Item = bool>>(to: &mut ListenerTls, from: &ListenerTls, picks: &mut Picks<I>) {
    if picks.pick() {
        to.certificate_ref.clone_from(&from.certificate_ref);
        to.sni_refs.clone_from(&from.sni_refs);
    }
    if picks.pick() {
        to.client_ca_ref.clone_from(&from.client_ca_ref);
        to.client_crl_ref.clone_from(&from.client_crl_ref);
        to.client_authentication = from.client_authentication;
    }
    if picks.pick() {
        to.client_crl_ref = None;
    }
    mix_parameters(&mut to.parameters, &from.parameters, picks);
    picks.take(&mut to.hsts, &from.hsts);
}

fn mix_parameters<I: Iterator<Item = bool>>(to: &mut TlsParameters, from: &TlsParameters, picks: &mut Picks<I>) {
    let TlsParameters { versions, ciphers, alpn_protocols } = from;
    picks.take(&mut to.versions, versions);
    picks.take(&mut to.ciphers, ciphers);
    picks.take(&mut to.alpn_protocols, alpn_protocols);
}

fn mix_policies<I: Iterator<Item = bool>>(to: &mut Vec<L7Policy>, from: &[L7Policy], picks: &mut Picks<I>) {
    for policy in to.iter_mut() {
        let Some(other) = from.iter().find(|other| other.key == policy.key) else { continue };
        let L7Policy { key: _, name, description, tags, admin_state_up, action, rules } = other;
        picks.take(&mut policy.name, name);
        picks.take(&mut policy.description, description);
        picks.take(&mut policy.tags, tags);
        picks.take(&mut policy.admin_state_up, admin_state_up);
        picks.take(&mut policy.action, action);
        picks.take(&mut policy.rules, rules);
        if picks.pick() {
            policy.rules.extend(rules.iter().cloned());
        }
    }
    for (at, other) in from.iter().enumerate() {
        if to.iter().all(|policy| policy.key != other.key) && picks.pick() {
            to.insert(at.min(to.len()), other.clone());
        }
    }
    to.retain(|policy| from.iter().any(|other| other.key == policy.key) || !picks.pick());
    if picks.pick() {
        to.reverse();
    }
}

fn mix_pool<I: Iterator<Item = bool>>(to: &mut Pool, from: &Pool, picks: &mut Picks<I>) {
    let Pool { name, protocol, algorithm, description, tags, admin_state_up, persistence, tls, monitor, members } =
        from;
    picks.take(&mut to.name, name);
    picks.take(&mut to.protocol, protocol);
    picks.take(&mut to.algorithm, algorithm);
    picks.take(&mut to.description, description);
    picks.take(&mut to.tags, tags);
    picks.take(&mut to.admin_state_up, admin_state_up);
    picks.take(&mut to.persistence, persistence);
    picks.take_option(&mut to.tls, tls, |picks, to, from| mix_pool_tls(to, from, picks));
    picks.take_option(&mut to.monitor, monitor, |picks, to, from| mix_monitor(to, from, picks));
    if let (Some(to), Some(from)) = (to.members.known_mut(), members.known()) {
        picks.take_entries(to, from, |picks, to, from| mix_member(to, from, picks));
    }
}

fn mix_pool_tls<I: Iterator<Item = bool>>(to: &mut PoolTls, from: &PoolTls, picks: &mut Picks<I>) {
    picks.take(&mut to.client_certificate_ref, &from.client_certificate_ref);
    if picks.pick() {
        to.ca_ref.clone_from(&from.ca_ref);
        to.crl_ref.clone_from(&from.crl_ref);
    }
    if picks.pick() {
        to.crl_ref = None;
    }
    mix_parameters(&mut to.parameters, &from.parameters, picks);
}

fn mix_monitor<I: Iterator<Item = bool>>(to: &mut HealthMonitor, from: &HealthMonitor, picks: &mut Picks<I>) {
    let HealthMonitor { name, kind, delay, timeout, max_retries, max_retries_down, http, admin_state_up, tags } = from;
    picks.take(&mut to.name, name);
    picks.take(&mut to.kind, kind);
    picks.take(&mut to.delay, delay);
    picks.take(&mut to.timeout, timeout);
    picks.take(&mut to.max_retries, max_retries);
    picks.take(&mut to.max_retries_down, max_retries_down);
    picks.take_option(&mut to.http, http, |picks, to, from| {
        picks.take(&mut to.method, &from.method);
        picks.take(&mut to.url_path, &from.url_path);
        picks.take(&mut to.expected_codes, &from.expected_codes);
        if picks.pick() {
            to.version.clone_from(&from.version);
            to.domain_name.clone_from(&from.domain_name);
        }
    });
    picks.take(&mut to.admin_state_up, admin_state_up);
    picks.take(&mut to.tags, tags);
}

fn mix_member<I: Iterator<Item = bool>>(to: &mut Member, from: &Member, picks: &mut Picks<I>) {
    let Member { name, weight, backup, admin_state_up, subnet_id, monitor_address, monitor_port, tags } = from;
    picks.take(&mut to.name, name);
    picks.take(&mut to.weight, weight);
    picks.take(&mut to.backup, backup);
    picks.take(&mut to.admin_state_up, admin_state_up);
    picks.take(&mut to.subnet_id, subnet_id);
    picks.take(&mut to.monitor_address, monitor_address);
    picks.take(&mut to.monitor_port, monitor_port);
    picks.take(&mut to.tags, tags);
}
