//! Seeded ids: they look random and repeat in every run.

/// A seeded generator of ids. The counter is scrambled, so that the order of ids is not the order of creation:
/// Octavia's UUIDs are random, and nothing may rely on their order.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// SplitMix64: small, well mixed, no dependency.
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

    /// An id of 32 hex digits, as Keystone's.
    pub fn hex(&mut self) -> String {
        self.uuid().replace('-', "")
    }
}
