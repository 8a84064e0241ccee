//! Everything around a command, as values: a test replaces it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Clock;
use crate::openstack::Connector;

use super::references::KubeConnector;

/// Surroundings of a command.
pub struct World<'a> {
    pub connector: &'a dyn Connector,
    pub kube: &'a dyn KubeConnector,
    pub clock: Arc<dyn Clock>,
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    pub home: Option<PathBuf>,
    /// Folder that relative paths start from.
    pub folder: PathBuf,
    /// Reads standard input to its end.
    pub input: &'a (dyn Fn() -> io::Result<Vec<u8>> + Sync),
}

impl World<'_> {
    /// The value of a variable; an empty one counts as absent, as OpenStack's tools have it.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The file that a path leads to.
    pub(super) fn resolved(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// Reads standard input of this process.
///
/// # Errors
/// It cannot be read.
pub fn standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}
