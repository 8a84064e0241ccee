//! Certificates with their private keys, and authorities with their revocation lists, in PEM. They are fixed, so that a
//! seed alone decides the names of the secrets in the key manager.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A certificate with its private key.
#[derive(Debug, PartialEq, Eq)]
pub struct PairFixture {
    pub name: &'static str,
    pub certificate: &'static str,
    pub private_key: &'static str,
}

/// An authority with its revocation list.
#[derive(Debug, PartialEq, Eq)]
pub struct AuthorityFixture {
    pub name: &'static str,
    pub certificate: &'static str,
    pub revocation_list: &'static str,
}

macro_rules! pair {
    ($name:literal) => {
        PairFixture {
            name: $name,
            certificate: include_str!(concat!("fixtures/", $name, ".crt")),
            private_key: include_str!(concat!("fixtures/", $name, ".key")),
        }
    };
}

macro_rules! authority {
    ($name:literal) => {
        AuthorityFixture {
            name: $name,
            certificate: include_str!(concat!("fixtures/", $name, ".crt")),
            revocation_list: include_str!(concat!("fixtures/", $name, ".crl")),
        }
    };
}

/// Pairs that can be served.
pub static PAIRS: [PairFixture; 4] = [pair!("pair1"), pair!("pair2"), pair!("pair3"), pair!("pair4")];
/// A pair that has expired before every simulation begins.
pub static EXPIRED: PairFixture = pair!("expired");
pub static AUTHORITIES: [AuthorityFixture; 2] = [authority!("authority1"), authority!("authority2")];

/// Parts of the private keys that must be in no output: a line of each file, and a part of the file as a Secret has it.
pub fn key_material() -> impl Iterator<Item = String> {
    PAIRS.iter().chain([&EXPIRED]).flat_map(|pair| {
        let line = pair.private_key.lines().nth(1).unwrap_or_default().to_owned();
        let encoded = STANDARD.encode(pair.private_key);
        [line, encoded[120..160].to_owned()]
    })
}

/// The base64 text of the first PEM block, without line breaks.
pub fn first_block(pem: &str) -> String {
    let body = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    body.take_while(|line| !line.starts_with("-----END")).flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}
