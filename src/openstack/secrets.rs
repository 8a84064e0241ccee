//! Secrets of stacks in Barbican: found by the prefix of their names, and written as Barbican stores them.
//!
//! Barbican searches names by SQL's LIKE, which may ignore case, and shows pages of ten unless asked for more. So the
//! search only saves reads: every name is compared again, and every page is read.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::collections::{LISTENERS, POOLS, SECRETS};
use super::http::{CloudError, ErrorClass, is_plain_id};
use super::pagination::{Budget, Listing};
use super::session::Session;
use crate::model::{
    Id, ObservedListener, ObservedPool, ObservedSecret, ObservedSecrets, ObservedTree, Owner, SecretFormat,
    StoredSecret, TreeQuery, secret_id,
};

/// Barbican's longest page.
const PAGE_SIZE: usize = 100;
/// The end of every list, whatever the server says.
const MAX_PAGES: usize = 400;
/// Part of an error text that is looked for in the payload.
const ECHO: usize = 16;

/// A secret as Barbican lists it, without its payload.
#[derive(Deserialize)]
struct SecretRecord {
    #[serde(default)]
    name: Option<String>,
    secret_ref: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    created: Option<String>,
    /// Absent for a secret without a payload.
    #[serde(default)]
    content_types: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct SecretPage {
    secrets: Vec<SecretRecord>,
    /// Link to the next page.
    #[serde(default)]
    next: Option<String>,
}

impl From<SecretRecord> for ObservedSecret {
    fn from(record: SecretRecord) -> Self {
        Self {
            id: secret_id(&record.secret_ref).map(Id::from).unwrap_or_default(),
            usable: record.status == "ACTIVE" && record.content_types.is_some(),
            href: record.secret_ref,
            name: record.name.unwrap_or_default(),
            created: record.created.unwrap_or_default(),
            named_elsewhere: false,
        }
    }
}

impl Session {
    /// All secrets of the project whose names begin with this text.
    pub(super) async fn secrets(&self, prefix: &str) -> Result<Vec<ObservedSecret>, CloudError> {
        let mut found: Vec<ObservedSecret> = Vec::new();
        for page in 0..MAX_PAGES {
            let request = SECRETS.list().query("name", format!("{prefix}%")).query("sort", "created");
            let request = request.query("limit", PAGE_SIZE.to_string()).query("offset", (page * PAGE_SIZE).to_string());
            let SecretPage { secrets, next } = self.send(&request).await?.json()?;
            let is_last = next.is_none() || secrets.is_empty();
            found.extend(secrets.into_iter().map(ObservedSecret::from).filter(|secret| {
                // An id leads to a path when the secret is deleted.
                secret.name.starts_with(prefix) && is_plain_id(&secret.id)
            }));
            if is_last {
                // Secrets that come and go between two pages move others from one page to the next.
                let mut seen = HashSet::new();
                found.retain(|secret| seen.insert(secret.id.clone()));
                return Ok(found);
            }
        }
        let message = format!("after {MAX_PAGES} pages the list has no end");
        Err(SECRETS.list().failed(ErrorClass::Transient(None), message))
    }

    /// The secrets of a stack, given its load balancer's tree, in which every secret is named that the stack uses.
    pub(super) async fn secrets_of(
        &self,
        owner: &Owner,
        tree: &ObservedTree,
    ) -> Result<Vec<ObservedSecret>, CloudError> {
        let mut secrets = self.secrets(&StoredSecret::prefix(owner)).await?;
        self.mark_named_elsewhere(&mut secrets, tree).await?;
        Ok(secrets)
    }

    /// Adds the secrets of its stack to a tree, if it may have some. A failure leaves them unknown, and holds up nothing
    /// else.
    pub(super) async fn with_secrets(&self, mut tree: ObservedTree, query: TreeQuery<'_>) -> ObservedTree {
        if query.needs_secrets(&tree.load_balancer) {
            tree.secrets = known_or_cause(self.secrets_of(query.owner, &tree).await);
        }
        tree
    }

    /// Marks the secrets that listeners and pools outside the tree name. They are looked for only where the tree leaves
    /// some unnamed, which are few and soon deleted.
    pub(super) async fn mark_named_elsewhere(
        &self,
        secrets: &mut [ObservedSecret],
        tree: &ObservedTree,
    ) -> Result<(), CloudError> {
        let named: HashSet<&str> = tree.named_secrets().collect();
        if secrets.iter().all(|secret| named.contains(secret.id.as_str())) {
            return Ok(());
        }
        let budget = &Budget::default();
        let of_project =
            |collection| async move { self.of_project(Listing::records(collection).with_budget(budget)).await };
        let listeners = async { self.list::<ObservedListener>(&of_project(LISTENERS).await?).await };
        let pools = async { self.list::<ObservedPool>(&of_project(POOLS).await?).await };
        let (listeners, pools) = futures::try_join!(listeners, pools)?;
        let own: HashSet<&str> = tree
            .listeners
            .iter()
            .map(|listener| listener.id.as_str())
            .chain(tree.pools.iter().map(|pool| pool.id.as_str()))
            .collect();
        let listeners = listeners.items.iter().filter(|listener| !own.contains(listener.id.as_str()));
        let pools = pools.items.iter().filter(|pool| !own.contains(pool.id.as_str()));
        let refs = listeners
            .flat_map(ObservedListener::certificate_refs)
            .chain(pools.flat_map(ObservedPool::certificate_refs));
        let elsewhere: HashSet<&str> = refs.filter_map(secret_id).collect();
        for secret in secrets {
            secret.named_elsewhere = elsewhere.contains(secret.id.as_str());
        }
        Ok(())
    }
}

pub(super) fn known_or_cause(secrets: Result<Vec<ObservedSecret>, CloudError>) -> ObservedSecrets {
    match secrets {
        Ok(secrets) => ObservedSecrets::Known(secrets),
        // Without the id of the request, which differs each time: the cause is compared and shown.
        Err(error) => ObservedSecrets::Unknown(format!("{} ({})", error.message, error.call)),
    }
}

/// The document that Barbican stores. It borrows the payload, so that no copy is left behind.
#[derive(Serialize)]
struct NewSecret<'a> {
    name: &'a str,
    secret_type: &'static str,
    payload_content_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_content_encoding: Option<&'static str>,
    payload: &'a str,
}

/// The document that stores a secret; `None` for a payload that is no text where it should be. It has no expiration: an
/// expired secret is a 404, and the next failover of the load balancer fails.
pub(super) fn document(secret: &StoredSecret) -> Option<Zeroizing<Vec<u8>>> {
    let payload = sent_payload(secret)?;
    let is_binary = secret.content.format == SecretFormat::Pkcs12;
    let document = NewSecret {
        name: &secret.name,
        secret_type: "opaque",
        payload_content_type: if is_binary { "application/octet-stream" } else { "text/plain" },
        payload_content_encoding: is_binary.then_some("base64"),
        payload: &payload,
    };
    // Twice the size of the payload holds every escape, so the buffer never grows and leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * payload.len() + 512));
    serde_json::to_writer(&mut *bytes, &document).ok()?;
    Some(bytes)
}

/// The payload as it is sent: PEM as it is, PKCS#12 in base64.
fn sent_payload(secret: &StoredSecret) -> Option<Zeroizing<String>> {
    let payload = secret.content.payload();
    match secret.content.format {
        SecretFormat::Pem => std::str::from_utf8(payload).ok().map(|text| Zeroizing::new(text.to_owned())),
        SecretFormat::Pkcs12 => {
            let mut text = Zeroizing::new(String::with_capacity(payload.len().div_ceil(3) * 4));
            STANDARD.encode_string(payload, &mut text);
            Some(text)
        }
    }
}

/// The error of a store without any part of the payload, which Barbican's checks and careless proxies repeat.
pub(super) fn without_payload(mut error: CloudError, secret: &StoredSecret) -> CloudError {
    let Some(payload) = sent_payload(secret) else { return error };
    let message: Vec<char> = error.message.chars().collect();
    let echoes = message.windows(ECHO).any(|part| payload.contains(&part.iter().collect::<String>()));
    if echoes {
        error.message = format!("the key-manager service does not take secret {}", secret.name);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(payload: &str, format: SecretFormat) -> StoredSecret {
        let owner = Owner { uid: "u".into(), cluster: "c".into(), namespace: "n".into(), name: "w".into() };
        let content = crate::model::SecretContent::new(Zeroizing::new(payload.into()), format, "0a".repeat(16));
        StoredSecret::new(&owner, content)
    }

    #[test]
    fn error_does_not_repeat_payload() {
        for format in [SecretFormat::Pem, SecretFormat::Pkcs12] {
            let secret = secret("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n", format);
            let sent = sent_payload(&secret).unwrap();
            for message in [format!("'{}' is too long", *sent), format!("bad: {}", &sent[4..24])] {
                let error = SECRETS.list().failed(ErrorClass::Rejected, message);
                assert!(without_payload(error, &secret).message.ends_with(&secret.name));
            }
            let harmless = SECRETS.list().failed(ErrorClass::Rejected, "Provided information too large to process");
            assert_eq!(without_payload(harmless.clone(), &secret), harmless);
        }
    }
}
