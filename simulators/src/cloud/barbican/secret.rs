//! One secret.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::access;
use crate::cloud::clock::Moment;

#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub project: String,
    /// The user who stored it; empty for a secret that a test put there.
    pub creator: String,
    pub name: Option<String>,
    /// `secret_type`.
    pub kind: String,
    /// `None` for a secret that was stored without one.
    pub payload: Option<Payload>,
    pub expires: Option<Timestamp>,
    /// Access list in the form of the API; `None` while nobody has set one.
    pub acl: Option<Value>,
    pub created: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payload {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Secret {
    /// An expired secret is not found any more, in any way.
    pub(super) fn is_expired(&self, now: &Moment) -> bool {
        self.expires.is_some_and(|expires| expires <= now.time_of_day)
    }

    /// True if only its creator and named users may read it.
    pub(super) fn is_private(&self) -> bool {
        self.acl.as_ref().is_some_and(|acl| acl["read"]["project-access"] == false)
    }

    pub(super) fn readers(&self) -> impl Iterator<Item = &str> {
        self.acl.iter().flat_map(access::readers)
    }

    pub(super) fn show(&self, id: &str, root: &str) -> Value {
        let expires = self.expires.map(|time| time.strftime("%Y-%m-%dT%H:%M:%S").to_string());
        let mut shown = json!({
            "created": self.created, "updated": self.created, "status": "ACTIVE", "name": self.name,
            "secret_type": self.kind, "expiration": expires, "algorithm": null, "bit_length": null, "mode": null,
            "creator_id": self.creator, "secret_ref": format!("{root}/secrets/{id}"),
        });
        if let Some(payload) = &self.payload {
            shown["content_types"] = json!({"default": payload.content_type});
        }
        shown
    }

    /// The access list. Without one, everybody in the project may read.
    pub(super) fn show_acl(&self) -> Value {
        self.acl.clone().unwrap_or_else(|| json!({"read": {"project-access": true}}))
    }
}
