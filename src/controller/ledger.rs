//! Intents to create, written on the stack before anything is posted.

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::sync::Mutex;

use crate::api::LoadBalancerStack;
use crate::engine::{Intents, Ledger, LedgerError};
use crate::kill;

pub const ANNOTATION: &str = "evenkeel.dev/create";

/// Writes the annotation, fenced by the resource version that the pass started from: with an outdated view of the
/// stack, or beside another leader, nothing is written and so nothing is posted.
pub struct AnnotationLedger {
    api: Api<LoadBalancerStack>,
    name: String,
    resource_version: Mutex<Option<String>>,
    written: std::sync::Mutex<Option<Intents>>,
}

impl AnnotationLedger {
    pub fn new(api: Api<LoadBalancerStack>, stack: &LoadBalancerStack) -> Self {
        Self {
            api,
            name: stack.name_any(),
            resource_version: Mutex::new(stack.resource_version()),
            written: std::sync::Mutex::new(None),
        }
    }

    /// What this pass wrote, if anything: the caller's copy of the object does not have it.
    pub fn written(&self) -> Option<Intents> {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Ledger for AnnotationLedger {
    fn write(&self, intents: Intents) -> BoxFuture<'_, Result<(), LedgerError>> {
        async move {
            let mut version = self.resource_version.lock().await;
            let deed = if intents.is_empty() { "forget" } else { "record" };
            kill::point(format_args!("before-{deed}-intent"));
            let value = (!intents.is_empty()).then(|| intents.to_string());
            let patch = json!({"metadata": {"resourceVersion": *version, "annotations": {ANNOTATION: value}}});
            let patched = self
                .api
                .patch_metadata(&self.name, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .map_err(|error| LedgerError(error.to_string()))?;
            kill::point(format_args!("after-{deed}-intent"));
            *version = patched.metadata.resource_version;
            *self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(intents);
            Ok(())
        }
        .boxed()
    }
}

/// The intents on record.
pub fn intents_of(stack: &LoadBalancerStack) -> Intents {
    stack.annotations().get(ANNOTATION).map(|text| Intents::parse(text)).unwrap_or_default()
}
