//! One look-up of a certificate in Barbican: it has to exist, to be active, and to be readable with the stack's
//! credentials. The certificate itself is not fetched; Octavia does that.
//!
//! A reference is a URL, of which only the collection and the UUID are used. The server is the key manager of
//! Keystone's service catalogue, so a stack cannot send the token to a server of its choice.

use serde::Deserialize;

use super::records::Resolution;
use crate::model::{ResolveError, ResolvedReference};
use crate::openstack::http::{ApiRequest, CloudError, ErrorClass, Service};
use crate::openstack::session::Session;

const FORBIDDEN: u16 = 403;

/// The collection that a reference leads to. A certificate is a single secret (a PKCS12 bundle), or a container with
/// one secret for each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BarbicanCollection {
    Secrets,
    Containers,
}

impl BarbicanCollection {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Containers => "containers",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Secrets, Self::Containers].into_iter().find(|collection| collection.as_str() == text)
    }
}

/// The fields of a secret or container that are checked.
#[derive(Deserialize)]
struct CertificateRecord {
    #[serde(default)]
    status: String,
    /// Present in containers only.
    #[serde(rename = "type", default)]
    container_type: String,
}

impl Session {
    /// Looks up a certificate. A fault of the reference is a resolution: a malformed URL, a missing or unusable object,
    /// one that these credentials may not read, or a cloud without Barbican.
    ///
    /// # Errors
    /// Any other failure of the call. It says nothing about the certificate.
    pub(super) async fn certificate(&self, reference: &str) -> Result<Resolution, CloudError> {
        let unusable = |reason: String| Ok(Err(ResolveError::Unusable(reason)));
        let Some((collection, uuid)) = parse_reference(reference) else {
            return unusable(
                "it is no reference to Barbican, which ends in /v1/secrets/<uuid> or /v1/containers/<uuid>".to_owned(),
            );
        };
        let request = ApiRequest::get(Service::KeyManager, "/v1").path_segment(collection.as_str());
        let response = match self.send(&request.path_segment(&uuid.to_string())).await {
            Err(error) if error.is_absent() => return Ok(Err(ResolveError::Missing)),
            Err(error) if error.status == Some(FORBIDDEN) => {
                return unusable(format!("the credentials may not read it: {}", error.message));
            }
            // No request was sent: the service catalogue has no usable endpoint of a key manager.
            Err(error) if error.class == ErrorClass::Credentials && error.status.is_none() => {
                return unusable(error.message);
            }
            response => response?,
        };
        let CertificateRecord { status, container_type } = response.json()?;
        if status != "ACTIVE" {
            return unusable(format!("its status is {status}, not ACTIVE"));
        }
        if collection == BarbicanCollection::Containers && container_type != "certificate" {
            return unusable(format!("it is a container of type {container_type}, not certificate"));
        }
        Ok(Ok(ResolvedReference::Certificate))
    }
}

/// The collection and the UUID of a reference, which are its last two segments. The rest is ignored.
fn parse_reference(reference: &str) -> Option<(BarbicanCollection, uuid::Uuid)> {
    let mut segments = reference.trim_end_matches('/').rsplit('/');
    let uuid = uuid::Uuid::try_parse(segments.next()?).ok()?;
    Some((BarbicanCollection::parse(segments.next()?)?, uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "b985cf9d-ed6e-45bf-8e48-ffe855e0c87e";

    #[test]
    fn reference_is_reduced_to_kind_and_uuid() {
        let parsed = |text: &str| parse_reference(text).map(|(collection, uuid)| (collection, uuid.to_string()));
        let container = format!("https://evil.example/v1/containers/{UUID}");
        assert_eq!(parsed(&container), Some((BarbicanCollection::Containers, UUID.to_owned())));
        let secret = format!("http://barbican:9311/v1/secrets/{UUID}/");
        assert_eq!(parsed(&secret), Some((BarbicanCollection::Secrets, UUID.to_owned())));
    }

    #[test]
    fn foreign_reference_is_not_parsed() {
        for text in ["", UUID, "https://b/v1/secrets/../containers", "https://b/v1/orders/x", "secrets/not-a-uuid"] {
            assert!(parse_reference(text).is_none(), "{text}");
        }
    }
}
