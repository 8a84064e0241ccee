//! Laws about the objects that stacks refer to, which must hold at every moment.
//!
//! * Unknown is not empty: a pool loses a member only if the cluster, at some moment since the member came, did not want it;
//!   and it is emptied only if the cluster wanted no member.
//! * A listener is not deleted unless its stack does not want it, and whatever serves was good: the content behind each
//!   reference exists, can be read, and was wanted at some moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use evenkeel_simulators::random_cluster::oracle::{
    ClusterObjects, ExpectedMembers, ExpectedTls, Floor, HeldBack, expected_members, has_ipv6, listener_tls,
    member_addresses, pool_tls, stored_content,
};
use serde_json::Value;

use super::laws::uid_of;
use super::simulation::Simulation;

/// Observations that the laws need.
#[derive(Default)]
pub struct ClusterLaws {
    /// By UID: what the stacks want at this moment.
    stacks: BTreeMap<String, StackWish>,
    /// By id of the pool.
    pools: BTreeMap<String, WatchedPool>,
    /// By id of the listener.
    listeners: BTreeMap<String, WatchedListener>,
    /// Contents that were wanted at some moment, by stack.
    wanted: BTreeMap<String, BTreeSet<String>>,
    /// Number of writes to the cloud at the last check.
    writes: usize,
    /// Checks that are left after the last write: Octavia carries it out later.
    checks_left: usize,
}

/// Checks after a write. Nothing changes in the cloud once it is carried out.
const CHECKS_AFTER_WRITE: usize = 12;

/// Members and listeners that a stack wants at this moment. One that is being deleted has none.
struct StackWish {
    members: BTreeMap<String, PoolWish>,
    listeners: BTreeMap<String, ProtocolPort>,
}

/// Members that the cluster wants, and those that stay although they are not ready.
#[derive(Debug)]
struct PoolWish {
    ready: ExpectedMembers,
    floor: Option<Floor>,
}

#[derive(PartialEq)]
struct ProtocolPort {
    protocol: Value,
    port: Value,
}

impl StackWish {
    fn of(spec: &Value, objects: &ClusterObjects) -> Self {
        let name = |object: &Value| object["name"].as_str().unwrap().to_owned();
        let wish = |pool: &Value| PoolWish {
            ready: expected_members(pool, has_ipv6(spec), objects, &HeldBack::new()),
            floor: Floor::of(pool, objects),
        };
        let members = list(spec, "pools").map(|pool| (name(pool), wish(pool))).collect();
        let port =
            |listener: &Value| ProtocolPort { protocol: listener["protocol"].clone(), port: listener["port"].clone() };
        let listeners = list(spec, "listeners").map(|listener| (name(listener), port(listener))).collect();
        Self { members, listeners }
    }
}

struct WatchedPool {
    uid: String,
    key: String,
    members: BTreeSet<SocketAddr>,
    /// Members that were not wanted at some moment since they came.
    unwanted: BTreeSet<SocketAddr>,
    /// No member was wanted at some moment since the pool had some.
    zero: bool,
    /// The stack did not want the pool, or is being deleted.
    free: bool,
}

struct WatchedListener {
    uid: String,
    load_balancer: String,
    key: String,
    seen: ProtocolPort,
    /// The stack did not want the listener, or is being deleted.
    free: bool,
}

impl Simulation {
    /// Takes note of what stacks and the cluster want at this moment. Only users change that.
    pub fn observe_references(&mut self) {
        let objects = ClusterObjects::of(&self.rig.cluster);
        self.laws.stacks.clear();
        for stack in self.rig.cluster.objects("evenkeel.dev", "loadbalancerstacks") {
            let uid = stack["metadata"]["uid"].as_str().unwrap().to_owned();
            let contents = contents(&stack["spec"], &objects);
            self.laws.wanted.entry(uid.clone()).or_default().extend(contents);
            if stack["metadata"]["deletionTimestamp"].is_null() {
                self.laws.stacks.insert(uid, StackWish::of(&stack["spec"], &objects));
            }
        }
        let laws = &mut self.laws;
        laws.pools.values_mut().for_each(|pool| pool.observe(&laws.stacks));
        laws.listeners.values_mut().for_each(|listener| listener.observe(&laws.stacks));
    }

    pub fn check_cluster_laws(&mut self) {
        let writes = self.rig.cloud.writes().len();
        if writes != self.laws.writes {
            (self.laws.writes, self.laws.checks_left) = (writes, CHECKS_AFTER_WRITE);
        }
        if self.laws.checks_left == 0 {
            return;
        }
        self.laws.checks_left -= 1;
        let (mut pools, mut listeners) = (BTreeSet::new(), BTreeSet::new());
        let load_balancers = self.evenkeel_load_balancers();
        let stored = self.stored_urls();
        for lb in &load_balancers {
            let (uid, id) = (uid_of(lb).unwrap(), lb["id"].as_str().unwrap().to_owned());
            let tree = self.rig.cloud.tree(&id).map(Value::Object).unwrap_or_default();
            for pool in list(&tree, "pools") {
                pools.extend(self.laws.check_pool(&uid, pool));
                self.check_contents(&uid, pool, &stored);
            }
            for listener in list(&tree, "listeners") {
                listeners.extend(self.laws.check_listener(&uid, &id, listener));
                self.check_contents(&uid, listener, &stored);
            }
        }
        self.laws.pools.retain(|id, _| pools.contains(id));
        let is_there = |id: &str| load_balancers.iter().any(|lb| lb["id"] == id);
        for (id, listener) in &self.laws.listeners {
            let is_excused = listener.free || self.drifted.contains(id);
            let is_gone = !listeners.contains(id) && is_there(&listener.load_balancer);
            assert!(is_excused || !is_gone, "listener {} of {} was deleted", listener.key, listener.uid);
        }
        self.laws.listeners.retain(|id, _| listeners.contains(id));
    }

    /// Every reference leads to a content that can be used and was wanted.
    fn check_contents(&self, uid: &str, object: &Value, stored: &BTreeMap<String, String>) {
        for url in references(object) {
            assert!(stored.contains_key(&url), "{} names {url}, which does not exist", object["name"]);
            let content = stored_content(&self.rig.cloud, &url);
            let wanted = self.laws.wanted.get(uid);
            let is_wanted = content.as_ref().is_ok_and(|name| wanted.is_some_and(|wanted| wanted.contains(name)));
            assert!(is_wanted, "{} serves {content:?}, wanted so far {wanted:?}", object["name"]);
        }
    }

    /// Names of the secrets in the key manager by their URLs.
    fn stored_urls(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = self.rig.cloud.stored_secrets().into_iter();
        all.map(|secret| (text(&secret["secret_ref"]), text(&secret["name"]))).collect()
    }

    /// Secrets of stacks that no listener and no pool of any load balancer names.
    pub fn unnamed_secrets(&self) -> Vec<String> {
        let trees = self.rig.load_balancers().into_iter().filter_map(|lb| self.rig.cloud.tree(lb["id"].as_str()?));
        let trees: Vec<Value> = trees.map(Value::Object).collect();
        let objects = trees.iter().flat_map(|tree| list(tree, "listeners").chain(list(tree, "pools")));
        let named: BTreeSet<String> = objects.flat_map(references).collect();
        let own = self.stored_urls().into_iter().filter(|(_, name)| name.starts_with("evenkeel-"));
        own.filter(|(url, _)| !named.contains(url)).map(|(_, name)| name).collect()
    }
}

impl ClusterLaws {
    /// Checks the members of a pool, and returns its id.
    fn check_pool(&mut self, uid: &str, pool: &Value) -> Option<String> {
        let (id, key) = (pool["id"].as_str()?.to_owned(), key(pool)?.to_owned());
        let members = member_addresses(pool);
        let watched = self.pools.entry(id.clone()).or_insert_with(|| WatchedPool {
            uid: uid.to_owned(),
            key,
            members: members.clone(),
            unwanted: BTreeSet::new(),
            zero: false,
            free: false,
        });
        let lost: Vec<_> = watched.members.difference(&members).collect();
        let wrong = lost.iter().find(|member| !watched.free && !watched.unwanted.contains(**member));
        let wish = self.stacks.get(uid).and_then(|stack| stack.members.get(&watched.key));
        assert!(
            wrong.is_none(),
            "pool {} of {uid} lost {lost:?} of {:?}, has {members:?}, and is to have {wish:?}",
            watched.key,
            watched.members,
        );
        let is_emptied = members.is_empty() && !watched.members.is_empty();
        assert!(!is_emptied || watched.zero || watched.free, "pool {} was emptied", watched.key);
        watched.unwanted.retain(|member| members.contains(member));
        watched.zero &= !members.is_empty();
        watched.members = members;
        // Members that have just come may be unwanted already.
        watched.observe(&self.stacks);
        Some(id)
    }

    fn check_listener(&mut self, uid: &str, load_balancer: &str, listener: &Value) -> Option<String> {
        let id = listener["id"].as_str()?.to_owned();
        if !self.listeners.contains_key(&id) {
            let seen = ProtocolPort { protocol: listener["protocol"].clone(), port: listener["protocol_port"].clone() };
            let mut watched = WatchedListener {
                uid: uid.to_owned(),
                load_balancer: load_balancer.to_owned(),
                key: key(listener).unwrap_or_default().to_owned(),
                seen,
                free: false,
            };
            watched.observe(&self.stacks);
            self.listeners.insert(id.clone(), watched);
        }
        Some(id)
    }
}

impl WatchedPool {
    fn observe(&mut self, stacks: &BTreeMap<String, StackWish>) {
        let Some(wish) = stacks.get(&self.uid).and_then(|stack| stack.members.get(&self.key)) else {
            self.free = true;
            return;
        };
        let ExpectedMembers::Known(ready) = &wish.ready else { return };
        let may_lose = |member: &SocketAddr| {
            let is_free = wish.floor.as_ref().is_none_or(|floor| floor.may_lose(*member, &self.members));
            is_free && !ready.contains_key(member)
        };
        self.unwanted.extend(self.members.iter().filter(|member| may_lose(member)));
        self.zero |= ready.is_empty() && self.members.iter().all(may_lose);
    }
}

impl WatchedListener {
    fn observe(&mut self, stacks: &BTreeMap<String, StackWish>) {
        self.free |= stacks.get(&self.uid).and_then(|stack| stack.listeners.get(&self.key)) != Some(&self.seen);
    }
}

/// All contents that a stack wants now.
fn contents(spec: &Value, objects: &ClusterObjects) -> BTreeSet<String> {
    let names = |tls: ExpectedTls| tls.single.into_iter().map(|(_, content)| content).chain(tls.sni).flatten();
    let listeners = list(spec, "listeners").flat_map(|listener| names(listener_tls(&listener["tls"], objects)));
    listeners.chain(list(spec, "pools").flat_map(|pool| names(pool_tls(&pool["tls"], objects)))).collect()
}

/// URLs of secrets that a listener or pool names.
fn references(object: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let fields = object.as_object().into_iter().flatten().filter(|(field, _)| field.ends_with("container_ref"));
    let single = fields.filter_map(|(_, value)| text(value));
    single.chain(list(object, "sni_container_refs").filter_map(text)).collect()
}

fn key(object: &Value) -> Option<&str> {
    list(object, "tags").find_map(|tag| tag.as_str()?.strip_prefix("evenkeel:key="))
}

fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of[field].as_array().into_iter().flatten()
}
