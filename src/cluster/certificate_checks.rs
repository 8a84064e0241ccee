//! Checks of the contents of one stack.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::certificate_fields::{CertificateField, CertificateObject, FieldContent};
use super::object_data::ObjectData;
use crate::certificates::{
    Authorities, CertificateProblem, CheckedContent, check_authorities, check_pair, check_revocation_list,
};
use crate::model::{Problem, ProblemReason};

/// Objects as they were read.
pub type CertificateObjects = BTreeMap<CertificateObject, Result<Option<ObjectData>, String>>;

/// Reason for which the content of a field is unknown.
#[derive(Debug, PartialEq, Eq)]
pub enum CertificateObstacle {
    /// The request failed, with this message.
    NotRead(String),
    NoObject,
    Unusable(CertificateProblem),
    /// The authorities of a revocation list are unknown: both change together.
    AuthoritiesUnknown,
}

impl From<CertificateProblem> for CertificateObstacle {
    fn from(problem: CertificateProblem) -> Self {
        Self::Unusable(problem)
    }
}

/// Checks of all fields of a stack.
pub struct CertificateChecks<'a> {
    objects: &'a CertificateObjects,
    now: Timestamp,
    /// Authorities by the path of their field; none for unknown ones.
    authorities: BTreeMap<&'a str, Option<Authorities>>,
}

impl<'a> CertificateChecks<'a> {
    pub fn new(objects: &'a CertificateObjects, now: Timestamp) -> Self {
        Self { objects, now, authorities: BTreeMap::new() }
    }

    /// Checks the content of a field. Authorities are checked before their revocation lists.
    ///
    /// # Errors
    /// The reason for which the content is unknown.
    pub fn check(&mut self, field: &'a CertificateField<'_>) -> Result<CheckedContent, CertificateObstacle> {
        match &field.content {
            FieldContent::Pair { certificate, private_key } => {
                let object = self.object(field)?;
                Ok(check_pair(object.entry(certificate)?, object.entry(private_key)?, self.now)?)
            }
            FieldContent::Authorities { key } => {
                let checked = self.check_authorities(field, key);
                let (known, content) = match checked {
                    Ok(authorities) => {
                        let content = authorities.checked.clone();
                        (Some(authorities), Ok(content))
                    }
                    Err(obstacle) => (None, Err(obstacle)),
                };
                self.authorities.insert(&field.path, known);
                content
            }
            FieldContent::RevocationList { key, authorities } => {
                let authorities = match self.authorities.get(authorities.as_str()) {
                    Some(None) => return Err(CertificateObstacle::AuthoritiesUnknown),
                    Some(Some(authorities)) => Some(authorities),
                    // They are in Barbican.
                    None => None,
                };
                Ok(check_revocation_list(self.object(field)?.entry(key)?, authorities, self.now)?)
            }
        }
    }

    fn check_authorities(&self, field: &CertificateField<'_>, key: &str) -> Result<Authorities, CertificateObstacle> {
        Ok(check_authorities(self.object(field)?.entry(key)?, self.now)?)
    }

    fn object(&self, field: &CertificateField<'_>) -> Result<&'a ObjectData, CertificateObstacle> {
        match self.objects.get(&field.object) {
            Some(Ok(Some(object))) => Ok(object),
            Some(Err(message)) => Err(CertificateObstacle::NotRead(message.clone())),
            Some(Ok(None)) | None => Err(CertificateObstacle::NoObject),
        }
    }
}

impl CertificateObstacle {
    /// The problem of a field; none if another field has it. `reader` is the client that could not read the object.
    pub fn problem(&self, field: &CertificateField<'_>, reader: &str) -> Option<Problem> {
        let object = &field.object;
        let (reason, text) = match self {
            Self::NoObject => (ProblemReason::ReferenceNotFound, format!("{object} does not exist: create it")),
            Self::NotRead(message) => (
                ProblemReason::ReferenceUnusable,
                format!("the Kubernetes API does not show {object} ({message}): let {reader} get it"),
            ),
            Self::Unusable(problem) => {
                (ProblemReason::ReferenceUnusable, format!("{object} cannot be used: {problem}"))
            }
            Self::AuthoritiesUnknown => return None,
        };
        Some(Problem::new(&field.path, reason, format!("{text}; until then the load balancer keeps what it has")))
    }
}
