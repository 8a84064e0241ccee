//! The database of the simulated Octavia: one type of row for all seven kinds of objects, and the queries over the tree
//! that they form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The kinds of objects in a load balancer's tree, the load balancer itself included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    LoadBalancer,
    Listener,
    Pool,
    Member,
    HealthMonitor,
    L7Policy,
    L7Rule,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::LoadBalancer,
        Self::Listener,
        Self::Pool,
        Self::Member,
        Self::HealthMonitor,
        Self::L7Policy,
        Self::L7Rule,
    ];

    /// JSON key of one object in a request or response.
    pub fn json_key(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::HealthMonitor => "healthmonitor",
            Self::L7Policy => "l7policy",
            Self::L7Rule => "rule",
        }
    }

    /// JSON key of a list in a response, and last segment of its path.
    pub fn collection(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancers",
            Self::Listener => "listeners",
            Self::Pool => "pools",
            Self::Member => "members",
            Self::HealthMonitor => "healthmonitors",
            Self::L7Policy => "l7policies",
            Self::L7Rule => "rules",
        }
    }

    /// Octavia's name for the kind in its messages.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::LoadBalancer => "Load Balancer",
            Self::Listener => "Listener",
            Self::Pool => "Pool",
            Self::Member => "Member",
            Self::HealthMonitor => "Health Monitor",
            Self::L7Policy => "L7 Policy",
            Self::L7Rule => "L7 Rule",
        }
    }

    /// Name of the Python argument into which Octavia's web framework, WSME, parses the body. Its error messages about
    /// the body contain it.
    pub fn argument(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load_balancer",
            Self::Listener => "listener_",
            Self::Pool => "pool_",
            Self::Member => "member_",
            Self::HealthMonitor => "health_monitor_",
            Self::L7Policy => "l7policy_",
            Self::L7Rule => "rule_",
        }
    }

    /// Field for this kind in a project's quotas.
    pub fn quota_field(self) -> &'static str {
        match self {
            Self::L7Rule => "l7rule",
            other => other.json_key(),
        }
    }
}

/// `provisioning_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioning {
    Active,
    PendingCreate,
    PendingUpdate,
    PendingDelete,
    Error,
}

impl Provisioning {
    pub fn text(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::PendingCreate => "PENDING_CREATE",
            Self::PendingUpdate => "PENDING_UPDATE",
            Self::PendingDelete => "PENDING_DELETE",
            Self::Error => "ERROR",
        }
    }
}

/// `operating_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operating {
    Online,
    Draining,
    Offline,
    Degraded,
    Error,
    NoMonitor,
}

impl Operating {
    pub fn text(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Draining => "DRAINING",
            Self::Offline => "OFFLINE",
            Self::Degraded => "DEGRADED",
            Self::Error => "ERROR",
            Self::NoMonitor => "NO_MONITOR",
        }
    }
}

/// One object of any kind, as a row of the database.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub kind: Kind,
    pub id: String,
    /// The parent object: load balancer of listeners and pools, pool of members and monitors, listener of policies,
    /// policy of rules; empty for load balancers.
    pub parent: String,
    /// The load balancer above it, which is locked while the object changes. A load balancer has its own id here.
    pub load_balancer: String,
    pub project: String,
    pub created: String,
    /// `None` until the first change, as with `TimestampMixin` of `oslo_db`, from which Octavia's rows have the field.
    pub updated: Option<String>,
    pub provisioning: Provisioning,
    pub operating: Operating,
    /// The other attributes by their names in the API, in the form in which they are shown.
    pub fields: Map<String, Value>,
}

impl Record {
    /// A field that is a string; empty if it is absent, null or of another type.
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field that is a boolean; false if it is absent, null or of another type.
    pub fn flag(&self, field: &str) -> bool {
        self.fields.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    pub fn number(&self, field: &str) -> Option<i64> {
        self.fields.get(field).and_then(Value::as_i64)
    }

    /// True if a field is present and not null.
    pub fn has(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(|value| !value.is_null())
    }

    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }
}

/// All rows, with an index by parent.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// By kind and id.
    rows: BTreeMap<Kind, BTreeMap<String, Record>>,
    /// The ids of children, by their kind and the id of their parent.
    children: BTreeMap<Kind, BTreeMap<String, BTreeSet<String>>>,
}

impl Store {
    pub fn get(&self, kind: Kind, id: &str) -> Option<&Record> {
        self.rows.get(&kind)?.get(id)
    }

    pub fn get_mut(&mut self, kind: Kind, id: &str) -> Option<&mut Record> {
        self.rows.get_mut(&kind)?.get_mut(id)
    }

    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.rows.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    /// The number of a project's objects of this kind, which count towards its quota.
    pub fn count(&self, kind: Kind, project: &str) -> usize {
        self.all(kind).filter(|record| record.project == project).count()
    }

    pub fn insert(&mut self, record: Record) {
        if !record.parent.is_empty() {
            let parents = self.children.entry(record.kind).or_default();
            parents.entry(record.parent.clone()).or_default().insert(record.id.clone());
        }
        self.rows.entry(record.kind).or_default().insert(record.id.clone(), record);
    }

    pub fn remove(&mut self, kind: Kind, id: &str) -> Option<Record> {
        let record = self.rows.get_mut(&kind)?.remove(id)?;
        let parents = self.children.entry(kind).or_default();
        if let Some(ids) = parents.get_mut(&record.parent) {
            ids.remove(id);
            if ids.is_empty() {
                parents.remove(&record.parent);
            }
        }
        Some(record)
    }

    /// The children of one kind, ordered by id. Ids are random, so the order is arbitrary but repeats with the seed.
    pub fn children(&self, kind: Kind, parent: &str) -> impl Iterator<Item = &Record> {
        let ids = self.children.get(&kind).and_then(|parents| parents.get(parent));
        ids.into_iter().flatten().filter_map(move |id| self.get(kind, id))
    }

    pub fn child_ids(&self, kind: Kind, parent: &str) -> Vec<String> {
        self.children(kind, parent).map(|record| record.id.clone()).collect()
    }

    /// The L7 policies of a listener, ordered by position.
    pub fn policies(&self, listener: &str) -> Vec<&Record> {
        let mut policies: Vec<_> = self.children(Kind::L7Policy, listener).collect();
        policies.sort_by_key(|policy| policy.number("position"));
        policies
    }

    /// The L7 policies that name a pool as the target of their redirect, whether or not they are in effect. They are
    /// ordered by listener and position.
    pub fn policies_to(&self, pool: &Record) -> Vec<&Record> {
        self.children(Kind::Listener, &pool.load_balancer)
            .flat_map(|listener| self.policies(&listener.id))
            .filter(|policy| policy.text("redirect_pool_id") == pool.id)
            .collect()
    }

    /// The listeners that use a pool: as their default pool, or by an L7 policy that is in effect (Octavia's
    /// `models.Pool.listeners`).
    pub fn listeners_of(&self, pool: &Record) -> Vec<String> {
        let uses = |listener: &&Record| {
            listener.text("default_pool_id") == pool.id
                || self.policies(&listener.id).iter().any(|policy| self.redirects_to(policy, &pool.id))
        };
        self.children(Kind::Listener, &pool.load_balancer).filter(uses).map(|listener| listener.id.clone()).collect()
    }

    /// The pools that a listener uses, its default pool first (Octavia's `models.Listener.pools`).
    pub fn pools_of(&self, listener: &Record) -> Vec<String> {
        let mut pools = Vec::new();
        if listener.has("default_pool_id") {
            pools.push(listener.text("default_pool_id").to_owned());
        }
        for policy in self.policies(&listener.id) {
            let pool = policy.text("redirect_pool_id");
            if self.redirects_to(policy, pool) && !pools.iter().any(|other| other == pool) {
                pools.push(pool.to_owned());
            }
        }
        pools
    }

    /// True for an L7 policy that is in effect and redirects to this pool: Octavia evaluates only enabled policies with
    /// at least one rule.
    fn redirects_to(&self, policy: &Record, pool: &str) -> bool {
        !pool.is_empty()
            && policy.text("redirect_pool_id") == pool
            && policy.flag("admin_state_up")
            && self.children(Kind::L7Rule, &policy.id).next().is_some()
    }

    /// Every object below a load balancer, itself excluded.
    pub fn tree(&self, load_balancer: &str) -> Vec<(Kind, String)> {
        let mut found = Vec::new();
        for listener in self.children(Kind::Listener, load_balancer) {
            found.push((Kind::Listener, listener.id.clone()));
            for policy in self.children(Kind::L7Policy, &listener.id) {
                found.push((Kind::L7Policy, policy.id.clone()));
                found.extend(self.children(Kind::L7Rule, &policy.id).map(|rule| (Kind::L7Rule, rule.id.clone())));
            }
        }
        for pool in self.children(Kind::Pool, load_balancer) {
            found.push((Kind::Pool, pool.id.clone()));
            for kind in [Kind::Member, Kind::HealthMonitor] {
                found.extend(self.children(kind, &pool.id).map(|child| (kind, child.id.clone())));
            }
        }
        found
    }

    /// Removes an object and everything below it.
    pub fn remove_tree(&mut self, kind: Kind, id: &str) {
        let below: &[Kind] = match kind {
            Kind::LoadBalancer => &[Kind::Listener, Kind::Pool],
            Kind::Listener => &[Kind::L7Policy],
            Kind::Pool => &[Kind::Member, Kind::HealthMonitor],
            Kind::L7Policy => &[Kind::L7Rule],
            Kind::Member | Kind::HealthMonitor | Kind::L7Rule => &[],
        };
        for kind in below {
            for child in self.child_ids(*kind, id) {
                self.remove_tree(*kind, &child);
            }
        }
        self.remove(kind, id);
    }
}
