//! Authorities and revocation lists.

use super::support::{EC_KEY, authorities, entry, now, pem, problem, revocation_list, root, root_until};
use crate::certificates::{Authorities, CertificateProblem, CheckedContent, check_revocation_list};
use crate::model::SecretFormat;

fn lists(pem: &str, authorities: Option<&Authorities>) -> Result<CheckedContent, CertificateProblem> {
    check_revocation_list(entry("ca.crl", pem), authorities, now())
}

fn stored_text(checked: &CheckedContent) -> &str {
    std::str::from_utf8(checked.content.payload()).unwrap()
}

#[test]
fn bundle_is_stored_as_plain_pem() {
    let (first, second) = (pem(root("first").der()), pem(root("second").der()));
    let checked = authorities(&format!("# first\n{first}\n{first}second:\n{second}")).unwrap().checked;
    assert_eq!(stored_text(&checked), format!("{first}{second}"));
    assert_eq!((checked.content.format, checked.warnings), (SecretFormat::Pem, vec![]));
}

#[test]
fn expired_authority_is_left_out_of_its_bundle() {
    let (old, new) = (pem(root_until("old", 2027).der()), pem(root("new").der()));
    let checked = authorities(&format!("{old}{new}")).unwrap().checked;
    assert_eq!(stored_text(&checked), new);
    assert_eq!(checked.warnings[0].to_string(), "certificate \"old\" is left out: it has expired");
    assert_eq!(problem(authorities(&old)), "all authorities in key ca.crt have expired: replace them");
}

#[test]
fn bundle_without_certificates_is_rejected() {
    assert_eq!(problem(authorities(EC_KEY)), "key ca.crt has no CERTIFICATE in PEM: write it there");
    let many: String = (0..45).map(|index| pem(root(&format!("{index}")).der())).collect();
    assert!(problem(authorities(&many)).contains("bytes in Barbican, which stores at most 20000"));
}

#[test]
fn revocation_lists_get_the_order_of_their_authorities() {
    let (first, second) = (root("first"), root("second"));
    let both = authorities(&(pem(first.der()) + &pem(second.der()))).unwrap();
    let (of_first, of_second) = (revocation_list(&first, 2026, 2029), revocation_list(&second, 2026, 2028));
    let checked = lists(&format!("{of_second}{of_first}"), Some(&both)).unwrap();
    assert_eq!(stored_text(&checked), format!("{of_first}{of_second}"));
    assert_eq!(checked.not_after.unwrap().to_string(), "2028-01-01T00:00:00Z");
    let problem = problem(lists(&of_second, Some(&both)));
    assert!(problem.starts_with("authority \"first\" has no revocation list"), "{problem}");
}

#[test]
fn revocation_list_of_another_authority_is_rejected() {
    let (own, namesake, other) = (root("own"), root("own"), root("other"));
    let authorities = authorities(&pem(own.der())).unwrap();
    let own_list = revocation_list(&own, 2026, 2029);
    for (list, issuer) in [
        (revocation_list(&other, 2026, 2029), "CN=other"),
        (revocation_list(&namesake, 2026, 2029), "CN=own"),
        (format!("{own_list}{}", revocation_list(&other, 2026, 2029)), "CN=other"),
    ] {
        let problem = problem(lists(&list, Some(&authorities)));
        let expected = format!("the revocation list of \"{issuer}\" is not signed by an authority of the stack");
        assert!(problem.starts_with(&expected), "{problem}");
        assert!(lists(&list, None).is_ok(), "authorities in Barbican are unknown here");
    }
}

#[test]
fn revocation_list_out_of_its_dates_is_rejected() {
    let own = root("own");
    for (from, until, reason) in [
        (2025, 2027, "the revocation list of \"CN=own\" has expired on 2027-01-01T00:00:00Z"),
        (2028, 2029, "the revocation list of \"CN=own\" is not valid before 2028-01-01T00:00:00Z"),
    ] {
        let problem = problem(lists(&revocation_list(&own, from, until), None));
        assert!(problem.starts_with(reason), "{problem}");
    }
    assert_eq!(problem(lists(&pem(own.der()), None)), "key ca.crl has no X509 CRL in PEM: write it there");
}
