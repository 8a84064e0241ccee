//! Members: the difference of two sets, sent in as few writes as Octavia allows.
//!
//! Octavia's key is the text of the address and the port. The key here is the parsed address, so a write repeats the
//! spelling that the cloud has. A field that a batch leaves out of an existing member is kept (name, tags, subnet) or
//! reset (weight, backup, state, monitor address and port): so an unchanged member can be repeated in few bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::diff::{add_some, object};
use super::limits::{MAX_BODY, item_bytes};
use super::step::Target;
use crate::model::{
    Body, Call, Change, Impact, Kind, Member, MemberKey, ObservedMember, PrunePolicy, Step, StepReason, without_twins,
};

/// Minimal batch item that creates the member, or makes the observed one equal to it.
pub(super) fn batch_item(key: &MemberKey, desired: &Member, observed: Option<&ObservedMember>) -> Body {
    let Member { name, weight, backup, admin_state_up, subnet_id, monitor_address, monitor_port, tags } = desired;
    let address = observed.map_or_else(|| key.address.to_string(), |observed| observed.address.clone());
    let mut body = object([("address", json!(address)), ("protocol_port", json!(key.port))]);
    let kept = |observed: Option<bool>, default: bool| observed.unwrap_or(default);
    let fields = [
        ("name", json!(name), !kept(observed.map(|s| s.name == *name), name.is_empty())),
        ("tags", json!(tags), !kept(observed.map(|s| s.tags == *tags), tags.is_empty())),
        ("subnet_id", json!(subnet_id), !kept(observed.map(|s| s.subnet_id == *subnet_id), subnet_id.is_none())),
        ("weight", json!(weight), *weight != 1 || observed.is_some_and(|s| s.weight != Some(1))),
        ("backup", json!(backup), *backup || observed.is_some_and(|s| s.backup)),
        ("admin_state_up", json!(admin_state_up), !admin_state_up || observed.is_some_and(|s| !s.admin_state_up)),
        (
            "monitor_address",
            json!(monitor_address),
            monitor_address.is_some() || observed.is_some_and(|s| s.monitor_address.is_some()),
        ),
        (
            "monitor_port",
            json!(monitor_port),
            monitor_port.is_some() || observed.is_some_and(|s| s.monitor_port.is_some()),
        ),
    ];
    body.extend(fields.into_iter().filter(|(_, _, send)| *send).map(|(field, value, _)| (field.to_owned(), value)));
    body
}

/// The same item once earlier batches have made the member equal: a batch keeps what these fields hold.
fn as_if_equal(mut item: Body) -> Body {
    for kept in ["name", "tags", "subnet_id"] {
        item.remove(kept);
    }
    item
}

/// Batch item that sends a member again as it is.
fn reapply_item(observed: &ObservedMember) -> Body {
    let mut body = object([
        ("address", json!(observed.address)),
        ("protocol_port", json!(observed.protocol_port)),
        ("weight", json!(observed.weight.unwrap_or(1))),
        ("backup", json!(observed.backup)),
        ("admin_state_up", json!(observed.admin_state_up)),
    ]);
    add_some(
        &mut body,
        [
            ("monitor_address", observed.monitor_address.as_ref().map(|a| json!(a))),
            ("monitor_port", observed.monitor_port.map(|p| json!(p))),
        ],
    );
    body
}

fn same(desired: &Member, observed: &ObservedMember) -> bool {
    let Member { name, weight, backup, admin_state_up, subnet_id, monitor_address, monitor_port, tags } = desired;
    *name == observed.name
        && observed.weight == Some(i64::from(*weight))
        && *backup == observed.backup
        && *admin_state_up == observed.admin_state_up
        && *subnet_id == observed.subnet_id
        && *monitor_port == observed.monitor_port
        && *tags == observed.tags
        && match (monitor_address, &observed.monitor_address) {
            (None, None) => true,
            (Some(desired), Some(observed)) => observed.parse() == Ok(*desired),
            _ => false,
        }
}

fn differences(key: &MemberKey, desired: &Member, observed: &ObservedMember) -> Vec<Change> {
    let fields = [
        ("name", json!(observed.name), json!(desired.name)),
        ("weight", json!(observed.weight), json!(desired.weight)),
        ("backup", json!(observed.backup), json!(desired.backup)),
        ("admin_state_up", json!(observed.admin_state_up), json!(desired.admin_state_up)),
        ("subnet_id", json!(observed.subnet_id), json!(desired.subnet_id)),
        ("monitor_address", json!(observed.monitor_address), json!(desired.monitor_address)),
        ("monitor_port", json!(observed.monitor_port), json!(desired.monitor_port)),
        ("tags", json!(observed.tags), json!(desired.tags)),
    ];
    let differing = fields.into_iter().filter(|(_, was, want)| was != want);
    differing.map(|(field, was, want)| Change { field: format!("{key} {field}"), was, want }).collect()
}

/// Difference between the observed and the desired members of a pool.
struct MemberDiff<'a> {
    desired: &'a BTreeMap<MemberKey, Member>,
    observed: HashMap<MemberKey, &'a ObservedMember>,
    /// Keys of members that are new or differ.
    changed: Vec<&'a MemberKey>,
    /// Changed members with a tag that takes the place of its equal, each with the tags that it keeps meanwhile.
    twins: BTreeMap<&'a MemberKey, BTreeSet<String>>,
    surplus: Vec<&'a ObservedMember>,
    prune: PrunePolicy,
}

impl<'a> MemberDiff<'a> {
    fn new(desired: &'a BTreeMap<MemberKey, Member>, members: &'a [ObservedMember], prune: PrunePolicy) -> Self {
        let mut observed: HashMap<MemberKey, &ObservedMember> = HashMap::with_capacity(members.len());
        let mut surplus = Vec::new();
        for member in members {
            let Some(key) = member.key().filter(|key| desired.contains_key(key)) else {
                surplus.extend((prune != PrunePolicy::None).then_some(member));
                continue;
            };
            // Of two spellings of one address the canonical one stays, else the first by id.
            let rank = |member: &ObservedMember| (member.address != key.address.to_string(), member.id.clone());
            match observed.get(&key).copied() {
                Some(other) if rank(other) < rank(member) => surplus.push(member),
                other => {
                    surplus.extend(other);
                    observed.insert(key, member);
                }
            }
        }
        let changed: Vec<&MemberKey> = desired
            .iter()
            .filter(|(key, member)| !observed.get(key).is_some_and(|observed| same(member, observed)))
            .map(|(key, _)| key)
            .collect();
        let twins =
            |key: &&'a MemberKey| Some((*key, without_twins(&observed.get(key)?.tags, &desired.get(key)?.tags)?));
        let twins = changed.iter().filter_map(twins).collect();
        Self { desired, observed, changed, twins, surplus, prune }
    }

    /// The item for the first batch with this member, without a tag whose equal is still on: Octavia would reject the
    /// whole batch for it.
    fn item(&self, key: &MemberKey) -> Option<Body> {
        let mut item = batch_item(key, self.desired.get(key)?, self.observed.get(key).copied());
        if let Some(tags) = self.twins.get(key) {
            item.insert("tags".to_owned(), json!(tags));
        }
        Some(item)
    }

    /// The item for the second batch, when all fields but the tags are as desired.
    fn tags_item(&self, key: &MemberKey) -> Option<Body> {
        let desired = self.desired.get(key)?;
        let mut item = as_if_equal(batch_item(key, desired, self.observed.get(key).copied()));
        item.insert("tags".to_owned(), json!(desired.tags));
        Some(item)
    }

    fn changes_of(&self, keys: &[&MemberKey]) -> Vec<Change> {
        let change = |key: &&MemberKey| match (self.observed.get(key), self.desired.get(key)) {
            (Some(observed), Some(desired)) => match self.twins.get(key) {
                Some(tags) => differences(key, &Member { tags: tags.clone(), ..desired.clone() }, observed),
                None => differences(key, desired, observed),
            },
            _ => vec![Change { field: key.to_string(), was: Value::Null, want: json!(self.item(key)) }],
        };
        keys.iter().flat_map(change).collect()
    }

    fn new_among(&self, keys: &[&MemberKey]) -> usize {
        keys.iter().filter(|key| !self.observed.contains_key(key)).count()
    }

    fn impact(&self, keys: &[&MemberKey]) -> Impact {
        let drains = |key: &&&MemberKey| {
            let (was, want) = (self.observed.get(*key), self.desired.get(*key));
            was.zip(want).is_some_and(|(was, want)| {
                (was.admin_state_up && !want.admin_state_up) || (was.weight != Some(0) && want.weight == 0)
            })
        };
        if keys.iter().any(|key| drains(&key)) { Impact::NewConnections } else { Impact::None }
    }
}

fn removal(observed: &ObservedMember) -> Change {
    Change { field: print(observed), was: json!(reapply_item(observed)), want: Value::Null }
}

fn print(observed: &ObservedMember) -> String {
    observed.key().map_or_else(|| format!("{}:{}", observed.address, observed.protocol_port), |key| key.to_string())
}

/// The fewest writes: one additive batch while no member goes, one `DELETE` if just one member goes, else one whole
/// batch; in pieces where the body would be too large.
pub(super) fn steps(
    pool_key: &str,
    pool: &Target,
    desired: &BTreeMap<MemberKey, Member>,
    observed: &[ObservedMember],
    prune: PrunePolicy,
) -> Vec<Step> {
    let diff = MemberDiff::new(desired, observed, prune);
    let mut steps = match (diff.changed.as_slice(), diff.surplus.as_slice()) {
        ([], []) => Vec::new(),
        (changed, []) => additions(pool_key, pool, &diff, changed),
        ([], [one]) => vec![delete(pool_key, pool, one)],
        (changed, surplus) => removals(pool_key, pool, &diff, changed, surplus),
    };
    steps.extend(retagging(pool_key, pool, &diff));
    steps
}

/// Batches with the tags whose equals the first batches have taken off.
fn retagging(pool_key: &str, pool: &Target, diff: &MemberDiff<'_>) -> Vec<Step> {
    let keys: Vec<&MemberKey> = diff.twins.keys().copied().collect();
    let batch = |keys: &Vec<&MemberKey>| {
        let members = keys.iter().filter_map(|key| diff.tags_item(key)).collect();
        let call = Call::ReplaceMembers { pool: pool.id.clone(), additive: true, members, grows: false };
        let changes = keys.iter().filter_map(|key| {
            let (was, want) = (json!(diff.twins.get(key)?), json!(diff.desired.get(key)?.tags));
            Some(Change { field: format!("{key} tags"), was, want })
        });
        Step { changes: changes.collect(), ..Step::new(Kind::Member, pool_key, call) }
    };
    pieces(diff, &keys).iter().map(batch).collect()
}

/// Writes where members go while others may come or change.
fn removals(
    pool_key: &str,
    pool: &Target,
    diff: &MemberDiff<'_>,
    changed: &[&MemberKey],
    surplus: &[&ObservedMember],
) -> Vec<Step> {
    let mut pieces = pieces(diff, changed);
    // The whole batch repeats all others. It takes the last piece with it, if that fits.
    let with_last = pieces.last().and_then(|last| whole_batch(pool_key, pool, diff, last));
    if with_last.is_some() {
        pieces.pop();
    }
    let whole = with_last.or_else(|| whole_batch(pool_key, pool, diff, &[]).filter(|_| surplus.len() > 1));
    let mut steps: Vec<Step> = pieces.iter().map(|piece| addition(pool_key, pool, diff, piece)).collect();
    match whole {
        Some(whole) => steps.push(whole),
        None => steps.extend(surplus.iter().map(|member| delete(pool_key, pool, member))),
    }
    steps
}

fn delete(pool_key: &str, pool: &Target, member: &ObservedMember) -> Step {
    let call = Call::Delete { parent: Some(pool.id.clone()), id: member.id.clone() };
    Step::new(Kind::Member, format!("{pool_key} {}", print(member)), call).impact(Impact::NewConnections)
}

/// Batches that only add and change members, each small enough.
fn additions(pool_key: &str, pool: &Target, diff: &MemberDiff<'_>, changed: &[&MemberKey]) -> Vec<Step> {
    pieces(diff, changed).iter().map(|piece| addition(pool_key, pool, diff, piece)).collect()
}

fn pieces<'k>(diff: &MemberDiff<'_>, changed: &[&'k MemberKey]) -> Vec<Vec<&'k MemberKey>> {
    let (mut pieces, mut piece, mut bytes) = (Vec::new(), Vec::new(), 0);
    for key in changed {
        let size = diff.item(key).as_ref().map_or(0, item_bytes);
        if bytes + size > MAX_BODY && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
            bytes = 0;
        }
        bytes += size;
        piece.push(*key);
    }
    pieces.extend((!piece.is_empty()).then_some(piece));
    pieces
}

fn addition(pool_key: &str, pool: &Target, diff: &MemberDiff<'_>, keys: &[&MemberKey]) -> Step {
    let grows = diff.new_among(keys) > 0;
    let members = keys.iter().filter_map(|key| diff.item(key)).collect();
    let call = Call::ReplaceMembers { pool: pool.id.clone(), additive: true, members, grows };
    let step = Step::new(Kind::Member, pool_key, call).impact(diff.impact(keys)).after(pool);
    Step { changes: diff.changes_of(keys), ..step }
}

/// The whole set in one batch, if it fits: members that it leaves out go. It also changes those in `changed`; all
/// others are as desired, or made so by earlier batches.
fn whole_batch(pool_key: &str, pool: &Target, diff: &MemberDiff<'_>, changed: &[&MemberKey]) -> Option<Step> {
    if diff.prune == PrunePolicy::None {
        // It would take members with it that the stack does not name.
        return None;
    }
    let changed_keys: HashSet<&MemberKey> = changed.iter().copied().collect();
    let item = |key: &MemberKey| {
        let item = diff.item(key)?;
        Some(if changed_keys.contains(key) { item } else { as_if_equal(item) })
    };
    let members: Vec<Body> = diff.desired.keys().filter_map(item).collect();
    if members.iter().map(item_bytes).sum::<usize>() > MAX_BODY {
        return None;
    }
    let grows = diff.new_among(changed) > diff.surplus.len();
    let mut changes = diff.changes_of(changed);
    changes.extend(diff.surplus.iter().map(|member| removal(member)));
    let call = Call::ReplaceMembers { pool: pool.id.clone(), additive: false, members, grows };
    Some(Step { changes, ..Step::new(Kind::Member, pool_key, call) }.impact(Impact::NewConnections).after(pool))
}

/// Brings members in ERROR back by sending them again as they are.
pub(super) fn heal(pool_key: &str, pool: &str, members: &[&ObservedMember]) -> Step {
    let members = members.iter().map(|member| reapply_item(member)).collect();
    let call = Call::ReplaceMembers { pool: pool.to_owned(), additive: true, members, grows: false };
    Step::new(Kind::Member, pool_key, call).because(StepReason::Heal)
}
