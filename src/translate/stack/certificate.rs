//! Certificates, authorities and revocation lists of TLS fields.

use crate::api::{CertificatePlace, CertificateSpec, TrustSpec, object_name};
use crate::model::{CertificateRef, Reference, ReferenceKind, Selector, SourcedCertificate};
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

/// Reference of a certificate. `None` without one, or after recording a problem.
pub(super) fn certificate(
    validator: &mut Validator<'_>,
    spec: Option<&CertificateSpec>,
    field: &str,
) -> Option<CertificateRef> {
    let place = spec?.place();
    content(validator, place, "exactly one of barbicanRef and secretRef is required", field)
}

/// Reference of authorities or revocation lists, as [`certificate`].
pub(super) fn trust(validator: &mut Validator<'_>, spec: Option<&TrustSpec>, field: &str) -> Option<CertificateRef> {
    let place = spec?.place();
    content(validator, place, "exactly one of barbicanRef, secretRef and configMapRef is required", field)
}

fn content(
    validator: &mut Validator<'_>,
    place: Option<CertificatePlace<'_>>,
    without_place: &str,
    field: &str,
) -> Option<CertificateRef> {
    match place {
        None => {
            validator.invalid(field, without_place);
            None
        }
        Some(CertificatePlace::Barbican(url)) => in_barbican(validator, url, field),
        Some(CertificatePlace::Secret(name)) => in_cluster(validator, name, &format!("{field}.secretRef.name"), field),
        Some(CertificatePlace::ConfigMap(name)) => {
            in_cluster(validator, name, &format!("{field}.configMapRef.name"), field)
        }
    }
}

/// A certificate that the credentials can read.
fn in_barbican(validator: &mut Validator<'_>, url: &str, field: &str) -> Option<CertificateRef> {
    validator.check_text(TextKind::Barbican, url, &format!("{field}.barbicanRef"));
    let by = Selector::Id(url.to_owned());
    validator.look_up(Reference { kind: ReferenceKind::Certificate, by }, field)?;
    Some(CertificateRef::Existing(url.to_owned()))
}

/// A content of the cluster. One that is unknown is a problem of its listener or pool alone.
fn in_cluster(validator: &mut Validator<'_>, object: &str, object_field: &str, field: &str) -> Option<CertificateRef> {
    if object_name(object).is_none() {
        validator.invalid(object_field, "is not a valid name: write a DNS subdomain of at most 253 characters");
        return None;
    }
    Some(match validator.contents.certificates.get(field) {
        Some(SourcedCertificate::Known(secret)) => CertificateRef::Stored(secret.clone()),
        Some(SourcedCertificate::Unknown(problem)) => {
            validator.source_problems.extend(problem.clone());
            CertificateRef::Unknown
        }
        None => CertificateRef::Unknown,
    })
}
