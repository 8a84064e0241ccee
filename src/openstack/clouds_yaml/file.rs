//! The YAML of `clouds.yaml`: the known keys of one cloud, as written.
//!
//! Scalars keep their text: `007` stays no number, and `yes` no boolean. Other clouds and unknown keys are skipped, whatever
//! they hold.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;

use super::credentials::Secret;
use super::error::CredentialsError;
use crate::model::shortened;
use crate::openstack::text::MAX_NAME;

/// A key with its value; `None` is null.
#[derive(Clone)]
pub(super) struct EntryKey {
    pub(super) name: String,
    pub(super) value: Option<Secret>,
}

/// One cloud, or the `values` of one of its regions. Keys keep the order of the file.
#[derive(Default, Clone)]
pub(super) struct CloudEntry {
    pub(super) keys: Vec<EntryKey>,
    pub(super) auth: Vec<EntryKey>,
    pub(super) interface: Option<Vec<String>>,
    pub(super) region_name: Option<Vec<String>>,
    pub(super) regions: Option<Vec<Region>>,
    /// The known keys so far.
    known: Vec<String>,
    /// The first known key that occurs more than once.
    duplicate: Option<String>,
}

/// A region of `regions`: a name, or `name` and `values`.
#[derive(Clone, Default)]
pub(super) struct Region {
    pub(super) name: String,
    pub(super) values: CloudEntry,
}

impl CloudEntry {
    /// Lays the keys of another entry over these.
    pub(super) fn add(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.auth.extend(other.auth);
        self.interface = other.interface.or(self.interface.take());
        self.region_name = other.region_name.or(self.region_name.take());
        self.regions = other.regions.or(self.regions.take());
    }
}

/// Finds the entry of this cloud.
///
/// # Errors
/// When the file has no such entry, or has it, or one of its known keys, twice.
pub(super) fn entry(clouds_yaml: &[u8], cloud: &str) -> Result<CloudEntry, CredentialsError> {
    let read = |deserializer: serde_saphyr::Deserializer<'_, '_>| {
        let clouds = CloudsSection { cloud, entry: None, occurrences: 0, others: Vec::new() };
        MapReader(CloudsFile { sections: 0, clouds }).deserialize(deserializer)
    };
    let file = serde_saphyr::with_deserializer_from_slice_with_options(clouds_yaml, limits(), read);
    let CloudsFile { sections, clouds } = file.map_err(|error| unreadable(&error))?;
    let CloudsSection { entry, occurrences, others: mut available, .. } = clouds;
    let duplicate = |key: String| Err(CredentialsError::Duplicate { key });
    let name = shortened(cloud, MAX_NAME);
    match entry {
        _ if sections > 1 => duplicate("clouds".to_owned()),
        _ if occurrences > 1 => duplicate(format!("clouds.{name}")),
        Some(CloudEntry { duplicate: Some(key), .. }) => duplicate(format!("clouds.{name}.{key}")),
        Some(entry) => Ok(entry),
        None => {
            available.sort();
            available.dedup();
            Err(CredentialsError::NoSuchCloud { cloud: cloud.to_owned(), available })
        }
    }
}

/// The keys of `auth`, which may stand beside it as well. `clouds.yaml` may have hyphens in place of underscores.
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
/// The keys that stand beside `auth` only.
const TOP_LEVEL: [&str; 9] =
    ["auth_type", "profile", "cloud", "verify", "insecure", "cacert", "cert", "endpoint_type", "key"];
/// Prefixes of keys for one service.
const SERVICES: [&str; 6] = ["load_balancer", "network", "key_manager", "octavia", "neutron", "barbican"];
/// The rest of these keys.
const OF_SERVICE: [&str; 6] =
    ["_endpoint_override", "_endpoint", "_interface", "_endpoint_type", "_region_name", "_service_type"];

fn is_auth_key(name: &str) -> bool {
    AUTH.contains(&name)
}

fn is_top_level_key(name: &str) -> bool {
    let of_service = || {
        let rest = SERVICES.iter().find_map(|service| name.strip_prefix(service));
        rest.is_some_and(|rest| OF_SERVICE.contains(&rest))
    };
    is_auth_key(name) || TOP_LEVEL.contains(&name) || of_service()
}

/// Limits for an untrusted file: hundreds of clouds, and no aliases that expand to far more than the file.
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
        | Error::AliasReplayStackDepthExceeded { .. } => CredentialsError::TooLarge,
        error => {
            let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            CredentialsError::Unreadable { line, column }
        }
    }
}

/// A map that is read key by key.
trait ReadKeys<'de> {
    const EXPECTED: &'static str;

    /// Reads the value of a key.
    fn read<A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error>;
}

impl<'de, T: ReadKeys<'de>> ReadKeys<'de> for &mut T {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read<A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        (**self).read(name, map)
    }
}

/// Fills a value from a map; null counts as an empty map.
struct MapReader<T>(T);

impl<'de, T: ReadKeys<'de>> DeserializeSeed<'de> for MapReader<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: ReadKeys<'de>> Visitor<'de> for MapReader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_none<E>(self) -> Result<T, E> {
        Ok(self.0)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<T, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            self.0.read(name, &mut map)?;
        }
        Ok(self.0)
    }
}

fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// The whole file.
struct CloudsFile<'c> {
    /// The number of keys `clouds`.
    sections: usize,
    clouds: CloudsSection<'c>,
}

impl<'de> ReadKeys<'de> for CloudsFile<'_> {
    const EXPECTED: &'static str = "a map with the key clouds";

    fn read<A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        if name != "clouds" {
            return skip(map);
        }
        self.sections += 1;
        map.next_value_seed(MapReader(&mut self.clouds)).map(drop)
    }
}

/// The value of `clouds`.
struct CloudsSection<'c> {
    cloud: &'c str,
    entry: Option<CloudEntry>,
    occurrences: usize,
    /// The names of all other clouds.
    others: Vec<String>,
}

impl<'de> ReadKeys<'de> for CloudsSection<'_> {
    const EXPECTED: &'static str = "a map of clouds";

    fn read<A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        if name != self.cloud {
            self.others.push(name);
            return skip(map);
        }
        self.occurrences += 1;
        self.entry = Some(map.next_value_seed(MapReader(CloudEntry::default()))?);
        Ok(())
    }
}

impl<'de> ReadKeys<'de> for CloudEntry {
    const EXPECTED: &'static str = "a map of the keys of a cloud";

    fn read<A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        match (name.as_str(), underscored(&name).as_str()) {
            ("auth", _) => {
                let Auth { keys, duplicate } = map.next_value_seed(MapReader(Auth::default()))?;
                self.duplicate = self.duplicate.take().or(duplicate);
                self.auth = keys;
            }
            ("regions", _) => self.regions = Some(map.next_value::<Option<Vec<Region>>>()?.unwrap_or_default()),
            ("interface", _) => self.interface = Some(map.next_value::<OneOrMany>()?.0),
            (_, "region_name") => self.region_name = Some(map.next_value::<OneOrMany>()?.0),
            (_, known) if is_top_level_key(known) => {
                self.keys.push(EntryKey { name: name.clone(), value: map.next_value()? });
            }
            _ => return skip(map),
        }
        if self.known.contains(&name) {
            self.duplicate.get_or_insert_with(|| name.clone());
        }
        self.known.push(name);
        Ok(())
    }
}

/// The value of `auth`.
#[derive(Default)]
struct Auth {
    keys: Vec<EntryKey>,
    duplicate: Option<String>,
}

impl<'de> ReadKeys<'de> for Auth {
    const EXPECTED: &'static str = "a map of the keys of a log-in";

    fn read<A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        if !is_auth_key(&underscored(&name)) {
            return skip(map);
        }
        if self.keys.iter().any(|key| key.name == name) {
            self.duplicate.get_or_insert_with(|| format!("auth.{name}"));
        }
        self.keys.push(EntryKey { name, value: map.next_value()? });
        Ok(())
    }
}

impl<'de> ReadKeys<'de> for Region {
    const EXPECTED: &'static str = "a map of name and values";

    fn read<A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        match name.as_str() {
            "name" => self.name = map.next_value::<Option<String>>()?.unwrap_or_default(),
            "values" => self.values = map.next_value_seed(MapReader(CloudEntry::default()))?,
            _ => return skip(map),
        }
        Ok(())
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

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Region, A::Error> {
        MapReader(Region::default()).visit_map(map)
    }
}

/// A text or a list of texts.
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

/// The key with underscores: openstacksdk accepts hyphens in their place (`normalize_keys`).
pub(super) fn underscored(name: &str) -> String {
    name.replace('-', "_")
}
