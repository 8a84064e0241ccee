//! Regular expressions by the syntax of Python's `re`. Octavia compiles those of L7 rules with it, and answers 400 to an
//! invalid one (`octavia/common/validate.py`, `regex`).
//!
//! Only errors that `re` reports in every version are rejected here: brackets, groups and quantifiers (CPython:
//! `Lib/re/_parser.py`). The crate `regex` cannot tell: it knows neither lookaround nor back references, and takes a `[`
//! within a class for another class.

use std::str::Chars;

/// The item before a quantifier.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Item,
    Quantifier,
    /// A quantifier with the `?` or `+` that makes it lazy or possessive.
    FinalQuantifier,
}

/// Checks that `re` compiles a pattern.
///
/// # Errors
/// The reason, for the user.
pub(super) fn check(pattern: &str) -> Result<(), &'static str> {
    if is_verbose(pattern) {
        return Ok(());
    }
    let mut rest = pattern.chars();
    let mut before = Before::Nothing;
    let mut open = 0_usize;
    while let Some(c) = rest.next() {
        before = match c {
            '\\' => {
                escaped(&mut rest)?;
                Before::Item
            }
            '[' => {
                class(&mut rest)?;
                Before::Item
            }
            '(' if comment(&mut rest)? => before,
            '(' => {
                open += 1;
                Before::Nothing
            }
            ')' => {
                open = open.checked_sub(1).ok_or("a ) closes nothing")?;
                Before::Item
            }
            // Assertions cannot be repeated either.
            '|' | '^' | '$' => Before::Nothing,
            '*' | '+' | '?' => quantified(before, c)?,
            '{' if bounds(&mut rest) => quantified(before, c)?,
            _ => Before::Item,
        };
    }
    if open > 0 { Err("a ( is not closed") } else { Ok(()) }
}

/// True if the flag x is set anywhere. It makes blanks and comments meaningless, which is not checked here.
fn is_verbose(pattern: &str) -> bool {
    let flags = |after: &str| after.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '-').any(|c| c == 'x');
    pattern.split("(?").skip(1).any(flags)
}

fn escaped(rest: &mut Chars<'_>) -> Result<(), &'static str> {
    rest.next().map(|_| ()).ok_or("it ends in a \\ that escapes nothing")
}

/// Skips the rest of a class. A leading `]` stands for itself, and so does every `[`.
fn class(rest: &mut Chars<'_>) -> Result<(), &'static str> {
    let text = rest.as_str();
    *rest = text.strip_prefix('^').unwrap_or(text).chars();
    let mut is_first = true;
    while let Some(c) = rest.next() {
        match c {
            ']' if !is_first => return Ok(()),
            '\\' => escaped(rest)?,
            _ => {}
        }
        is_first = false;
    }
    Err("a [ is not closed")
}

/// Skips a comment after a `(`; of a group, only its `?` is skipped.
fn comment(rest: &mut Chars<'_>) -> Result<bool, &'static str> {
    let Some(extension) = rest.as_str().strip_prefix('?') else { return Ok(false) };
    *rest = extension.chars();
    let Some(text) = extension.strip_prefix('#') else { return Ok(false) };
    *rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ')' => return Ok(true),
            '\\' => escaped(rest)?,
            _ => {}
        }
    }
    Err("a (?# is not closed")
}

/// Skips the numbers of a repetition after a `{`; false if the `{` stands for itself.
fn bounds(rest: &mut Chars<'_>) -> bool {
    let Some((inside, after)) = rest.as_str().split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let are_bounds = !inside.is_empty() && [least, most].concat().chars().all(|c| c.is_ascii_digit());
    if are_bounds {
        *rest = after.chars();
    }
    are_bounds
}

fn quantified(before: Before, quantifier: char) -> Result<Before, &'static str> {
    match (before, quantifier) {
        (Before::Nothing, _) => Err("a quantifier has nothing to repeat"),
        (Before::Item, _) => Ok(Before::Quantifier),
        (Before::Quantifier, '?' | '+') => Ok(Before::FinalQuantifier),
        (Before::Quantifier | Before::FinalQuantifier, _) => Err("a quantifier follows another"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_that_python_compiles_is_accepted() {
        for pattern in [
            r"^/a[bc]+(d|e)?\.html$",
            "",
            "a|b|",
            // Unknown to the regex crate, or with another meaning there.
            r"(?P<n>a)(?P=n)\1(?=b)(?!c)(?<=d)(?<!e)",
            "(a)?(?(1)b|c)",
            "[[]",
            "[[:alpha:]",
            "[a&&b--c]",
            "[]a]",
            "[^]a]",
            r"[\]]",
            "a]",
            "{",
            "a{",
            "a{x}",
            "{}",
            "{a,1}*",
            "a{2}",
            "a{2,}?",
            "a{,2}",
            "a{,}",
            "a*?b+?c??",
            // From Python 3.11 on.
            "a*+b++c?+(?>d)",
            "(?#a ( and [)b",
            r"(?#\))b",
            "a(?#b)*",
            "(?i)a(?-i:b)(?:c)*",
            "(?x)a # (",
            r"\(\[\*",
            "()*",
            "(?=a)*",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn pattern_that_python_rejects_is_reported() {
        for (pattern, part) in [
            ("(", "( is not closed"),
            ("(a|b", "( is not closed"),
            ("(?:a", "( is not closed"),
            ("((a)", "( is not closed"),
            ("a)", ") closes nothing"),
            (")(", ") closes nothing"),
            ("[", "[ is not closed"),
            ("[]", "[ is not closed"),
            ("[^]", "[ is not closed"),
            (r"[a\]", "[ is not closed"),
            ("[a(b)", "[ is not closed"),
            ("(?#a", "(?# is not closed"),
            ("a\\", "escapes nothing"),
            ("[a\\", "escapes nothing"),
            ("*.example.com", "nothing to repeat"),
            ("a|*", "nothing to repeat"),
            ("(+a)", "nothing to repeat"),
            ("^*a", "nothing to repeat"),
            ("{1,2}", "nothing to repeat"),
            ("a**", "follows another"),
            ("a+*", "follows another"),
            ("a*??", "follows another"),
            ("a{2}{3}", "follows another"),
        ] {
            let reason = check(pattern).expect_err(pattern);
            assert!(reason.contains(part), "{pattern}: {reason}");
        }
    }
}
