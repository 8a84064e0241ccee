//! The certificates of a desired state, wherever it names them.

use super::{CertificateRef, Desired, ListenerTls, PoolTls, StoredSecret};

impl Desired {
    /// Every TLS reference of listeners and pools.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateRef> {
        let listeners = self.listeners.values().filter_map(|listener| listener.tls.as_ref());
        let pools = self.pools.values().filter_map(|pool| pool.tls.as_ref());
        listeners.flat_map(ListenerTls::certificates).chain(pools.flat_map(PoolTls::certificates))
    }

    /// Every secret that the stack wants stored in the key manager.
    pub fn stored_secrets(&self) -> impl Iterator<Item = &StoredSecret> {
        self.certificates().filter_map(|reference| match reference {
            CertificateRef::Stored(secret) => Some(secret),
            CertificateRef::Existing(_) | CertificateRef::Unknown => None,
        })
    }

    /// The same state without key material, for a memory that only compares: two contents are the same if their digests
    /// are.
    pub fn without_contents(&self) -> Self {
        let mut bare = self.clone();
        for tls in bare.listeners.values_mut().filter_map(|listener| listener.tls.as_mut()) {
            [&mut tls.certificate_ref, &mut tls.client_ca_ref, &mut tls.client_crl_ref].into_iter().for_each(strip);
            tls.sni_refs = std::mem::take(&mut tls.sni_refs).into_iter().map(stripped).collect();
        }
        for tls in bare.pools.values_mut().filter_map(|pool| pool.tls.as_mut()) {
            [&mut tls.client_certificate_ref, &mut tls.ca_ref, &mut tls.crl_ref].into_iter().for_each(strip);
        }
        bare
    }
}

fn strip(reference: &mut Option<CertificateRef>) {
    *reference = reference.take().map(stripped);
}

fn stripped(reference: CertificateRef) -> CertificateRef {
    match reference {
        CertificateRef::Stored(secret) => CertificateRef::Stored(secret.without_payload()),
        other @ (CertificateRef::Existing(_) | CertificateRef::Unknown) => other,
    }
}

impl ListenerTls {
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateRef> {
        let single = [&self.certificate_ref, &self.client_ca_ref, &self.client_crl_ref];
        single.into_iter().flatten().chain(&self.sni_refs)
    }
}

impl PoolTls {
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateRef> {
        [&self.client_certificate_ref, &self.ca_ref, &self.crl_ref].into_iter().flatten()
    }
}
