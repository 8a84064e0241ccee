//! Contents of TLS fields.

use crate::cli::manifests::StackManifest;
use crate::cluster::{
    CertificateChecks, CertificateObject, CertificateObjects, CertificateObstacle, ObjectData, certificate_fields,
    kube_message, read_object,
};
use crate::model::{Owner, SourcedCertificate, StoredSecret};

use super::contents::{ReferenceReader, StackContents};
use super::unknown::{Unknown, UnknownContent};

/// The client in messages about a request that failed.
const READER: &str = "the user of the kubeconfig";

impl ReferenceReader<'_> {
    pub(super) async fn add_certificates(&self, manifest: &StackManifest, owner: &Owner, result: &mut StackContents) {
        let fields = certificate_fields(&manifest.stack.spec, &manifest.name.namespace);
        let mut objects = CertificateObjects::new();
        for field in &fields {
            if !objects.contains_key(&field.object) {
                objects.insert(field.object.clone(), self.object(&field.object).await);
            }
        }
        let mut checks = CertificateChecks::new(&objects, self.now);
        for field in &fields {
            let certificate = match checks.check(field) {
                Ok(checked) => SourcedCertificate::Known(StoredSecret::new(owner, checked.content)),
                Err(CertificateObstacle::NoObject) if self.client.is_none() => {
                    let object = field.object.to_string();
                    let content = UnknownContent::Certificate;
                    result.unknown.push(Unknown::new(manifest, &field.path, object, content));
                    SourcedCertificate::Unknown(None)
                }
                Err(obstacle) => SourcedCertificate::Unknown(obstacle.problem(field, READER)),
            };
            result.contents.certificates.insert(field.path.clone(), certificate);
        }
    }

    /// An object of the cluster, or else of the manifests.
    async fn object(&self, object: &CertificateObject) -> Result<Option<ObjectData>, String> {
        let in_cluster = match &self.client {
            Some(client) => read_object(client, object).await.map_err(|error| kube_message(&error))?,
            None => None,
        };
        Ok(in_cluster.or_else(|| match object {
            CertificateObject::Secret(name) => self.manifests.secrets.get(name).cloned().map(ObjectData::from),
            CertificateObject::ConfigMap(name) => self.manifests.config_maps.get(name).cloned().map(ObjectData::from),
        }))
    }
}
