//! Checks of the contents of one stack.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::fields::{CertificateObject, Field, FieldContent};
use super::object::ObjectData;
use crate::certificates::{
    Authorities, CertificateProblem, CheckedContent, check_authorities, check_pair, check_revocation_list,
};

/// Objects as they were read.
pub(super) type Objects = BTreeMap<CertificateObject, Result<Option<ObjectData>, String>>;

/// Reason for which the content of a field is unknown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The request failed, with this message.
    NotRead(String),
    NoObject,
    Unusable(CertificateProblem),
    /// The authorities of a revocation list are unknown: both change together.
    AuthoritiesUnknown,
}

impl From<CertificateProblem> for Obstacle {
    fn from(problem: CertificateProblem) -> Self {
        Self::Unusable(problem)
    }
}

/// Checks of all fields of a stack.
pub(super) struct Checks<'a> {
    objects: &'a Objects,
    now: Timestamp,
    /// Authorities by the path of their field; none for unknown ones.
    authorities: BTreeMap<&'a str, Option<Authorities>>,
}

impl<'a> Checks<'a> {
    pub(super) fn new(objects: &'a Objects, now: Timestamp) -> Self {
        Self { objects, now, authorities: BTreeMap::new() }
    }

    /// Checks the content of a field.
    pub(super) fn check(&mut self, field: &'a Field<'_>) -> Result<CheckedContent, Obstacle> {
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
                    Some(None) => return Err(Obstacle::AuthoritiesUnknown),
                    Some(Some(authorities)) => Some(authorities),
                    // They are in Barbican.
                    None => None,
                };
                Ok(check_revocation_list(self.object(field)?.entry(key)?, authorities, self.now)?)
            }
        }
    }

    fn check_authorities(&self, field: &Field<'_>, key: &str) -> Result<Authorities, Obstacle> {
        Ok(check_authorities(self.object(field)?.entry(key)?, self.now)?)
    }

    fn object(&self, field: &Field<'_>) -> Result<&'a ObjectData, Obstacle> {
        match self.objects.get(&field.object) {
            Some(Ok(Some(object))) => Ok(object),
            Some(Err(message)) => Err(Obstacle::NotRead(message.clone())),
            Some(Ok(None)) | None => Err(Obstacle::NoObject),
        }
    }
}
