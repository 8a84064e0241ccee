//! Members (`octavia/api/v2/controllers/member.py`).

use std::net::IpAddr;

use http::Method;
use serde_json::{Map, Value, json};

use super::super::reply::{HandlerResult, Reply, fault, not_found, routing_error};
use super::super::world::World;
use super::checks::method_not_allowed;
use super::checks::{OnNull, complete, member_exists, store_change, text, truthy, unsupported};
use super::jobs::Change;
use super::record::Operating;
use super::schema::request_kind;
use super::tables::schema;
use super::{Context, Kind, Record, body, list};

/// The default of Octavia's option `reserved_ips`: the metadata service.
const RESERVED: &str = "169.254.169.254";

impl World {
    /// Handles everything below /pools/{pool}/members.
    pub fn member_call(&mut self, ctx: Context<'_>, pool_id: &str, rest: &[&str]) -> HandlerResult {
        // Octavia resolves the parent while routing, hence the other shape of the error.
        let Some(pool) = self.octavia.store.get(Kind::Pool, pool_id).cloned() else {
            return Err(routing_error(404, "Bad Request", format!("Pool {pool_id} not found.")));
        };
        match (&ctx.call.method, rest) {
            (&Method::GET, []) => {
                ctx.check_may_read(&pool.project)?;
                let rows = self.octavia.store.children(Kind::Member, pool_id);
                list::list(&self.octavia.store, Kind::Member, rows, ctx.call, self.config.page_limit)
            }
            (&Method::GET, [id]) => {
                let member = self.readable(ctx, Kind::Member, id)?;
                in_pool(member, pool_id)?;
                Ok(self.reply_with(200, member, ctx.call))
            }
            (&Method::POST, []) => self.member_post(ctx, &pool),
            (&Method::PUT, []) => self.member_batch(ctx, &pool),
            (&Method::PUT, [id]) => self.member_put(ctx, &pool, id),
            (&Method::DELETE, [id]) => self.member_delete(ctx, &pool, id),
            (&Method::DELETE, []) => Err(fault(400, "Missing argument: \"id\"")),
            _ => Err(method_not_allowed()),
        }
    }

    fn member_post(&mut self, ctx: Context<'_>, pool: &Record) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::Member, request_kind::POST, self.config.api_minor)?;
        schema(Kind::Member).fill(&mut given);
        ctx.check_may_write(&pool.project)?;
        check_reserved(text(&given, "address"))?;
        self.check_member_subnet(ctx, text(&given, "subnet_id"))?;
        self.check_quota(Kind::Member, &pool.project, 1)?;
        check_sriov(&given)?;
        self.check_lockable_below(Kind::Pool, &pool.id)?;
        self.check_twin(pool, &given)?;
        for column in ["weight", "backup"] {
            if given.get(column).is_some_and(Value::is_null) {
                return Err(fault(500, "Something unknown went wrong"));
            }
        }
        self.check_families(pool, &[text(&given, "address").to_owned()])?;
        let member = self.make_member(ctx, pool, given, self.has_monitor(pool))?;
        let target = (Kind::Member, member.id.clone());
        self.octavia.store.insert(member);
        let change =
            Change::Children { targets: vec![target.clone()], ancestors: self.above(pool), removed: Vec::new() };
        self.start(&pool.load_balancer, change, ctx.now);
        self.reply_with_stored(201, Kind::Member, &target.1)
    }

    /// Builds a new member without storing it. `monitored`: Octavia sees a monitor, which it does not in the single
    /// call.
    pub fn make_member(
        &mut self,
        ctx: Context<'_>,
        pool: &Record,
        mut given: Map<String, Value>,
        monitored: bool,
    ) -> Result<Record, Reply> {
        given.remove("request_sriov");
        let absent = [
            ("name", Value::Null),
            ("tags", json!([])),
            ("subnet_id", Value::Null),
            ("monitor_port", Value::Null),
            ("monitor_address", Value::Null),
            ("vnic_type", json!("normal")),
        ];
        complete(Kind::Member, &mut given, &absent)?;
        let mut member = self.new_record(Kind::Member, &pool.id, (&pool.load_balancer, &pool.project), given, ctx.now);
        member.operating = if monitored { Operating::Offline } else { Operating::NoMonitor };
        Ok(member)
    }

    pub fn has_monitor(&self, pool: &Record) -> bool {
        self.octavia.store.children(Kind::HealthMonitor, &pool.id).next().is_some()
    }

    pub fn check_member_subnet(&self, ctx: Context<'_>, subnet: &str) -> Result<(), Reply> {
        if subnet.is_empty() || self.neutron.sees_subnet(ctx.caller, subnet) {
            return Ok(());
        }
        Err(fault(400, format!("Subnet {subnet} not found.")))
    }

    /// Checks the natural key of a member: the text of its address, and its port.
    pub fn check_twin(&self, pool: &Record, given: &Map<String, Value>) -> Result<(), Reply> {
        let (address, port) = (text(given, "address"), given.get("protocol_port").and_then(Value::as_i64));
        let twin = |member: &Record| member.text("address") == address && member.number("protocol_port") == port;
        if self.octavia.store.children(Kind::Member, &pool.id).any(twin) {
            return Err(member_exists(address, port));
        }
        Ok(())
    }

    /// Checks IP versions. UDP and SCTP do not translate between IPv4 and IPv6.
    pub fn check_families(&self, pool: &Record, addresses: &[String]) -> Result<(), Reply> {
        let protocol = pool.text("protocol");
        let used = !self.octavia.store.listeners_of(pool).is_empty();
        let Some(lb) = self.octavia.store.get(Kind::LoadBalancer, &pool.load_balancer) else { return Ok(()) };
        let vips = Self::vip_addresses(lb);
        let fits = |address: &String| vips.iter().any(|vip| vip.contains(':') == address.contains(':'));
        if matches!(protocol, "UDP" | "SCTP") && used && !addresses.iter().all(fits) {
            return Err(unsupported(&format!(
                "This provider doesn't support mixing IPv4 and IPv6 addresses for its VIP and members in {protocol} \
                 load balancers."
            )));
        }
        Ok(())
    }

    /// The ancestors that a change of members or monitor marks too: the pool and the listeners that use it.
    pub fn above(&self, pool: &Record) -> Vec<(Kind, String)> {
        let mut above = self.listeners_as_ancestors(pool);
        above.push((Kind::Pool, pool.id.clone()));
        above
    }

    fn member_put(&mut self, ctx: Context<'_>, pool: &Record, id: &str) -> HandlerResult {
        let mut given = body::read(ctx.call, Kind::Member, request_kind::PUT, self.config.api_minor)?;
        let stored = self.writable(ctx, Kind::Member, id)?;
        in_pool(&stored, &pool.id)?;
        for (name, value) in [("backup", json!(false)), ("weight", json!(1))] {
            if given.get(name).is_some_and(Value::is_null) {
                given.insert(name.into(), value);
            }
        }
        self.check_lockable_below(Kind::Pool, &pool.id)?;
        store_change(&mut given, &stored, OnNull::Keep)?;
        self.overwrite(Kind::Member, id, given);
        let targets = vec![(Kind::Member, id.to_owned())];
        let change = Change::Children { targets, ancestors: self.above(pool), removed: Vec::new() };
        self.start(&pool.load_balancer, change, ctx.now);
        self.reply_with_stored(200, Kind::Member, id)
    }

    fn member_delete(&mut self, ctx: Context<'_>, pool: &Record, id: &str) -> HandlerResult {
        let stored = self.writable(ctx, Kind::Member, id)?;
        in_pool(&stored, &pool.id)?;
        self.check_lockable_below(Kind::Pool, &pool.id)?;
        let change = Change::DeleteChild { target: (Kind::Member, id.to_owned()), ancestors: self.above(pool) };
        self.start(&pool.load_balancer, change, ctx.now);
        Ok(Reply::empty(204))
    }
}

fn in_pool(member: &Record, pool: &str) -> Result<(), Reply> {
    if member.parent == pool { Ok(()) } else { Err(not_found("Member", &member.id)) }
}

pub(super) fn check_reserved(address: &str) -> Result<(), Reply> {
    let parsed = address.parse::<IpAddr>();
    if parsed.is_ok_and(|address| address.to_string() == RESERVED) {
        return Err(fault(400, format!("{RESERVED} is not a valid option for member address")));
    }
    Ok(())
}

/// Checks SR-IOV, which no flavor here allows.
pub(super) fn check_sriov(given: &Map<String, Value>) -> Result<(), Reply> {
    if truthy(given, "request_sriov") {
        return Err(fault(400, "The load balancer flavor does not allow SR-IOV member ports."));
    }
    Ok(())
}
