//! Calls: each is applied to the tree at once, or rejected as a whole.

use std::collections::BTreeSet;

use evenkeel::model::{
    Body, Call, Desired, Id, Kind, ObservedLoadBalancer, ObservedSecret, ObservedSecrets, ObservedTree, Provisioning,
    Step,
};
use evenkeel::plan;
use serde_json::{Value, json};

use super::fields::{CREATES, LOAD_BALANCER, Verdict, ensure, merged, nested, reject, text, without};

/// Octavia's limit of a body.
const BODY_LIMIT: usize = 114_688;

#[derive(Debug, Clone, Default)]
pub struct Octavia {
    pub tree: Option<ObservedTree>,
    /// All other subnets are of IPv4.
    pub v6_subnets: BTreeSet<Id>,
    pub(super) secrets: Vec<ObservedSecret>,
    pub(super) next: u64,
}

impl Octavia {
    pub fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn id(&mut self) -> Id {
        format!("id-{:04}", self.fresh())
    }

    /// Executes one step as the cloud would.
    pub fn apply(&mut self, step: &Step) -> Verdict {
        ensure(step.depends_on.is_none(), || format!("the first step waits for {:?}", step.depends_on))?;
        let printed = serde_json::to_string(&step.call).unwrap();
        ensure(!printed.contains("\"<"), || format!("a name stands where an id should be: {printed}"))?;
        ensure(printed.len() <= BODY_LIMIT, || "413".to_owned())?;
        if let Call::CreateLoadBalancer { body } = &step.call {
            ensure(self.tree.is_none(), || "there is one already".to_owned())?;
            self.create_load_balancer(body)?;
            self.show_secrets();
            return Ok(());
        }
        // A rejection leaves nothing behind.
        let before = self.clone();
        let verdict = self.mutate(step);
        if verdict.is_err() {
            *self = before;
        }
        verdict
    }

    /// Creates the load balancer of a stack, after the secrets that it needs.
    pub fn make(&mut self, want: &Desired, attempt: &str) {
        while self.tree.is_none() {
            let plan = plan::create(want, &ObservedSecrets::Known(self.secrets.clone()), attempt);
            let step = plan.steps.first().unwrap();
            self.apply(step).unwrap_or_else(|rejection| panic!("{rejection}\n{:?}", step.call));
        }
    }

    pub(super) fn tree_mut(&mut self) -> Result<&mut ObservedTree, String> {
        self.tree.as_mut().ok_or_else(|| "404".to_owned())
    }

    fn mutate(&mut self, step: &Step) -> Verdict {
        if step.call.is_octavia() {
            let status = self.tree_mut()?.load_balancer.provisioning_status;
            ensure(status == Provisioning::Active, || "409 immutable".to_owned())?;
        }
        match (step.kind, &step.call) {
            (_, Call::UpdateLoadBalancer { id, body }) => {
                let tree = self.tree_mut()?;
                ensure(tree.load_balancer.id == *id, || "404".to_owned())?;
                tree.load_balancer = merged(&tree.load_balancer, body, LOAD_BALANCER, &[])?;
                self.show_secrets();
                Ok(())
            }
            (_, Call::DeleteLoadBalancer { .. }) => {
                let tree = self.tree_mut()?;
                let floating_ips = std::mem::take(&mut tree.floating_ips);
                *tree = ObservedTree { floating_ips, ..ObservedTree::default() };
                self.show_secrets();
                Ok(())
            }
            (Kind::Listener, Call::Create { body, .. }) => self.create_listener(body).map(drop),
            (Kind::Listener, Call::Update { id, body, .. }) => self.update_listener(id, body),
            (Kind::Listener, Call::Delete { id, .. }) => {
                let tree = self.tree_mut()?;
                let before = tree.listeners.len();
                tree.listeners.retain(|l| l.id != *id);
                ensure(tree.listeners.len() < before, || "404".to_owned())
            }
            (Kind::Pool, Call::Create { body, .. }) => {
                let body = without(body, &["loadbalancer_id"]);
                for never in ["members", "healthmonitor"] {
                    ensure(!body.contains_key(never), || "500 no attribute _sa_instance_state".to_owned())?;
                }
                self.create_pool(&body).map(drop)
            }
            (Kind::Pool, Call::Update { id, body, .. }) => self.update_pool(id, body),
            (Kind::Pool, Call::Delete { id, .. }) => self.delete_pool(id),
            (Kind::Member, Call::ReplaceMembers { pool, additive, members, grows }) => {
                self.replace_members(pool, *additive, members, *grows)
            }
            (Kind::Member, Call::Delete { parent: Some(pool), id }) => {
                let pool = self.writable_pool(pool)?;
                let before = pool.members.len();
                pool.members.retain(|m| m.id != *id);
                ensure(pool.members.len() < before, || "404".to_owned())
            }
            (Kind::HealthMonitor, call) => self.monitor(call),
            (Kind::L7Policy | Kind::L7Rule, call) => self.l7(step.kind, call),
            (Kind::FloatingIp, call) => self.floating_ip(call),
            (Kind::Secret, call) => self.secret(call),
            (kind, call) => reject(format!("no such call: {kind:?} {call:?}")),
        }
    }

    /// Everything in one: pools first, then listeners with their policies, as in `_graph_create`.
    fn create_load_balancer(&mut self, body: &Body) -> Verdict {
        let id = self.id();
        let own = without(body, &["pools", "listeners", "additional_vips"]);
        let blank = ObservedLoadBalancer {
            id,
            admin_state_up: true,
            provisioning_status: Provisioning::Active,
            provider: "amphora".into(),
            ..ObservedLoadBalancer::default()
        };
        let mut load_balancer = self.listen(merged(&blank, &own, LOAD_BALANCER, &CREATES)?, body)?;
        if load_balancer.provider == "octavia" {
            load_balancer.provider = "amphora".into();
        }
        let floating_ips = Vec::new();
        self.tree = Some(ObservedTree { load_balancer, floating_ips, ..ObservedTree::default() });
        let mut names = BTreeSet::new();
        for pool in nested(body, "pools") {
            ensure(names.insert(text(&pool, "name")?), || "400 pool names must be unique".to_owned())?;
            let (members, monitor) = (nested(&pool, "members"), pool.get("healthmonitor").cloned());
            let id = self.create_pool(&without(&pool, &["members", "healthmonitor"]))?;
            if !members.is_empty() {
                self.replace_members(&id, true, &members, true)?;
            }
            if let Some(Value::Object(mut monitor)) = monitor {
                monitor.insert("pool_id".into(), json!(id));
                self.monitor(&Call::Create { parent: None, body: monitor })?;
            }
        }
        for listener in nested(body, "listeners") {
            self.create_nested_listener(&listener)?;
        }
        Ok(())
    }

    fn pool_by_name(&self, reference: &Value) -> Result<Id, String> {
        let fields = reference.as_object().map_or(0, |o| o.len());
        ensure(fields == 1, || "a reference has a name only".to_owned())?;
        let pools = self.tree.iter().flat_map(|tree| &tree.pools);
        let found = pools.filter(|pool| reference["name"] == json!(pool.name)).map(|pool| pool.id.clone()).next();
        found.ok_or_else(|| format!("400 Pool {reference} was referenced but no full definition was found"))
    }

    fn create_nested_listener(&mut self, body: &Body) -> Verdict {
        let mut own = without(body, &["default_pool", "l7policies"]);
        ensure(!own.contains_key("default_pool_id"), || "404".to_owned())?;
        if let Some(reference) = body.get("default_pool") {
            own.insert("default_pool_id".into(), json!(self.pool_by_name(reference)?));
        }
        let listener = self.create_listener(&own)?;
        for policy in nested(body, "l7policies") {
            let mut own = without(&policy, &["redirect_pool", "rules"]);
            ensure(!own.contains_key("redirect_pool_id"), || "400 unknown attribute redirect_pool_id".to_owned())?;
            if let Some(reference) = policy.get("redirect_pool") {
                own.insert("redirect_pool_id".into(), json!(self.pool_by_name(reference)?));
            }
            own.insert("listener_id".into(), json!(listener));
            let policy_id = self.create_policy(&own)?;
            for rule in nested(&policy, "rules") {
                self.l7(Kind::L7Rule, &Call::Create { parent: Some(policy_id.clone()), body: rule })?;
            }
        }
        Ok(())
    }
}
