//! Secrets of the stack in the key manager: stored before anything names them, deleted after nothing does.
//!
//! # The order, and what a crash leaves
//!
//! ```text
//! tag the load balancer ─> store the new secret ─> listeners and pools name it ─> delete the old secret
//! ```
//!
//! 1. The tag [`SECRETS_TAG`](crate::model::SECRETS_TAG) comes before the first secret: whatever a crash leaves behind
//!    is looked for. Before the load balancer exists there is no tag: a create of a later generation, or with an unknown
//!    certificate, looks for secrets instead, and carries the tag if there are some.
//! 2. A crash after a store leaves a secret that nothing names. The next plan finds it by its name, which holds the
//!    digest of the content, and uses it; or it deletes it if the stack wants another content by then.
//! 3. A response that was lost leaves two secrets of one name. The plan uses one and deletes the other.
//! 4. A crash after the switch leaves the old secret. It carries the stack's prefix, nothing names it, the stack does
//!    not want it: the next plan deletes it.
//!
//! A plan is made only while the load balancer is ACTIVE, so every switch that an earlier plan has sent is done. A
//! deletion in a plan that still changes something in Octavia depends on that change: it runs neither before it nor in
//! its place while it waits for another try. An old secret stays readable as long as a failover may ask for it.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::certificates::{SNI_URL_MAX, chosen, placed};
use crate::model::{
    Body, Call, CertificateRef, Desired, Id, Kind, ObservedListener, ObservedPool, ObservedSecret, ObservedSecrets,
    ObservedTree, Problem, ProblemReason, Step, StoredSecret, secret_id,
};

/// Fields of listeners and pools that name secrets.
const REFERENCES: [&str; 7] = [
    "default_tls_container_ref",
    "sni_container_refs",
    "client_ca_tls_container_ref",
    "client_crl_container_ref",
    "tls_container_ref",
    "ca_tls_container_ref",
    "crl_container_ref",
];

/// Steps that store the secrets for which these steps have placeholders. These steps now depend on them.
pub(super) fn creates(desired: &Desired, steps: &mut [Step]) -> Vec<Step> {
    let wanted: BTreeMap<&str, &StoredSecret> =
        desired.stored_secrets().map(|secret| (secret.name.as_str(), secret)).collect();
    let mut creates: Vec<Step> = Vec::new();
    if wanted.is_empty() {
        return creates;
    }
    for step in steps {
        let mut names = Vec::new();
        placeholders(body_of(&step.call), &mut names);
        for name in names {
            let Some(secret) = wanted.get(name.as_str()) else { continue };
            let create = Step::new(Kind::Secret, name, Call::CreateSecret { secret: (*secret).clone() });
            step.depends_on.get_or_insert_with(|| create.object());
            if creates.iter().all(|other| other.name != create.name) {
                creates.push(create);
            }
        }
    }
    creates
}

fn body_of(call: &Call) -> Option<&Body> {
    match call {
        Call::CreateLoadBalancer { body } | Call::Create { body, .. } | Call::Update { body, .. } => Some(body),
        _ => None,
    }
}

/// Collects the names of the secrets that a body has placeholders for.
fn placeholders(body: Option<&Body>, names: &mut Vec<String>) {
    for (field, value) in body.into_iter().flatten() {
        match value {
            Value::String(text) if REFERENCES.contains(&field.as_str()) => {
                names.extend(placed(text).map(str::to_owned))
            }
            Value::Array(items) if REFERENCES.contains(&field.as_str()) => {
                names.extend(items.iter().filter_map(Value::as_str).filter_map(placed).map(str::to_owned));
            }
            // Listeners and pools of the single POST.
            Value::Array(items) => items.iter().for_each(|item| placeholders(item.as_object(), names)),
            _ => {}
        }
    }
}

/// Problem of a stack that wants certificates stored while the key manager cannot be read: its certificates may be
/// outdated, and nothing tells.
pub(super) fn unreadable(desired: &Desired, secrets: &ObservedSecrets) -> Option<Problem> {
    let ObservedSecrets::Unknown(cause) = secrets else { return None };
    let is_stored = |reference: &CertificateRef| matches!(reference, CertificateRef::Stored(_));
    let listener = desired
        .listeners
        .iter()
        .find(|(_, listener)| listener.tls.as_ref().is_some_and(|tls| tls.certificates().any(is_stored)));
    let pool =
        desired.pools.iter().find(|(_, pool)| pool.tls.as_ref().is_some_and(|tls| tls.certificates().any(is_stored)));
    let field = match (listener, pool) {
        (Some((key, _)), _) => format!("spec.listeners[{key}].tls"),
        (None, Some((key, _))) => format!("spec.pools[{key}].tls"),
        (None, None) => return None,
    };
    let message = format!(
        "certificates from Secrets are neither stored nor replaced now, because the key manager cannot be read; those \
         in use stay: {cause}"
    );
    Some(Problem::new(field, ProblemReason::ReferenceUnusable, message))
}

/// Problem of a stored certificate for SNI whose URL is too long for Octavia.
pub(super) fn too_long(desired: &Desired, secrets: &ObservedSecrets) -> Option<Problem> {
    let named = HashSet::new();
    let length_of = |reference: &CertificateRef| match reference {
        CertificateRef::Stored(secret) => chosen(&secret.name, secrets.known(), &named).map(|found| found.href.len()),
        CertificateRef::Existing(_) | CertificateRef::Unknown => None,
    };
    desired.listeners.iter().find_map(|(key, listener)| {
        let lengths = listener.tls.iter().flat_map(|tls| &tls.sni_refs).filter_map(length_of);
        let length = lengths.max().filter(|length| *length > SNI_URL_MAX)?;
        let field = format!("spec.listeners[{key}].tls.sniCertificates");
        let message = format!(
            "the key manager gave a certificate a URL of {length} characters, and Octavia stores at most {SNI_URL_MAX} \
             for SNI: use one certificate with all host names; those in use stay"
        );
        Some(Problem::new(field, ProblemReason::ReferenceUnusable, message))
    })
}

/// Steps that delete the secrets which the stack does not want, and which nothing names once the other steps are done.
pub(super) fn deletes(desired: &Desired, tree: &ObservedTree, steps: &[Step]) -> Vec<Step> {
    let secrets = tree.secrets.known();
    if secrets.is_empty() {
        return Vec::new();
    }
    let named: HashSet<&str> = tree.named_secrets().collect();
    let wanted: HashSet<&str> = desired
        .stored_secrets()
        .filter_map(|secret| chosen(&secret.name, secrets, &named))
        .map(|found| found.id.as_str())
        .collect();
    let still_named = named_after(tree, steps);
    let obsolete = secrets.iter().filter(|secret| {
        !secret.named_elsewhere && !wanted.contains(secret.id.as_str()) && !still_named.contains(secret.id.as_str())
    });
    let last = steps.iter().rev().find(|step| step.call.is_octavia()).map(Step::object);
    obsolete.map(|secret| Step { depends_on: last.clone(), ..delete(secret) }).collect()
}

/// Steps that delete all secrets of a stack whose load balancer is gone.
pub(super) fn delete_all(secrets: &[ObservedSecret]) -> impl Iterator<Item = Step> {
    secrets.iter().filter(|secret| !secret.named_elsewhere).map(delete)
}

fn delete(secret: &ObservedSecret) -> Step {
    Step::new(Kind::Secret, &secret.name, Call::DeleteSecret { id: secret.id.clone() })
}

/// Ids of the secrets that listeners and pools name once these steps are done.
fn named_after(tree: &ObservedTree, steps: &[Step]) -> HashSet<Id> {
    let writes = Writes::new(steps);
    let listeners = tree.listeners.iter().map(Named::from);
    let pools = tree.pools.iter().map(Named::from);
    let mut named: HashSet<Id> = listeners.chain(pools).flat_map(|object| writes.names_left(&object)).collect();
    named.extend(writes.created.iter().filter_map(|url| secret_id(url)).map(str::to_owned));
    named
}

/// An observed listener or pool, with the fields by which it names secrets.
struct Named<'a> {
    id: &'a str,
    fields: Vec<NamedField<'a>>,
}

struct NamedField<'a> {
    name: &'static str,
    urls: Vec<&'a str>,
}

impl<'a> NamedField<'a> {
    fn single(name: &'static str, url: &'a Option<String>) -> Self {
        Self { name, urls: url.as_deref().into_iter().collect() }
    }
}

impl<'a> From<&'a ObservedListener> for Named<'a> {
    fn from(listener: &'a ObservedListener) -> Self {
        let sni = listener.sni_container_refs.iter().map(String::as_str).collect();
        let fields = vec![
            NamedField::single("default_tls_container_ref", &listener.default_tls_container_ref),
            NamedField { name: "sni_container_refs", urls: sni },
            NamedField::single("client_ca_tls_container_ref", &listener.client_ca_tls_container_ref),
            NamedField::single("client_crl_container_ref", &listener.client_crl_container_ref),
        ];
        Self { id: &listener.id, fields }
    }
}

impl<'a> From<&'a ObservedPool> for Named<'a> {
    fn from(pool: &'a ObservedPool) -> Self {
        let fields = vec![
            NamedField::single("tls_container_ref", &pool.tls_container_ref),
            NamedField::single("ca_tls_container_ref", &pool.ca_tls_container_ref),
            NamedField::single("crl_container_ref", &pool.crl_container_ref),
        ];
        Self { id: &pool.id, fields }
    }
}

struct Update<'a> {
    id: &'a str,
    body: &'a Body,
}

/// Effect of the steps of a plan on the references of listeners and pools.
#[derive(Default)]
struct Writes<'a> {
    deleted: HashSet<&'a str>,
    /// In order.
    updates: Vec<Update<'a>>,
    /// References in the bodies of new objects.
    created: Vec<&'a str>,
}

impl<'a> Writes<'a> {
    fn new(steps: &'a [Step]) -> Self {
        let mut writes = Self::default();
        for step in steps {
            match &step.call {
                Call::Delete { id, .. } => drop(writes.deleted.insert(id)),
                Call::Update { id, body, .. } => writes.updates.push(Update { id, body }),
                Call::Create { body, .. } => {
                    writes.created.extend(REFERENCES.iter().flat_map(|field| urls(body.get(*field))));
                }
                _ => {}
            }
        }
        writes
    }

    fn names_left(&self, object: &Named<'_>) -> Vec<Id> {
        if self.deleted.contains(object.id) {
            return Vec::new();
        }
        let left = |field: &NamedField<'_>| {
            let mut updates = self.updates.iter().rev().filter(|update| update.id == object.id);
            let urls: Vec<&str> = match updates.find_map(|update| update.body.get(field.name)) {
                Some(value) => urls(Some(value)).collect(),
                None => field.urls.clone(),
            };
            urls.into_iter().filter_map(secret_id).map(str::to_owned).collect::<Vec<Id>>()
        };
        object.fields.iter().flat_map(left).collect()
    }
}

/// One URL, or a list of them.
fn urls(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    value.and_then(Value::as_str).into_iter().chain(list)
}
