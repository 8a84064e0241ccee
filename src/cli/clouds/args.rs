//! Flags that choose a cloud.

use std::path::PathBuf;

use clap::Args;

use crate::cli::world::World;
use crate::openstack::{Cloud, CloudSettings, Credentials};

use super::files::CloudsFiles;
use super::variables;

#[derive(Args, Debug, Clone, Default)]
pub struct CloudArgs {
    /// Entry of clouds.yaml to use. Default: $OS_CLOUD, else the variables OS_AUTH_URL and so on, else the only entry.
    #[arg(long, value_name = "NAME", help_heading = "Cloud")]
    pub os_cloud: Option<String>,
    /// The clouds.yaml. Default: $OS_CLIENT_CONFIG_FILE, else the first of ./clouds.yaml,
    /// ~/.config/openstack/clouds.yaml and /etc/openstack/clouds.yaml that exists. Secrets may be in a secure.yaml
    /// ($OS_CLIENT_SECURE_FILE) in the same places.
    #[arg(long, value_name = "FILE", help_heading = "Cloud")]
    pub os_client_config_file: Option<PathBuf>,
}

impl CloudArgs {
    /// The cloud of the credentials. Nothing is sent yet.
    pub(in crate::cli) fn connect(&self, world: &World<'_>) -> anyhow::Result<Cloud> {
        let credentials = self.credentials(world)?;
        Ok(Cloud::new(credentials, world.connector, world.clock.clone(), CloudSettings::default())?)
    }

    fn credentials(&self, world: &World<'_>) -> anyhow::Result<Credentials> {
        match self.entry(world)? {
            Some(name) => self.files(world)?.credentials(world, &name),
            None => variables::credentials(world),
        }
    }

    /// Name of the entry of `clouds.yaml`; `None` where variables hold the credentials.
    pub(in crate::cli) fn entry(&self, world: &World<'_>) -> anyhow::Result<Option<String>> {
        match self.os_cloud.as_deref().or_else(|| world.variable("OS_CLOUD")) {
            Some(name) => Ok(Some(name.to_owned())),
            None if world.variable("OS_AUTH_URL").is_some() => Ok(None),
            None => self.files(world)?.only_cloud().map(Some),
        }
    }

    fn files(&self, world: &World<'_>) -> anyhow::Result<CloudsFiles> {
        CloudsFiles::read(world, self.os_client_config_file.as_deref())
    }
}
