//! PUT /pools/{id}/members: replaces all members of a pool in one request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::reply::{HandlerResult, Reply, fault, invalid, not_found};
use super::super::world::World;
use super::body;
use super::checks::{OnNull, member_exists, store_change, text};
use super::jobs::Change;
use super::members::{check_reserved, check_sriov};
use super::schema::request_kind;
use super::tables::schema;
use super::{Context, Kind, Record};

type Key = (String, i64);
type Given = Map<String, Value>;

/// The changes of a batch to a pool.
struct Batch {
    added: Vec<Given>,
    updated: Vec<(String, Given)>,
    removed: Vec<String>,
}

impl World {
    pub fn member_batch(&mut self, ctx: Context<'_>, pool: &Record) -> HandlerResult {
        let members = body::read_members(ctx.call, request_kind::POST, self.config.api_minor)?;
        ctx.check_may_write(&pool.project)?;
        let additive = is_true(ctx.call.parameter("additive_only"));
        self.check_lockable_below(Kind::Pool, &pool.id)?;
        // Octavia reads the list after it took the lock, and crashes on anything but a list.
        let mut members = members.map_err(|class| fault(500, format!("'{class}' object is not iterable")))?;
        for member in &mut members {
            schema(Kind::Member).fill(member);
        }
        let batch = self.sort_out(pool, members, additive)?;
        if batch.added.is_empty() && batch.updated.is_empty() && batch.removed.is_empty() {
            let left = self.octavia.store.children(Kind::Member, &pool.id).next().is_some();
            // An empty additive batch locks the load balancer without a change, unless the pool is empty too.
            if left {
                let change = Change::Children { targets: Vec::new(), ancestors: self.above(pool), removed: Vec::new() };
                self.start(&pool.load_balancer, change, ctx.now);
            }
            return Ok(Reply::empty(202));
        }
        self.check_batch(ctx, pool, &batch)?;
        self.apply_batch(ctx, pool, batch)?;
        Ok(Reply::empty(202))
    }

    fn sort_out(&self, pool: &Record, members: Vec<Given>, additive: bool) -> Result<Batch, Reply> {
        let stored: BTreeMap<Key, String> =
            self.octavia.store.children(Kind::Member, &pool.id).map(|m| (key(&m.fields), m.id.clone())).collect();
        let wanted: BTreeSet<Key> = members.iter().map(key).collect();
        let mut batch = Batch { added: Vec::new(), updated: Vec::new(), removed: Vec::new() };
        for member in members {
            match stored.get(&key(&member)) {
                None => {
                    check_reserved(text(&member, "address"))?;
                    batch.added.push(member);
                }
                Some(id) if batch.updated.iter().any(|(known, _)| known == id) => {
                    return Err(invalid("Member must be updated only once in the same request."));
                }
                Some(id) => batch.updated.push((id.clone(), member)),
            }
        }
        if !additive {
            batch.removed = stored.into_iter().filter(|(key, _)| !wanted.contains(key)).map(|(_, id)| id).collect();
        }
        Ok(batch)
    }

    /// Checks all members. One invalid member rejects the whole batch.
    fn check_batch(&self, ctx: Context<'_>, pool: &Record, batch: &Batch) -> Result<(), Reply> {
        let growth = batch.added.len().saturating_sub(batch.removed.len());
        if growth > 0 {
            self.check_quota(Kind::Member, &pool.project, growth)?;
        }
        let mut seen = BTreeSet::new();
        for member in &batch.added {
            self.check_member_subnet(ctx, text(member, "subnet_id"))?;
            check_sriov(member)?;
            if !seen.insert(key(member)) {
                return Err(member_exists(
                    text(member, "address"),
                    member.get("protocol_port").and_then(Value::as_i64),
                ));
            }
        }
        let addresses: Vec<_> =
            batch.added.iter().chain(batch.updated.iter().map(|(_, given)| given)).map(|m| key(m).0).collect();
        self.check_families(pool, &addresses)
    }

    fn apply_batch(&mut self, ctx: Context<'_>, pool: &Record, batch: Batch) -> Result<(), Reply> {
        let mut fresh = Vec::new();
        for given in batch.added {
            fresh.push(self.make_member(ctx, pool, given, self.has_monitor(pool))?);
        }
        let mut updates = Vec::new();
        for (id, mut given) in batch.updated {
            for name in ["address", "protocol_port", "request_sriov", "project_id", "tenant_id"] {
                given.remove(name);
            }
            // Attributes that are left out: monitor_* are reset here, weight and backup by the schema; name, tags and
            // subnet are kept.
            for (name, default) in [("monitor_port", Value::Null), ("monitor_address", Value::Null)] {
                given.entry(name).or_insert(default);
            }
            for (name, default) in [("weight", json!(1)), ("backup", json!(false))] {
                if given.get(name).is_some_and(Value::is_null) {
                    given.insert(name.into(), default);
                }
            }
            let stored = self.octavia.store.get(Kind::Member, &id).ok_or_else(|| not_found("Member", &id))?;
            store_change(&mut given, stored, OnNull::Keep)?;
            updates.push((id, given));
        }
        let mut targets: Vec<_> = fresh.iter().map(|member| (Kind::Member, member.id.clone())).collect();
        for member in fresh {
            self.octavia.store.insert(member);
        }
        for (id, given) in updates {
            self.overwrite(Kind::Member, &id, given);
            targets.push((Kind::Member, id));
        }
        let removed = batch.removed.into_iter().map(|id| (Kind::Member, id)).collect();
        let change = Change::Children { targets, ancestors: self.above(pool), removed };
        self.start(&pool.load_balancer, change, ctx.now);
        Ok(())
    }
}

fn key(member: &Given) -> Key {
    (text(member, "address").to_owned(), member.get("protocol_port").and_then(Value::as_i64).unwrap_or_default())
}

/// `oslo_utils.strutils.bool_from_string`: an unknown text is false.
pub(super) fn is_true(text: Option<&str>) -> bool {
    text.is_some_and(|text| ["1", "t", "true", "on", "y", "yes"].contains(&text.trim().to_lowercase().as_str()))
}
