//! Filters, order, pages and fields of lists (`octavia/api/common/pagination.py`).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::reply::{HandlerResult, Reply, fault, routing_error};
use super::super::tag_filters::{TAG_FILTERS, pass_tag_filters};
use super::record::{Kind, Record, Store};
use super::render::show;

/// Parameters that are no filters.
const AUXILIARY: [&str; 7] = ["limit", "marker", "sort", "sort_key", "sort_dir", "fields", "page_reverse"];

/// Returns a list of rows of one kind.
pub(crate) fn list<'a>(
    store: &'a Store,
    kind: Kind,
    rows: impl Iterator<Item = &'a Record>,
    call: &Call,
    page_limit: usize,
) -> HandlerResult {
    let limit = read_limit(call, page_limit)?;
    let sort = read_sort(call)?;
    let filters = read_filters(kind, call)?;
    let keys = complete(sort, kind)?;
    let mut found: Vec<_> = rows
        .filter(|row| pass_tag_filters(row.fields.get("tags"), call, str::to_lowercase) && fits(store, row, &filters))
        .map(|row| (position(store, row, &keys), row))
        .collect();
    if let Some(marker) = call.parameter("marker") {
        let Some(row) = store.get(kind, marker) else {
            return Err(fault(400, format!("Supplied pagination marker '{marker}' is not valid.")));
        };
        if let Some((key, _)) = keys.iter().find(|(key, _)| is_renamed(kind, key)) {
            return Err(fault(500, format!("'{}' object has no attribute '{key}'", class(kind))));
        }
        let marker = position(store, row, &keys);
        let reverse = call.parameter("page_reverse") == Some("True");
        let wanted = if reverse { Ordering::Less } else { Ordering::Greater };
        found.retain(|(sort_value, _)| compare(sort_value, &marker, &keys) == wanted);
    }
    if let Some(limit) = limit.filter(|limit| *limit < found.len()) {
        // A page of a long list: the rows behind it need no order.
        found.select_nth_unstable_by(limit, |(a, _), (b, _)| compare(a, b, &keys));
        found.truncate(limit);
    }
    found.sort_by(|(a, _), (b, _)| compare(a, b, &keys));
    let links = links(call, limit, found.first().zip(found.last()).map(|(first, last)| (first.1, last.1)), found.len());
    let fields = call.parameters("fields");
    let shown: Vec<_> = found.into_iter().map(|(_, row)| pick(show(store, row), &fields)).collect();
    Ok(Reply::json(200, &json!({kind.collection(): shown, format!("{}_links", kind.collection()): links})))
}

/// One object, reduced to the fields that the query names (`fields=a&fields=b`).
pub(crate) fn pick(mut row: Map<String, Value>, fields: &[&str]) -> Map<String, Value> {
    if !fields.is_empty() {
        // tenant_id is the old alias of project_id.
        let wanted = |key: &str| fields.contains(&if key == "tenant_id" { "project_id" } else { key });
        row.retain(|key, _| wanted(key));
    }
    row
}

fn read_limit(call: &Call, most: usize) -> Result<Option<usize>, Reply> {
    match call.parameter("limit") {
        None => Ok(Some(most)),
        Some("infinite") => Ok(None),
        Some(text) => match text.parse::<i64>() {
            Ok(limit) => Ok(usize::try_from(limit).ok().filter(|limit| *limit > 0).map(|limit| limit.min(most))),
            Err(_) => {
                Err(routing_error(400, "Bad Request", format!("Supplied pagination limit '{text}' is not valid.")))
            }
        },
    }
}

/// Sort keys, each with its direction (true: descending).
type Sort = Vec<(String, bool)>;

fn read_sort(call: &Call) -> Result<Sort, Reply> {
    let direction = |text: &str| match text.to_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        other => Err(routing_error(400, "Bad Request", format!("Supplied sort direction '{other}' is not valid."))),
    };
    if let Some(sort) = call.parameter("sort").filter(|sort| !sort.is_empty()) {
        let read = |part: &str| match part.split_once(':') {
            None => Ok((part.to_owned(), false)),
            Some((key, dir)) => Ok((key.to_owned(), direction(dir)?)),
        };
        return sort.split(',').map(read).collect();
    }
    let Some(keys) = call.parameter("sort_key").filter(|keys| !keys.is_empty()) else { return Ok(Vec::new()) };
    let directions: Vec<_> = call.parameter("sort_dir").map(|dirs| dirs.split(',').collect()).unwrap_or_default();
    let read = |(at, key): (usize, &str)| Ok((key.to_owned(), direction(directions.get(at).unwrap_or(&"asc"))?));
    keys.split(',').enumerate().map(read).collect()
}

fn complete(mut sort: Sort, kind: Kind) -> Result<Sort, Reply> {
    if let Some((key, _)) = sort.iter().find(|(key, _)| !columns(kind).contains(key.as_str())) {
        return Err(fault(400, format!("Supplied sort key '{key}' is not valid.")));
    }
    for key in ["created_at", "id"] {
        if !sort.iter().any(|(known, _)| known == key) {
            sort.push((key.to_owned(), false));
        }
    }
    Ok(sort)
}

/// True for an attribute whose column has another name. Sorting by it works until a marker is used.
fn is_renamed(kind: Kind, key: &str) -> bool {
    key == "admin_state_up" || (kind == Kind::Member && key == "address")
}

fn class(kind: Kind) -> String {
    kind.display_name().replace(' ', "")
}

/// The value by which a row is sorted.
#[derive(PartialEq, PartialOrd)]
enum SortValue<'a> {
    Nothing,
    Flag(bool),
    Number(f64),
    /// In lower case, as the collation compares.
    Text(Cow<'a, str>),
}

fn position<'a>(store: &'a Store, row: &'a Record, keys: &Sort) -> Vec<SortValue<'a>> {
    let sort_value = |(key, _): &(String, bool)| match column(store, row, key) {
        Column::Text(text) => SortValue::Text(lowercase(text)),
        Column::Other(Value::String(text)) => SortValue::Text(lowercase(text)),
        Column::Other(Value::Bool(flag)) => SortValue::Flag(*flag),
        Column::Other(Value::Number(number)) => SortValue::Number(number.as_f64().unwrap_or_default()),
        Column::Other(Value::Null | Value::Array(_) | Value::Object(_)) | Column::Null => SortValue::Nothing,
    };
    keys.iter().map(sort_value).collect()
}

fn lowercase(text: &str) -> Cow<'_, str> {
    let is_lowercase = !text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii());
    if is_lowercase { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

fn compare(a: &[SortValue<'_>], b: &[SortValue<'_>], keys: &Sort) -> Ordering {
    let order = |((a, b), (_, descending)): ((&SortValue<'_>, &SortValue<'_>), &(String, bool))| {
        let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
        if *descending { order.reverse() } else { order }
    };
    a.iter().zip(b).zip(keys).map(order).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// A value of a row, where it is stored.
enum Column<'a> {
    Null,
    Text(&'a str),
    Other(&'a Value),
}

/// The stored value of an attribute that can be filtered or sorted by.
fn column<'a>(store: &'a Store, row: &'a Record, key: &str) -> Column<'a> {
    let text = |text: Option<&'a str>| text.map_or(Column::Null, Column::Text);
    match key {
        "id" => Column::Text(&row.id),
        "project_id" => Column::Text(&row.project),
        "created_at" => Column::Text(&row.created),
        "updated_at" => text(row.updated.as_deref()),
        "provisioning_status" => Column::Text(row.provisioning.text()),
        "operating_status" => Column::Text(row.operating.text()),
        "loadbalancer_id" | "load_balancer_id" => Column::Text(&row.load_balancer),
        "pool_id" | "listener_id" => Column::Text(&row.parent),
        "healthmonitor_id" => {
            text(store.children(Kind::HealthMonitor, &row.id).next().map(|monitor| monitor.id.as_str()))
        }
        key => row.fields.get(key).map_or(Column::Null, Column::Other),
    }
}

/// The attributes that can be filtered and sorted by.
fn columns(kind: Kind) -> BTreeSet<&'static str> {
    let common = "id project_id created_at updated_at provisioning_status operating_status admin_state_up name";
    let own = match kind {
        Kind::LoadBalancer => {
            "description vip_address vip_port_id vip_subnet_id vip_network_id vip_qos_policy_id vip_vnic_type provider \
             flavor_id availability_zone"
        }
        Kind::Listener => {
            "description loadbalancer_id load_balancer_id protocol protocol_port default_pool_id connection_limit \
             timeout_client_data timeout_member_connect timeout_member_data timeout_tcp_inspect \
             client_authentication hsts_max_age hsts_include_subdomains hsts_preload default_tls_container_ref \
             client_ca_tls_container_ref client_crl_container_ref tls_ciphers"
        }
        Kind::Pool => {
            "description loadbalancer_id load_balancer_id protocol lb_algorithm healthmonitor_id tls_enabled \
             tls_container_ref ca_tls_container_ref crl_container_ref tls_ciphers"
        }
        Kind::Member => "address protocol_port weight backup subnet_id monitor_address monitor_port pool_id vnic_type",
        Kind::HealthMonitor => {
            "pool_id type delay timeout max_retries max_retries_down http_method url_path expected_codes \
             http_version domain_name"
        }
        Kind::L7Policy => {
            "description listener_id action position redirect_pool_id redirect_url redirect_prefix redirect_http_code"
        }
        Kind::L7Rule => "type compare_type key value invert",
    };
    let without_name = kind == Kind::L7Rule;
    common.split_whitespace().chain(own.split_whitespace()).filter(|key| !(without_name && *key == "name")).collect()
}

/// True for a relation. Filtering by one ends in an SQL error.
fn is_relation(kind: Kind, key: &str) -> bool {
    match kind {
        Kind::LoadBalancer => ["listeners", "pools", "additional_vips"].contains(&key),
        Kind::Listener => ["allowed_cidrs", "l7policies"].contains(&key),
        Kind::Pool => ["session_persistence", "members"].contains(&key),
        _ => false,
    }
}

fn read_filters(kind: Kind, call: &Call) -> Result<Vec<(String, String)>, Reply> {
    let filters: Vec<_> = call
        .query
        .iter()
        .filter(|(key, _)| !AUXILIARY.contains(&key.as_str()) && !TAG_FILTERS.contains(&key.as_str()))
        .cloned()
        .collect();
    let known = columns(kind);
    for (key, _) in &filters {
        if is_relation(kind, key) {
            return Err(fault(
                500,
                "Can't compare a collection to an object or collection; use contains() to test for membership.",
            ));
        }
        if !known.contains(key.as_str()) {
            return Err(fault(400, "One or more arguments are either duplicate or invalid"));
        }
        if filters.iter().filter(|(other, _)| other == key).count() > 1 {
            return Err(fault(
                500,
                "(pymysql.err.OperationalError) (4078, \"Illegal parameter data types varchar and row for \
                 operation '='\")",
            ));
        }
    }
    Ok(filters)
}

/// True for a row that matches all filters. NULL equals nothing, not even the empty text as which names are shown.
fn fits(store: &Store, row: &Record, filters: &[(String, String)]) -> bool {
    let yes = ["true", "1", "yes", "on", "t", "y"];
    let same = |text: &str, wanted: &str| text == wanted || lowercase(text) == lowercase(wanted);
    filters.iter().all(|(key, wanted)| match column(store, row, key) {
        Column::Text(text) => same(text, wanted),
        Column::Other(Value::String(text)) => same(text, wanted),
        Column::Other(Value::Bool(flag)) => *flag == yes.contains(&wanted.to_lowercase().as_str()),
        Column::Other(Value::Number(number)) => wanted.parse::<f64>().ok() == number.as_f64(),
        Column::Other(_) | Column::Null => false,
    })
}

/// The links to other pages. They drop filters and fields, so clients must build their own. `ends`: first and last row
/// of the page.
fn links(call: &Call, limit: Option<usize>, ends: Option<(&Record, &Record)>, length: usize) -> Value {
    let Some((first, last)) = ends else { return json!([]) };
    let limit_text = limit.map_or("None".to_owned(), |limit| limit.to_string());
    let mut kept = format!("limit={limit_text}");
    for key in ["sort", "sort_key"] {
        if let Some(value) = call.parameter(key) {
            kept = format!("{kept}&{key}={value}");
        }
    }
    let url = format!("{}{}{}", call.base, call.prefix, call.path);
    let mut links = Vec::new();
    if call.parameter("marker").is_some() {
        let href = format!("{url}?{kept}&marker={}&page_reverse=True", first.id);
        links.push(json!({"rel": "previous", "href": href}));
    }
    if limit.is_none_or(|limit| length >= limit) {
        links.push(json!({"rel": "next", "href": format!("{url}?{kept}&marker={}", last.id)}));
    }
    json!(links)
}
