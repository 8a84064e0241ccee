//! Translation of one stack within what its cloud allows.

use std::collections::BTreeSet;

use super::cluster_clouds::CloudAccess;
use super::context::Context;
use crate::api::LoadBalancerStack;
use crate::model::{ApiVersion, ClusterContents, Desired, Owner, Problem, Reference, Resolutions};
use crate::translate::{self, Permissions};

/// Translator of one stack, within what its cloud allows.
pub(super) struct Translator<'a> {
    pub stack: &'a LoadBalancerStack,
    pub owner: &'a Owner,
    /// Cloud that namespaces share, if the stack refers to one.
    pub access: Option<&'a CloudAccess>,
    pub contents: &'a ClusterContents,
    pub context: &'a Context,
}

impl Translator<'_> {
    fn permissions(&self) -> Option<Permissions<'_>> {
        self.access.map(|access| Permissions { cloud: &access.name, allow: &access.spec.allow })
    }

    pub(super) fn references(&self) -> BTreeSet<Reference> {
        translate::permitted_references(&self.stack.spec, self.permissions().as_ref())
    }

    pub(super) fn desired(&self, resolutions: &Resolutions, version: ApiVersion) -> Result<Desired, Vec<Problem>> {
        let (spec, permissions, owner) = (&self.stack.spec, self.permissions(), self.owner.clone());
        let mut desired = translate::permitted(spec, permissions.as_ref(), owner, resolutions, self.contents, version)?;
        if let (Some(access), Some(permissions)) = (self.access, permissions)
            && !spec.observes_only()
            && !self.context.clouds.has_room(self.stack, access)
        {
            desired.create_problems.push(permissions.no_room(&self.owner.namespace));
        }
        Ok(desired)
    }
}
