//! Random stacks over the whole width of the vocabulary, and random edits of them, for property tests.
//!
//! A stack is drawn freely from a small world of names, so that two of them share keys, and then [`repair`]ed into one
//! that validation would let through. An edit takes some parts from another random stack, so that anything can change
//! into anything, alone or with everything else.

mod listeners;
mod pools;

pub use listeners::rule;

use std::collections::BTreeSet;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::model::*;

/// The objects of the cloud that random stacks refer to. They have to be there.
#[derive(Debug, Clone)]
pub struct World {
    pub owner: Owner,
    /// Of the VIP; IPv4.
    pub vip_subnet_id: Id,
    /// Floating IPs come from these.
    pub external_network_ids: Vec<Id>,
    /// Floating IPs of others that may be borrowed.
    pub floating_ip_ids: Vec<Id>,
    pub member_subnet_ids: Vec<Id>,
    pub qos_policy_ids: Vec<Id>,
    pub security_group_ids: Vec<Id>,
    pub certificate_refs: Vec<String>,
    /// Certificate authorities, each with a revocation list that it signed.
    pub authorities: Vec<(String, String)>,
}

impl Default for World {
    fn default() -> Self {
        let id = |kind: u8, n: u8| format!("{kind:08x}-0000-4000-8000-{n:012x}");
        let secret = |kind: u8, n: u8| format!("https://barbican.example/v1/secrets/{}", id(kind, n));
        Self {
            owner: Owner {
                uid: id(1, 1),
                cluster: "cluster-a".to_owned(),
                namespace: "shop".to_owned(),
                name: "web".to_owned(),
            },
            vip_subnet_id: id(2, 1),
            external_network_ids: vec![id(3, 1), id(3, 2)],
            floating_ip_ids: vec![id(4, 1), id(4, 2)],
            member_subnet_ids: vec![id(5, 1), id(5, 2)],
            qos_policy_ids: vec![id(6, 1), id(6, 2)],
            security_group_ids: vec![id(7, 1), id(7, 2)],
            certificate_refs: (1..=3).map(|n| secret(8, n)).collect(),
            authorities: (1..=2).map(|n| (secret(9, n), secret(10, n))).collect(),
        }
    }
}

/// Any stack.
pub fn desired(world: &World) -> impl Strategy<Value = Desired> + use<> {
    let owner = world.owner.clone();
    let keys = |kind: &'static str| (0..6u8).prop_map(move |n| format!("{kind}{n}"));
    (
        load_balancer(world),
        btree_map(keys("listener"), listeners::listener(world), 0..5),
        btree_map(keys("pool"), pools::pool(world), 0..6),
        option::of(floating_ip(world)),
        any::<bool>(),
    )
        .prop_map(move |(load_balancer, listeners, pools, floating_ip, allow_interruption)| {
            let owner = owner.clone();
            repair(Desired { owner, load_balancer, listeners, pools, floating_ip, allow_interruption })
        })
}

/// A stack, and the same stack after an edit of anything that can be edited.
pub fn pair(world: &World) -> impl Strategy<Value = (Desired, Desired)> + use<> {
    (desired(world), desired(world), vec(any::<bool>(), 64), any::<bool>()).prop_map(
        |(before, other, picks, rarely)| {
            let after = edit(&before, &other, &picks, rarely);
            (before, after)
        },
    )
}

/// Takes from `other` what `picks` says, in turn; with `rarely`, only a fourth of it.
pub fn edit(before: &Desired, other: &Desired, picks: &[bool], rarely: bool) -> Desired {
    let mut picks = picks.chunks(2).cycle();
    let mut pick = move || {
        picks
            .next()
            .is_some_and(|pair| if rarely { pair.iter().all(|taken| *taken) } else { pair.first() == Some(&true) })
    };
    let mut after = before.clone();
    if pick() {
        let cannot_change = before.load_balancer.clone();
        after.load_balancer = LoadBalancer {
            provider: cannot_change.provider,
            flavor_id: cannot_change.flavor_id,
            availability_zone: cannot_change.availability_zone,
            vip: cannot_change.vip,
            ..other.load_balancer.clone()
        };
    }
    if pick() {
        after.floating_ip.clone_from(&other.floating_ip);
    }
    if pick() {
        after.allow_interruption = other.allow_interruption;
    }
    let keys = |a: Vec<&Key>, b: Vec<&Key>| a.into_iter().chain(b).cloned().collect::<BTreeSet<Key>>();
    for key in keys(before.pools.keys().collect(), other.pools.keys().collect()) {
        match (after.pools.get_mut(&key), other.pools.get(&key)) {
            (Some(pool), Some(other)) => pools::mix(pool, other, &mut pick),
            (None, Some(other)) if pick() => drop(after.pools.insert(key, other.clone())),
            (Some(_), None) if pick() => drop(after.pools.remove(&key)),
            _ => {}
        }
    }
    for key in keys(before.listeners.keys().collect(), other.listeners.keys().collect()) {
        match (after.listeners.get_mut(&key), other.listeners.get(&key)) {
            (Some(listener), Some(other)) => listeners::mix(listener, other, &mut pick),
            (None, Some(other)) if pick() => drop(after.listeners.insert(key, other.clone())),
            (Some(_), None) if pick() => drop(after.listeners.remove(&key)),
            _ => {}
        }
    }
    repair(after)
}

/// Makes of any stack one that validation would let through.
pub fn repair(mut desired: Desired) -> Desired {
    for (key, pool) in &mut desired.pools {
        pools::repair(key, pool);
    }
    let grouped = desired.load_balancer.security_group_ids.as_ref().is_some_and(|groups| !groups.is_empty());
    let mut places = BTreeSet::new();
    desired.listeners.retain(|_, listener| places.insert((listener.port, listener.protocol.l4())));
    for (key, listener) in &mut desired.listeners {
        listeners::repair(key, listener, &desired.pools);
        if grouped {
            listener.allowed_cidrs.clear();
        }
    }
    desired
}

fn load_balancer(world: &World) -> impl Strategy<Value = LoadBalancer> + use<> {
    let vip = Vip { subnet_id: Some(world.vip_subnet_id.clone()), ..Vip::default() };
    let groups = btree_set(select(world.security_group_ids.clone()), 0..3);
    (
        name(),
        description(),
        tags(),
        mostly(true),
        option::of(select(vec!["amphora".to_owned(), "octavia".to_owned()])),
        option::of(select(world.qos_policy_ids.clone())),
        option::of(groups),
    )
        .prop_map(move |(name, description, tags, admin_state_up, provider, qos_policy_id, security_group_ids)| {
            LoadBalancer {
                name,
                description,
                tags,
                admin_state_up,
                provider,
                flavor_id: None,
                availability_zone: None,
                vip: vip.clone(),
                qos_policy_id,
                security_group_ids,
            }
        })
}

fn floating_ip(world: &World) -> impl Strategy<Value = FloatingIp> + use<> {
    let allocate = (select(world.external_network_ids.clone()), any::<bool>())
        .prop_map(|(network_id, retain)| FloatingIp::Allocate { network_id, subnet_id: None, address: None, retain });
    let existing = select(world.floating_ip_ids.clone()).prop_map(|id| FloatingIp::Existing { id });
    prop_oneof![3 => allocate, 1 => existing]
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["", "plain", "Größe ü", "with \"quotes\" and, commas"]).prop_map(str::to_owned)
}

fn description() -> impl Strategy<Value = Option<String>> {
    option::of(name())
}

fn tags() -> impl Strategy<Value = BTreeSet<String>> {
    btree_set(select(vec!["team=shop", "env:prod", "Zürich"]).prop_map(str::to_owned), 0..3)
}

fn mostly(value: bool) -> impl Strategy<Value = bool> {
    prop_oneof![4 => Just(value), 1 => Just(!value)]
}

/// `[C]` fields of TLS.
fn tls_parameters() -> impl Strategy<Value = TlsParameters> {
    let ciphers = select(vec!["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384:AES128-SHA"]);
    let alpn = select(vec![AlpnProtocol::H2, AlpnProtocol::Http11, AlpnProtocol::Http10]);
    let versions = btree_set(select(vec![TlsVersion::V1_2, TlsVersion::V1_3]), 1..3);
    (
        option::of(versions),
        option::of(ciphers.prop_map(str::to_owned)),
        option::of(btree_set(alpn, 1..4)),
        any::<bool>(),
    )
        .prop_map(|(versions, ciphers, alpn, reverse)| TlsParameters {
            versions,
            ciphers,
            alpn_protocols: alpn.map(|set| {
                let mut list: Vec<_> = set.into_iter().collect();
                if reverse {
                    list.reverse();
                }
                list
            }),
        })
}
