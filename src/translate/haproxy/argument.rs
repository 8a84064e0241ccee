//! Arguments: URLs and paths, which Octavia writes into haproxy.cfg without escaping backslashes.

/// Longest value of a rule and longest URL of a redirect that Octavia stores.
const VALUE_MAX: usize = 255;

/// Characters that Octavia escapes for HTML, and the one that begins a comment.
pub(super) const BROKEN: [char; 6] = ['&', '<', '>', '"', '\'', '#'];

/// Spelling of a URL or a path. They have neither blanks nor backslashes.
pub(in crate::translate) fn argument(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for c in text.chars() {
        if BROKEN.contains(&c) {
            spelled.push_str(&hexadecimal(c));
        } else {
            spelled.push(c);
        }
    }
    spelled
}

/// As [`argument`].
///
/// # Errors
/// The reason, for the user, if Octavia has no room for the spelling.
pub(in crate::translate) fn url(text: &str) -> Result<String, String> {
    let spelled = argument(text);
    check_length(&spelled).map(|()| spelled)
}

/// Checks that Octavia has room for a spelling.
///
/// # Errors
/// The reason, for the user.
pub(super) fn check_length(spelled: &str) -> Result<(), String> {
    if spelled.len() <= VALUE_MAX {
        return Ok(());
    }
    Err(format!(
        "is too long: in the spelling that reaches haproxy, with \\xHH for & < > \" ' and #, it has {} characters, and \
         Octavia takes {VALUE_MAX}",
        spelled.len()
    ))
}

pub(super) fn hexadecimal(c: char) -> String {
    format!("\\x{:02x}", u32::from(c))
}
