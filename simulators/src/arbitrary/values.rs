//! Random values that several kinds of objects have.

use std::collections::BTreeSet;

use evenkeel::model::*;
use proptest::collection::btree_set;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// One item of a list that may be empty, or none.
pub(super) fn one_of(list: &[String]) -> BoxedStrategy<Option<String>> {
    if list.is_empty() { Just(None).boxed() } else { option::of(select(list.to_vec())).boxed() }
}

pub(super) fn name() -> impl Strategy<Value = String> {
    select(vec!["", "plain", "Größe ü", "with \"quotes\" and, commas"]).prop_map(str::to_owned)
}

pub(super) fn description() -> impl Strategy<Value = Option<String>> {
    option::of(name())
}

pub(super) fn tags() -> impl Strategy<Value = BTreeSet<String>> {
    let some = select(vec!["team=shop", "Team=Shop", "env:prod", "Zürich", "zurich "]).prop_map(str::to_owned);
    btree_set(some, 0..3).prop_map(|tags| {
        let mut known = BTreeSet::new();
        tags.into_iter().filter(|tag| known.insert(collated(tag))).collect()
    })
}

pub(super) fn mostly(value: bool) -> impl Strategy<Value = bool> {
    prop_oneof![4 => Just(value), 1 => Just(!value)]
}

/// TLS parameters, all of them operator-defaulted.
pub(super) fn tls_parameters() -> impl Strategy<Value = TlsParameters> {
    // Each list has ciphers for every version.
    let ciphers = select(vec!["TLS_AES_128_GCM_SHA256:AES128-SHA", "HIGH:!aNULL:TLS_CHACHA20_POLY1305_SHA256"]);
    let alpn = btree_set(select(AlpnProtocol::ALL.to_vec()), 1..4).prop_map(|set| set.into_iter().collect::<Vec<_>>());
    let newer = select(vec![TlsVersion::V1_2, TlsVersion::V1_3]);
    let versions = (newer, btree_set(select(TlsVersion::ALL.to_vec()), 0..4)).prop_map(|(newer, mut versions)| {
        versions.insert(newer);
        versions
    });
    (option::of(versions), option::of(ciphers.prop_map(str::to_owned)), option::of(alpn.prop_shuffle()))
        .prop_map(|(versions, ciphers, alpn_protocols)| TlsParameters { versions, ciphers, alpn_protocols })
}

/// A key from the small world of names.
pub(super) fn pool_key() -> impl Strategy<Value = Key> {
    (0..4u8).prop_map(|n| format!("pool{n}"))
}
