//! Credentials from a `clouds.yaml`, found as OpenStack tools find it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use crate::openstack::Credentials;

#[derive(Args, Debug, Clone)]
pub struct CloudArgs {
    /// Entry of clouds.yaml to use.
    #[arg(long, env = "OS_CLOUD")]
    pub os_cloud: String,
    /// The clouds.yaml. Default: the first of ./clouds.yaml, ~/.config/openstack/clouds.yaml and
    /// /etc/openstack/clouds.yaml that exists.
    #[arg(long, env = "OS_CLIENT_CONFIG_FILE")]
    pub os_client_config_file: Option<PathBuf>,
}

impl CloudArgs {
    /// Reads the credentials.
    pub fn credentials(&self) -> anyhow::Result<Credentials> {
        let path = match &self.os_client_config_file {
            Some(path) => path.clone(),
            None => default_path()?,
        };
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let cacert = cacert(&text, &self.os_cloud)?;
        Credentials::parse(&text, cacert.as_deref(), &self.os_cloud).with_context(|| path.display().to_string())
    }
}

fn default_path() -> anyhow::Result<PathBuf> {
    let home = std::env::home_dir().map(|home| home.join(".config/openstack/clouds.yaml"));
    let places = [Some("clouds.yaml".into()), home, Some("/etc/openstack/clouds.yaml".into())];
    match places.into_iter().flatten().find(|path| path.exists()) {
        Some(path) => Ok(path),
        None => bail!("there is no clouds.yaml: name it with --os-client-config-file"),
    }
}

/// The certificates in the file that the entry names as its `cacert`; `None` where it has none or the text itself.
fn cacert(clouds_yaml: &[u8], cloud: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let Ok(clouds) = serde_saphyr::from_slice::<Value>(clouds_yaml) else { return Ok(None) };
    let named = clouds["clouds"][cloud]["cacert"].as_str().filter(|text| !text.contains("-----BEGIN"));
    named.map(|path| std::fs::read(expanded(path)).with_context(|| path.to_owned())).transpose()
}

/// The path with the home directory in place of a leading `~`, as openstacksdk reads it.
fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}
