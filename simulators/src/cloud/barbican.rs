//! The part of Barbican that TLS needs: secrets, containers, and the right to read them.
//!
//! Payloads are not parsed: no certificate, key or PKCS12 bundle has to be a real one.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::call::{Call, Caller};
use super::clock::Moment;
use super::ids::Ids;
use super::reply::{HandlerResult, Reply, routing_error};

#[derive(Debug, Clone)]
struct Secret {
    project: String,
    /// The user who stored it; empty for a secret that a test put there.
    creator: String,
    name: String,
    /// `secret_type`.
    kind: String,
    content_type: String,
    payload: String,
    created: String,
}

#[derive(Debug, Clone)]
struct Container {
    project: String,
    creator: String,
    name: String,
    /// `type`: `certificate` for Octavia's use.
    kind: String,
    /// Name in the container, such as `private_key`, and reference of each secret.
    secrets: Vec<(String, String)>,
    created: String,
}

/// Secrets and containers by id.
#[derive(Debug, Default)]
pub(crate) struct Barbican {
    secrets: BTreeMap<String, Secret>,
    containers: BTreeMap<String, Container>,
}

/// The id at the end of a reference, if it leads to this collection: `secrets` or `containers`.
fn id_of<'a>(reference: &'a str, collection: &str) -> Option<&'a str> {
    reference.rsplit_once(&format!("/v1/{collection}/")).map(|(_, id)| id)
}

impl Barbican {
    /// Stores a secret that passes for a PKCS12 bundle of certificate and key, and returns its id. Tests prepare the
    /// cloud with it.
    pub fn add_certificate(&mut self, project: &str, name: &str, ids: &mut Ids, now: &Moment) -> String {
        self.add_secret(project, name, "application/octet-stream", "-----BEGIN CERTIFICATE-----", ids, now)
    }

    /// Stores a secret, whatever the rights of a caller, and returns its id.
    pub fn add_secret(
        &mut self,
        project: &str,
        name: &str,
        content_type: &str,
        payload: &str,
        ids: &mut Ids,
        now: &Moment,
    ) -> String {
        let id = ids.uuid();
        let secret = Secret {
            project: project.to_owned(),
            creator: String::new(),
            name: name.to_owned(),
            kind: "opaque".into(),
            content_type: content_type.to_owned(),
            payload: payload.to_owned(),
            created: now.without_offset(),
        };
        self.secrets.insert(id.clone(), secret);
        id
    }

    /// True when the reference leads to a certificate that Octavia can read with the caller's token: a container with
    /// certificate and key, or a secret with any payload, which passes for a PKCS12 bundle.
    pub fn is_certificate(&self, caller: &Caller, reference: &str) -> bool {
        if let Some(container) = id_of(reference, "containers").and_then(|id| self.containers.get(id)) {
            let has = |name: &str| {
                container
                    .secrets
                    .iter()
                    .any(|(part, reference)| part == name && self.secret(caller, reference).is_some())
            };
            return may_read(caller, &container.project) && has("certificate") && has("private_key");
        }
        self.secret(caller, reference).is_some_and(|payload| !payload.is_empty())
    }

    /// The payload of the secret at this reference, if the caller may read it.
    pub fn secret(&self, caller: &Caller, reference: &str) -> Option<&str> {
        let secret = self.secrets.get(id_of(reference, "secrets")?)?;
        may_read(caller, &secret.project).then_some(secret.payload.as_str())
    }

    /// Handles a request to Barbican.
    pub fn handle(&mut self, call: &Call, caller: &Caller, ids: &mut Ids, now: &Moment) -> HandlerResult {
        let segments = call.segments();
        // References start with the URL under which the client reached Barbican.
        let root = format!("{}{}/v1", call.base, call.prefix);
        match (&call.method, segments.as_slice()) {
            (&Method::GET, [] | ["v1"]) => {
                Ok(Reply::json(200, &json!({"versions": {"values": [{"id": "v1", "status": "CURRENT"}]}})))
            }
            (&Method::POST, ["v1", "secrets"]) => self.post_secret(call, caller, ids, now, &root),
            (&Method::POST, ["v1", "containers"]) => self.post_container(call, caller, ids, now, &root),
            (&Method::GET, ["v1", "secrets"]) => Ok(self.list_secrets(call, caller, &root)),
            (&Method::GET, ["v1", "secrets", id]) => {
                let secret = self.readable_secret(caller, id)?;
                Ok(Reply::json(200, &show_secret(secret, id, &root)))
            }
            (&Method::GET, ["v1", "secrets", id, "payload"]) => {
                let secret = self.readable_secret(caller, id)?;
                let body = secret.payload.clone().into();
                Ok(Reply { status: 200, headers: vec![("content-type", secret.content_type.clone())], body })
            }
            (&Method::DELETE, ["v1", "secrets", id]) => {
                self.readable_secret(caller, id)?;
                self.secrets.remove(*id);
                Ok(Reply::empty(204))
            }
            // Every secret has Barbican's default ACL, which a write does not change.
            (_, ["v1", "secrets", id, "acl"]) => {
                self.readable_secret(caller, id)?;
                Ok(Reply::json(200, &json!({"read": {"project-access": true}})))
            }
            (&Method::GET, ["v1", "containers", id]) => {
                let container = self.readable_container(caller, id)?;
                Ok(Reply::json(200, &show_container(container, id, &root)))
            }
            (&Method::DELETE, ["v1", "containers", id]) => {
                self.readable_container(caller, id)?;
                self.containers.remove(*id);
                Ok(Reply::empty(204))
            }
            _ => Err(routing_error(404, "Not Found", "Not Found. Sorry but your resource is in another castle.")),
        }
    }

    fn readable_secret(&self, caller: &Caller, id: &str) -> Result<&Secret, Reply> {
        if uuid::Uuid::try_parse(id).is_err() {
            return Err(routing_error(404, "Not Found", "Not Found. Provided secret id is invalid."));
        }
        let secret = self.secrets.get(id).ok_or_else(|| routing_error(404, "Not Found", "Secret not found."))?;
        if may_read(caller, &secret.project) { Ok(secret) } else { Err(forbidden("Secret retrieval")) }
    }

    fn readable_container(&self, caller: &Caller, id: &str) -> Result<&Container, Reply> {
        let missing = || routing_error(404, "Not Found", "Secrets container not found.");
        let container = self.containers.get(id).ok_or_else(missing)?;
        if may_read(caller, &container.project) { Ok(container) } else { Err(forbidden("Container retrieval")) }
    }

    fn post_secret(&mut self, call: &Call, caller: &Caller, ids: &mut Ids, now: &Moment, root: &str) -> HandlerResult {
        let body = body_to_store(call, caller, "Secret creation")?;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let content_type = text("payload_content_type");
        let id = self.add_secret(&caller.project, &text("name"), &content_type, &text("payload"), ids, now);
        if let Some(secret) = self.secrets.get_mut(&id) {
            secret.creator.clone_from(&caller.user);
            secret.kind = body["secret_type"].as_str().unwrap_or("opaque").to_owned();
        }
        Ok(Reply::json(201, &json!({"secret_ref": format!("{root}/secrets/{id}")})))
    }

    fn post_container(
        &mut self,
        call: &Call,
        caller: &Caller,
        ids: &mut Ids,
        now: &Moment,
        root: &str,
    ) -> HandlerResult {
        let body = body_to_store(call, caller, "Container creation")?;
        let refs = body["secret_refs"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let secrets: Vec<_> = refs.map(|secret| (text(&secret["name"]), text(&secret["secret_ref"]))).collect();
        let unknown = |(_, reference): &&(String, String)| {
            !id_of(reference, "secrets").is_some_and(|id| self.secrets.contains_key(id))
        };
        if let Some((name, _)) = secrets.iter().find(unknown) {
            return Err(routing_error(404, "Not Found", format!("Secret provided for '{name}' doesn't exist.")));
        }
        let id = ids.uuid();
        let container = Container {
            project: caller.project.clone(),
            creator: caller.user.clone(),
            name: text(&body["name"]),
            kind: text(&body["type"]),
            secrets,
            created: now.without_offset(),
        };
        self.containers.insert(id.clone(), container);
        Ok(Reply::json(201, &json!({"container_ref": format!("{root}/containers/{id}")})))
    }

    /// Lists the secrets of the caller's project. An administrator sees no others either.
    fn list_secrets(&self, call: &Call, caller: &Caller, root: &str) -> Reply {
        let name = call.parameter("name");
        let shown: Vec<_> = self
            .secrets
            .iter()
            .filter(|(_, secret)| secret.project == caller.project && name.is_none_or(|name| secret.name == name))
            .map(|(id, secret)| show_secret(secret, id, root))
            .collect();
        Reply::json(200, &json!({"total": shown.len(), "secrets": shown}))
    }
}

/// True for a caller in the project. Unlike [`Caller::reads`], which is Octavia's rule, this asks for no role.
fn may_read(caller: &Caller, project: &str) -> bool {
    caller.is_admin() || caller.project == project
}

fn forbidden(what: &str) -> Reply {
    let text = format!("{what} attempt not allowed - please review your user/project privileges");
    routing_error(403, "Forbidden", text)
}

/// The body of a POST, once the caller has a role that may store: `creator`, in newer clouds `member`. `what` names the
/// attempt in the 403.
fn body_to_store(call: &Call, caller: &Caller, what: &str) -> Result<Value, Reply> {
    if !["creator", "member", "admin"].iter().any(|role| caller.roles.contains(*role)) {
        return Err(forbidden(what));
    }
    call.json().ok_or_else(|| routing_error(400, "Bad Request", "Malformed JSON"))
}

fn show_secret(secret: &Secret, id: &str, root: &str) -> Value {
    json!({
        "created": secret.created, "updated": secret.created, "status": "ACTIVE", "name": secret.name,
        "secret_type": secret.kind, "expiration": null, "algorithm": null, "bit_length": null, "mode": null,
        "creator_id": secret.creator, "content_types": {"default": secret.content_type},
        "secret_ref": format!("{root}/secrets/{id}"),
    })
}

fn show_container(container: &Container, id: &str, root: &str) -> Value {
    let refs: Vec<_> =
        container.secrets.iter().map(|(name, secret)| json!({"name": name, "secret_ref": secret})).collect();
    json!({
        "created": container.created, "updated": container.created, "status": "ACTIVE", "name": container.name,
        "type": container.kind, "creator_id": container.creator, "secret_refs": refs, "consumers": [],
        "container_ref": format!("{root}/containers/{id}"),
    })
}
