//! Ownership of floating IPs, by their tags and descriptions.
//!
//! One that a stack created carries the description [`Owner::owner_description`] from the POST on, because Neutron
//! takes no tags there, and the tag [`Owner::created_tag`] from the next write on. The tag decides, because any user
//! may describe a floating IP. The description decides alone for one that was created a moment ago or by an older
//! version, and in a cloud without tags. One that a stack borrows carries the tag [`Owner::uid_tag`].

use super::ownership::{CLUSTER, UID};
use super::{ObservedFloatingIp, Owner};

const CREATED_BY: &str = "evenkeel:created-by=";

/// Relation of a stack to a floating IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    Created,
    Borrowed,
    Foreign,
}

/// Another stack that created or borrows a floating IP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    pub uid: String,
    /// Known from a description only.
    pub cluster: Option<String>,
    pub ownership: Ownership,
}

impl std::fmt::Display for Rival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.cluster.as_deref().unwrap_or("?"), self.uid)
    }
}

impl Owner {
    /// Description of a floating IP that this owner created.
    pub fn owner_description(&self) -> String {
        format!("{UID}{} {CLUSTER}{}", self.uid, self.cluster)
    }

    /// Tag of a floating IP that this owner created. Older versions of Neutron take 60 characters.
    pub fn created_tag(&self) -> String {
        format!("{CREATED_BY}{}", self.uid)
    }
}

impl Ownership {
    pub fn between(owner: &Owner, observed: &ObservedFloatingIp) -> Self {
        let mut makers = creators(observed).peekable();
        let made = match makers.peek() {
            None => observed.description == owner.owner_description(),
            Some(_) => makers.all(|uid| uid == owner.uid),
        };
        match made {
            true => Self::Created,
            false if observed.tags.contains(&owner.uid_tag()) => Self::Borrowed,
            false => Self::Foreign,
        }
    }
}

/// The other stack that created this floating IP, else the first of those that borrow it.
pub fn rival(owner: &Owner, observed: &ObservedFloatingIp) -> Option<Rival> {
    let described = observed.description.strip_prefix(UID).and_then(|rest| rest.split_once(&format!(" {CLUSTER}")));
    let rival = |uid: &str, ownership: Ownership| {
        let cluster = described.filter(|(described, _)| *described == uid).map(|(_, cluster)| cluster.to_owned());
        Rival { uid: uid.to_owned(), cluster, ownership }
    };
    let is_described = described.filter(|_| creators(observed).next().is_none()).map(|(uid, _)| uid);
    let is_other = |uid: &&str| *uid != owner.uid;
    let maker = creators(observed).chain(is_described).find(is_other).map(|uid| rival(uid, Ownership::Created));
    let mut users = observed.tags.iter().filter_map(|tag| tag.strip_prefix(UID));
    maker.or_else(|| users.find(is_other).map(|uid| rival(uid, Ownership::Borrowed)))
}

/// UIDs of the stacks that claim by a tag to have created it.
fn creators(observed: &ObservedFloatingIp) -> impl Iterator<Item = &str> {
    observed.tags.iter().filter_map(|tag| tag.strip_prefix(CREATED_BY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(uid: &str) -> Owner {
        Owner { uid: uid.into(), cluster: "c1".into(), namespace: "shop".into(), name: "web".into() }
    }

    fn seen(description: &str, tags: &[String]) -> ObservedFloatingIp {
        let tags = tags.iter().cloned().collect();
        ObservedFloatingIp { description: description.into(), tags, ..ObservedFloatingIp::default() }
    }

    #[test]
    fn tag_decides_creator_before_description() {
        let (me, other) = (owner("u1"), owner("u2"));
        let (mark, tag) = (me.owner_description(), me.created_tag());
        for made in
            [seen(&mark, &[]), seen("words", std::slice::from_ref(&tag)), seen("", &[tag.clone(), me.uid_tag()])]
        {
            assert_eq!(
                (Ownership::between(&me, &made), Ownership::between(&other, &made)),
                (Ownership::Created, Ownership::Foreign),
                "{made:?}"
            );
            assert_eq!(
                rival(&other, &made).map(|rival| (rival.uid, rival.ownership)),
                Some(("u1".into(), Ownership::Created))
            );
            assert_eq!(rival(&me, &made), None);
        }
        let described_by_another = seen(&other.owner_description(), std::slice::from_ref(&tag));
        assert_eq!(Ownership::between(&me, &described_by_another), Ownership::Created);
        assert_eq!(Ownership::between(&other, &described_by_another), Ownership::Foreign);
        assert_eq!(rival(&me, &described_by_another), None);
        let of_both = seen(&mark, &[tag, other.created_tag()]);
        assert_eq!(
            (Ownership::between(&me, &of_both), Ownership::between(&other, &of_both)),
            (Ownership::Foreign, Ownership::Foreign)
        );
    }

    #[test]
    fn rival_is_named_by_description_or_tag() {
        let (me, other) = (owner("u1"), owner("u2"));
        let name = |seen: ObservedFloatingIp| rival(&me, &seen).map(|rival| rival.to_string());
        assert_eq!(name(seen(&other.owner_description(), &[])).as_deref(), Some("c1/u2"));
        assert_eq!(name(seen(&other.owner_description(), &[other.created_tag()])).as_deref(), Some("c1/u2"));
        assert_eq!(name(seen("", &[other.created_tag()])).as_deref(), Some("?/u2"));
        assert_eq!(name(seen("", &[me.uid_tag(), other.uid_tag()])).as_deref(), Some("?/u2"));
        assert_eq!(name(seen("evenkeel:uid=u2", &[])), None);
        assert_eq!(name(seen("", &[])), None);
    }

    #[test]
    fn owner_tags_fit_into_sixty_characters() {
        let me = owner("b3a1c9d0-0000-4000-8000-000000000001");
        assert!(me.created_tag().len() <= 60 && me.uid_tag().len() <= 60);
    }
}
