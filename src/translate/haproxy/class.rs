//! Character classes of regular expressions: `[a-z]`.

use super::regex::{Part, Speller};

/// Names of POSIX classes that PCRE2 knows.
const POSIX_CLASSES: [&str; 14] = [
    "alpha", "lower", "upper", "alnum", "ascii", "blank", "cntrl", "digit", "graph", "print", "punct", "space", "word",
    "xdigit",
];

/// A member of a class.
enum ClassMember {
    Character(char),
    /// A set such as `\d`, which can be no end of a range.
    Set,
}

impl<'a> Speller<'a> {
    /// Spells a class, after its `[`.
    pub(super) fn class(&mut self) -> Result<Part, String> {
        self.spelled.push('[');
        if self.take("^") {
            self.spelled.push('^');
        }
        let mut is_first = true;
        loop {
            if self.rest.is_empty() {
                return Err("a [ is not closed".to_owned());
            }
            if !is_first && self.take("]") {
                self.spelled.push(']');
                return Ok(Part { bytes: 34, absent: None });
            }
            is_first = false;
            let from = self.member()?;
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1;
            if is_range {
                self.next();
                self.spelled.push('-');
                let to = self.member()?;
                let (ClassMember::Character(from), ClassMember::Character(to)) = (from, to) else {
                    return Err("a range needs a character at each end".to_owned());
                };
                if to < from {
                    return Err("a range must not end before it begins".to_owned());
                }
            }
        }
    }

    fn member(&mut self) -> Result<ClassMember, String> {
        if let Some(class) = self.posix_class()? {
            self.spelled.push_str(class);
            return Ok(ClassMember::Set);
        }
        if !self.take("\\") {
            let c = self.next().ok_or("a [ is not closed")?;
            self.write(c, false);
            return Ok(ClassMember::Character(c));
        }
        match self.peek() {
            Some(set @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                self.next();
                self.spelled.extend(['\\', set]);
                Ok(ClassMember::Set)
            }
            Some('b') => {
                self.next();
                self.spelled.push_str(r"\x08");
                Ok(ClassMember::Character('\x08'))
            }
            _ => {
                let c = self.escaped_character()?;
                self.write(c, !c.is_ascii_alphanumeric());
                Ok(ClassMember::Character(c))
            }
        }
    }

    /// Reads a POSIX class such as `[:alpha:]` the way PCRE2 finds it (`check_posix_syntax`). To Python it is ordinary
    /// characters of a class.
    fn posix_class(&mut self) -> Result<Option<&'a str>, String> {
        let text = self.rest;
        let Some(mark) = text.strip_prefix('[').and_then(|t| t.chars().next()).filter(|c| ":.=".contains(*c)) else {
            return Ok(None);
        };
        let Some(length) = text[2..].find(']').map(|end| end + 3) else { return Ok(None) };
        let class = &text[..length];
        if class.contains('\\') {
            return Err("write \\[ for a bracket in a class".to_owned());
        }
        if !class[2..].ends_with(&format!("{mark}]")) || class[2..].contains(&format!("[{mark}")) {
            return Ok(None);
        }
        let name = &class[2..length - 2];
        let name = name.strip_prefix('^').unwrap_or(name);
        if mark != ':' || !POSIX_CLASSES.contains(&name) {
            return Err(format!("PCRE2 knows no {class} in a class: write \\[ for a bracket"));
        }
        self.rest = &text[length..];
        Ok(Some(class))
    }
}
