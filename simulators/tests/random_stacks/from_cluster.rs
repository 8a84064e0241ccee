//! Stacks that take members from Services and nodes and certificates from Secrets and ConfigMaps, under the whole
//! controller: after every edit of the cluster or of the stack, Octavia and Barbican hold what an oracle of its own computes.
//!
//! `EVENKEEL_CLUSTERS` is the number of clusters (12), `EVENKEEL_SEED` the seed of the first (0). A failure prints its
//! seed and the edits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use evenkeel_simulators::cloud::CloudConfig;
use evenkeel_simulators::random_cluster::oracle::{
    ClusterObjects, ExpectedMembers, ExpectedTls, Floor, expected_members, has_ipv6, listener_tls, member_addresses,
    member_differences, pool_tls, stored_content,
};
use evenkeel_simulators::random_cluster::{ClusterChange, Dice, RandomCluster, Shape, draw_spec};
use evenkeel_simulators::rig::{Log, Rig, condition};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::compare::key;
use super::number;
use super::planner_rig::paused;

const STACK: &str = "web";
/// Longer than all windows, drains and confirmations of random stacks, and than their changes in the cloud.
const SETTLED: Duration = Duration::from_secs(90);
/// Longer than a wait that could end in another state: that for the second half of a Secret.
const STEADY: Duration = Duration::from_secs(13);

/// An edit of the objects that a stack refers to, or of the stack.
#[derive(Debug)]
enum Edit {
    Cluster(ClusterChange),
    Stack(Value),
}

struct Life {
    first: RandomCluster,
    spec: Value,
    edits: Vec<Edit>,
}

impl Life {
    fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut cluster = RandomCluster::draw(&mut dice);
        // Some stacks begin in a cluster with faults.
        for _ in 0..dice.pick(&[0, 0, 4]) {
            cluster.edit(&mut dice);
        }
        let first = cluster.clone();
        let shape = Shape { dual_stack: dice.chance(40), shared_cloud: false };
        // Without resyncs: a change is seen by its event, or never.
        let spec = move |dice: &mut Dice| {
            let mut spec = draw_spec(dice, shape);
            spec["resyncPeriod"] = "0s".into();
            spec
        };
        let begins_with = spec(&mut dice);
        let edit =
            |_| if dice.chance(80) { Edit::Cluster(cluster.edit(&mut dice)) } else { Edit::Stack(spec(&mut dice)) };
        let mut edits: Vec<Edit> = (0..6).map(edit).collect();
        edits.push(Edit::Cluster(cluster.heal()));
        Self { first, spec: begins_with, edits }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "stack {}", self.spec)?;
        self.edits.iter().try_for_each(|edit| writeln!(f, "{edit:?}"))
    }
}

/// Statistics of a run.
#[derive(Debug, Default)]
struct Counts {
    settled: usize,
    unknown: usize,
    members: usize,
    held_back: usize,
    certificates: usize,
}

struct Test {
    rig: Rig,
    spec: Value,
    /// The tree of the load balancer when it was settled last.
    before: Value,
    /// The spec has changed since then.
    is_new_spec: bool,
    counts: Counts,
}

async fn live(seed: u64, life: &Life) -> Result<Counts> {
    let mut rig = Rig::with(CloudConfig { seed: seed + 1, ..CloudConfig::default() }).await;
    for (name, object) in &life.first.objects {
        name.write(&rig.client, Some(object)).await?;
    }
    rig.start();
    rig.create(STACK, life.spec.clone()).await;
    let mut test =
        Test { rig, spec: life.spec.clone(), before: Value::Null, is_new_spec: true, counts: Counts::default() };
    test.settle().await.context("after the create")?;
    for edit in &life.edits {
        test.make(edit).await.with_context(|| format!("{edit:?}"))?;
        test.settle().await.with_context(|| format!("after {edit:?}"))?;
    }
    let writes = test.rig.cloud.writes().len();
    sleep(2 * SETTLED).await;
    ensure!(test.rig.cloud.writes().len() == writes, "writes without a change: {:?}", test.rig.cloud.writes().last());
    test.rig.delete(STACK).await;
    let begun = Instant::now();
    while !test.rig.stack(STACK).is_null() {
        ensure!(begun.elapsed() < SETTLED, "the stack does not go");
        sleep(Duration::from_secs(1)).await;
    }
    ensure!(test.own_secrets().is_empty(), "left: {:?}", test.own_secrets());
    Ok(test.counts)
}

impl Test {
    async fn make(&mut self, edit: &Edit) -> Result<()> {
        match edit {
            Edit::Cluster(change) => {
                for (name, object) in &change.objects {
                    name.write(&self.rig.client, object.as_ref()).await?;
                }
            }
            Edit::Stack(spec) => {
                let mut stack = self.rig.stacks().get(STACK).await?;
                stack.spec = serde_json::from_value(spec.clone())?;
                self.rig.stacks().replace(STACK, &Default::default(), &stack).await?;
                self.spec = spec.clone();
                self.is_new_spec = true;
            }
        }
        Ok(())
    }

    /// Waits until the cloud is as it should be, and checks that it stays so.
    async fn settle(&mut self) -> Result<()> {
        let (begun, mut pause) = (Instant::now(), Duration::from_millis(500));
        loop {
            let differences = self.differences();
            if differences.is_empty() {
                sleep(STEADY).await;
                let later = self.differences();
                if later.is_empty() && self.is_reported() {
                    break;
                }
            }
            if begun.elapsed() > SETTLED {
                let status = &self.rig.stack(STACK)["status"]["conditions"];
                let slices = self.rig.cluster.objects("discovery.k8s.io", "endpointslices");
                bail!("not as expected:\n{}\n{status}\n{}", differences.join("\n"), json!(slices));
            }
            sleep(pause).await;
            pause = pause.mul_f32(1.5);
        }
        self.before = self.tree();
        self.is_new_spec = false;
        let expected = Expected::of(self, &self.before);
        let pools = list(&self.before, "pools");
        let held_back =
            pools.filter_map(|pool| Some(expected.floors.get(key(pool)?)?.pods(&member_addresses(pool)).len()));
        self.counts.held_back += held_back.sum::<usize>();
        self.counts.settled += 1;
        self.counts.unknown += usize::from(!expected.is_known());
        self.counts.members += list(&self.before, "pools").map(|pool| list(pool, "members").count()).sum::<usize>();
        self.counts.certificates += self.own_secrets().len();
        Ok(())
    }

    /// The conditions say if all references can be used.
    fn is_reported(&self) -> bool {
        let stack = self.rig.stack(STACK);
        let known = Expected::of(self, &self.tree()).is_known();
        (condition(&stack, "ResolvedRefs")["status"] == "True") == known && (!known || self.rig.is_ready(STACK))
    }

    fn tree(&self) -> Value {
        let id = self.rig.stack(STACK)["status"]["loadBalancer"]["id"].clone();
        self.rig.cloud.tree(id.as_str().unwrap_or_default()).map(Value::Object).unwrap_or_default()
    }

    /// URLs of the secrets that the stack has stored.
    fn own_secrets(&self) -> BTreeSet<String> {
        let all = self.rig.cloud.stored_secrets().into_iter();
        let own = all.filter(|secret| secret["name"].as_str().is_some_and(|name| name.starts_with("evenkeel-")));
        own.map(|secret| secret["secret_ref"].as_str().unwrap().to_owned()).collect()
    }

    fn differences(&self) -> Vec<String> {
        let tree = self.tree();
        let expected = Expected::of(self, &tree);
        let mut found = Vec::new();
        for (kind, names) in [("listeners", &expected.listeners), ("pools", &expected.pool_tls)] {
            let seen: BTreeSet<&str> = list(&tree, kind).filter_map(key).collect();
            let wanted: BTreeSet<&str> = names.keys().map(String::as_str).collect();
            if expected.is_known() && seen != wanted {
                found.push(format!("{kind} are {seen:?}, wanted {wanted:?}"));
            }
            for object in list(&tree, kind) {
                let tls = key(object).and_then(|key| names.get(key));
                found.extend(tls.into_iter().flat_map(|tls| self.tls_differences(object, tls)));
            }
        }
        for pool in list(&tree, "pools") {
            let wanted = key(pool).and_then(|key| expected.members.get(key));
            found.extend(wanted.into_iter().flat_map(|wanted| self.member_differences(pool, wanted)));
            let floor = key(pool).and_then(|key| expected.floors.get(key));
            found.extend(floor.and_then(|floor| self.floor_difference(pool, floor)));
        }
        let named: BTreeSet<String> = references(&tree);
        let own = self.own_secrets();
        if own != named {
            found.push(format!("stored are {own:?}, named {named:?}"));
        }
        found
    }

    /// Members that are unknown are those from before.
    fn member_differences(&self, pool: &Value, expected: &ExpectedMembers) -> Vec<String> {
        let name = key(pool).unwrap_or_default();
        let found = match expected {
            ExpectedMembers::Known(expected) => member_differences(pool, expected),
            ExpectedMembers::Unknown => {
                let before = list(&self.before, "pools").find(|before| before["id"] == pool["id"]);
                let (then, now) = (before.map(member_addresses).unwrap_or_default(), member_addresses(pool));
                if then == now { Vec::new() } else { vec![format!("unknown members are {now:?}, and were {then:?}")] }
            }
        };
        found.into_iter().map(|difference| format!("pool {name}: {difference}")).collect()
    }

    /// A new spec may take its members from elsewhere: then none has to stay.
    fn floor_difference(&self, pool: &Value, floor: &Floor) -> Option<String> {
        let before = list(&self.before, "pools").find(|before| before["id"] == pool["id"] && !self.is_new_spec);
        let difference =
            floor.difference(&before.map(member_addresses).unwrap_or_default(), &member_addresses(pool))?;
        Some(format!("pool {}: {difference}", key(pool).unwrap_or_default()))
    }

    /// Contents that are unknown are those from before. Beside them, others may wait too.
    fn tls_differences(&self, object: &Value, expected: &ExpectedTls) -> Vec<String> {
        let lists = ["listeners", "pools"].map(|kind| list(&self.before, kind));
        let before = lists.into_iter().flatten().find(|before| before["id"] == object["id"]).unwrap_or(&Value::Null);
        let mut found = Vec::new();
        let content = |reference: &Value| reference.as_str().map(|url| stored_content(&self.rig.cloud, url));
        for (field, wanted) in &expected.single {
            let served = content(&object[*field]);
            let stays = !expected.is_known() && object[*field] == before[*field];
            if served != wanted.clone().map(Ok) && !stays {
                found.push(format!("{field} of {} is {served:?}, wanted {wanted:?}", object["name"]));
            }
        }
        let sni: BTreeSet<_> = list(object, "sni_container_refs").map(content).collect();
        let wanted: BTreeSet<_> = expected.sni.iter().map(|wanted| wanted.clone().map(Ok)).collect();
        if expected.is_known() && sni != wanted {
            found.push(format!("SNI of {} is {sni:?}, wanted {wanted:?}", object["name"]));
        }
        found
    }
}

/// The result that an oracle expects for a stack, of which the cloud has this tree.
struct Expected {
    members: BTreeMap<String, ExpectedMembers>,
    floors: BTreeMap<String, Floor>,
    listeners: BTreeMap<String, ExpectedTls>,
    pool_tls: BTreeMap<String, ExpectedTls>,
}

impl Expected {
    fn of(test: &Test, tree: &Value) -> Self {
        let (objects, spec) = (ClusterObjects::of(&test.rig.cluster), &test.spec);
        let name = |object: &Value| object["name"].as_str().unwrap().to_owned();
        let floors: BTreeMap<String, Floor> =
            list(spec, "pools").filter_map(|pool| Some((name(pool), Floor::of(pool, &objects)?))).collect();
        let held = |pool: &Value| {
            let seen = list(tree, "pools").find(|seen| key(seen) == pool["name"].as_str());
            let has = seen.map(member_addresses).unwrap_or_default();
            floors.get(&name(pool)).map(|floor| floor.held(&has)).unwrap_or_default()
        };
        let members = list(spec, "pools")
            .map(|pool| (name(pool), expected_members(pool, has_ipv6(spec), &objects, &held(pool))))
            .collect();
        Self {
            members,
            floors,
            listeners: list(spec, "listeners")
                .map(|listener| (name(listener), listener_tls(&listener["tls"], &objects)))
                .collect(),
            pool_tls: list(spec, "pools").map(|pool| (name(pool), pool_tls(&pool["tls"], &objects))).collect(),
        }
    }

    fn is_known(&self) -> bool {
        self.members.values().all(|members| *members != ExpectedMembers::Unknown)
            && self.listeners.values().chain(self.pool_tls.values()).all(ExpectedTls::is_known)
    }
}

fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of[field].as_array().into_iter().flatten()
}

/// URLs of secrets that listeners and pools name.
fn references(tree: &Value) -> BTreeSet<String> {
    let fields = |object: &Map<String, Value>| -> Vec<String> {
        let named = object.iter().filter(|(field, _)| field.ends_with("container_ref"));
        let single = named.filter_map(|(_, value)| value.as_str().map(str::to_owned));
        let sni = object.get("sni_container_refs").and_then(Value::as_array).into_iter().flatten();
        single.chain(sni.filter_map(|value| value.as_str().map(str::to_owned))).collect()
    };
    let objects = list(tree, "listeners").chain(list(tree, "pools")).filter_map(Value::as_object);
    objects.flat_map(fields).collect()
}

fn check(seeds: std::ops::Range<u64>) {
    let mut counts = Counts::default();
    for seed in seeds.clone() {
        fastrand::seed(seed);
        let life = Life::draw(seed);
        let log = Log::capture("info,evenkeel=debug");
        match paused(live(seed, &life)) {
            Ok(lived) => {
                counts.settled += lived.settled;
                counts.unknown += lived.unknown;
                counts.members += lived.members;
                counts.held_back += lived.held_back;
                counts.certificates += lived.certificates;
            }
            Err(error) => {
                let text = log.text();
                let last: Vec<&str> = text.lines().skip(text.lines().count().saturating_sub(40)).collect();
                let last = last.join("\n");
                panic!("EVENKEEL_SEED={seed} EVENKEEL_CLUSTERS=1 shows it again\n{life}\n{error:#}\n{last}")
            }
        }
    }
    println!("clusters of seeds {seeds:?}: {counts:?}");
}

fn seeds() -> (u64, u64) {
    (number("EVENKEEL_SEED", 0), number("EVENKEEL_CLUSTERS", 12))
}

/// The seeds are split in two tests, so that two processors share them.
#[test]
fn stacks_follow_random_clusters_first_half() {
    let (first, clusters) = seeds();
    check(first..first + clusters.div_ceil(2));
}

#[test]
fn stacks_follow_random_clusters_second_half() {
    let (first, clusters) = seeds();
    check(first + clusters.div_ceil(2)..first + clusters);
}
