//! Certificates, authorities and revocation lists that observed listeners and pools name.

use super::{ObservedListener, ObservedPool, ObservedTree, secret_id};

impl ObservedListener {
    /// All certificates, authorities and revocation lists that it names.
    pub fn certificate_refs(&self) -> impl Iterator<Item = &str> {
        let single =
            [&self.default_tls_container_ref, &self.client_ca_tls_container_ref, &self.client_crl_container_ref];
        single.into_iter().flatten().chain(&self.sni_container_refs).map(String::as_str)
    }
}

impl ObservedPool {
    /// All certificates, authorities and revocation lists that it names.
    pub fn certificate_refs(&self) -> impl Iterator<Item = &str> {
        let single = [&self.tls_container_ref, &self.ca_tls_container_ref, &self.crl_container_ref];
        single.into_iter().flatten().map(String::as_str)
    }
}

impl ObservedTree {
    /// Ids of the secrets that its listeners and pools name, whoever made these.
    pub fn named_secrets(&self) -> impl Iterator<Item = &str> {
        let listeners = self.listeners.iter().flat_map(ObservedListener::certificate_refs);
        listeners.chain(self.pools.iter().flat_map(ObservedPool::certificate_refs)).filter_map(secret_id)
    }
}
