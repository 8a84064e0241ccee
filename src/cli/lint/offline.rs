//! Problems of a stack that need no cloud to be seen.

use std::collections::BTreeSet;

use crate::cli::manifests::{ManifestProblem, StackManifest};
use crate::cli::references::StackContents;
use crate::model::{
    ApiVersion, ClusterContents, Owner, Problem, ProblemReason, Resolutions, SourceEndpoints, SourcedCertificate,
};
use crate::translate;

/// An API that has everything: which one a cloud has is not known here.
const NEWEST_API: ApiVersion = ApiVersion { minor: u16::MAX };

/// Owner for the checks; none of them depends on it.
pub(super) fn owner(manifest: &StackManifest) -> Owner {
    let (namespace, name) = (manifest.name.namespace.clone(), manifest.name.name.clone());
    Owner { namespace, name, ..Owner::default() }
}

/// All problems of a stack and of the objects in manifests that it refers to.
pub(super) fn problems(manifest: &StackManifest, contents: &StackContents) -> Vec<ManifestProblem> {
    let mut found = of_references(&contents.contents);
    let resolutions = Resolutions::default();
    let (spec, permissions) = (&manifest.stack.spec, contents.permissions());
    let translated =
        translate::permitted(spec, permissions.as_ref(), owner(manifest), &resolutions, &contents.contents, NEWEST_API);
    // No reference to the cloud leads anywhere here.
    let needs_no_cloud = |problem: &Problem| problem.reason != ProblemReason::ReferenceNotFound;
    found.extend(translated.err().into_iter().flatten().filter(needs_no_cloud));
    let problems: BTreeSet<ManifestProblem> = found.iter().map(|problem| manifest.problem(problem)).collect();
    problems.into_iter().collect()
}

fn of_references(contents: &ClusterContents) -> Vec<Problem> {
    let certificates = contents.certificates.values().filter_map(|certificate| match certificate {
        SourcedCertificate::Unknown(problem) => problem.clone(),
        SourcedCertificate::Known(_) => None,
    });
    let endpoints = contents.endpoints.values().filter_map(|endpoints| match endpoints {
        SourceEndpoints::Unknown(problem) => problem.clone(),
        SourceEndpoints::Known(_) => None,
    });
    certificates.chain(endpoints).collect()
}
