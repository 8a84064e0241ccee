//! Certificates and their chains.

use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use rcgen::date_time_ymd;

use super::support::{
    EC_KEY, entry, intermediate, leaf, pair, params, pem, problem, revocation_list, root, self_signed,
};
use crate::certificates::{CheckedContent, check_pair};

/// Common names of the certificates in a stored content, in order.
fn stored_chain(checked: &CheckedContent) -> Vec<String> {
    let store = KeyStore::from_pkcs12(checked.content.payload(), "", Pkcs12ImportPolicy::Strict).unwrap();
    let (_, chain) = store.private_key_chain().unwrap();
    chain.certs().iter().map(|certificate| certificate.subject().trim_start_matches("CN=").to_owned()).collect()
}

#[test]
fn chain_is_put_in_order_and_its_root_left_out() {
    let root = root("root");
    let (upper, lower) = (intermediate("upper", &root), intermediate("lower", &intermediate("upper", &root)));
    let lower_of_upper = intermediate("lower", &upper);
    let leaf = leaf(&params("shop.example"), &lower_of_upper);
    let stray = pem(lower.der());
    let blocks = [pem(root.der()), pem(upper.der()), stray, pem(lower_of_upper.der()), leaf.clone(), leaf];
    let checked = pair(&blocks.concat(), EC_KEY).unwrap();
    assert_eq!(stored_chain(&checked), ["shop.example", "lower", "upper"]);
    let warnings: Vec<String> = checked.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "certificate \"root\" is left out: it is a root, which clients have themselves",
            "certificate \"lower\" is left out: it is not part of the chain",
        ]
    );
    let ordered = [&blocks[4], &blocks[3], &blocks[1]].map(String::as_str).concat();
    assert_eq!(pair(&ordered, EC_KEY).unwrap().content.digest, checked.content.digest, "the order has no meaning");
}

#[test]
fn self_signed_certificate_is_served_as_it_is() {
    let checked = pair(&self_signed(&params("shop.example"), EC_KEY), EC_KEY).unwrap();
    assert_eq!((stored_chain(&checked), checked.warnings), (vec!["shop.example".to_owned()], vec![]));
    assert_eq!(checked.not_after.unwrap().to_string(), "2030-01-01T00:00:00Z");
}

#[test]
fn expiry_is_that_of_the_first_certificate_to_expire() {
    let mut brief = params("brief");
    brief.not_after = date_time_ymd(2028, 1, 1);
    let root = root("root");
    let issuer = rcgen::CertifiedIssuer::signed_by(brief, rcgen::KeyPair::generate().unwrap(), &root).unwrap();
    let chain = leaf(&params("shop.example"), &issuer) + &pem(issuer.der());
    assert_eq!(pair(&chain, EC_KEY).unwrap().not_after.unwrap().to_string(), "2028-01-01T00:00:00Z");
}

#[test]
fn certificate_out_of_its_dates_is_rejected() {
    let certificate = self_signed(&params("shop.example"), EC_KEY);
    for (now, reason) in [
        ("2025-12-31T23:59:59Z", "certificate \"shop.example\" is not valid before 2026-01-01T00:00:00Z"),
        ("2030-01-01T00:00:01Z", "certificate \"shop.example\" has expired on 2030-01-01T00:00:00Z: renew it"),
    ] {
        let checked = check_pair(entry("tls.crt", &certificate), entry("tls.key", EC_KEY), now.parse().unwrap());
        let problem = problem(checked);
        assert!(problem.starts_with(reason), "{problem}");
    }
}

#[test]
fn expired_issuer_makes_the_chain_unusable() {
    let mut expired = params("old");
    expired.not_after = date_time_ymd(2027, 1, 1);
    let root = root("root");
    let issuer = rcgen::CertifiedIssuer::signed_by(expired, rcgen::KeyPair::generate().unwrap(), &root).unwrap();
    let chain = leaf(&params("shop.example"), &issuer) + &pem(issuer.der());
    assert_eq!(problem(pair(&chain, EC_KEY)), "certificate \"old\" has expired on 2027-01-01T00:00:00Z: renew it");
}

#[test]
fn certificate_without_a_host_name_is_rejected() {
    let mut nameless = params("x");
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    nameless.subject_alt_names = vec![rcgen::SanType::IpAddress("192.0.2.1".parse().unwrap())];
    let rejected = problem(pair(&self_signed(&nameless, EC_KEY), EC_KEY));
    assert!(rejected.contains("has neither a DNS name nor a common name"), "{rejected}");
    nameless.subject_alt_names = vec![rcgen::SanType::DnsName("shop.example".try_into().unwrap())];
    assert_eq!(problem(pair(&self_signed(&nameless, EC_KEY), EC_KEY)), "");
}

#[test]
fn weak_signature_is_rejected() {
    let rejected =
        pair(include_str!("../fixtures/rsa_sha1_certificate.pem"), include_str!("../fixtures/rsa_pkcs8.pem"));
    assert!(problem(rejected).starts_with("certificate \"sha1.example\" is signed with SHA-1 or MD5"));
}

#[test]
fn unreadable_certificate_is_named_by_its_position() {
    let good = self_signed(&params("shop.example"), EC_KEY);
    let broken = format!("{good}-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n");
    for (certificate, reason) in [
        ("", "key tls.crt has no CERTIFICATE in PEM: write it there"),
        (EC_KEY, "key tls.crt has no CERTIFICATE in PEM: write it there"),
        (&revocation_list(&root("root"), 2026, 2030), "key tls.crt has no CERTIFICATE in PEM: write it there"),
        (&good.replace("END", "AND"), "key tls.crt is not valid PEM: write the file again as PEM"),
        (&broken, "number 2 of the PEM blocks CERTIFICATE in key tls.crt cannot be read: write it again"),
    ] {
        assert_eq!(problem(pair(certificate, EC_KEY)), reason);
    }
}

#[test]
fn text_around_blocks_and_line_ends_have_no_effect() {
    let plain = self_signed(&params("shop.example"), EC_KEY);
    let windows = format!("subject: shop\r\n\r\n{}\r\n{EC_KEY}", plain.replace('\n', "\r\n"));
    let (plain, windows) = (pair(&plain, EC_KEY).unwrap(), pair(&windows, EC_KEY).unwrap());
    assert_eq!(plain.content, windows.content);
}

#[test]
fn chain_that_barbican_cannot_store_is_rejected() {
    let mut issuer = root("root");
    let mut blocks = Vec::new();
    for index in 0..45 {
        issuer = intermediate(&format!("{index}-{}", "x".repeat(60)), &issuer);
        blocks.push(pem(issuer.der()));
    }
    blocks.push(leaf(&params("shop.example"), &issuer));
    let rejected = problem(pair(&blocks.concat(), EC_KEY));
    assert!(rejected.contains("bytes in Barbican, which stores at most 18000"), "{rejected}");
    for index in 0..10 {
        blocks.push(pem(root(&format!("{index}")).der()));
    }
    let rejected = problem(pair(&blocks.concat(), EC_KEY));
    assert!(rejected.starts_with("key tls.crt has 56 certificates or lists, and at most 50 are read"), "{rejected}");
}
