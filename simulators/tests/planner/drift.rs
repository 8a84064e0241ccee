//! Disturbances: changes to a tree between two reconciles, by other clients, failures and lost responses.

use proptest::prelude::*;
use proptest::sample::Index;

use super::octavia::Octavia;
use evenkeel::model::*;

#[derive(Debug, Clone)]
pub enum Disturbance {
    /// An object vanishes; children with it.
    Lose(Target, Index),
    /// A write failed on the way to the data plane.
    Fail(Target, Index),
    /// Another client changes an object of the stack.
    Drift(Target, Index),
    /// A response was lost, and the object created twice.
    Duplicate(Target, Index),
    /// Another client adds a child of its own.
    Intrude(Target, Index),
}

#[derive(Debug, Clone, Copy)]
pub enum Target {
    Listener,
    Pool,
    Member,
    Monitor,
    Policy,
    Rule,
    FloatingIp,
    Secret,
}

pub fn disturbance() -> impl Strategy<Value = Disturbance> {
    use Target as T;
    let target = prop::sample::select(vec![
        T::Listener,
        T::Pool,
        T::Member,
        T::Monitor,
        T::Policy,
        T::Rule,
        T::FloatingIp,
        T::Secret,
    ]);
    (target, any::<Index>(), 0..10u8).prop_map(|(target, index, kind)| match kind {
        0..=1 => Disturbance::Lose(target, index),
        2..=4 => Disturbance::Fail(target, index),
        5..=6 => Disturbance::Drift(target, index),
        7 => Disturbance::Duplicate(target, index),
        _ => Disturbance::Intrude(target, index),
    })
}

/// One of a list, if there is any.
fn one<'a, T>(items: impl Iterator<Item = &'a mut T>, index: &Index) -> Option<&'a mut T> {
    let items: Vec<&mut T> = items.collect();
    let at = (!items.is_empty()).then(|| index.index(items.len()))?;
    items.into_iter().nth(at)
}

/// Changes one of a list, if there is any.
fn change_one<'a, T: 'a>(items: impl Iterator<Item = &'a mut T>, index: &Index, change: impl FnOnce(&mut T)) {
    if let Some(item) = one(items, index) {
        change(item);
    }
}

fn drop_one<T>(items: &mut Vec<T>, index: &Index) {
    if !items.is_empty() {
        items.remove(index.index(items.len()));
    }
}

fn policies(tree: &mut ObservedTree) -> impl Iterator<Item = &mut ObservedL7Policy> {
    tree.listeners.iter_mut().flat_map(|listener| &mut listener.policies)
}

impl Octavia {
    pub fn disturb(&mut self, disturbance: &Disturbance) {
        match disturbance {
            Disturbance::Lose(target, index) => self.lose(*target, index),
            Disturbance::Fail(target, index) => self.fail(*target, index),
            Disturbance::Drift(target, index) => self.drift(*target, index),
            Disturbance::Duplicate(target, index) => self.duplicate(*target, index),
            Disturbance::Intrude(target, index) => self.intrude(*target, index),
        }
        let tree = self.tree.as_mut().unwrap();
        let there: Vec<Id> = tree.pools.iter().map(|p| p.id.clone()).collect();
        for listener in &mut tree.listeners {
            listener.default_pool_id = listener.default_pool_id.take().filter(|id| there.contains(id));
            listener.policies.retain(|p| p.redirect_pool_id.as_ref().is_none_or(|id| there.contains(id)));
            for (position, policy) in (1..).zip(&mut listener.policies) {
                policy.position = position;
            }
        }
    }

    fn lose(&mut self, target: Target, index: &Index) {
        if let Target::Secret = target {
            return self.change_secrets(|secrets| drop_one(secrets, index));
        }
        let tree = self.tree.as_mut().unwrap();
        match target {
            Target::Listener => drop_one(&mut tree.listeners, index),
            Target::Pool => drop_one(&mut tree.pools, index),
            Target::Member => change_one(tree.pools.iter_mut(), index, |p| drop_one(&mut p.members, index)),
            Target::Monitor => change_one(tree.pools.iter_mut(), index, |p| p.monitor = None),
            Target::Policy => change_one(tree.listeners.iter_mut(), index, |l| drop_one(&mut l.policies, index)),
            Target::Rule => change_one(policies(tree), index, |p| drop_one(&mut p.rules, index)),
            Target::FloatingIp => change_one(tree.floating_ips.iter_mut(), index, |f| f.port_id = None),
            Target::Secret => {}
        }
    }

    fn fail(&mut self, target: Target, index: &Index) {
        if let Target::Secret = target {
            return self.change_secrets(|secrets| change_one(secrets.iter_mut(), index, |s| s.usable = false));
        }
        let tree = self.tree.as_mut().unwrap();
        let status = match target {
            Target::Listener => one(tree.listeners.iter_mut(), index).map(|l| &mut l.provisioning_status),
            Target::Pool => one(tree.pools.iter_mut(), index).map(|p| &mut p.provisioning_status),
            Target::Member => {
                one(tree.pools.iter_mut().flat_map(|p| &mut p.members), index).map(|m| &mut m.provisioning_status)
            }
            Target::Monitor => {
                one(tree.pools.iter_mut().filter_map(|p| p.monitor.as_mut()), index).map(|m| &mut m.provisioning_status)
            }
            Target::Policy => one(policies(tree), index).map(|p| &mut p.provisioning_status),
            Target::Rule => one(policies(tree).flat_map(|p| &mut p.rules), index).map(|r| &mut r.provisioning_status),
            Target::FloatingIp | Target::Secret => None,
        };
        if let Some(status) = status {
            *status = Provisioning::Error;
        }
    }

    fn drift(&mut self, target: Target, index: &Index) {
        let tree = self.tree.as_mut().unwrap();
        match target {
            Target::Listener => change_one(tree.listeners.iter_mut(), index, |l| {
                l.admin_state_up = !l.admin_state_up;
                l.default_pool_id = None;
                l.tags.insert("theirs".to_owned());
            }),
            Target::Pool => change_one(tree.pools.iter_mut(), index, |p| p.lb_algorithm = "SOURCE_IP".to_owned()),
            Target::Member => change_one(tree.pools.iter_mut().flat_map(|p| &mut p.members), index, |m| {
                m.weight = None;
                m.address = m.address.to_uppercase();
            }),
            Target::Monitor => change_one(tree.pools.iter_mut().filter_map(|p| p.monitor.as_mut()), index, |m| {
                m.max_retries_down = None
            }),
            Target::Policy => change_one(tree.listeners.iter_mut(), index, |l| l.policies.reverse()),
            Target::Rule => change_one(policies(tree).flat_map(|p| &mut p.rules), index, |r| r.invert = !r.invert),
            Target::Secret => {}
            // Never of a borrowed one on the VIP: without the owner tag it is another client's.
            Target::FloatingIp => {
                let made = tree.floating_ips.iter_mut().filter(|f| !f.description.is_empty());
                let descriptions = ["the shop's", "evenkeel:uid=x evenkeel:cluster=y"];
                if let Some(made) = one(made, index) {
                    // Tag or description alone is enough.
                    let is_marked = !descriptions.contains(&made.description.as_str());
                    let is_tagged = made.tags.iter().any(|tag| tag.starts_with("evenkeel:created-by="));
                    match index.index(3) {
                        0 if is_marked => made.tags.clear(),
                        at if is_tagged => made.description = descriptions[at % 2].to_owned(),
                        _ => {}
                    }
                }
            }
        }
    }

    fn duplicate(&mut self, target: Target, index: &Index) {
        if let Target::Secret = target {
            let names: Vec<String> = self.stored().iter().map(|secret| secret.name.clone()).collect();
            return if !names.is_empty() {
                self.store(&names[index.index(names.len())]);
            };
        }
        let id = format!("duplicate-{}", self.fresh());
        let tree = self.tree.as_mut().unwrap();
        match target {
            Target::Pool => {
                let duplicate = one(tree.pools.iter_mut(), index).map(|pool| ObservedPool {
                    id: id.clone(),
                    members: Vec::new(),
                    monitor: None,
                    ..pool.clone()
                });
                tree.pools.extend(duplicate);
            }
            Target::Policy => {
                if let Some(listener) = one(tree.listeners.iter_mut(), index) {
                    let duplicate = one(listener.policies.iter_mut(), index).map(|policy| ObservedL7Policy {
                        id: id.clone(),
                        rules: Vec::new(),
                        ..policy.clone()
                    });
                    listener.policies.extend(duplicate);
                }
            }
            Target::Member => {
                if let Some(pool) = one(tree.pools.iter_mut(), index) {
                    let duplicate = one(pool.members.iter_mut().filter(|m| m.address.contains("::")), index).map(|m| {
                        let address = m.address.replace("::", ":0:0:0:0:0:");
                        ObservedMember { id: id.clone(), address, ..m.clone() }
                    });
                    pool.members.extend(duplicate);
                }
            }
            _ => {}
        }
    }

    /// A member that any pool takes, with an address of an IP version that the load balancer has.
    pub fn foreign_member(&self, id: Id) -> ObservedMember {
        let address = if self.listens_on(false) { "10.66.0.1" } else { "2001:db8:66::1" };
        ObservedMember { id, address: address.to_owned(), protocol_port: 1, ..ObservedMember::default() }
    }

    /// Adds children without a key tag.
    fn intrude(&mut self, target: Target, index: &Index) {
        let id = format!("foreign-{}", self.fresh());
        let member = self.foreign_member(id.clone());
        let tree = self.tree.as_mut().unwrap();
        let active = Provisioning::Active;
        let pool = ObservedPool {
            id: id.clone(),
            provisioning_status: active,
            protocol: "TCP".to_owned(),
            ..ObservedPool::default()
        };
        match target {
            Target::Listener => {
                let default_pool_id = one(tree.pools.iter_mut(), index).map(|pool| pool.id.clone());
                let port = 10_000 + u16::try_from(tree.listeners.len()).unwrap();
                tree.listeners.push(ObservedListener {
                    id,
                    default_pool_id,
                    provisioning_status: active,
                    protocol: "HTTP".to_owned(),
                    protocol_port: port,
                    ..ObservedListener::default()
                });
            }
            Target::Pool => tree.pools.push(pool),
            Target::Policy => {
                let redirect_pool_id = one(tree.pools.iter_mut(), index).map(|pool| pool.id.clone());
                let listener = one(tree.listeners.iter_mut().filter(|l| l.protocol == "HTTP"), index);
                if let Some(listener) = listener {
                    let at = index.index(listener.policies.len() + 1);
                    let foreign = ObservedL7Policy {
                        id,
                        redirect_pool_id,
                        provisioning_status: active,
                        action: "REDIRECT_TO_POOL".to_owned(),
                        ..ObservedL7Policy::default()
                    };
                    listener.policies.insert(at, foreign);
                }
            }
            Target::Member => change_one(tree.pools.iter_mut(), index, |pool| pool.members.push(member)),
            _ => {}
        }
    }
}
