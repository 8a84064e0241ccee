//! Members: the difference of two sets, sent in as few writes as Octavia allows.
//!
//! Octavia's key is the text of the address and the port; ours is the parsed address, so the spelling that the cloud
//! has is repeated. What a batch leaves out of a member it keeps (name, tags, subnet) or resets (weight, backup, state,
//! monitor address and port): so an unchanged member can be repeated in few bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::MAX_BODY;
use super::diff::object;
use super::step::Target;
use crate::model::{
    Body, Call, Change, Impact, Kind, Member, MemberKey, ObservedMember, Step, StepReason, without_twins,
};

/// The least words that make this member, or make the one that is there equal to it.
pub(super) fn item(key: &MemberKey, want: &Member, seen: Option<&ObservedMember>) -> Body {
    let Member { name, weight, backup, admin_state_up, subnet_id, monitor_address, monitor_port, tags } = want;
    let address = seen.map_or_else(|| key.address.to_string(), |seen| seen.address.clone());
    let mut body = object([("address", json!(address)), ("protocol_port", json!(key.port))]);
    let kept = |seen: Option<bool>, default: bool| seen.unwrap_or(default);
    let says = [
        ("name", json!(name), !kept(seen.map(|s| s.name == *name), name.is_empty())),
        ("tags", json!(tags), !kept(seen.map(|s| s.tags == *tags), tags.is_empty())),
        ("subnet_id", json!(subnet_id), !kept(seen.map(|s| s.subnet_id == *subnet_id), subnet_id.is_none())),
        ("weight", json!(weight), *weight != 1 || seen.is_some_and(|s| s.weight != Some(1))),
        ("backup", json!(backup), *backup || seen.is_some_and(|s| s.backup)),
        ("admin_state_up", json!(admin_state_up), !admin_state_up || seen.is_some_and(|s| !s.admin_state_up)),
        (
            "monitor_address",
            json!(monitor_address),
            monitor_address.is_some() || seen.is_some_and(|s| s.monitor_address.is_some()),
        ),
        ("monitor_port", json!(monitor_port), monitor_port.is_some() || seen.is_some_and(|s| s.monitor_port.is_some())),
    ];
    body.extend(says.into_iter().filter(|(_, _, say)| *say).map(|(field, value, _)| (field.to_owned(), value)));
    body
}

/// The same item once earlier batches have made the member equal: a batch keeps what these fields hold.
fn as_if_equal(mut item: Body) -> Body {
    for kept in ["name", "tags", "subnet_id"] {
        item.remove(kept);
    }
    item
}

/// One that is sent again as it is.
fn reapply_item(seen: &ObservedMember) -> Body {
    let mut body = object([
        ("address", json!(seen.address)),
        ("protocol_port", json!(seen.protocol_port)),
        ("weight", json!(seen.weight.unwrap_or(1))),
        ("backup", json!(seen.backup)),
        ("admin_state_up", json!(seen.admin_state_up)),
    ]);
    super::diff::add_some(
        &mut body,
        [
            ("monitor_address", seen.monitor_address.as_ref().map(|a| json!(a))),
            ("monitor_port", seen.monitor_port.map(|p| json!(p))),
        ],
    );
    body
}

pub(super) fn key_of(seen: &ObservedMember) -> Option<MemberKey> {
    Some(MemberKey { address: seen.address.parse().ok()?, port: seen.protocol_port })
}

fn same(want: &Member, seen: &ObservedMember) -> bool {
    let Member { name, weight, backup, admin_state_up, subnet_id, monitor_address, monitor_port, tags } = want;
    *name == seen.name
        && seen.weight == Some(i64::from(*weight))
        && *backup == seen.backup
        && *admin_state_up == seen.admin_state_up
        && *subnet_id == seen.subnet_id
        && *monitor_port == seen.monitor_port
        && *tags == seen.tags
        && match (monitor_address, &seen.monitor_address) {
            (None, None) => true,
            (Some(want), Some(seen)) => seen.parse() == Ok(*want),
            _ => false,
        }
}

fn differences(key: &MemberKey, want: &Member, seen: &ObservedMember) -> Vec<Change> {
    let fields = [
        ("name", json!(seen.name), json!(want.name)),
        ("weight", json!(seen.weight), json!(want.weight)),
        ("backup", json!(seen.backup), json!(want.backup)),
        ("admin_state_up", json!(seen.admin_state_up), json!(want.admin_state_up)),
        ("subnet_id", json!(seen.subnet_id), json!(want.subnet_id)),
        ("monitor_address", json!(seen.monitor_address), json!(want.monitor_address)),
        ("monitor_port", json!(seen.monitor_port), json!(want.monitor_port)),
        ("tags", json!(seen.tags), json!(want.tags)),
    ];
    let differing = fields.into_iter().filter(|(_, was, want)| was != want);
    differing.map(|(field, was, want)| Change { field: format!("{key} {field}"), was, want }).collect()
}

/// What a pool's members are against what they should be.
struct MemberDiff<'a> {
    want: &'a BTreeMap<MemberKey, Member>,
    there: HashMap<MemberKey, &'a ObservedMember>,
    /// New or different.
    changed: Vec<&'a MemberKey>,
    /// Changed, with a tag that takes the place of its equal: the tags that the member keeps meanwhile.
    twins: BTreeMap<&'a MemberKey, BTreeSet<String>>,
    surplus: Vec<&'a ObservedMember>,
}

impl<'a> MemberDiff<'a> {
    fn new(want: &'a BTreeMap<MemberKey, Member>, seen: &'a [ObservedMember]) -> Self {
        let mut there: HashMap<MemberKey, &ObservedMember> = HashMap::with_capacity(seen.len());
        let mut surplus = Vec::new();
        for member in seen {
            let Some(key) = key_of(member).filter(|key| want.contains_key(key)) else {
                surplus.push(member);
                continue;
            };
            // Two spellings of one address: the canonical one stays, or the one made first to sort.
            let rank = |member: &ObservedMember| (member.address != key.address.to_string(), member.id.clone());
            match there.get(&key).copied() {
                Some(other) if rank(other) < rank(member) => surplus.push(member),
                other => {
                    surplus.extend(other);
                    there.insert(key, member);
                }
            }
        }
        let changed: Vec<&MemberKey> = want
            .iter()
            .filter(|(key, member)| !there.get(key).is_some_and(|seen| same(member, seen)))
            .map(|(key, _)| key)
            .collect();
        let twins = |key: &&'a MemberKey| Some((*key, without_twins(&there.get(key)?.tags, &want.get(key)?.tags)?));
        let twins = changed.iter().filter_map(twins).collect();
        Self { want, there, changed, twins, surplus }
    }

    /// In the first batch that has this member. One bad tag would have Octavia refuse the whole.
    fn item(&self, key: &MemberKey) -> Option<Body> {
        let mut item = item(key, self.want.get(key)?, self.there.get(key).copied());
        if let Some(tags) = self.twins.get(key) {
            item.insert("tags".to_owned(), json!(tags));
        }
        Some(item)
    }

    /// In the second one, once all but its tags is as it should be.
    fn tags_item(&self, key: &MemberKey) -> Option<Body> {
        let want = self.want.get(key)?;
        let mut item = as_if_equal(item(key, want, self.there.get(key).copied()));
        item.insert("tags".to_owned(), json!(want.tags));
        Some(item)
    }

    fn changes_of(&self, keys: &[&MemberKey]) -> Vec<Change> {
        let change = |key: &&MemberKey| match (self.there.get(key), self.want.get(key)) {
            (Some(seen), Some(want)) => match self.twins.get(key) {
                Some(tags) => differences(key, &Member { tags: tags.clone(), ..want.clone() }, seen),
                None => differences(key, want, seen),
            },
            _ => vec![Change { field: key.to_string(), was: Value::Null, want: json!(self.item(key)) }],
        };
        keys.iter().flat_map(change).collect()
    }

    fn new_among(&self, keys: &[&MemberKey]) -> usize {
        keys.iter().filter(|key| !self.there.contains_key(key)).count()
    }

    fn impact(&self, keys: &[&MemberKey]) -> Impact {
        let drains = |key: &&&MemberKey| {
            let (was, want) = (self.there.get(*key), self.want.get(*key));
            was.zip(want).is_some_and(|(was, want)| {
                (was.admin_state_up && !want.admin_state_up) || (was.weight != Some(0) && want.weight == 0)
            })
        };
        if keys.iter().any(|key| drains(&key)) { Impact::NewConnections } else { Impact::None }
    }
}

fn removal(seen: &ObservedMember) -> Change {
    Change { field: print(seen), was: json!(reapply_item(seen)), want: Value::Null }
}

fn print(seen: &ObservedMember) -> String {
    key_of(seen).map_or_else(|| format!("{}:{}", seen.address, seen.protocol_port), |key| key.to_string())
}

/// The fewest writes: one additive batch while nothing leaves, one `DELETE` if just one member leaves, else one whole
/// batch; in pieces where the body would be too large.
pub(super) fn steps(
    pool_key: &str,
    pool: &Target,
    want: &BTreeMap<MemberKey, Member>,
    seen: &[ObservedMember],
) -> Vec<Step> {
    let diff = MemberDiff::new(want, seen);
    let mut steps = match (diff.changed.as_slice(), diff.surplus.as_slice()) {
        ([], []) => Vec::new(),
        (changed, []) => additions(pool_key, pool, &diff, changed),
        ([], [one]) => vec![delete(pool_key, pool, one)],
        (changed, surplus) => removals(pool_key, pool, &diff, changed, surplus),
    };
    steps.extend(retagging(pool_key, pool, &diff));
    steps
}

/// The tags whose equals have gone by now.
fn retagging(pool_key: &str, pool: &Target, diff: &MemberDiff<'_>) -> Vec<Step> {
    let keys: Vec<&MemberKey> = diff.twins.keys().copied().collect();
    let batch = |keys: &Vec<&MemberKey>| {
        let members = keys.iter().filter_map(|key| diff.tags_item(key)).collect();
        let call = Call::ReplaceMembers { pool: pool.id.clone(), additive: true, members, grows: false };
        let changes = keys.iter().filter_map(|key| {
            let (was, want) = (json!(diff.twins.get(key)?), json!(diff.want.get(key)?.tags));
            Some(Change { field: format!("{key} tags"), was, want })
        });
        Step { changes: changes.collect(), ..Step::new(Kind::Member, pool_key, call) }
    };
    pieces(diff, &keys).iter().map(batch).collect()
}

/// Members leave while others may come or change.
fn removals(
    pool_key: &str,
    pool: &Target,
    diff: &MemberDiff<'_>,
    changed: &[&MemberKey],
    surplus: &[&ObservedMember],
) -> Vec<Step> {
    let mut pieces = pieces(diff, changed);
    // What the whole batch can take besides repeating all the others: the last piece, or nothing.
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

/// Batches that only add and change, each small enough.
fn additions(pool_key: &str, pool: &Target, diff: &MemberDiff<'_>, changed: &[&MemberKey]) -> Vec<Step> {
    pieces(diff, changed).iter().map(|piece| addition(pool_key, pool, diff, piece)).collect()
}

fn pieces<'k>(diff: &MemberDiff<'_>, changed: &[&'k MemberKey]) -> Vec<Vec<&'k MemberKey>> {
    let (mut pieces, mut piece, mut bytes) = (Vec::new(), Vec::new(), 0);
    for key in changed {
        let size = diff.item(key).as_ref().map_or(0, size_of);
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

/// The whole set in one batch, if it fits: what it leaves out goes. `changed` is what it changes besides; all others
/// are as they should be, or made so by earlier batches.
fn whole_batch(pool_key: &str, pool: &Target, diff: &MemberDiff<'_>, changed: &[&MemberKey]) -> Option<Step> {
    let changed_keys: HashSet<&MemberKey> = changed.iter().copied().collect();
    let item = |key: &MemberKey| {
        let item = diff.item(key)?;
        Some(if changed_keys.contains(key) { item } else { as_if_equal(item) })
    };
    let members: Vec<Body> = diff.want.keys().filter_map(item).collect();
    if members.iter().map(size_of).sum::<usize>() > MAX_BODY {
        return None;
    }
    let grows = diff.new_among(changed) > diff.surplus.len();
    let mut changes = diff.changes_of(changed);
    changes.extend(diff.surplus.iter().map(|member| removal(member)));
    let call = Call::ReplaceMembers { pool: pool.id.clone(), additive: false, members, grows };
    Some(Step { changes, ..Step::new(Kind::Member, pool_key, call) }.impact(Impact::NewConnections).after(pool))
}

/// Bytes of one item in a list.
pub(super) fn size_of(item: &Body) -> usize {
    serde_json::to_vec(item).map_or(0, |bytes| bytes.len() + 1)
}

/// Members in ERROR are brought back by sending them again as they are.
pub(super) fn heal(pool_key: &str, pool: &str, members: &[&ObservedMember]) -> Step {
    let members = members.iter().map(|member| reapply_item(member)).collect();
    let call = Call::ReplaceMembers { pool: pool.to_owned(), additive: true, members, grows: false };
    Step::new(Kind::Member, pool_key, call).because(StepReason::Heal)
}
