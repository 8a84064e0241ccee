//! The laws, over random stacks and edits: every step of every plan is accepted in the state in which it runs, the end
//! is the desired state, and a plan against its own result is empty.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::drift::disturbance;
use super::octavia::Octavia;
use evenkeel::model::*;
use evenkeel::plan::update;
use evenkeel_simulators::arbitrary::{World, stack_and_edit};

/// Number of random cases: always the same ones, unless `EVENKEEL_SEED` asks for others; `EVENKEEL_TIMES` multiplies
/// their number.
pub fn cases(cases: u32) -> ProptestConfig {
    let number = |variable: &str| std::env::var(variable).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("EVENKEEL_SEED").unwrap_or(2_026);
    let times = number("EVENKEEL_TIMES").map_or(1, |times| u32::try_from(times).unwrap());
    let rng_seed = RngSeed::Fixed(seed);
    ProptestConfig { failure_persistence: None, cases: cases * times, rng_seed, ..ProptestConfig::default() }
}

/// Number of steps that no plan of a random stack comes near.
const BOUND: usize = 400;

/// Plans and executes the first step, until there is none. `check` gets every state with the step that led there.
pub fn converge(octavia: &mut Octavia, want: &Desired, mut check: impl FnMut(&ObservedTree, &Step)) -> Plan {
    let mut left = None;
    for _ in 0..BOUND {
        let plan = update(want, octavia.tree.as_ref().unwrap());
        if let Some(left) = left {
            assert_eq!(plan.steps.len(), left, "a plan has to count the steps that are left\n{plan}");
        }
        let Some(step) = plan.steps.first() else { return plan };
        let before = octavia.tree.clone();
        if let Err(rejection) = octavia.apply(step) {
            panic!("{rejection}\nrejected: {step}\n{:?}\nof\n{plan}", step.call);
        }
        assert!(
            octavia.tree != before || !step.call.is_octavia(),
            "it changes nothing: {step}\n{:?}\nof\n{plan}",
            step.call
        );
        check(octavia.tree.as_ref().unwrap(), step);
        left = Some(plan.steps.len() - 1);
    }
    panic!("does not end: {}", update(want, octavia.tree.as_ref().unwrap()));
}

/// The cloud after the create, with every object that random stacks refer to.
pub fn made(world: &World, want: &Desired) -> Octavia {
    let mut octavia = Octavia::default();
    octavia.v6_subnets = world.v6_subnets();
    octavia.make(want, "attempt-1");
    let lent = |id: &Id| ObservedFloatingIp {
        id: id.clone(),
        floating_ip_address: id.clone(),
        ..ObservedFloatingIp::default()
    };
    octavia.tree.as_mut().unwrap().floating_ips = world.floating_ip_ids.iter().map(lent).collect();
    octavia
}

/// Checks that the key manager has the secrets that the stack wants, each once, and no others.
pub fn stores_what_it_wants(octavia: &Octavia, want: &Desired) {
    let stored: Vec<&str> = octavia.stored().iter().map(|secret| secret.name.as_str()).collect();
    let wanted: BTreeSet<&str> = want.stored_secrets().map(|secret| secret.name.as_str()).collect();
    assert_eq!(stored.len(), wanted.len(), "{stored:?}, wanted {wanted:?}");
    assert!(stored.iter().all(|name| wanted.contains(name)), "{stored:?}, wanted {wanted:?}");
}

/// Checks that nothing is left but what the disruption policy holds back.
pub fn converged(plan: &Plan, want: &Desired) {
    assert!(plan.steps.is_empty() && plan.problems.is_empty(), "{plan}");
    assert!(plan.held_back.is_empty() || !want.allow_interruption, "{plan}");
}

type Slot = (u16, TransportProtocol);

fn slots(tree: &ObservedTree) -> BTreeMap<Slot, &ObservedListener> {
    let l4 = |word: &str| ListenerProtocol::ALL.iter().find(|p| p.as_str() == word).unwrap().transport();
    tree.listeners.iter().map(|l| ((l.protocol_port, l4(&l.protocol)), l)).collect()
}

/// Continuity of service. A listener that keeps its name, protocol and port is never without a pool that it has before
/// and after. While interruptions are forbidden, a port that is served before and after is served all the time.
pub struct Continuity {
    pooled: BTreeSet<Key>,
    served: BTreeSet<Slot>,
}

impl Continuity {
    pub fn new(before: &ObservedTree, want: &Desired) -> Self {
        let there = slots(before);
        let kept = |(key, listener): &(&Key, &Listener)| {
            there.get(&(listener.port, listener.protocol.transport())).is_some_and(|seen| {
                seen.protocol == listener.protocol.as_str()
                    && key_of(&seen.tags) == Some(key)
                    && seen.default_pool_id.is_some()
                    && listener.default_pool.is_some()
            })
        };
        let pooled = want.listeners.iter().filter(kept).map(|(key, _)| key.clone()).collect();
        let wanted = want.listeners.values().map(|l| (l.port, l.protocol.transport()));
        let served = wanted.filter(|slot| there.contains_key(slot) && !want.allow_interruption).collect();
        Self { pooled, served }
    }

    pub fn check(&self, tree: &ObservedTree, step: &Step) {
        for listener in tree.listeners.iter().filter(|l| key_of(&l.tags).is_some_and(|k| self.pooled.contains(k))) {
            assert!(listener.default_pool_id.is_some(), "{} lost its pool by {step}", listener.name);
        }
        let there = slots(tree);
        for slot in &self.served {
            assert!(there.contains_key(slot), "{slot:?} was no longer served after {step}");
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn created_stack_needs_only_its_floating_ip((want, _) in stack_and_edit(&World::whole())) {
        let mut octavia = made(&World::whole(), &want);
        let rest = update(&want, octavia.tree.as_ref().unwrap());
        prop_assert!(rest.steps.iter().all(|step| !step.call.is_octavia()), "{}", rest);
        converged(&converge(&mut octavia, &want, |_, _| {}), &want);
    }

}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn every_step_of_edit_is_accepted_and_plan_converges((before, after) in stack_and_edit(&World::whole())) {
        let mut octavia = made(&World::whole(), &before);
        converge(&mut octavia, &before, |_, _| {});
        let continuity = Continuity::new(octavia.tree.as_ref().unwrap(), &after);
        let plan = converge(&mut octavia, &after, |tree, step| continuity.check(tree, step));
        converged(&plan, &after);
        // Steps that are held back run as soon as they may.
        let allowed = Desired { allow_interruption: true, ..after };
        converged(&converge(&mut octavia, &allowed, |_, _| {}), &allowed);
        stores_what_it_wants(&octavia, &allowed);
    }

}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn plan_converges_after_any_disturbance(
        (before, after) in stack_and_edit(&World::whole()),
        mishaps in prop::collection::vec((0..12usize, disturbance()), 1..6),
    ) {
        let mut octavia = made(&World::whole(), &before);
        converge(&mut octavia, &before, |_, _| {});
        for (steps, mishap) in &mishaps {
            for _ in 0..*steps {
                let plan = update(&after, octavia.tree.as_ref().unwrap());
                let Some(step) = plan.steps.first() else { break };
                if let Err(rejection) = octavia.apply(step) {
                    panic!("{rejection}\nrejected: {step}\n{:?}\nof\n{plan}", step.call);
                }
            }
            octavia.disturb(mishap);
        }
        let foreign = foreigners(octavia.tree.as_ref().unwrap());
        let plan = converge(&mut octavia, &after, |_, _| {});
        converged(&plan, &after);
        let tree = octavia.tree.as_ref().unwrap();
        prop_assert_eq!(foreign, foreigners(tree), "foreign objects are left alone");
        if plan.held_back.is_empty() {
            stores_what_it_wants(&octavia, &after);
        }
        prop_assert!(!failed(tree), "an object of the stack stayed in ERROR");
    }
}

/// Parts of the cloud that stay while the content behind them is unknown.
struct Kept {
    /// Members by id of the pool.
    members: BTreeMap<Id, BTreeSet<(String, u16)>>,
    /// Certificate by id of the listener.
    certificates: BTreeMap<Id, String>,
}

fn members(pool: &ObservedPool) -> BTreeSet<(String, u16)> {
    pool.members.iter().map(|member| (member.address.clone(), member.protocol_port)).collect()
}

impl Kept {
    fn new(tree: &ObservedTree, want: &Desired) -> Self {
        let is_unknown = |pool: &&ObservedPool| {
            let wanted = key_of(&pool.tags).and_then(|key| want.pools.get(key));
            !pool.members.is_empty() && wanted.is_some_and(|wanted| wanted.members == Members::Unknown)
        };
        let certificate = |listener: &ObservedListener| {
            let wanted = key_of(&listener.tags).and_then(|key| want.listeners.get(key))?;
            let is_same = wanted.port == listener.protocol_port && wanted.protocol.as_str() == listener.protocol;
            let tls = wanted.tls.as_ref().filter(|tls| tls.certificate_ref == Some(CertificateRef::Unknown) && is_same);
            tls.and(listener.default_tls_container_ref.clone()).map(|url| (listener.id.clone(), url))
        };
        Self {
            members: tree.pools.iter().filter(is_unknown).map(|pool| (pool.id.clone(), members(pool))).collect(),
            certificates: tree.listeners.iter().filter_map(certificate).collect(),
        }
    }

    fn check(&self, tree: &ObservedTree, step: &Step) {
        for (id, kept) in &self.members {
            let pool = tree.pools.iter().find(|pool| pool.id == *id);
            assert_eq!(pool.map(members).as_ref(), Some(kept), "after {step}");
        }
        for (id, kept) in &self.certificates {
            let listener = tree.listeners.iter().find(|listener| listener.id == *id);
            let certificate = listener.and_then(|listener| listener.default_tls_container_ref.as_ref());
            assert_eq!(certificate, Some(kept), "after {step}");
        }
    }
}

/// The stack with members and certificates that are unknown, each by the next bit.
fn partly_unknown(mut want: Desired, bits: &[bool]) -> Desired {
    let mut bits = bits.iter().copied().cycle();
    for pool in want.pools.values_mut().filter(|_| bits.next().unwrap_or_default()) {
        pool.members = Members::Unknown;
    }
    let listeners = want.listeners.values_mut().filter_map(|listener| listener.tls.as_mut());
    let certificates = listeners.flat_map(|tls| [&mut tls.certificate_ref, &mut tls.client_ca_ref]);
    let of_pools = want.pools.values_mut().filter_map(|pool| pool.tls.as_mut());
    let of_pools = of_pools.flat_map(|tls| [&mut tls.client_certificate_ref, &mut tls.ca_ref]);
    for reference in certificates.chain(of_pools).flatten().filter(|_| bits.next().unwrap_or_default()) {
        *reference = CertificateRef::Unknown;
    }
    want
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn unknown_members_and_certificates_stay(
        (before, after) in stack_and_edit(&World::whole()),
        bits in prop::collection::vec(any::<bool>(), 31),
    ) {
        let mut octavia = made(&World::whole(), &before);
        converge(&mut octavia, &before, |_, _| {});
        let partly = partly_unknown(Desired { allow_interruption: true, ..after.clone() }, &bits);
        let kept = Kept::new(octavia.tree.as_ref().unwrap(), &partly);
        converge(&mut octavia, &partly, |tree, step| kept.check(tree, step));
        // Everything follows once it is known.
        let known = Desired { allow_interruption: true, ..after };
        converged(&converge(&mut octavia, &known, |_, _| {}), &known);
        stores_what_it_wants(&octavia, &known);
    }
}

/// Ids of objects without a key tag, with the pools that they use.
fn foreigners(tree: &ObservedTree) -> BTreeSet<(Id, Option<Id>)> {
    let kept = |listener: &ObservedListener| key_of(&listener.tags).is_none();
    let listeners = tree.listeners.iter().filter(|l| kept(l)).map(|l| (l.id.clone(), l.default_pool_id.clone()));
    let pools = tree.pools.iter().filter(|p| key_of(&p.tags).is_none()).map(|p| (p.id.clone(), None));
    listeners.chain(pools).collect()
}

/// True if an object of the stack is in ERROR.
fn failed(tree: &ObservedTree) -> bool {
    let is_ours = |tags: &BTreeSet<String>| key_of(tags).is_some();
    let sick = |status: Provisioning| status == Provisioning::Error;
    let policies = tree.listeners.iter().filter(|l| is_ours(&l.tags)).flat_map(|l| &l.policies);
    let pools = || tree.pools.iter().filter(|p| is_ours(&p.tags));
    tree.listeners.iter().any(|l| is_ours(&l.tags) && sick(l.provisioning_status))
        || policies
            .filter(|p| is_ours(&p.tags))
            .any(|p| sick(p.provisioning_status) || p.rules.iter().any(|r| sick(r.provisioning_status)))
        || pools().any(|p| sick(p.provisioning_status))
        || pools().flat_map(|p| &p.members).any(|m| sick(m.provisioning_status))
        || pools().filter_map(|p| p.monitor.as_ref()).any(|m| sick(m.provisioning_status))
}
