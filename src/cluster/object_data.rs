//! Contents of Secrets and ConfigMaps.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use zeroize::Zeroizing;

use super::certificate_fields::CertificateObject;
use crate::certificates::{CertificateProblem, Entry};

/// An object as it was read. Its values are zeroed when it is dropped.
pub struct ObjectData {
    pub version: Option<String>,
    values: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl ObjectData {
    /// The value of a key.
    ///
    /// # Errors
    /// The object has no such key.
    pub fn entry<'a>(&'a self, key: &'a str) -> Result<Entry<'a>, CertificateProblem> {
        match self.values.get(key) {
            Some(value) => Ok(Entry { key, value }),
            None => Err(CertificateProblem::MissingKey(key.to_owned())),
        }
    }
}

/// Reads an object; `None` if there is none.
///
/// # Errors
/// The request failed.
pub async fn read_object(client: &Client, object: &CertificateObject) -> Result<Option<ObjectData>, kube::Error> {
    Ok(match object {
        CertificateObject::Secret(secret) => {
            let api = Api::<Secret>::namespaced(client.clone(), &secret.namespace);
            api.get_opt(&secret.name).await?.map(ObjectData::from)
        }
        CertificateObject::ConfigMap(config_map) => {
            let api = Api::<ConfigMap>::namespaced(client.clone(), &config_map.namespace);
            api.get_opt(&config_map.name).await?.map(ObjectData::from)
        }
    })
}

impl From<Secret> for ObjectData {
    fn from(secret: Secret) -> Self {
        let values = secret.data.into_iter().flatten().map(|(key, value)| (key, Zeroizing::new(value.0)));
        Self { version: secret.metadata.resource_version, values: values.collect() }
    }
}

impl From<ConfigMap> for ObjectData {
    fn from(config_map: ConfigMap) -> Self {
        let texts = config_map.data.into_iter().flatten().map(|(key, text)| (key, text.into_bytes()));
        let binaries = config_map.binary_data.into_iter().flatten().map(|(key, value)| (key, value.0));
        let values = texts.chain(binaries).map(|(key, value)| (key, Zeroizing::new(value))).collect();
        Self { version: config_map.metadata.resource_version, values }
    }
}
