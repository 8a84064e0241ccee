//! Annotation of the stack with its pending creates, written before anything is posted.

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::api::Patch;
use kube::{Api, ResourceExt};
use parking_lot::Mutex;
use serde_json::json;

use super::conflict::{Tries, is_conflict};
use super::names::patched_by_evenkeel;
use super::written::Written;
use crate::api::{LoadBalancerStack, LoadBalancerStatus};
use crate::engine::{PendingCreateStore, PendingCreateStoreError, PendingCreates};
use crate::failpoint;

pub(super) const ANNOTATION: &str = "evenkeel.dev/create-pending";

/// Store of pending creates in the annotation, fenced by everything that the create rests on: with an outdated view of
/// the stack, or beside another leader, nothing is written and so nothing is posted. Other writes to the object cause
/// no wait.
pub(super) struct PendingCreateAnnotation {
    api: Api<LoadBalancerStack>,
    name: String,
    view: tokio::sync::Mutex<View>,
    written: Mutex<Option<Written<PendingCreates>>>,
}

/// The stack as this process knows it.
struct View {
    resource_version: Option<String>,
    basis: Basis,
}

/// Facts that a create rests on. (Deleting the object changes its generation, too.)
#[derive(PartialEq)]
struct Basis {
    uid: Option<String>,
    generation: Option<i64>,
    on_record: Option<LoadBalancerStatus>,
    pending: PendingCreates,
}

impl Basis {
    fn of(stack: &LoadBalancerStack, pending: PendingCreates) -> Self {
        let on_record = stack.status.as_ref().and_then(|status| status.load_balancer.clone());
        Self { uid: stack.uid(), generation: stack.metadata.generation, on_record, pending }
    }
}

impl PendingCreateAnnotation {
    /// `pending`: those that the reconcile knows of, which may be newer than this view of the stack.
    pub(super) fn new(api: Api<LoadBalancerStack>, stack: &LoadBalancerStack, pending: PendingCreates) -> Self {
        let view = View { resource_version: stack.resource_version(), basis: Basis::of(stack, pending) };
        Self { api, name: stack.name_any(), view: tokio::sync::Mutex::new(view), written: Mutex::new(None) }
    }

    /// Pending creates that this reconcile wrote: the caller's copy of the object does not have them.
    pub(super) fn written(&self) -> Option<Written<PendingCreates>> {
        self.written.lock().clone()
    }

    async fn put(&self, version: Option<&str>, pending: &PendingCreates) -> Result<Option<String>, kube::Error> {
        let verb = if pending.is_empty() { "clear" } else { "write" };
        failpoint::hit(format_args!("before-{verb}-pending-create"));
        let value = (!pending.is_empty()).then(|| pending.to_string());
        let patch = json!({"metadata": {"resourceVersion": version, "annotations": {ANNOTATION: value}}});
        let patched = self.api.patch_metadata(&self.name, &patched_by_evenkeel(), &Patch::Merge(patch)).await?;
        failpoint::hit(format_args!("after-{verb}-pending-create"));
        Ok(patched.metadata.resource_version)
    }

    /// Reads the stack again; fails if a fact that the create rests on has changed.
    async fn catch_up(&self, view: &mut View) -> Result<(), PendingCreateStoreError> {
        let stack = self.api.get(&self.name).await.map_err(rejected)?;
        if Basis::of(&stack, pending_creates_of(&stack)) != view.basis {
            return Err(PendingCreateStoreError("it has changed meanwhile and is reconciled again".to_owned()));
        }
        view.resource_version = stack.resource_version();
        Ok(())
    }
}

impl PendingCreateStore for PendingCreateAnnotation {
    fn write(&self, pending: PendingCreates) -> BoxFuture<'_, Result<(), PendingCreateStoreError>> {
        async move {
            let mut view = self.view.lock().await;
            let mut tries = Tries::default();
            loop {
                match self.put(view.resource_version.as_deref(), &pending).await {
                    Err(error) if tries.again(&error).await => self.catch_up(&mut view).await?,
                    Err(error) if is_conflict(&error) => {
                        return Err(PendingCreateStoreError("other clients write to it without a pause".to_owned()));
                    }
                    Err(error) => return Err(rejected(error)),
                    Ok(version) => {
                        view.basis.pending = pending.clone();
                        *self.written.lock() = Written::at(version.as_deref(), pending);
                        view.resource_version = version;
                        return Ok(());
                    }
                }
            }
        }
        .boxed()
    }

    fn check_unchanged(&self) -> BoxFuture<'_, Result<(), PendingCreateStoreError>> {
        async move { self.catch_up(&mut *self.view.lock().await).await }.boxed()
    }
}

fn rejected(error: kube::Error) -> PendingCreateStoreError {
    PendingCreateStoreError(error.to_string())
}

/// The pending creates on record.
pub(super) fn pending_creates_of(stack: &LoadBalancerStack) -> PendingCreates {
    stack.annotations().get(ANNOTATION).map(|text| PendingCreates::parse(text)).unwrap_or_default()
}
