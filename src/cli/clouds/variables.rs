//! Credentials from the variables `OS_*`, as `openrc.sh` sets them.

use anyhow::{Context, anyhow};
use serde_json::{Map, Value, json};

use crate::cli::world::World;
use crate::openstack::{Credentials, CredentialsError};

/// Name of the entry in messages, as openstacksdk has it.
const ENTRY: &str = "envvars";

/// Variables that are no keys of an entry.
const NOT_A_KEY: [&str; 4] = ["OS_CLOUD", "OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE", "OS_CLIENT_VENDOR_FILE"];

/// Reads the variables as an entry: `OS_AUTH_URL` is its key `auth_url`.
pub(super) fn credentials(world: &World<'_>) -> anyhow::Result<Credentials> {
    let mut entry = Map::new();
    for (name, value) in &world.variables {
        let key = name.strip_prefix("OS_").filter(|_| !NOT_A_KEY.contains(&name.as_str()) && !value.is_empty());
        entry.extend(key.map(|key| (key.to_lowercase(), Value::from(value.as_str()))));
    }
    let cacert = match world.variable("OS_CACERT") {
        Some(path) => Some(std::fs::read(world.resolved(path.as_ref())).with_context(|| path.to_owned())?),
        None => None,
    };
    let file = json!({"clouds": {ENTRY: entry}}).to_string();
    Credentials::parse(file.as_bytes(), cacert.as_deref(), ENTRY).map_err(named)
}

/// The error with the name of the variable, which no entry has.
fn named(error: CredentialsError) -> anyhow::Error {
    let variable = |key: &str| format!("OS_{}", key.trim_start_matches("auth.").to_uppercase());
    match error {
        CredentialsError::Missing { key, .. } => anyhow!("the variable {} is not set", variable(key)),
        CredentialsError::Unusable { key, advice, .. } => anyhow!("the variable {}: {advice}", variable(&key)),
        other => other.into(),
    }
}
