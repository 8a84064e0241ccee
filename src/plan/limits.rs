//! Limits of one call.

/// Bytes of one body. Octavia's limit is 114,688 (413 beyond); the rest is left to proxies in between.
pub const MAX_BODY: usize = 100 * 1024;
