//! Certificates in Barbican: whether a reference leads to something that Octavia could use.
//!
//! A reference is a URL, but only its UUID is looked up, at the key manager of the catalogue: a stack cannot send our
//! token to a place of its choice.

use serde::Deserialize;

use super::resolve::Resolution;
use super::session::{ApiRequest, Service, Session};
use super::{CloudError, ErrorClass};
use crate::model::{ResolveError, ResolvedReference};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BarbicanKind {
    Secrets,
    Containers,
}

impl Session {
    /// # Errors
    /// Only when Barbican cannot be asked; all that it answers is an outcome.
    pub(super) async fn certificate(&self, reference: &str) -> Result<Resolution, CloudError> {
        let Some((shelf, uuid)) = parse(reference) else {
            let why = "it is no reference to Barbican, which ends in /v1/secrets/<uuid> or /v1/containers/<uuid>";
            return Ok(Err(ResolveError::Unusable(why.into())));
        };
        let name = match shelf {
            BarbicanKind::Secrets => "secrets",
            BarbicanKind::Containers => "containers",
        };
        let ask = ApiRequest::get(Service::KeyManager, "/v1").path_segment(name).path_segment(&uuid.to_string());
        let answer = match self.send(&ask).await {
            Err(error) if error.absent => return Ok(Err(ResolveError::Missing)),
            Err(error) if error.status == Some(403) => {
                return Ok(Err(ResolveError::Unusable(format!("the credentials may not read it: {}", error.message))));
            }
            // The catalogue has no key manager.
            Err(error) if error.class == ErrorClass::Credentials && error.status.is_none() => {
                return Ok(Err(ResolveError::Unusable(error.message)));
            }
            answer => answer?,
        };
        #[derive(Deserialize)]
        struct Record {
            #[serde(default)]
            status: String,
            /// Of a container.
            #[serde(rename = "type", default)]
            kind: String,
        }
        let Record { status, kind } = answer.json()?;
        Ok(if status != "ACTIVE" {
            Err(ResolveError::Unusable(format!("its status is {status}, not ACTIVE")))
        } else if shelf == BarbicanKind::Containers && kind != "certificate" {
            Err(ResolveError::Unusable(format!("it is a container of type {kind}, not certificate")))
        } else {
            Ok(ResolvedReference::Certificate)
        })
    }
}

/// The last two segments of a reference.
fn parse(reference: &str) -> Option<(BarbicanKind, uuid::Uuid)> {
    let mut segments = reference.trim_end_matches('/').rsplit('/');
    let uuid = uuid::Uuid::try_parse(segments.next()?).ok()?;
    match segments.next()? {
        "secrets" => Some((BarbicanKind::Secrets, uuid)),
        "containers" => Some((BarbicanKind::Containers, uuid)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "b985cf9d-ed6e-45bf-8e48-ffe855e0c87e";

    #[test]
    fn only_the_uuid_of_a_reference_is_used() {
        let parsed = |text: &str| parse(text).map(|(shelf, uuid)| (shelf, uuid.to_string()));
        let container = format!("https://evil.example/v1/containers/{UUID}");
        assert_eq!(parsed(&container), Some((BarbicanKind::Containers, UUID.to_owned())));
        let secret = format!("http://barbican:9311/v1/secrets/{UUID}/");
        assert_eq!(parsed(&secret), Some((BarbicanKind::Secrets, UUID.to_owned())));
    }

    #[test]
    fn what_is_no_reference_to_barbican_is_none() {
        for text in ["", UUID, "https://b/v1/secrets/../containers", "https://b/v1/orders/x", "secrets/not-a-uuid"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
