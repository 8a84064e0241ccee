//! Ids for the objects of the simulated cloud: they look random, and the same seed repeats them in every run.

/// A seeded generator of ids. It scrambles a counter, so that a sort by id does not give the order of creation:
/// Octavia's UUIDs are random, and the tests must find code that relies on their order.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next random number, by the algorithm SplitMix64: it is small, mixes well and needs no dependency.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An id in the form of a version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        uuid::Builder::from_random_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
            .into_uuid()
            .to_string()
    }

    /// An id of 32 hex digits, the form in which Keystone gives ids to projects and users.
    pub fn hex(&mut self) -> String {
        self.uuid().replace('-', "")
    }
}
