//! Database rows in the forms in which the API shows them: one object, a whole tree, or the statuses of a tree.

use serde_json::{Map, Value, json};

use super::record::{Kind, Record, Store};

/// One object, as GET, lists, PUT and the POST of a single object show it: its children by id only.
pub(crate) fn show(store: &Store, record: &Record) -> Map<String, Value> {
    let mut shown = own_attributes(record);
    match record.kind {
        Kind::LoadBalancer => {
            shown.insert("listeners".into(), id_objects(store.children(Kind::Listener, &record.id)));
            shown.insert("pools".into(), id_objects(store.children(Kind::Pool, &record.id)));
        }
        Kind::Listener => {
            shown.insert("loadbalancers".into(), json!([{"id": record.load_balancer}]));
            shown.insert("l7policies".into(), id_objects(store.policies(&record.id).into_iter()));
        }
        Kind::Pool => {
            shown.insert("loadbalancers".into(), json!([{"id": record.load_balancer}]));
            let listeners: Vec<_> = store.listeners_of(record).into_iter().map(|id| json!({"id": id})).collect();
            shown.insert("listeners".into(), listeners.into());
            shown.insert("members".into(), id_objects(store.children(Kind::Member, &record.id)));
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
            shown.insert("rules".into(), id_objects(store.children(Kind::L7Rule, &record.id)));
        }
        Kind::Member | Kind::L7Rule => {}
    }
    shown
}

/// An object with everything below it in full, as only POST /loadbalancers returns it.
pub(crate) fn show_tree(store: &Store, record: &Record) -> Map<String, Value> {
    let trees = |kind: Kind, parent: &str| -> Value {
        store.children(kind, parent).map(|child| Value::Object(show_tree(store, child))).collect()
    };
    let mut shown = own_attributes(record);
    match record.kind {
        Kind::LoadBalancer => {
            shown.insert("listeners".into(), trees(Kind::Listener, &record.id));
            shown.insert("pools".into(), trees(Kind::Pool, &record.id));
        }
        Kind::Listener => {
            let policies = store.policies(&record.id).into_iter();
            let policies = policies.map(|policy| Value::Object(show_tree(store, policy))).collect();
            shown.insert("l7policies".into(), policies);
        }
        Kind::Pool => {
            let listeners: Vec<_> = store.listeners_of(record).into_iter().map(|id| json!({"id": id})).collect();
            shown.insert("listeners".into(), listeners.into());
            shown.insert("members".into(), trees(Kind::Member, &record.id));
            if let Some(monitor) = store.children(Kind::HealthMonitor, &record.id).next() {
                shown.insert("healthmonitor".into(), Value::Object(show_tree(store, monitor)));
            }
        }
        Kind::L7Policy => {
            shown.insert("listener_id".into(), record.parent.clone().into());
            shown.insert("rules".into(), trees(Kind::L7Rule, &record.id));
        }
        Kind::Member | Kind::HealthMonitor | Kind::L7Rule => {}
    }
    shown
}

/// The attributes of the object itself, without parents and children.
fn own_attributes(record: &Record) -> Map<String, Value> {
    let mut shown = record.fields.clone();
    // A name or description that is NULL in the database shows as an empty text. A filter for the empty text does not
    // find it.
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

/// References in Octavia's form, `[{"id": ...}]`.
fn id_objects<'a>(records: impl Iterator<Item = &'a Record>) -> Value {
    records.map(|record| json!({"id": record.id})).collect()
}

/// The response to GET /loadbalancers/{id}/status: listeners, the pools they use, monitors and members. It omits L7
/// policies, and pools that no listener uses.
pub(crate) fn status_tree(store: &Store, lb: &Record) -> Value {
    let listeners = store.children(Kind::Listener, &lb.id).map(|listener| {
        let pools = store.pools_of(listener);
        let pools = pools.iter().filter_map(|id| store.get(Kind::Pool, id)).map(|pool| pool_status(store, pool));
        with_fields(statuses(listener), [("pools", pools.collect())])
    });
    let listeners: Value = listeners.collect();
    json!({"statuses": {"loadbalancer": with_fields(statuses(lb), [("listeners", listeners)])}})
}

fn pool_status(store: &Store, pool: &Record) -> Value {
    let members = store.children(Kind::Member, &pool.id).map(|member| {
        let fields = ["address", "protocol_port"].map(|name| (name, member.fields[name].clone()));
        with_fields(statuses(member), fields)
    });
    let mut shown = with_fields(statuses(pool), [("members", members.collect())]);
    if let Some(monitor) = store.children(Kind::HealthMonitor, &pool.id).next() {
        shown["health_monitor"] = with_fields(statuses(monitor), [("type", monitor.fields["type"].clone())]);
    }
    shown
}

fn statuses(record: &Record) -> Value {
    json!({
        "id": record.id, "name": record.text("name"),
        "provisioning_status": record.provisioning.text(), "operating_status": record.operating.text(),
    })
}

/// The JSON object with more fields.
fn with_fields<const N: usize>(mut shown: Value, more: [(&str, Value); N]) -> Value {
    for (name, value) in more {
        shown[name] = value;
    }
    shown
}
