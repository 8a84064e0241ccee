//! Intents to create, written on the stack before anything is posted.

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::sync::Mutex;

use super::conflict::{self, TRIES, is_conflict};
use crate::api::{LoadBalancerStack, LoadBalancerStatus};
use crate::engine::{PendingCreateStore, PendingCreateStoreError, PendingCreates};
use crate::failpoint;

pub const ANNOTATION: &str = "evenkeel.dev/create-pending";

/// Writes the annotation, fenced by what the pass rests on: with an outdated view of the stack, or beside another
/// leader, nothing is written and so nothing is posted. Whatever else others write to the object is no reason to wait.
pub struct PendingCreateAnnotation {
    api: Api<LoadBalancerStack>,
    name: String,
    view: Mutex<View>,
    written: std::sync::Mutex<Option<PendingCreates>>,
}

struct View {
    resource_version: Option<String>,
    basis: Basis,
}

/// What a create rests on. (Somebody who deletes the object changes its generation, too.)
#[derive(PartialEq)]
struct Basis {
    uid: Option<String>,
    generation: Option<i64>,
    on_record: Option<LoadBalancerStatus>,
    intents: PendingCreates,
}

impl Basis {
    fn of(stack: &LoadBalancerStack, intents: PendingCreates) -> Self {
        let on_record = stack.status.as_ref().and_then(|status| status.load_balancer.clone());
        Self { uid: stack.uid(), generation: stack.metadata.generation, on_record, intents }
    }
}

impl PendingCreateAnnotation {
    /// `intents`: those that the pass goes by, which may be newer than this view of the stack.
    pub fn new(api: Api<LoadBalancerStack>, stack: &LoadBalancerStack, intents: PendingCreates) -> Self {
        let view = View { resource_version: stack.resource_version(), basis: Basis::of(stack, intents) };
        Self { api, name: stack.name_any(), view: Mutex::new(view), written: std::sync::Mutex::new(None) }
    }

    /// What this pass wrote, if anything: the caller's copy of the object does not have it.
    pub fn written(&self) -> Option<PendingCreates> {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    async fn put(&self, version: Option<&str>, intents: &PendingCreates) -> Result<Option<String>, kube::Error> {
        let verb = if intents.is_empty() { "clear" } else { "write" };
        failpoint::hit(format_args!("before-{verb}-pending-create"));
        let value = (!intents.is_empty()).then(|| intents.to_string());
        let patch = json!({"metadata": {"resourceVersion": version, "annotations": {ANNOTATION: value}}});
        let patched = self.api.patch_metadata(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        failpoint::hit(format_args!("after-{verb}-pending-create"));
        Ok(patched.metadata.resource_version)
    }

    /// After a conflict: the version to write to, unless what has changed concerns the create.
    async fn catch_up(&self, view: &mut View) -> Result<(), PendingCreateStoreError> {
        let stack = self.api.get(&self.name).await.map_err(refused)?;
        if Basis::of(&stack, pending_creates_of(&stack)) != view.basis {
            return Err(PendingCreateStoreError("it has changed meanwhile and is looked at again".to_owned()));
        }
        view.resource_version = stack.resource_version();
        Ok(())
    }
}

impl PendingCreateStore for PendingCreateAnnotation {
    fn write(&self, intents: PendingCreates) -> BoxFuture<'_, Result<(), PendingCreateStoreError>> {
        async move {
            let mut view = self.view.lock().await;
            for tries in 1..=TRIES {
                match self.put(view.resource_version.as_deref(), &intents).await {
                    Err(error) if is_conflict(&error) => {
                        conflict::pause(tries).await;
                        self.catch_up(&mut view).await?;
                    }
                    Err(error) => return Err(refused(error)),
                    Ok(version) => {
                        view.resource_version = version;
                        view.basis.intents = intents.clone();
                        *self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(intents);
                        return Ok(());
                    }
                }
            }
            Err(PendingCreateStoreError("others write to it without a pause".to_owned()))
        }
        .boxed()
    }
}

fn refused(error: kube::Error) -> PendingCreateStoreError {
    PendingCreateStoreError(error.to_string())
}

/// The intents on record.
pub fn pending_creates_of(stack: &LoadBalancerStack) -> PendingCreates {
    stack.annotations().get(ANNOTATION).map(|text| PendingCreates::parse(text)).unwrap_or_default()
}
