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

/// The text whose spelling this is, the inverse of [`argument`]; also that of a regular expression. The value of another
/// rule has no spelling: Octavia doubles its backslashes, so `\x26` reaches haproxy as these four characters.
pub(in crate::translate) fn unspelled(spelled: &str) -> String {
    let mut text = String::with_capacity(spelled.len());
    let mut rest = spelled;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let escape = BROKEN.into_iter().find_map(|c| Some((c, rest.strip_prefix(&hexadecimal(c))?)));
        if let Some((c, after)) = escape {
            text.push(c);
            rest = after;
        } else {
            // The second of two backslashes begins no escape.
            let (kept, after) = rest.split_at(if rest.starts_with(r"\\") { 2 } else { 1 });
            text.push_str(kept);
            rest = after;
        }
    }
    text + rest
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
