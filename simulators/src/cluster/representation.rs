//! The representation that a client asks for: whole objects, their metadata only, or rows of a table.

use http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::Kind;
use super::query::Query;
use super::table;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    Whole,
    Metadata,
    Table(RowsHold),
}

/// The query parameter `includeObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsHold {
    Nothing,
    Metadata,
    Whole,
}

impl Representation {
    /// The first representation in the `Accept` header that is served.
    pub fn wanted(headers: &HeaderMap, query: &Query) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let json = accept.split(',').map(str::trim).find(|range| range.starts_with("application/json"));
        match json {
            Some(range) if range.contains("as=Table") => Self::Table(match query.text("includeObject") {
                "None" => RowsHold::Nothing,
                "Object" => RowsHold::Whole,
                _ => RowsHold::Metadata,
            }),
            Some(range) if range.contains("as=PartialObjectMetadata") => Self::Metadata,
            _ => Self::Whole,
        }
    }

    pub fn object(self, kind: &Kind, object: &Value, now: Timestamp) -> Value {
        match self {
            Self::Whole => object.clone(),
            Self::Metadata => metadata_only(object),
            Self::Table(rows) => {
                let version = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                rows.table(kind, &[object], version, now)
            }
        }
    }

    /// A list of `objects`. `metadata` is the list's own.
    pub fn list(self, kind: &Kind, objects: &[Value], metadata: Value, now: Timestamp) -> Value {
        match self {
            Self::Whole => json!({
                "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
                "metadata": metadata, "items": objects,
            }),
            Self::Metadata => json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "items": objects.iter().map(metadata_only).collect::<Vec<_>>(),
            }),
            Self::Table(rows) => rows.table(kind, &objects.iter().collect::<Vec<_>>(), metadata, now),
        }
    }

    /// The object of a bookmark.
    pub fn bookmark(self, kind: &Kind, revision: u64, initial_done: bool, now: Timestamp) -> Value {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_done {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata});
        match self {
            Self::Whole => object,
            Self::Metadata => metadata_only(&object),
            Self::Table(rows) => rows.table(kind, &[], metadata, now),
        }
    }
}

impl RowsHold {
    fn table(self, kind: &Kind, objects: &[&Value], metadata: Value, now: Timestamp) -> Value {
        table::table(&kind.columns, objects, metadata, now, |object| match self {
            Self::Nothing => Value::Null,
            Self::Metadata => metadata_only(object),
            Self::Whole => object.clone(),
        })
    }
}

fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}
