//! Private keys: from PKCS#1, SEC1 or PKCS#8 to one form of PKCS#8.

use der::asn1::{AnyRef, BitStringRef, Null, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::spki::AlgorithmIdentifierRef;
use rustls_pki_types::pem::SectionKind;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::pem::{Block, Entry, blocks};
use super::problem::CertificateProblem;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Least length of an RSA key that OpenSSL accepts at its security level 2, the default of Debian and Ubuntu.
const RSA_BITS_MIN: usize = 2048;

/// A private key in PKCS#8, in one form for each key whatever form it was read from.
pub(super) struct PrivateKey {
    pub(super) pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

/// Public key, as a certificate holds it.
#[derive(PartialEq, Eq)]
struct PublicKey {
    algorithm: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
    bits: Vec<u8>,
}

/// RSAPrivateKey of RFC 8017, of two primes.
#[derive(Sequence)]
struct RsaKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
}

/// RSAPublicKey of RFC 8017.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

/// ECPrivateKey of RFC 5915.
#[derive(Sequence)]
struct EcKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    curve: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

impl PrivateKey {
    /// Reads the private key of an entry.
    pub(super) fn read(entry: Entry<'_>) -> Result<Self, CertificateProblem> {
        if is_encrypted(entry.value) {
            return Err(CertificateProblem::EncryptedPrivateKey(entry.key.to_owned()));
        }
        let unreadable = || CertificateProblem::Unreadable { key: entry.key.to_owned(), label: LABEL, position: 1 };
        let block = single_block(entry)?;
        let read = match block.kind {
            SectionKind::RsaPrivateKey => rsa(&block.der),
            SectionKind::EcPrivateKey => ec(&block.der, None),
            _ => pkcs8(&block.der),
        };
        read.map_err(|problem| problem.unwrap_or_else(unreadable))
    }

    /// Tells whether the public key of a certificate belongs to it.
    pub(super) fn belongs_to(&self, certificate: &Certificate<'_>) -> bool {
        public_key_of(certificate).is_some_and(|public| public == self.public)
    }
}

/// Problem of a key; none if it cannot be read at all.
type KeyProblem = Option<CertificateProblem>;

const LABEL: &str = "PRIVATE KEY";

/// True for either kind of encrypted keys. The parser of PEM leaves out the one and stumbles over the other.
fn is_encrypted(text: &[u8]) -> bool {
    let contains = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    contains(b"ENCRYPTED PRIVATE KEY") || contains(b"Proc-Type: 4,ENCRYPTED")
}

fn single_block(entry: Entry<'_>) -> Result<Block, CertificateProblem> {
    use SectionKind::{EcPrivateKey, PrivateKey, RsaPrivateKey};
    let is_key = |block: &Block| matches!(block.kind, RsaPrivateKey | EcPrivateKey | PrivateKey);
    let mut keys = blocks(entry)?.into_iter().filter(is_key);
    let first = keys.next().ok_or_else(|| CertificateProblem::NoBlock { key: entry.key.to_owned(), label: LABEL })?;
    match keys.next() {
        Some(_) => Err(CertificateProblem::SeveralPrivateKeys(entry.key.to_owned())),
        None => Ok(first),
    }
}

fn pkcs8(der: &[u8]) -> Result<PrivateKey, KeyProblem> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| None)?;
    let key = info.private_key.as_bytes();
    match info.algorithm.oid {
        RSA => rsa(key),
        EC => ec(key, info.algorithm.parameters.and_then(|curve| curve.decode_as().ok())),
        other => Err(Some(CertificateProblem::UnsupportedAlgorithm(algorithm_name(other)))),
    }
}

fn algorithm_name(oid: ObjectIdentifier) -> String {
    match oid {
        ED25519 => "Ed25519".to_owned(),
        ED448 => "Ed448".to_owned(),
        RSA_PSS => "RSASSA-PSS".to_owned(),
        DSA => "DSA".to_owned(),
        other => other.to_string(),
    }
}

fn rsa(der: &[u8]) -> Result<PrivateKey, KeyProblem> {
    let key = RsaKey::from_der(der).map_err(|_| None)?;
    let bits = bit_length(key.modulus.as_bytes());
    if bits < RSA_BITS_MIN {
        return Err(Some(CertificateProblem::ShortKey { bits }));
    }
    let public = RsaPublicKey { modulus: key.modulus, public_exponent: key.public_exponent };
    let public = PublicKey { algorithm: RSA, curve: None, bits: public.to_der().map_err(|_| None)? };
    let algorithm = AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::from(Null)) };
    Ok(PrivateKey { pkcs8: encoded(algorithm, der)?, public })
}

fn bit_length(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(first)
}

/// A key on a curve that its container names, or else the key itself.
fn ec(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<PrivateKey, KeyProblem> {
    let key = EcKey::from_der(der).map_err(|_| None)?;
    let curve = curve.or(key.curve).ok_or(None)?;
    if ![P256, P384, P521].contains(&curve) {
        return Err(Some(CertificateProblem::UnsupportedCurve(curve.to_string())));
    }
    let public_key = key.public_key.ok_or(Some(CertificateProblem::NoPublicKey))?;
    let point = public_key.as_bytes().ok_or(None)?.to_vec();
    // The curve is part of the container.
    let inner = Zeroizing::new(EcKey { curve: None, ..key }.to_der().map_err(|_| None)?);
    let algorithm = AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&curve)) };
    let public = PublicKey { algorithm: EC, curve: Some(curve), bits: point };
    Ok(PrivateKey { pkcs8: encoded(algorithm, &inner)?, public })
}

fn encoded(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    let key = OctetStringRef::new(key).map_err(|_| None)?;
    Ok(Zeroizing::new(PrivateKeyInfoRef::new(algorithm, key).to_der().map_err(|_| None)?))
}

fn public_key_of(certificate: &Certificate<'_>) -> Option<PublicKey> {
    let info = certificate.x509.public_key();
    let algorithm = ObjectIdentifier::from_bytes(info.algorithm.algorithm.as_bytes()).ok()?;
    let curve = match (algorithm, &info.algorithm.parameters) {
        (EC, Some(curve)) => Some(ObjectIdentifier::from_bytes(curve.as_bytes()).ok()?),
        _ => None,
    };
    Some(PublicKey { algorithm, curve, bits: info.subject_public_key.data.to_vec() })
}
