//! Lists and their pagination.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::convert::shown;
use super::kinds::Kind;
use super::object;
use super::query::Query;
use super::representation::Representation;
use super::selector::Selector;
use super::state::State;
use super::status::StatusError;

/// The objects of `kind` in `namespace` (or in all) that match the selectors of `query`.
pub fn select(state: &State, kind: &Kind, namespace: Option<&str>, query: &Query) -> Result<Vec<Value>, StatusError> {
    let selector = Selector::parse(kind, query.text("labelSelector"), query.text("fieldSelector"))?;
    let kept = state.store.list(&kind.group_resource, namespace);
    Ok(kept.iter().map(|object| shown(kind, object)).filter(|object| selector.matches(object)).collect())
}

/// One page of a list. The continue token names the last object of the page before, so pages never repeat an object.
/// Unlike etcd's, they do not show one moment in time.
pub fn list(
    state: &State,
    kind: &Kind,
    namespace: Option<&str>,
    query: &Query,
    representation: Representation,
    now: Timestamp,
) -> Result<Value, StatusError> {
    let mut objects = select(state, kind, namespace, query)?;
    let after = query.text("continue");
    let mut revision = state.store.revision().to_string();
    if !after.is_empty() {
        let (first_revision, key) = parse_token(after)?;
        if first_revision < state.store.oldest() {
            return Err(StatusError::expired(
                "The provided continue parameter is too old to display a consistent list result.",
            ));
        }
        revision = first_revision.to_string();
        objects.retain(|object| (object::namespace(object), object::name(object)) > (&key.0, &key.1));
    }
    let mut metadata = json!({"resourceVersion": revision});
    if let Some(limit) = query.number("limit")?.filter(|&limit| limit > 0) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let left = objects.len().saturating_sub(limit);
        objects.truncate(limit);
        if let (true, Some(last)) = (left > 0, objects.last()) {
            let token = format!("{revision}/{}/{}", object::namespace(last), object::name(last));
            metadata["continue"] = token.into();
            metadata["remainingItemCount"] = left.into();
        }
    }
    Ok(representation.list(kind, &objects, metadata, now))
}

fn parse_token(token: &str) -> Result<(u64, (String, String)), StatusError> {
    let mut parts = token.splitn(3, '/');
    let revision = parts.next().and_then(|text| text.parse().ok());
    match (revision, parts.next(), parts.next()) {
        (Some(revision), Some(namespace), Some(name)) => Ok((revision, (namespace.to_owned(), name.to_owned()))),
        _ => Err(StatusError::bad_request("continue key is not valid")),
    }
}
