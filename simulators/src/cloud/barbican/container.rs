//! One container.

use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(super) struct Container {
    pub project: String,
    pub creator: String,
    pub name: String,
    /// `type`: `certificate` for Octavia's use.
    pub kind: String,
    /// Name in the container, such as `private_key`, and reference of each secret.
    pub secrets: Vec<(String, String)>,
    pub created: String,
}

impl Container {
    pub(super) fn show(&self, id: &str, root: &str) -> Value {
        let refs: Vec<_> =
            self.secrets.iter().map(|(name, secret)| json!({"name": name, "secret_ref": secret})).collect();
        json!({
            "created": self.created, "updated": self.created, "status": "ACTIVE", "name": self.name,
            "type": self.kind, "creator_id": self.creator, "secret_refs": refs, "consumers": [],
            "container_ref": format!("{root}/containers/{id}"),
        })
    }
}
