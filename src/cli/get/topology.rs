//! The objects of a load balancer as a value. Its serialised form is an interface: fields are added, never renamed.

use serde::Serialize;

use crate::model::{
    Kind, ObservedL7Policy, ObservedListener, ObservedMember, ObservedMonitor, ObservedPool, ObservedTree,
    Provisioning, stack_of,
};

/// An object with everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// Name in the stack where there is one.
    pub(super) name: String,
    /// Facts in short: `HTTP 80`.
    pub(super) detail: String,
    /// VIPs and floating IPs of a load balancer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) addresses: Vec<String>,
    #[serde(flatten)]
    pub(super) state: NodeState,
    /// The pool that traffic goes on to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) leads_to: Option<Target>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) children: Vec<Node>,
}

/// Octavia's two statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeState {
    #[serde(rename = "provisioningStatus")]
    pub(super) provisioning: Provisioning,
    #[serde(rename = "operatingStatus")]
    pub(super) operating: String,
}

/// Pool that a listener or a policy leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) name: String,
}

/// State in one word, for a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    Good,
    /// Switched off, drained or not monitored.
    Idle,
    /// Octavia works on it, or a part of it is down.
    Attention,
    Bad,
}

impl NodeState {
    fn new(provisioning: Provisioning, operating: &str) -> Self {
        Self { provisioning, operating: operating.to_owned() }
    }
}

impl Node {
    fn new(kind: Kind, id: &str, name: impl Into<String>, detail: String, state: NodeState) -> Self {
        Self {
            kind,
            id: id.to_owned(),
            name: name.into(),
            detail,
            addresses: Vec::new(),
            state,
            leads_to: None,
            children: Vec::new(),
        }
    }

    /// The operating status; `None` where Octavia writes it with the object, and never by traffic.
    pub(super) fn operating(&self) -> Option<&str> {
        (!matches!(self.kind, Kind::L7Policy | Kind::HealthMonitor)).then_some(self.state.operating.as_str())
    }

    pub(super) fn health(&self) -> Health {
        match (self.state.provisioning, self.operating()) {
            (Provisioning::Error, _) | (_, Some("ERROR")) => Health::Bad,
            (provisioning, _) if provisioning != Provisioning::Active => Health::Attention,
            (_, Some("DEGRADED")) => Health::Attention,
            (_, Some("ONLINE") | None) => Health::Good,
            _ => Health::Idle,
        }
    }

    /// Kind and name for people; the load balancer is called by its stack.
    pub(super) fn title(&self) -> String {
        match self.kind {
            Kind::LoadBalancer => self.name.clone(),
            Kind::HealthMonitor => self.kind.noun().to_owned(),
            kind => format!("{} {}", kind.noun(), self.name),
        }
    }

    /// Both statuses as far as they say something: the provisioning status unless it is ACTIVE beside another one.
    pub(super) fn states(&self) -> String {
        match (self.state.provisioning, self.operating()) {
            (Provisioning::Active, Some(operating)) => operating.to_owned(),
            (provisioning, Some(operating)) => format!("{provisioning} {operating}"),
            (provisioning, None) => provisioning.to_string(),
        }
    }

    /// Detail and the pool after it.
    pub(super) fn facts(&self) -> String {
        match &self.leads_to {
            Some(target) if self.detail.is_empty() => format!("-> pool {}", target.name),
            Some(target) => format!("{} -> pool {}", self.detail, target.name),
            None => self.detail.clone(),
        }
    }
}

/// The objects of a tree.
pub(super) fn topology(tree: &ObservedTree) -> Node {
    let load_balancer = &tree.load_balancer;
    let name = stack_of(&load_balancer.tags).unwrap_or_else(|| load_balancer.name.clone());
    let addresses = addresses(tree);
    let state = NodeState::new(load_balancer.provisioning_status, &load_balancer.operating_status);
    let listeners = tree.listeners.iter().map(|listener| of_listener(listener, &tree.pools));
    let pools = in_order_of_use(tree).into_iter().map(of_pool);
    let children = listeners.chain(pools).collect();
    let node = Node::new(Kind::LoadBalancer, &load_balancer.id, name, addresses.join(", "), state);
    Node { addresses, children, ..node }
}

/// VIPs, and the floating IPs on the VIP port.
fn addresses(tree: &ObservedTree) -> Vec<String> {
    let load_balancer = &tree.load_balancer;
    let additional = load_balancer.additional_vips.iter().filter_map(|vip| vip.ip_address.as_ref());
    let on_port = |port: &Option<String>| port.is_some() && *port == load_balancer.vip_port_id;
    let floating_ips = tree.floating_ips.iter().filter(|floating_ip| on_port(&floating_ip.port_id));
    let floating_ips = floating_ips.map(|floating_ip| &floating_ip.floating_ip_address);
    load_balancer.vip_address.iter().chain(additional).chain(floating_ips).cloned().collect()
}

/// Pools in the order in which listeners and their policies lead to them, then those that nothing uses.
fn in_order_of_use(tree: &ObservedTree) -> Vec<&ObservedPool> {
    let used: Vec<&String> = tree
        .listeners
        .iter()
        .flat_map(|listener| {
            let redirects = listener.policies.iter().map(|policy| &policy.redirect_pool_id);
            std::iter::once(&listener.default_pool_id).chain(redirects)
        })
        .flatten()
        .collect();
    let mut pools: Vec<&ObservedPool> = tree.pools.iter().collect();
    pools.sort_by_key(|pool| used.iter().position(|id| **id == pool.id).unwrap_or(used.len()));
    pools
}

fn of_listener(listener: &ObservedListener, pools: &[ObservedPool]) -> Node {
    let detail = format!("{} {}", listener.protocol, listener.protocol_port);
    let state = NodeState::new(listener.provisioning_status, &listener.operating_status);
    let leads_to = target(listener.default_pool_id.as_deref(), pools);
    let children = listener.policies.iter().map(|policy| of_policy(policy, pools)).collect();
    Node { leads_to, children, ..Node::new(Kind::Listener, &listener.id, &listener.name, detail, state) }
}

fn of_policy(policy: &ObservedL7Policy, pools: &[ObservedPool]) -> Node {
    let to = policy.redirect_url.as_deref().or(policy.redirect_prefix.as_deref());
    let detail = to.map_or_else(|| policy.action.clone(), |to| format!("{} {to}", policy.action));
    let state = NodeState::new(policy.provisioning_status, &policy.operating_status);
    let leads_to = target(policy.redirect_pool_id.as_deref(), pools);
    Node { leads_to, ..Node::new(Kind::L7Policy, &policy.id, &policy.name, detail, state) }
}

fn of_pool(pool: &ObservedPool) -> Node {
    let detail = format!("{} {}", pool.protocol, pool.lb_algorithm);
    let state = NodeState::new(pool.provisioning_status, &pool.operating_status);
    let monitor = pool.monitor.iter().map(of_monitor);
    let children = monitor.chain(pool.members.iter().map(of_member)).collect();
    Node { children, ..Node::new(Kind::Pool, &pool.id, &pool.name, detail, state) }
}

fn of_monitor(monitor: &ObservedMonitor) -> Node {
    let path = monitor.url_path.as_deref().map(|path| format!(" {path}")).unwrap_or_default();
    let detail = format!("{}{path} every {}s", monitor.kind, monitor.delay);
    let state = NodeState::new(monitor.provisioning_status, &monitor.operating_status);
    Node::new(Kind::HealthMonitor, &monitor.id, &monitor.name, detail, state)
}

fn of_member(member: &ObservedMember) -> Node {
    let weight = member.weight.filter(|weight| *weight != 1).map(|weight| format!("weight {weight}"));
    let backup = member.backup.then(|| "backup".to_owned());
    let facts: Vec<String> = weight.into_iter().chain(backup).collect();
    let address = match member.address.contains(':') {
        true => format!("[{}]:{}", member.address, member.protocol_port),
        false => format!("{}:{}", member.address, member.protocol_port),
    };
    let state = NodeState::new(member.provisioning_status, &member.operating_status);
    Node::new(Kind::Member, &member.id, address, facts.join(", "), state)
}

fn target(id: Option<&str>, pools: &[ObservedPool]) -> Option<Target> {
    let pool = pools.iter().find(|pool| Some(pool.id.as_str()) == id)?;
    Some(Target { id: pool.id.clone(), name: pool.name.clone() })
}
