//! Size limits of one request.

use crate::model::Body;

/// Maximal bytes of one body. Octavia's limit is 114,688 (413 beyond); the rest is a margin for proxies in between.
pub const MAX_BODY: usize = 100 * 1024;

/// Bytes of one item in a list, with its comma.
pub(super) fn item_bytes(item: &Body) -> usize {
    serde_json::to_vec(item).map_or(0, |bytes| bytes.len() + 1)
}
