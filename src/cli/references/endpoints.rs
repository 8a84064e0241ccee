//! Endpoints of member sources.

use crate::api::{MemberSourceSpec, PoolSpec, ServiceTarget};
use crate::cli::manifests::StackManifest;
use crate::cluster::{NamespacedName, SourceObjects, kube_message};
use crate::model::{Problem, ProblemReason, SourceEndpoints, SourceKey};

use super::contents::{ReferenceReader, StackContents};
use super::unknown::{Unknown, UnknownContent};

impl ReferenceReader<'_> {
    pub(super) async fn add_endpoints(&self, manifest: &StackManifest, result: &mut StackContents) {
        for pool in &manifest.stack.spec.pools {
            for source in &pool.member_sources {
                let key = SourceKey::new(&pool.name, &source.name);
                let unknown = |content| Unknown::new(manifest, &key.path(), object_of(source), content);
                let endpoints = match self.objects(&manifest.name.namespace, source).await {
                    None => {
                        result.unknown.push(unknown(UnknownContent::Members));
                        continue;
                    }
                    Some(Ok(objects)) => {
                        if pool.min_members() > 0 && objects.has_unready_pods(source) {
                            result.unknown.push(unknown(UnknownContent::UnreadyMembers));
                        }
                        known(pool, source, &objects)
                    }
                    Some(Err(message)) => unusable(&key, ProblemReason::ReferenceUnusable, message),
                };
                result.contents.endpoints.insert(key, endpoints);
            }
        }
    }

    /// The objects of a source, or the message of a failed request; `None` if nothing that was asked has them.
    async fn objects(&self, namespace: &str, source: &MemberSourceSpec) -> Option<Result<SourceObjects, String>> {
        let Some(client) = &self.client else { return self.objects_in_manifests(namespace, source).map(Ok) };
        Some(match SourceObjects::read(client, namespace, source).await {
            Ok(objects) if source.service.is_some() && !objects.has_service() => {
                Ok(self.objects_in_manifests(namespace, source).unwrap_or(objects))
            }
            Ok(objects) => Ok(objects),
            Err(error) => Err(format!("the cluster does not show {} ({})", object_of(source), kube_message(&error))),
        })
    }

    /// The objects of a source, where manifests hold them all: a Service whose EndpointSlices people write.
    fn objects_in_manifests(&self, namespace: &str, source: &MemberSourceSpec) -> Option<SourceObjects> {
        let service = source.service.as_ref().filter(|service| service.target == ServiceTarget::PodIP)?;
        let name = NamespacedName::new(namespace, &service.name);
        let (service, slices) = (self.manifests.services.get(&name)?, self.manifests.slices_of(&name));
        let has_selector = service.spec.as_ref().is_some_and(|spec| spec.selector.is_some());
        (!has_selector && !slices.is_empty()).then(|| SourceObjects::of_service(service, &slices))
    }
}

fn known(pool: &PoolSpec, source: &MemberSourceSpec, objects: &SourceObjects) -> SourceEndpoints {
    match objects.endpoints(pool, source) {
        Ok(endpoints) => SourceEndpoints::Known(endpoints),
        Err(problem) => unusable(&SourceKey::new(&pool.name, &source.name), problem.reason(), problem.to_string()),
    }
}

fn unusable(key: &SourceKey, reason: ProblemReason, message: String) -> SourceEndpoints {
    SourceEndpoints::Unknown(Some(Problem::new(key.path(), reason, message)))
}

fn object_of(source: &MemberSourceSpec) -> String {
    match &source.service {
        Some(service) => format!("Service {}", service.name),
        None => "the nodes".to_owned(),
    }
}
