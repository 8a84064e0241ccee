//! Names of objects in the cluster.

/// The name; `None` if it is not a DNS subdomain. The client puts it into a path unchanged, so a name that was stored
/// before the schema rejected it must not be used.
pub fn object_name(name: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label =
        |label: &str| label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-');
    (name.len() <= 253 && name.split('.').all(is_label)).then_some(name)
}
