//! Weights of members that come from weighted sources.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Member, MemberKey};

use super::member::WEIGHT_MAX;

/// The members that a source has given to a pool.
pub(super) struct Backend {
    /// Share of the traffic for all of them together; `None`: every member has a weight of its own.
    pub(super) weight: Option<u16>,
    pub(super) backup: bool,
    pub(super) members: Vec<MemberKey>,
}

/// A weight over a number of members.
#[derive(Clone, Copy)]
struct Share {
    weight: u64,
    members: u64,
}

impl Share {
    fn exceeds(self, other: Self) -> bool {
        self.weight * other.members > other.weight * self.members
    }

    /// Weight of each member, if those of the largest share get the largest weight. At least 1: a share that is rounded
    /// to nothing would serve nobody.
    fn scaled(self, largest: Self) -> u16 {
        let (part, whole) = (self.weight * largest.members, largest.weight * self.members);
        if part == 0 || whole == 0 {
            return 0;
        }
        let weight = (u64::from(WEIGHT_MAX) * part + whole / 2) / whole;
        u16::try_from(weight).unwrap_or(WEIGHT_MAX).clamp(1, WEIGHT_MAX)
    }
}

/// Spreads the weights of the sources over their members: for weight `w` and `n` members each gets `s·w/n`, with `s` such
/// that the largest is 256. Standbys count among themselves. A static member counts as a source with one member.
pub(super) fn spread(backends: &[Backend], members: &mut BTreeMap<MemberKey, Member>) {
    for backup in [false, true] {
        let group = || backends.iter().filter(|backend| backend.backup == backup);
        if group().any(|backend| backend.weight.is_some()) {
            let of_sources: BTreeSet<&MemberKey> = backends.iter().flat_map(|backend| &backend.members).collect();
            spread_group(group(), &of_sources, backup, members);
        }
    }
}

fn spread_group<'a>(
    backends: impl Iterator<Item = &'a Backend> + Clone,
    of_sources: &BTreeSet<&MemberKey>,
    backup: bool,
    members: &mut BTreeMap<MemberKey, Member>,
) {
    let share =
        |backend: &Backend| Share { weight: backend.weight.unwrap_or(1).into(), members: backend.members.len() as u64 };
    let alone = |member: &Member| Share { weight: member.weight.into(), members: 1 };
    let is_static = |key: &MemberKey, member: &Member| member.backup == backup && !of_sources.contains(key);
    let of_statics = members.iter().filter(|(key, member)| is_static(key, member)).map(|(_, member)| alone(member));
    let shares = backends.clone().map(share).chain(of_statics).filter(|share| share.weight > 0 && share.members > 0);
    let none = Share { weight: 1, members: 1 };
    let largest = shares.reduce(|largest, share| if share.exceeds(largest) { share } else { largest }).unwrap_or(none);
    for (_, member) in members.iter_mut().filter(|(key, member)| is_static(key, member)) {
        member.weight = alone(member).scaled(largest);
    }
    for backend in backends {
        let weight = share(backend).scaled(largest);
        for key in &backend.members {
            if let Some(member) = members.get_mut(key) {
                member.weight = weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: usize) -> MemberKey {
        MemberKey { address: std::net::Ipv4Addr::from(0x0a00_0000 + last as u32).into(), port: 80 }
    }

    fn member(weight: u16, backup: bool) -> Member {
        Member {
            name: String::new(),
            weight,
            backup,
            admin_state_up: true,
            subnet_id: None,
            monitor_address: None,
            monitor_port: None,
            tags: BTreeSet::new(),
        }
    }

    /// Weights of the members of sources with these weights and numbers of members.
    fn weights(sources: &[(Option<u16>, usize)]) -> Vec<u16> {
        let mut members = BTreeMap::new();
        let mut backends = Vec::new();
        let mut next = 0;
        for (weight, count) in sources {
            let keys: Vec<MemberKey> = (next..next + count).map(key).collect();
            next += count;
            members.extend(keys.iter().map(|key| (key.clone(), member(1, false))));
            backends.push(Backend { weight: *weight, backup: false, members: keys });
        }
        spread(&backends, &mut members);
        backends.iter().filter_map(|backend| backend.members.first()).map(|key| members[key].weight).collect()
    }

    #[test]
    fn weight_of_source_is_spread_over_its_members() {
        assert_eq!(weights(&[(Some(70), 1), (Some(30), 1)]), [256, 110]);
        assert_eq!(weights(&[(Some(70), 7), (Some(30), 3)]), [256, 256], "ten each");
        assert_eq!(weights(&[(Some(70), 70), (Some(30), 1)]), [9, 256]);
        assert_eq!(weights(&[(Some(1), 1000), (Some(256), 1)]), [1, 256], "never less than 1");
        assert_eq!(weights(&[(Some(0), 2), (Some(30), 3)]), [0, 256]);
        assert_eq!(weights(&[(Some(0), 2), (Some(0), 3)]), [0, 0]);
        assert_eq!(weights(&[(Some(70), 0), (Some(30), 2)]), [256], "a source without members has no share");
        assert_eq!(weights(&[(None, 5), (None, 1)]), [1, 1], "without weights every member counts the same");
    }

    #[test]
    fn shares_are_those_of_the_sources_within_rounding() {
        for (first, second) in [(1, 1), (3, 7), (10, 2), (200, 5), (13, 100)] {
            let weights = weights(&[(Some(70), first), (Some(30), second)]);
            let of_first = f64::from(weights[0]) * first as f64;
            let share = of_first / (of_first + f64::from(weights[1]) * second as f64);
            assert!((share - 0.7).abs() < 0.03, "{first} and {second} members: {share}");
        }
    }

    #[test]
    fn static_member_counts_as_source_and_standby_by_itself() {
        let mut members: BTreeMap<_, _> =
            [(key(0), member(10, false)), (key(1), member(1, false)), (key(2), member(1, false))].into();
        members.extend([(key(3), member(5, true)), (key(4), member(1, true))]);
        let serving = Backend { weight: Some(10), backup: false, members: vec![key(1), key(2)] };
        let standby = Backend { weight: None, backup: true, members: vec![key(4)] };
        spread(&[serving, standby], &mut members);
        assert_eq!(members.values().map(|member| member.weight).collect::<Vec<_>>(), [256, 128, 128, 5, 1]);
    }
}
