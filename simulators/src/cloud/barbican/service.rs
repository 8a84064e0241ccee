//! Requests to Barbican, and the state that they change.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::access::{check_may_change, check_may_list, check_may_store, forbidden, may_read, may_read_secret};
use super::container::Container;
use super::list;
use super::new_secret::{NewSecret, body_of};
use super::secret::{Payload, Secret};
use crate::cloud::call::{Call, Caller};
use crate::cloud::clock::Moment;
use crate::cloud::ids::Ids;
use crate::cloud::reply::{HandlerResult, Reply, routing_error};

/// Secrets and containers by id.
#[derive(Debug, Default)]
pub(crate) struct Barbican {
    secrets: BTreeMap<String, Secret>,
    containers: BTreeMap<String, Container>,
    /// Quota of secrets for each project; `None` is unlimited, as by default.
    pub secret_quota: Option<usize>,
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
        let payload = Payload { content_type: content_type.to_owned(), bytes: payload.as_bytes().to_vec() };
        let secret = Secret {
            project: project.to_owned(),
            creator: String::new(),
            name: Some(name.to_owned()),
            kind: "opaque".into(),
            payload: Some(payload),
            expires: None,
            acl: None,
            created: now.without_offset(),
        };
        self.secrets.insert(id.clone(), secret);
        id
    }

    /// Every secret as an administrator is shown it, by age.
    pub fn shown_secrets(&self, root: &str) -> Vec<Value> {
        let mut secrets: Vec<(&String, &Secret)> = self.secrets.iter().collect();
        secrets.sort_by(|a, b| a.1.created.cmp(&b.1.created));
        secrets.into_iter().map(|(id, secret)| secret.show(id, root)).collect()
    }

    pub fn stored_payload(&self, id: &str) -> Option<Vec<u8>> {
        Some(self.secrets.get(id)?.payload.as_ref()?.bytes.clone())
    }

    /// Removes a secret as another client does.
    pub fn remove_secret(&mut self, id: &str) {
        self.secrets.remove(id);
    }

    /// True when the reference leads to a certificate that Octavia can read with the caller's token: a container with
    /// certificate and key, or a secret with any payload, which passes for a PKCS12 bundle.
    pub fn is_certificate(&self, caller: &Caller, reference: &str, now: &Moment) -> bool {
        if let Some(container) = id_of(reference, "containers").and_then(|id| self.containers.get(id)) {
            let has = |name: &str| {
                let part = container.secrets.iter().find(|(part, _)| part == name);
                part.is_some_and(|(_, reference)| self.payload(caller, reference, now).is_some())
            };
            return may_read(caller, &container.project) && has("certificate") && has("private_key");
        }
        self.payload(caller, reference, now).is_some_and(|payload| !payload.is_empty())
    }

    /// The payload of the secret at this reference, if the caller may read it.
    pub fn payload(&self, caller: &Caller, reference: &str, now: &Moment) -> Option<&[u8]> {
        let secret = self.living(id_of(reference, "secrets")?, now)?;
        may_read_secret(caller, secret).then_some(secret.payload.as_ref()?.bytes.as_slice())
    }

    fn living(&self, id: &str, now: &Moment) -> Option<&Secret> {
        self.secrets.get(id).filter(|secret| !secret.is_expired(now))
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
            (&Method::GET, ["v1", "secrets"]) => self.list_secrets(call, caller, now, &root),
            (_, ["v1", "secrets", id, rest @ ..]) => self.one_secret(call, caller, now, (id, rest), &root),
            (&Method::POST, ["v1", "containers"]) => self.post_container(call, caller, ids, now, &root),
            (&Method::GET, ["v1", "containers", id]) => {
                let container = self.readable_container(caller, id)?;
                Ok(Reply::json(200, &container.show(id, &root)))
            }
            (&Method::DELETE, ["v1", "containers", id]) => {
                self.readable_container(caller, id)?;
                self.containers.remove(*id);
                Ok(Reply::empty(204))
            }
            _ => Err(no_such_path()),
        }
    }

    /// Requests about one secret and the paths below it.
    fn one_secret(
        &mut self,
        call: &Call,
        caller: &Caller,
        now: &Moment,
        (id, below): (&str, &[&str]),
        root: &str,
    ) -> HandlerResult {
        if uuid::Uuid::try_parse(id).is_err() {
            return Err(routing_error(404, "Not Found", "Not Found. Provided secret id is invalid."));
        }
        let secret = self.living(id, now).ok_or_else(|| routing_error(404, "Not Found", "Secret not found."))?;
        let readable = |attempt: &str| {
            if may_read_secret(caller, secret) { Ok(()) } else { Err(forbidden(attempt)) }
        };
        match (&call.method, below) {
            (&Method::GET, []) => {
                readable("Secret retrieval")?;
                Ok(Reply::json(200, &secret.show(id, root)))
            }
            (&Method::GET, ["payload"]) => {
                readable("Secret payload retrieval")?;
                let missing = "Not Found. Sorry but your secret has no payload.";
                let payload = secret.payload.as_ref().ok_or_else(|| routing_error(404, "Not Found", missing))?;
                let headers = vec![("content-type", payload.content_type.clone())];
                Ok(Reply { status: 200, headers, body: payload.bytes.clone().into() })
            }
            (&Method::DELETE, []) => {
                check_may_change(caller, secret, "Secret deletion")?;
                self.secrets.remove(id);
                Ok(Reply::empty(204))
            }
            (&Method::GET, ["acl"]) => {
                readable("SecretACL(s) retrieval")?;
                Ok(Reply::json(200, &secret.show_acl()))
            }
            (&(Method::PUT | Method::PATCH), ["acl"]) => {
                check_may_change(caller, secret, "SecretACL(s) Update")?;
                let acl = access_list(&body_of(call)?, now);
                if let Some(secret) = self.secrets.get_mut(id) {
                    secret.acl = acl;
                }
                Ok(Reply::json(200, &json!({"acl_ref": format!("{root}/secrets/{id}/acl")})))
            }
            _ => Err(no_such_path()),
        }
    }

    fn readable_container(&self, caller: &Caller, id: &str) -> Result<&Container, Reply> {
        let missing = || routing_error(404, "Not Found", "Secrets container not found.");
        let container = self.containers.get(id).ok_or_else(missing)?;
        if may_read(caller, &container.project) { Ok(container) } else { Err(forbidden("Container retrieval")) }
    }

    fn post_secret(&mut self, call: &Call, caller: &Caller, ids: &mut Ids, now: &Moment, root: &str) -> HandlerResult {
        check_may_store(caller, "Secret creation")?;
        let NewSecret { name, kind, payload, expires } = NewSecret::parse(&body_of(call)?, now)?;
        let stored = self.secrets.values().filter(|secret| secret.project == caller.project && !secret.is_expired(now));
        if self.secret_quota.is_some_and(|quota| stored.count() >= quota) {
            let text = "Secret creation issue seen - Creation not allowed because a quota has been reached.";
            return Err(routing_error(403, "Forbidden", text));
        }
        let id = ids.uuid();
        let (project, creator) = (caller.project.clone(), caller.user.clone());
        let created = now.without_offset();
        self.secrets.insert(id.clone(), Secret { project, creator, name, kind, payload, expires, acl: None, created });
        let reference = format!("{root}/secrets/{id}");
        Ok(Reply::json(201, &json!({"secret_ref": reference})).with("location", reference))
    }

    fn post_container(
        &mut self,
        call: &Call,
        caller: &Caller,
        ids: &mut Ids,
        now: &Moment,
        root: &str,
    ) -> HandlerResult {
        check_may_store(caller, "Container creation")?;
        let body = body_of(call)?;
        let refs = body["secret_refs"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let secrets: Vec<_> = refs.map(|secret| (text(&secret["name"]), text(&secret["secret_ref"]))).collect();
        let unknown = |(_, reference): &&(String, String)| {
            id_of(reference, "secrets").is_none_or(|id| self.living(id, now).is_none())
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

    /// Lists the secrets of the caller's project. An administrator sees no others either. Without `sort` their order is
    /// the database's, which means nothing: here that of their ids.
    fn list_secrets(&self, call: &Call, caller: &Caller, now: &Moment, root: &str) -> HandlerResult {
        check_may_list(caller, "Secret(s) retrieval")?;
        let pattern = call.parameter("name").filter(|pattern| !pattern.is_empty());
        let is_named = |secret: &Secret| {
            pattern.is_none_or(|pattern| secret.name.as_deref().is_some_and(|name| list::like(name, pattern)))
        };
        let mut found: Vec<(&String, &Secret)> = self
            .secrets
            .iter()
            .filter(|(_, secret)| secret.project == caller.project && !secret.is_expired(now) && is_named(secret))
            .collect();
        list::sort(&mut found, call.parameter("sort").unwrap_or_default());
        let shown: Vec<Value> = found.into_iter().map(|(id, secret)| secret.show(id, root)).collect();
        Ok(Reply::json(200, &list::page(call, root, &shown)))
    }
}

/// The access list of a PUT, with Barbican's default for a part without `project-access`.
fn access_list(body: &Value, now: &Moment) -> Option<Value> {
    let read = body.get("read").filter(|read| read.is_object())?;
    let open = read.get("project-access").and_then(Value::as_bool).unwrap_or(true);
    let users = read.get("users").cloned().unwrap_or_else(|| json!([]));
    let at = now.without_offset();
    Some(json!({"read": {"created": at, "updated": at, "project-access": open, "users": users}}))
}

fn no_such_path() -> Reply {
    routing_error(404, "Not Found", "Not Found. Sorry but your resource is in another castle.")
}
