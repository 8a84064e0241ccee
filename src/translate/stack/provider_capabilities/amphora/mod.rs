//! Settings that Octavia stores and the data plane of provider amphora ignores or carries out differently.
//!
//! Source: the templates that Octavia renders for the amphora, `octavia/common/jinja/haproxy/combined_listeners` (TCP,
//! HTTP, HTTPS, TERMINATED_HTTPS, PROMETHEUS) and `octavia/common/jinja/lvs` (UDP, SCTP). `docs/reference/fields.md` has the whole
//! table, and `api/rules/amphora.rs` the same rules for the API server.

mod check;
mod listener;
mod pool;

pub(super) use check::check;
