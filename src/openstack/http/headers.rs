//! Response headers: request id, server time, retry delay, content type.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use jiff::Timestamp;

use super::service::is_plain_id;

/// The longest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The id under which the service logs the request. A value that is no plain id is dropped: it may come from any server.
pub(in crate::openstack) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-openstack-request-id").or_else(|| headers.get("x-compute-request-id"))?;
    id.to_str().ok().filter(|id| is_plain_id(id)).map(str::to_owned)
}

/// The delay of `Retry-After`, in seconds or as a date. A date is compared with the server's own clock if the response has
/// it; a date in the past is now.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let now = server_time(headers).unwrap_or(now);
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let delay = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO)
        }
    };
    Some(delay.min(MAX_RETRY_AFTER))
}

/// The server's own clock, from the header `Date`.
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

/// The media type, without its parameters. Of a response that is not OpenStack's, only this and the status reach a message:
/// a user's credentials choose the endpoint, and the user may read the status.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    const LONGEST: usize = 64;
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '+' | '.');
    (kind.contains('/') && kind.len() <= LONGEST && kind.chars().all(plain)).then_some(kind)
}
