//! One look-up of a certificate in Barbican, which checks that Octavia could use it.
//!
//! A reference is a URL, but only its UUID is used, with the key manager of the catalogue. A stack can therefore not send the
//! token to a server of its choice.

use serde::Deserialize;

use super::records::Resolution;
use crate::model::{ResolveError, ResolvedReference};
use crate::openstack::http::{ApiRequest, CloudError, ErrorClass, Service};
use crate::openstack::session::Session;

const FORBIDDEN: u16 = 403;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BarbicanKind {
    Secrets,
    Containers,
}

impl BarbicanKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Containers => "containers",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Secrets, Self::Containers].into_iter().find(|kind| kind.as_str() == text)
    }
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    status: String,
    /// Present in containers only.
    #[serde(rename = "type", default)]
    container_type: String,
}

impl Session {
    /// # Errors
    /// When Barbican does not respond. Any response becomes a resolution.
    pub(super) async fn certificate(&self, reference: &str) -> Result<Resolution, CloudError> {
        let unusable = |reason: String| Ok(Err(ResolveError::Unusable(reason)));
        let Some((kind, uuid)) = parse(reference) else {
            return unusable(
                "it is no reference to Barbican, which ends in /v1/secrets/<uuid> or /v1/containers/<uuid>".to_owned(),
            );
        };
        let request = ApiRequest::get(Service::KeyManager, "/v1").path_segment(kind.as_str());
        let response = match self.send(&request.path_segment(&uuid.to_string())).await {
            Err(error) if error.is_absent() => return Ok(Err(ResolveError::Missing)),
            Err(error) if error.status == Some(FORBIDDEN) => {
                return unusable(format!("the credentials may not read it: {}", error.message));
            }
            // The catalogue has no key manager.
            Err(error) if error.class == ErrorClass::Credentials && error.status.is_none() => {
                return unusable(error.message);
            }
            response => response?,
        };
        let Record { status, container_type } = response.json()?;
        if status != "ACTIVE" {
            return unusable(format!("its status is {status}, not ACTIVE"));
        }
        if kind == BarbicanKind::Containers && container_type != "certificate" {
            return unusable(format!("it is a container of type {container_type}, not certificate"));
        }
        Ok(Ok(ResolvedReference::Certificate))
    }
}

/// The last two segments of a reference.
fn parse(reference: &str) -> Option<(BarbicanKind, uuid::Uuid)> {
    let mut segments = reference.trim_end_matches('/').rsplit('/');
    let uuid = uuid::Uuid::try_parse(segments.next()?).ok()?;
    Some((BarbicanKind::parse(segments.next()?)?, uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "b985cf9d-ed6e-45bf-8e48-ffe855e0c87e";

    #[test]
    fn reference_is_reduced_to_kind_and_uuid() {
        let parsed = |text: &str| parse(text).map(|(kind, uuid)| (kind, uuid.to_string()));
        let container = format!("https://evil.example/v1/containers/{UUID}");
        assert_eq!(parsed(&container), Some((BarbicanKind::Containers, UUID.to_owned())));
        let secret = format!("http://barbican:9311/v1/secrets/{UUID}/");
        assert_eq!(parsed(&secret), Some((BarbicanKind::Secrets, UUID.to_owned())));
    }

    #[test]
    fn foreign_reference_is_not_parsed() {
        for text in ["", UUID, "https://b/v1/secrets/../containers", "https://b/v1/orders/x", "secrets/not-a-uuid"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
