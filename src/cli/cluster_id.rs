//! The id of a cluster, which tells clusters apart that share a project.

/// Reads the value of `--cluster-id`. It becomes part of a tag, by which Octavia cannot filter when it has a comma; an
/// empty one would make clusters the same.
///
/// # Errors
/// A text that cannot be an id.
pub fn cluster_id(text: &str) -> Result<String, &'static str> {
    const LONGEST: usize = 63;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=LONGEST).contains(&text.len()) && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 63 letters, digits, dots, underscores and hyphens")
    }
}
