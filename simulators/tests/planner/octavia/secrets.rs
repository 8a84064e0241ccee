//! Secrets of the model's key manager.

use super::calls::Octavia;
use super::fields::{Verdict, ensure, reject};
use evenkeel::model::*;
use serde_json::Value;

const ROOT: &str = "https://keys.example/v1/secrets/";

impl Octavia {
    /// The secrets of the stack, whether its load balancer leads to them or not.
    pub fn stored(&self) -> &[ObservedSecret] {
        &self.secrets
    }

    /// Stores a secret of this name, without a check.
    pub fn store(&mut self, name: &str) -> ObservedSecret {
        // Ids end like the digest: a revocation list has the same end as its authority.
        let id = format!("{}-{}", self.id(), &name[name.len() - 12..]);
        let created = format!("2026-11-30T12:{:02}:{:02}", self.next / 60 % 60, self.next % 60);
        let secret = ObservedSecret {
            href: format!("{ROOT}{id}"),
            id,
            name: name.to_owned(),
            created,
            usable: true,
            named_elsewhere: false,
        };
        self.secrets.push(secret.clone());
        self.show_secrets();
        secret
    }

    /// Changes the secrets behind the stack's back.
    pub fn change_secrets(&mut self, change: impl FnOnce(&mut Vec<ObservedSecret>)) {
        change(&mut self.secrets);
        self.show_secrets();
    }

    pub(super) fn secret(&mut self, call: &Call) -> Verdict {
        match call {
            Call::CreateSecret { secret } => {
                let is_new = self.secrets.iter().all(|other| other.name != secret.name || !other.usable);
                ensure(is_new, || format!("{} is stored twice", secret.name))?;
                self.store(&secret.name);
                Ok(())
            }
            Call::DeleteSecret { id } => {
                let is_named = self.tree.iter().flat_map(ObservedTree::named_secrets).any(|named| named == id);
                ensure(!is_named, || format!("{id} is named, and a failover would miss it"))?;
                ensure(self.secrets.iter().any(|secret| secret.id == *id), || "404".to_owned())?;
                self.change_secrets(|secrets| secrets.retain(|secret| secret.id != *id));
                Ok(())
            }
            _ => reject("no such call"),
        }
    }

    /// Shows the secrets in the tree, as a client does that reads them only where the tag says so.
    pub(super) fn show_secrets(&mut self) {
        if let Some(tree) = &mut self.tree {
            let has_tag = tree.load_balancer.tags.contains(SECRETS_TAG);
            tree.secrets = ObservedSecrets::Known(if has_tag { self.secrets.clone() } else { Vec::new() });
        }
    }

    /// Checks that the secrets in a body exist: Octavia reads them before it accepts the body.
    pub(super) fn check_secrets(&self, body: &Body) -> Verdict {
        let named = body.iter().filter(|(field, _)| field.ends_with("_ref") || field.ends_with("_refs"));
        let urls = named.flat_map(|(_, value)| match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect::<Vec<_>>(),
        });
        for id in urls.filter_map(|url| url.strip_prefix(ROOT)) {
            let exists = self.secrets.iter().any(|secret| secret.id == id && secret.usable);
            ensure(exists, || format!("400 Could not retrieve certificate: {id}"))?;
        }
        Ok(())
    }
}
