//! The YAML of `clouds.yaml`: the keys of one cloud that have a meaning here, as they are written.
//!
//! Scalars keep their text: `007` is no number, and `yes` no boolean yet. Anything that other clouds and unknown keys hold is
//! skipped.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;

use super::{CredentialsError, Secret, shortened};

/// Keys with their values in the order of the file; `None` is null.
pub(super) type Keys = Vec<(String, Option<Secret>)>;

/// One cloud, or the `values` of one of its regions.
#[derive(Default, Clone)]
pub(super) struct CloudEntry {
    pub(super) keys: Keys,
    pub(super) auth: Keys,
    pub(super) interface: Option<Vec<String>>,
    pub(super) region_name: Option<Vec<String>>,
    pub(super) regions: Option<Vec<Region>>,
    /// A known key that stands there more than once.
    doubled: Option<String>,
}

/// A region of `regions`: a name, or `name` and `values`.
#[derive(Clone)]
pub(super) struct Region {
    pub(super) name: String,
    pub(super) values: CloudEntry,
}

/// Keys that may stand in `auth` or beside it. `clouds.yaml` may have hyphens where these have underscores.
const AUTH: [&str; 24] = [
    "auth_url",
    "username",
    "user_name",
    "user_id",
    "password",
    "passcode",
    "project_name",
    "project_id",
    "tenant_name",
    "tenant_id",
    "user_domain_name",
    "user_domain_id",
    "project_domain_name",
    "project_domain_id",
    "domain_name",
    "domain_id",
    "default_domain",
    "default_domain_name",
    "default_domain_id",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "trust_id",
    "system_scope",
];
const BESIDE: [&str; 9] =
    ["auth_type", "profile", "cloud", "verify", "insecure", "cacert", "cert", "endpoint_type", "key"];
const SERVICES: [&str; 6] = ["load_balancer", "network", "key_manager", "octavia", "neutron", "barbican"];
const OF_A_SERVICE: [&str; 6] =
    ["_endpoint_override", "_endpoint", "_interface", "_endpoint_type", "_region_name", "_service_type"];

fn is_known(key: &str, in_auth: bool) -> bool {
    let of_a_service = || {
        let tail = SERVICES.iter().find_map(|service| key.strip_prefix(service));
        tail.is_some_and(|tail| OF_A_SERVICE.contains(&tail))
    };
    AUTH.contains(&key) || !in_auth && (BESIDE.contains(&key) || of_a_service())
}

/// The part of a file that is of use.
#[derive(Default)]
struct CloudsFile {
    entry: Option<CloudEntry>,
    /// How often the name is there, and the key `clouds`.
    times: usize,
    sections: usize,
    names: Vec<String>,
}

/// The cloud of this name; the names that there are when none has it.
pub(super) fn entry(clouds_yaml: &[u8], cloud: &str) -> Result<CloudEntry, CredentialsError> {
    let read = |deserializer: serde_saphyr::Deserializer<'_, '_>| Sections { cloud }.deserialize(deserializer);
    let found = serde_saphyr::with_deserializer_from_slice_with_options(clouds_yaml, limits(), read);
    let CloudsFile { entry, times, sections, mut names } = found.map_err(|error| unreadable(&error))?;
    let doubled = |key: String| Err(CredentialsError::Doubled { key });
    match entry {
        _ if sections > 1 => doubled("clouds".to_owned()),
        _ if times > 1 => doubled(format!("clouds.{}", shortened(cloud))),
        Some(CloudEntry { doubled: Some(key), .. }) => doubled(format!("clouds.{}.{key}", shortened(cloud))),
        Some(entry) => Ok(entry),
        None => {
            names.sort();
            names.dedup();
            Err(CredentialsError::NoSuchCloud { cloud: cloud.to_owned(), available: names })
        }
    }
}

/// Hundreds of clouds, and nothing that unfolds into more than is written: a file is whatever its author likes.
fn limits() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 10_000,
            max_nodes: 10_000,
            max_anchors: 100,
            max_aliases: 1_000,
            max_merge_keys: 1_000,
            max_recorded_anchor_events: 10_000,
            max_depth: 16,
            flow_nesting_limit: 16,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
        },
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
    }
}

fn unreadable(error: &serde_saphyr::Error) -> CredentialsError {
    use serde_saphyr::Error;
    match error {
        Error::AliasError { error, .. } => unreadable(error),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => CredentialsError::TooMuch,
        error => {
            let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            CredentialsError::Unreadable { line, column }
        }
    }
}

/// The whole file.
struct Sections<'c> {
    cloud: &'c str,
}

impl<'de> DeserializeSeed<'de> for Sections<'_> {
    type Value = CloudsFile;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<CloudsFile, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Sections<'_> {
    type Value = CloudsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with the key clouds")
    }

    fn visit_none<E>(self) -> Result<CloudsFile, E> {
        Ok(CloudsFile::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<CloudsFile, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CloudsFile, A::Error> {
        let mut found = CloudsFile::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "clouds" {
                found.sections += 1;
                map.next_value_seed(Clouds { cloud: self.cloud, found: &mut found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// The value of `clouds`.
struct Clouds<'c, 'f> {
    cloud: &'c str,
    found: &'f mut CloudsFile,
}

impl<'de> DeserializeSeed<'de> for Clouds<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Clouds<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of clouds")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == self.cloud {
                self.found.times += 1;
                self.found.entry = Some(map.next_value::<Option<CloudEntry>>()?.unwrap_or_default());
            } else {
                map.next_value::<IgnoredAny>()?;
                self.found.names.push(name);
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for CloudEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = CloudEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of the keys of a cloud")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CloudEntry, A::Error> {
        let mut entry = CloudEntry::default();
        let mut seen = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str(), underscored(&key).as_str()) {
                ("auth", _) => {
                    let auth = map.next_value::<Option<Auth>>()?.unwrap_or_default();
                    entry.doubled = entry.doubled.or(auth.doubled);
                    entry.auth = auth.keys;
                }
                ("regions", _) => entry.regions = Some(map.next_value::<Option<Vec<Region>>>()?.unwrap_or_default()),
                ("interface", _) => entry.interface = Some(map.next_value::<OneOrMany>()?.0),
                (_, "region_name") => entry.region_name = Some(map.next_value::<OneOrMany>()?.0),
                (_, known) if is_known(known, false) => entry.keys.push((key.clone(), map.next_value()?)),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            }
            if seen.contains(&key) && entry.doubled.is_none() {
                entry.doubled = Some(key.clone());
            }
            seen.push(key);
        }
        Ok(entry)
    }
}

/// The value of `auth`.
#[derive(Default)]
struct Auth {
    keys: Keys,
    doubled: Option<String>,
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AuthVisitor)
    }
}

struct AuthVisitor;

impl<'de> Visitor<'de> for AuthVisitor {
    type Value = Auth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of the keys of a log-in")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Auth, A::Error> {
        let mut auth = Auth::default();
        while let Some(key) = map.next_key::<String>()? {
            if !is_known(&underscored(&key), true) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if auth.keys.iter().any(|(other, _)| *other == key) {
                auth.doubled.get_or_insert_with(|| format!("auth.{key}"));
            }
            auth.keys.push((key, map.next_value()?));
        }
        Ok(auth)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RegionVisitor)
    }
}

struct RegionVisitor;

impl<'de> Visitor<'de> for RegionVisitor {
    type Value = Region;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a region: its name, or a map of name and values")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Region, E> {
        Ok(Region { name: name.to_owned(), values: CloudEntry::default() })
    }

    fn visit_u64<E: Error>(self, name: u64) -> Result<Region, E> {
        self.visit_str(&name.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Region, A::Error> {
        let mut region = Region { name: String::new(), values: CloudEntry::default() };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => region.name = map.next_value::<Option<String>>()?.unwrap_or_default(),
                "values" => region.values = map.next_value::<Option<CloudEntry>>()?.unwrap_or_default(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(region)
    }
}

/// A text, or a list of them.
struct OneOrMany(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_unit<E: Error>(self) -> Result<OneOrMany, E> {
        Ok(OneOrMany(Vec::new()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
        Ok(OneOrMany(vec![text.to_owned()]))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<OneOrMany, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element::<Option<String>>()? {
            texts.extend(text);
        }
        Ok(OneOrMany(texts))
    }
}

/// openstacksdk takes hyphens for underscores (`normalize_keys`).
pub(super) fn underscored(key: &str) -> String {
    key.replace('-', "_")
}
