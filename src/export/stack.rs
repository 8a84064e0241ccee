//! The whole stack of a load balancer.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::keys::{Keys, label};
use super::listener::listener;
use super::load_balancer::load_balancer;
use super::pool::pool;
use crate::api::{
    AdoptSpec, CloudCredentialsRef, LoadBalancerStack, LoadBalancerStackSpec, ManagementPolicy, PoolSpec,
};
use crate::model::{Id, ObservedPool, ObservedTree, owners};

/// Values of an exported stack that the load balancer does not have.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    pub credentials: CloudCredentialsRef,
    pub namespace: Option<String>,
}

/// A stack, and notes about everything that it cannot express.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    pub stack: LoadBalancerStack,
    pub notes: Vec<String>,
}

/// The stack that adopts the load balancer of this tree. Its policy is `Observe`, which shows the adoption first.
pub fn stack(tree: &ObservedTree, options: &ExportOptions) -> Exported {
    let mut context = Context::new(&tree.load_balancer);
    let observed = &tree.load_balancer;
    for owner in owners(tree) {
        let note = format!("it belongs to {owner}; adoption needs adopt.fromOwner: {owner}");
        context.add("load balancer", note);
    }
    let load_balancer = load_balancer(tree, &mut context);
    let pools = Pools::new(tree, &mut context);
    let mut keys = Keys::default();
    let listeners = tree.listeners.iter().filter_map(|one| {
        let fallback = format!("listener-{}", one.protocol_port);
        let key = keys.take(one.key(), &one.name, &fallback);
        listener(one, key, &pools.keys, &mut context)
    });
    let spec = LoadBalancerStackSpec {
        cloud_credentials_ref: Some(options.credentials.clone()),
        management_policy: ManagementPolicy::Observe,
        adopt: Some(AdoptSpec { id: Some(observed.id.clone()), ..AdoptSpec::default() }),
        load_balancer,
        listeners: listeners.collect(),
        pools: pools.specs,
        ..LoadBalancerStackSpec::default()
    };
    let name = Some(label(&observed.name)).filter(|name| !name.is_empty());
    let mut stack = LoadBalancerStack::new(&name.unwrap_or_else(|| format!("lb-{}", observed.id)), spec);
    stack.metadata.namespace.clone_from(&options.namespace);
    Exported { stack, notes: context.notes }
}

/// Exported pools, and their keys by id.
struct Pools {
    specs: Vec<PoolSpec>,
    keys: BTreeMap<Id, String>,
}

impl Pools {
    fn new(tree: &ObservedTree, context: &mut Context) -> Self {
        let (mut keys, mut names) = (Keys::default(), BTreeSet::new());
        let mut pools = Self { specs: Vec::new(), keys: BTreeMap::new() };
        for observed in &tree.pools {
            let key = keys.take(observed.key(), &observed.name, "pool");
            let shown = unique_name(observed, &key, &mut names, context);
            if let Some(spec) = pool(observed, key.clone(), &shown, context) {
                pools.keys.insert(observed.id.clone(), key);
                pools.specs.push(spec);
            }
        }
        pools
    }
}

/// The name of a pool in Octavia. No two pools of a stack may have the same one.
fn unique_name(observed: &ObservedPool, key: &str, names: &mut BTreeSet<String>, context: &mut Context) -> String {
    let name = if observed.name.is_empty() { key } else { &observed.name };
    if names.insert(name.to_owned()) {
        return name.to_owned();
    }
    context
        .add(&format!("pool {name:?} ({})", observed.id), format_args!("another pool has this name; it becomes {key}"));
    names.insert(key.to_owned());
    key.to_owned()
}
