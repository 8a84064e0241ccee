//! Rows in the form in which the API shows them.

use serde_json::{Map, Value, json};

use super::record::{Kind, Record, Store};

/// The object of a GET, a list or a PUT.
pub(crate) fn show(store: &Store, record: &Record) -> Map<String, Value> {
    let mut shown = common(record);
    match record.kind {
        Kind::LoadBalancer => {
            shown.insert("listeners".into(), ids(store.children(Kind::Listener, &record.id)));
            shown.insert("pools".into(), ids(store.children(Kind::Pool, &record.id)));
        }
        Kind::Listener => {
            shown.insert("loadbalancers".into(), json!([{"id": record.load_balancer}]));
            shown.insert("l7policies".into(), ids(store.policies(&record.id).into_iter()));
        }
        Kind::Pool => {
            shown.insert("loadbalancers".into(), json!([{"id": record.load_balancer}]));
            let listeners: Vec<_> = store.listeners_of(record).into_iter().map(|id| json!({"id": id})).collect();
            shown.insert("listeners".into(), listeners.into());
            shown.insert("members".into(), ids(store.children(Kind::Member, &record.id)));
            // The attribute is absent, not null, without a monitor.
            if let Some(monitor) = store.children(Kind::HealthMonitor, &record.id).next() {
                shown.insert("healthmonitor_id".into(), monitor.id.clone().into());
            }
        }
        Kind::HealthMonitor => {
            shown.insert("pools".into(), json!([{"id": record.parent}]));
        }
        Kind::L7Policy => {
            shown.insert("listener_id".into(), record.parent.clone().into());
            shown.insert("rules".into(), ids(store.children(Kind::L7Rule, &record.id)));
        }
        Kind::Member | Kind::L7Rule => {}
    }
    shown
}

/// The answer to POST /loadbalancers: the whole tree with every id.
pub(crate) fn show_tree(store: &Store, record: &Record) -> Map<String, Value> {
    let full = |kind: Kind, parent: &str| -> Value {
        store.children(kind, parent).map(|child| Value::Object(show_tree(store, child))).collect()
    };
    let mut shown = common(record);
    match record.kind {
        Kind::LoadBalancer => {
            shown.insert("listeners".into(), full(Kind::Listener, &record.id));
            shown.insert("pools".into(), full(Kind::Pool, &record.id));
        }
        Kind::Listener => {
            let policies = store.policies(&record.id).into_iter();
            let policies = policies.map(|policy| Value::Object(show_tree(store, policy))).collect();
            shown.insert("l7policies".into(), policies);
        }
        Kind::Pool => {
            let listeners: Vec<_> = store.listeners_of(record).into_iter().map(|id| json!({"id": id})).collect();
            shown.insert("listeners".into(), listeners.into());
            shown.insert("members".into(), full(Kind::Member, &record.id));
            if let Some(monitor) = store.children(Kind::HealthMonitor, &record.id).next() {
                shown.insert("healthmonitor".into(), Value::Object(show_tree(store, monitor)));
            }
        }
        Kind::L7Policy => {
            shown.insert("listener_id".into(), record.parent.clone().into());
            shown.insert("rules".into(), full(Kind::L7Rule, &record.id));
        }
        Kind::Member | Kind::HealthMonitor | Kind::L7Rule => {}
    }
    shown
}

fn common(record: &Record) -> Map<String, Value> {
    let mut shown = record.fields.clone();
    // Stored as NULL, shown as empty. A filter for the empty text does not find them.
    for name in ["name", "description"] {
        if shown.get(name).is_some_and(Value::is_null) {
            shown.insert(name.into(), "".into());
        }
    }
    shown.insert("id".into(), record.id.clone().into());
    shown.insert("project_id".into(), record.project.clone().into());
    shown.insert("tenant_id".into(), record.project.clone().into());
    shown.insert("created_at".into(), record.created.clone().into());
    shown.insert("updated_at".into(), record.updated.clone().into());
    shown.insert("provisioning_status".into(), record.provisioning.text().into());
    shown.insert("operating_status".into(), record.operating.text().into());
    shown
}

fn ids<'a>(records: impl Iterator<Item = &'a Record>) -> Value {
    records.map(|record| json!({"id": record.id})).collect()
}

/// GET /loadbalancers/{id}/status: listeners, the pools they use, monitors and members; no policies, no other pools.
pub(crate) fn status_tree(store: &Store, lb: &Record) -> Value {
    let listeners = store.children(Kind::Listener, &lb.id).map(|listener| {
        let pools = store.pools_of(listener);
        let pools = pools.iter().filter_map(|id| store.get(Kind::Pool, id)).map(|pool| pool_status(store, pool));
        with(statuses(listener), [("pools", pools.collect())])
    });
    let listeners: Value = listeners.collect();
    json!({"statuses": {"loadbalancer": with(statuses(lb), [("listeners", listeners)])}})
}

fn pool_status(store: &Store, pool: &Record) -> Value {
    let members = store.children(Kind::Member, &pool.id).map(|member| {
        let fields = ["address", "protocol_port"].map(|name| (name, member.fields[name].clone()));
        with(statuses(member), fields)
    });
    let mut shown = with(statuses(pool), [("members", members.collect())]);
    if let Some(monitor) = store.children(Kind::HealthMonitor, &pool.id).next() {
        shown["health_monitor"] = with(statuses(monitor), [("type", monitor.fields["type"].clone())]);
    }
    shown
}

fn statuses(record: &Record) -> Value {
    json!({
        "id": record.id, "name": record.text("name"),
        "provisioning_status": record.provisioning.text(), "operating_status": record.operating.text(),
    })
}

fn with<const N: usize>(mut shown: Value, more: [(&str, Value); N]) -> Value {
    for (name, value) in more {
        shown[name] = value;
    }
    shown
}
