//! TLS fields of a spec, with the objects of the cluster behind them.

use std::fmt;

use super::names::NamespacedName;
use crate::api::{
    CertificatePlace, CertificateSecretRef, CertificateSpec, ListenerTlsSpec, LoadBalancerStackSpec, PoolTlsSpec,
    TrustSpec, object_name,
};

/// An object that holds certificates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateObject {
    Secret(NamespacedName),
    ConfigMap(NamespacedName),
}

/// Kind and name: the namespace is that of the stack.
impl fmt::Display for CertificateObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(secret) => write!(f, "Secret {}", secret.name),
            Self::ConfigMap(config_map) => write!(f, "ConfigMap {}", config_map.name),
        }
    }
}

/// A TLS field that names an object of the cluster.
#[derive(Debug, PartialEq, Eq)]
pub struct CertificateField<'a> {
    /// Path in the spec, as the translator has it.
    pub path: String,
    pub object: CertificateObject,
    pub content: FieldContent<'a>,
}

/// Content that a field wants, with its keys in the object.
#[derive(Debug, PartialEq, Eq)]
pub enum FieldContent<'a> {
    Pair {
        certificate: &'a str,
        private_key: &'a str,
    },
    Authorities {
        key: &'a str,
    },
    RevocationList {
        key: &'a str,
        /// Path of the field with the authorities.
        authorities: String,
    },
}

/// The fields of a spec; authorities come before their revocation lists. A name that no object can have is left to the
/// translator.
pub fn certificate_fields<'a>(spec: &'a LoadBalancerStackSpec, namespace: &str) -> Vec<CertificateField<'a>> {
    let mut found = Fields { namespace, fields: Vec::new() };
    for listener in &spec.listeners {
        if let Some(tls) = &listener.tls {
            found.add_listener(&format!("spec.listeners[{}].tls", listener.name), tls);
        }
    }
    for pool in &spec.pools {
        if let Some(tls) = &pool.tls {
            found.add_pool(&format!("spec.pools[{}].tls", pool.name), tls);
        }
    }
    found.fields
}

struct Fields<'a, 'n> {
    namespace: &'n str,
    fields: Vec<CertificateField<'a>>,
}

impl<'a> Fields<'a, '_> {
    fn add_listener(&mut self, path: &str, tls: &'a ListenerTlsSpec) {
        self.add_pair(format!("{path}.certificate"), tls.certificate.as_ref());
        for (index, certificate) in tls.sni_certificates.iter().enumerate() {
            self.add_pair(format!("{path}.sniCertificates[{index}]"), Some(certificate));
        }
        self.add_trust(
            &format!("{path}.clientCA"),
            tls.client_ca.as_ref(),
            &format!("{path}.clientCRL"),
            &tls.client_crl,
        );
    }

    fn add_pool(&mut self, path: &str, tls: &'a PoolTlsSpec) {
        self.add_pair(format!("{path}.clientCertificate"), tls.client_certificate.as_ref());
        self.add_trust(&format!("{path}.ca"), tls.ca.as_ref(), &format!("{path}.crl"), &tls.crl);
    }

    fn add_pair(&mut self, path: String, spec: Option<&'a CertificateSpec>) {
        let Some(secret) = spec.and_then(|spec| spec.secret_ref.as_ref().filter(|_| spec.place().is_some())) else {
            return;
        };
        self.add(path, CertificatePlace::Secret(&secret.name), pair_of(secret));
    }

    fn add_trust(
        &mut self,
        authorities_path: &str,
        authorities: Option<&'a TrustSpec>,
        list_path: &str,
        list: &'a Option<TrustSpec>,
    ) {
        if let Some(place) = authorities.and_then(TrustSpec::place) {
            let key = authorities.and_then(key_of).unwrap_or("ca.crt");
            self.add(authorities_path.to_owned(), place, FieldContent::Authorities { key });
        }
        if let Some(place) = list.as_ref().and_then(TrustSpec::place) {
            let key = list.as_ref().and_then(key_of).unwrap_or("ca.crl");
            let content = FieldContent::RevocationList { key, authorities: authorities_path.to_owned() };
            self.add(list_path.to_owned(), place, content);
        }
    }

    fn add(&mut self, path: String, place: CertificatePlace<'_>, content: FieldContent<'a>) {
        let name = |name| object_name(name).map(|name| NamespacedName::new(self.namespace, name));
        let object = match place {
            CertificatePlace::Barbican(_) => None,
            CertificatePlace::Secret(secret) => name(secret).map(CertificateObject::Secret),
            CertificatePlace::ConfigMap(config_map) => name(config_map).map(CertificateObject::ConfigMap),
        };
        self.fields.extend(object.map(|object| CertificateField { path, object, content }));
    }
}

fn key_of(spec: &TrustSpec) -> Option<&str> {
    spec.secret_ref.as_ref().or(spec.config_map_ref.as_ref())?.key.as_deref()
}

fn pair_of(secret: &CertificateSecretRef) -> FieldContent<'_> {
    let keys = secret.keys.as_ref();
    FieldContent::Pair {
        certificate: keys.and_then(|keys| keys.certificate.as_deref()).unwrap_or("tls.crt"),
        private_key: keys.and_then(|keys| keys.private_key.as_deref()).unwrap_or("tls.key"),
    }
}
