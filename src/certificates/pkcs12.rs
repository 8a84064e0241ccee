//! PKCS#12 without a password, encrypted all the same: the library writes no other.
//!
//! PBES2 with AES-256 and HMAC-SHA256. Octavia calls `load_pkcs12(content, None)`, to which OpenSSL's empty password
//! and none are the same. The older RC2 of other controllers is unreadable where OpenSSL has no legacy provider.

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const PASSWORD: &str = "";

/// Iterations of the key derivation: the least of SP 800-132. More would not protect an empty password.
const ITERATIONS: u32 = 1000;

/// Name of the entry. Nothing reads it.
const ALIAS: &str = "evenkeel";

/// Writes a key (PKCS#8) with its chain, the leaf first. Its bytes differ each time, by their salt.
pub(super) fn pkcs12(key: &[u8], chain: &[&[u8]]) -> p12_keystore::Result<Zeroizing<Vec<u8>>> {
    let certificates: Vec<Certificate> =
        chain.iter().map(|der| Certificate::from_der(der)).collect::<p12_keystore::Result<_>>()?;
    let local_key_id = Sha256::digest(chain.first().copied().unwrap_or_default()).to_vec();
    let entry = PrivateKeyChain::new(local_key_id, PrivateKey::from_der(key)?, certificates);
    let mut store = KeyStore::new();
    store.add_entry(ALIAS, KeyStoreEntry::PrivateKeyChain(entry));
    let written = store.writer(PASSWORD).encryption_iterations(ITERATIONS).mac_iterations(ITERATIONS).write();
    written.map(Zeroizing::new)
}
