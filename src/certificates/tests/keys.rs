//! Private keys in all their encodings.

use super::support::{EC_KEY, pair, params, problem, self_signed};
use crate::certificates::CertificateProblem;

const EC_SEC1: &str = include_str!("../fixtures/ec_sec1.pem");
const RSA_PKCS1: &str = include_str!("../fixtures/rsa_pkcs1.pem");
const RSA_PKCS8: &str = include_str!("../fixtures/rsa_pkcs8.pem");

#[test]
fn key_encodings_of_one_pair_have_one_digest() {
    for (one, other) in [(RSA_PKCS1, RSA_PKCS8), (EC_SEC1, EC_KEY)] {
        let certificate = self_signed(&params("shop.example"), if one == EC_SEC1 { EC_KEY } else { RSA_PKCS8 });
        let (one, other) = (pair(&certificate, one).unwrap(), pair(&certificate, other).unwrap());
        assert_eq!(one.content.digest, other.content.digest);
        assert_eq!(one.content.digest.len(), 32);
        assert_ne!(one.content.payload(), other.content.payload(), "PKCS#12 is salted");
    }
}

#[test]
fn key_on_p521_is_accepted() {
    let certificate = include_str!("../fixtures/p521_certificate.pem");
    assert_eq!(problem(pair(certificate, include_str!("../fixtures/p521.pem"))), "");
}

#[test]
fn key_that_octavia_cannot_use_is_rejected_by_name() {
    let certificate = self_signed(&params("shop.example"), EC_KEY);
    for (key, reason) in [
        (include_str!("../fixtures/ed25519.pem"), "the private key is Ed25519: Octavia takes RSA and ECDSA keys only"),
        (include_str!("../fixtures/ed448.pem"), "the private key is Ed448"),
        (include_str!("../fixtures/rsa_pss.pem"), "the private key is RSASSA-PSS"),
        (include_str!("../fixtures/secp256k1.pem"), "on curve 1.3.132.0.10: issue the certificate for a key on P-256"),
        (include_str!("../fixtures/rsa_1024.pem"), "has 1024 bits, and haproxy takes no less than 2048"),
        (include_str!("../fixtures/ec_no_public.pem"), "lacks its public key"),
        (include_str!("../fixtures/encrypted_pkcs8.pem"), "the private key in key tls.key is encrypted: decrypt it"),
        (include_str!("../fixtures/encrypted_sec1.pem"), "the private key in key tls.key is encrypted: decrypt it"),
    ] {
        let problem = problem(pair(&certificate, key));
        assert!(problem.contains(reason), "{problem}");
    }
}

#[test]
fn broken_key_is_rejected_without_its_text() {
    let certificate = self_signed(&params("shop.example"), EC_KEY);
    let body = "MC4CAQAwBQYDK2Vw";
    let framed = |body: &str| format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    for (key, reason) in [
        (String::new(), "key tls.key has no PRIVATE KEY in PEM"),
        (certificate.clone(), "key tls.key has no PRIVATE KEY in PEM"),
        (framed("*MC4CAQAwBQYDK2Vw"), "key tls.key is not valid PEM"),
        (framed(body), "number 1 of the PEM blocks PRIVATE KEY in key tls.key cannot be read"),
        (format!("{EC_KEY}{RSA_PKCS8}"), "key tls.key has more than one private key"),
    ] {
        let problem = problem(pair(&certificate, &key));
        assert!(problem.starts_with(reason), "{problem}");
        assert!(!problem.contains(body), "{problem}");
    }
}

#[test]
fn key_of_another_certificate_may_be_half_an_update() {
    let certificate = self_signed(&params("shop.example"), EC_KEY);
    let mismatch = pair(&certificate, RSA_PKCS8).unwrap_err();
    assert!(matches!(mismatch, CertificateProblem::Mismatch { .. }) && mismatch.may_pass());
    let empty = pair(&certificate, "").unwrap_err();
    assert!(empty.may_pass());
    let unusable = pair(&certificate, include_str!("../fixtures/ed25519.pem")).unwrap_err();
    assert!(!unusable.may_pass());
}

#[test]
fn debug_output_has_no_payload() {
    let checked = pair(&self_signed(&params("shop.example"), EC_KEY), EC_KEY).unwrap();
    let digest = checked.content.digest.clone();
    assert!(format!("{checked:?}").contains(&format!("Pkcs12({digest})")));
}
