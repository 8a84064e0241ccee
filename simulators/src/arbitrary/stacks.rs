//! Random stacks: a load balancer with its listeners, its pools and a floating IP. Ids come from a [`World`], which
//! lists the objects of the cloud.

use std::collections::BTreeSet;

use evenkeel::model::*;
use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::values::{description, mostly, name, one_of, tags};
use super::world::World;
use super::{listeners, pools};

/// Any stack that validation accepts.
pub(super) fn stack(world: &World) -> impl Strategy<Value = Desired> + use<> {
    // Few keys, so that two stacks share some.
    let keys = |kind: &'static str| (0..4u8).prop_map(move |n| format!("{kind}{n}"));
    let world = world.clone();
    (
        load_balancer(&world),
        btree_map(keys("listener"), listeners::listener(&world), 0..5),
        btree_map(keys("pool"), pools::pool(&world), 0..5),
        option::of(floating_ip(&world)),
        any::<bool>(),
    )
        .prop_map(move |(load_balancer, listeners, pools, floating_ip, allow_interruption)| {
            let owner = world.owner.clone();
            let desired = Desired {
                owner,
                load_balancer,
                listeners,
                pools,
                floating_ip,
                adopt: None,
                prune: PrunePolicy::Owned,
                allow_interruption,
                create_problems: Vec::new(),
                source_problems: Vec::new(),
            };
            repair(&world, desired)
        })
}

/// Turns any stack into one that validation accepts, by changing or dropping the values that do not fit the others.
/// Fields without effect in the data plane of a known provider stay, although validation rejects them for that
/// provider: the planner writes them for all others.
pub(super) fn repair(world: &World, mut desired: Desired) -> Desired {
    let families = world.families(&desired.load_balancer.vip);
    let mut names = BTreeSet::new();
    for (key, pool) in &mut desired.pools {
        pools::repair(key, pool, families, &mut names);
    }
    let has_security_groups =
        desired.load_balancer.security_group_ids.as_ref().is_some_and(|groups| !groups.is_empty());
    let mut ports = BTreeSet::new();
    desired.listeners.retain(|_, listener| ports.insert((listener.port, listener.protocol.transport())));
    for (key, listener) in &mut desired.listeners {
        listeners::repair(key, listener, &desired.pools, families);
        // A stack may have only one of the two filters.
        if has_security_groups {
            listener.allowed_cidrs.clear();
        }
    }
    // A floating IP leads to an IPv4 address of the VIP.
    desired.floating_ip = desired.floating_ip.filter(|_| families.v4);
    desired
}

fn load_balancer(world: &World) -> impl Strategy<Value = LoadBalancer> + use<> {
    let by_subnet = Vip { subnet_id: Some(world.vip_subnet_id.clone()), ..Vip::default() };
    let other_vips: Vec<Vip> = world.other_vips.iter().map(|candidate| candidate.vip.clone()).collect();
    let vip = if other_vips.is_empty() {
        Just(by_subnet).boxed()
    } else {
        prop_oneof![2 => Just(by_subnet), 3 => select(other_vips)].boxed()
    };
    let groups = btree_set(select(world.security_group_ids.clone()), 0..3);
    (
        (name(), description(), tags(), mostly(true)),
        option::of(select(vec!["amphora".to_owned(), "octavia".to_owned()])),
        one_of(&world.flavor_ids),
        one_of(&world.availability_zones),
        vip,
        option::of(select(world.qos_policy_ids.clone())),
        option::weighted(0.3, groups),
    )
        .prop_map(|(common, provider, flavor_id, availability_zone, vip, qos_policy_id, security_group_ids)| {
            let (name, description, tags, admin_state_up) = common;
            // The flavors of the world belong to provider `amphora`. Octavia rejects them with the alias `octavia` of
            // that provider, as it does with another provider.
            let provider = provider.filter(|provider: &String| flavor_id.is_none() || provider == "amphora");
            LoadBalancer {
                name,
                description,
                tags,
                admin_state_up,
                provider,
                flavor_id,
                availability_zone,
                vip,
                qos_policy_id,
                security_group_ids,
            }
        })
}

fn floating_ip(world: &World) -> impl Strategy<Value = FloatingIp> + use<> {
    let (subnets, addresses) = (world.external_subnets.clone(), world.floating_addresses.clone());
    let allocate = (select(world.external_network_ids.clone()), any::<bool>(), 0..4u8).prop_map(
        move |(network_id, retain, choice)| {
            // At most one of subnet and address is asked for.
            let subnets_here =
                subnets.iter().filter(|(network, _)| *network == network_id).map(|(_, subnet)| subnet.clone());
            let subnet = match choice {
                1 => subnets_here.clone().next(),
                2 => subnets_here.clone().next_back(),
                _ => None,
            };
            let mut addresses_here = addresses.iter().filter(|(network, _)| *network == network_id && choice == 3);
            let address = addresses_here.next().map(|(_, address)| address.clone());
            FloatingIp::Allocate { network_id, subnet, address, retain }
        },
    );
    let existing = select(world.floating_ip_ids.clone()).prop_map(|id| FloatingIp::Existing { id });
    prop_oneof![3 => allocate, 1 => existing]
}
