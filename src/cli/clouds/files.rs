//! `clouds.yaml` and `secure.yaml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use crate::cli::world::World;
use crate::openstack::{CloudsYaml, Credentials};

/// The files that clouds are described in.
pub(super) struct CloudsFiles {
    clouds: ReadFile,
    /// Secrets apart from the rest.
    secure: Option<ReadFile>,
}

struct ReadFile {
    path: PathBuf,
    text: Vec<u8>,
}

impl CloudsFiles {
    pub(super) fn read(world: &World<'_>, named: Option<&Path>) -> anyhow::Result<Self> {
        let named = named.map(Path::to_owned).or_else(|| world.variable("OS_CLIENT_CONFIG_FILE").map(PathBuf::from));
        let clouds = match named {
            Some(path) => ReadFile::read(world.resolved(&path))?,
            None => match usual_file(world, "clouds.yaml") {
                Some(path) => ReadFile::read(path)?,
                None => bail!(
                    "no credentials: name an entry of clouds.yaml with --os-cloud or OS_CLOUD and the file with \
                     --os-client-config-file, or set OS_AUTH_URL and the variables that belong to it"
                ),
            },
        };
        let secure = world.variable("OS_CLIENT_SECURE_FILE").map(|path| world.resolved(path.as_ref()));
        let secure = secure.or_else(|| usual_file(world, "secure.yaml")).map(ReadFile::read).transpose()?;
        Ok(Self { clouds, secure })
    }

    /// The name of the only entry.
    pub(super) fn only_cloud(&self) -> anyhow::Result<String> {
        let path = self.clouds.path.display();
        let names = self.clouds.names()?;
        match names.as_slice() {
            [name] => Ok(name.clone()),
            [] => bail!("{path}: it has no clouds"),
            names => bail!("{path} has several clouds: choose one with --os-cloud or OS_CLOUD: {}", names.join(", ")),
        }
    }

    pub(super) fn credentials(&self, world: &World<'_>, cloud: &str) -> anyhow::Result<Credentials> {
        let cacert = self.clouds.cacert(world, cloud)?;
        let file = CloudsYaml {
            clouds: &self.clouds.text,
            secure: self.secure.as_ref().map(|secure| secure.text.as_slice()),
            cacert: cacert.as_deref(),
        };
        Credentials::from_files(&file, cloud).with_context(|| self.clouds.path.display().to_string())
    }
}

impl ReadFile {
    fn read(path: PathBuf) -> anyhow::Result<Self> {
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path, text })
    }

    fn names(&self) -> anyhow::Result<Vec<String>> {
        let clouds = serde_saphyr::from_slice::<Value>(&self.text).map_err(|error| {
            // The text of the error may show a secret.
            let at = error.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
            anyhow!("{}{at}: it is not YAML", self.path.display())
        })?;
        Ok(clouds["clouds"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect())
    }

    /// The certificates in the file that the entry names as its `cacert`; `None` where it has none or the text itself.
    fn cacert(&self, world: &World<'_>, cloud: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let clouds = serde_saphyr::from_slice::<Value>(&self.text).unwrap_or_default();
        let named = clouds["clouds"][cloud]["cacert"].as_str().filter(|text| !text.contains("-----BEGIN"));
        let read = |path: &str| std::fs::read(expanded(world, path)).with_context(|| path.to_owned());
        named.map(read).transpose()
    }
}

fn usual_file(world: &World<'_>, name: &str) -> Option<PathBuf> {
    let home = world.home.as_ref().map(|home| home.join(".config/openstack").join(name));
    let places = [Some(world.folder.join(name)), home, Some(Path::new("/etc/openstack").join(name))];
    places.into_iter().flatten().find(|path| path.exists())
}

/// The path with the home directory in place of a leading `~`, as openstacksdk reads it.
fn expanded(world: &World<'_>, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), &world.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => world.resolved(path.as_ref()),
    }
}
