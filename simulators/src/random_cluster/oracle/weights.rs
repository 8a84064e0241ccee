//! Weights of members by the shares of their sources.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

/// Members that share one weight.
pub(super) struct Sharer {
    pub weight: u64,
    pub members: Vec<SocketAddr>,
}

/// The weights that give every sharer its share within rounding: the greatest weight of a member is 256.
pub(super) fn shared(sharers: &[Sharer]) -> BTreeMap<SocketAddr, RangeInclusive<u64>> {
    let each = |sharer: &Sharer| sharer.weight as f64 / sharer.members.len().max(1) as f64;
    let serving = sharers.iter().filter(|sharer| !sharer.members.is_empty());
    let largest = serving.map(each).fold(0.0, f64::max);
    let range = |sharer: &Sharer| {
        if sharer.weight == 0 {
            return 0..=0;
        }
        let exact = 256.0 * each(sharer) / largest;
        let (least, most) = ((exact - 0.5).ceil().max(1.0), (exact + 0.5).floor().max(1.0));
        least as u64..=most as u64
    };
    sharers.iter().flat_map(|sharer| sharer.members.iter().map(move |key| (*key, range(sharer)))).collect()
}
