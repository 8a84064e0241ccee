//! Ownership of objects, written on the objects themselves as tags. A name is never identity.
//!
//! | object | carries |
//! |---|---|
//! | load balancer | `evenkeel:uid=`, `evenkeel:cluster=`, `evenkeel:namespace=`, `evenkeel:name=`, `evenkeel:attempt=` |
//! | one whose stack stores certificates | also `evenkeel:secrets=stored` ([`SECRETS_TAG`]), from the first secret on |
//! | listener, pool, policy | `evenkeel:key=` (the name in the stack) |
//! | all of these | `evenkeel:owned-fields=` ([`OwnedFields`]), if the stack sets operator-defaulted fields |
//! | floating IP that a stack created | description ([`Owner::owner_description`]) and tag `evenkeel:created-by=` ([`Owner::created_tag`]) |
//! | floating IP that a stack borrows | tag `evenkeel:uid=` |

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest, Sha256};

pub const PREFIX: &str = "evenkeel:";
pub(super) const UID: &str = "evenkeel:uid=";
pub(super) const CLUSTER: &str = "evenkeel:cluster=";
const NAMESPACE: &str = "evenkeel:namespace=";
const NAME: &str = "evenkeel:name=";
const ATTEMPT: &str = "evenkeel:attempt=";
const KEY: &str = "evenkeel:key=";
const OWNED_FIELDS: &str = "evenkeel:owned-fields=";

/// Tag of a load balancer whose stack has stored secrets in the key manager, or is about to. Without it the key manager
/// is not asked. It stays when the last secret has gone: a secret that a crash left behind is found all the same.
pub const SECRETS_TAG: &str = "evenkeel:secrets=stored";

/// Longest tag that Octavia stores (`octavia/api/common/types.py`).
const MAX_TAG: usize = 255;

/// The stack that owns a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Owner {
    /// The UID of the Kubernetes object.
    pub uid: String,
    pub cluster: String,
    pub namespace: String,
    pub name: String,
}

impl Owner {
    pub fn uid_tag(&self) -> String {
        tag_of(&self.uid)
    }

    /// Tags of a load balancer of this owner.
    pub fn tags(&self) -> BTreeSet<String> {
        [self.uid_tag()].into_iter().chain(self.place_tags()).collect()
    }

    /// Tags that do not depend on the UID: a stack restored from a backup finds its load balancer by these.
    pub fn place_tags(&self) -> [String; 3] {
        [cluster_tag(&self.cluster), bounded(NAMESPACE, &self.namespace), bounded(NAME, &self.name)]
    }

    pub fn owns(&self, tags: &BTreeSet<String>) -> bool {
        tags.contains(&self.uid_tag()) && tags.contains(&cluster_tag(&self.cluster))
    }

    /// The former owner of a load balancer with these tags: a stack of the same name under another UID.
    pub fn predecessor(&self, tags: &BTreeSet<String>) -> Self {
        Self { uid: value_of(tags, UID).unwrap_or_default().to_owned(), ..self.clone() }
    }

    /// The stack that a message calls `<cluster>/<uid>`, without namespace and name.
    pub fn named(text: &str) -> Option<Self> {
        let (cluster, uid) = text.split_once('/')?;
        let (cluster, uid) = (cluster.to_owned(), uid.to_owned());
        Some(Self { uid, cluster, ..Self::default() })
    }

    /// True for a load balancer of the same cluster, namespace and name under another UID. Its stack was deleted, since
    /// a living stack of that name would be this one.
    pub fn can_take_over(&self, tags: &BTreeSet<String>) -> bool {
        !tags.contains(&self.uid_tag()) && self.place_tags().iter().all(|t| tags.contains(t))
    }
}

/// A tag with the value itself where it fits, and with its hash where it does not.
fn bounded(prefix: &str, value: &str) -> String {
    if prefix.len() + value.len() <= MAX_TAG {
        return format!("{prefix}{value}");
    }
    let digest = Sha256::digest(value.as_bytes());
    let hash: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("{prefix}sha256-{hash}")
}

/// The owner of a load balancer with these tags, as `<cluster>/<uid>`; `None` for one without an owner.
pub fn foreign_owner(tags: &BTreeSet<String>) -> Option<String> {
    let uid = value_of(tags, UID)?;
    Some(format!("{}/{uid}", value_of(tags, CLUSTER).unwrap_or("?")))
}

/// The tag of the load balancer of the object with this UID.
pub fn tag_of(uid: &str) -> String {
    format!("{UID}{uid}")
}

/// The stack of a load balancer with these tags: `namespace/name`.
pub fn stack_of(tags: &BTreeSet<String>) -> Option<String> {
    Some(format!("{}/{}", value_of(tags, NAMESPACE)?, value_of(tags, NAME)?))
}

/// The stack that owns a load balancer with these tags, for people: namespace and name, and its cluster where that is
/// another one.
pub fn stack_named(tags: &BTreeSet<String>, cluster: &str) -> Option<String> {
    let named = format!("stack {}", stack_of(tags)?);
    let elsewhere = value_of(tags, CLUSTER).filter(|other| *other != cluster);
    Some(elsewhere.map_or_else(|| named.clone(), |other| format!("{named} of cluster {other}")))
}

/// The tag of all load balancers of a cluster.
pub fn cluster_tag(cluster: &str) -> String {
    format!("{CLUSTER}{cluster}")
}

pub fn attempt_tag(attempt: &str) -> String {
    format!("{ATTEMPT}{attempt}")
}

pub fn attempt_of(tags: &BTreeSet<String>) -> Option<&str> {
    value_of(tags, ATTEMPT)
}

/// The name of a create: unique, and with the generation of the stack that it was made from.
pub fn attempt_name(unique: &str, generation: i64) -> String {
    format!("{unique}.{generation}")
}

/// The generation in the name of a create.
pub fn generation_of(attempt: &str) -> Option<i64> {
    attempt.rsplit_once('.')?.1.parse().ok()
}

pub fn key_tag(key: &str) -> String {
    format!("{KEY}{key}")
}

pub fn key_of(tags: &BTreeSet<String>) -> Option<&str> {
    value_of(tags, KEY)
}

fn value_of<'a>(tags: &'a BTreeSet<String>, prefix: &str) -> Option<&'a str> {
    tags.iter().find_map(|t| t.strip_prefix(prefix))
}

/// Tags of the user's, so all without Evenkeel's prefix.
pub fn user_tags(tags: &BTreeSet<String>) -> BTreeSet<String> {
    tags.iter().filter(|t| !t.starts_with(PREFIX)).cloned().collect()
}

/// Operator-defaulted fields of one object that the stack has set ([`Desired`](super::Desired)).
///
/// Their names are kept in a tag of the object itself, `evenkeel:owned-fields=a.b.c`, written in the same request as the fields.
/// So a field that is removed from the stack is reset once, without a record anywhere else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct OwnedFields(pub BTreeSet<String>);

impl OwnedFields {
    pub fn of(tags: &BTreeSet<String>) -> Self {
        let names = value_of(tags, OWNED_FIELDS).unwrap_or_default();
        Self(names.split('.').filter(|n| !n.is_empty()).map(str::to_owned).collect())
    }

    pub fn tag(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let names: Vec<&str> = self.0.iter().map(String::as_str).collect();
        Some(format!("{OWNED_FIELDS}{}", names.join(".")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owner {
        Owner { uid: "u1".into(), cluster: "c1".into(), namespace: "shop".into(), name: name.into() }
    }

    #[test]
    fn owner_recognises_its_own_tags() {
        let tags = owner("web").tags();
        assert!(owner("web").owns(&tags));
        assert!(!owner("web").can_take_over(&tags));
        assert_eq!(foreign_owner(&tags).as_deref(), Some("c1/u1"));
    }

    #[test]
    fn restored_stack_takes_over_only_its_own_name() {
        let tags = owner("web").tags();
        let restored = Owner { uid: "u2".into(), ..owner("web") };
        assert!(restored.can_take_over(&tags) && !restored.owns(&tags));
        assert!(!Owner { uid: "u2".into(), ..owner("other") }.can_take_over(&tags));
        assert!(!Owner { uid: "u2".into(), cluster: "c2".into(), ..owner("web") }.can_take_over(&tags));
    }

    #[test]
    fn stack_of_another_cluster_is_named_with_it() {
        let named = |cluster: &str| stack_named(&owner("web").tags(), cluster);
        assert_eq!(named("c1").as_deref(), Some("stack shop/web"));
        assert_eq!(named("c2").as_deref(), Some("stack shop/web of cluster c1"));
        assert_eq!(stack_named(&BTreeSet::new(), "c1"), None);
    }

    #[test]
    fn long_name_is_hashed_and_stays_unique() {
        let (a, b) = ("a".repeat(253), "b".repeat(253));
        let tag = |n: &str| owner(n).place_tags()[2].clone();
        assert!(tag(&a).len() <= MAX_TAG);
        assert_ne!(tag(&a), tag(&b));
    }

    #[test]
    fn attempt_name_tells_its_generation() {
        assert_eq!(generation_of(&attempt_name("a1", 7)), Some(7));
        for unknown in ["a1", "", "a1.", "a1.x"] {
            assert_eq!(generation_of(unknown), None);
        }
    }

    #[test]
    fn owned_fields_survive_their_tag() {
        let owned = OwnedFields(["description".to_owned(), "ciphers".to_owned()].into());
        assert_eq!(owned.tag().as_deref(), Some("evenkeel:owned-fields=ciphers.description"));
        assert_eq!(OwnedFields::of(&owned.tag().into_iter().collect()), owned);
        assert_eq!(OwnedFields::default().tag(), None);
    }
}
