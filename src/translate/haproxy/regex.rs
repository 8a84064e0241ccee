//! Regular expressions of L7 rules, in the spelling that reaches haproxy.
//!
//! haproxy compiles them with PCRE2 without captures (`regex_comp` in its `src/regex.c`: `PCRE2_NO_AUTO_CAPTURE`), after
//! Octavia's API has compiled them with Python's `re`. Constructs with the same meaning in both are accepted, others are
//! rejected. `<`, `>`, `'` and `#` cannot be sent, so neither can groups that begin with `(?<`, `(?>` or `(?#`. haproxy
//! never uses a capture, so a named group is spelled without its name.

use super::argument::{BROKEN, hexadecimal};
use super::match_limits::{NO_SLASH, absence, is_path};
use crate::model::L7RuleType;

/// Most repetitions that PCRE2 takes.
const REPETITIONS_MAX: u32 = 65_535;
/// Most bytes of a compiled expression. PCRE2 takes 65,536; the sizes here are upper estimates.
const COMPILED_MAX: u64 = 60_000;

/// The spelling to send to Octavia.
///
/// # Errors
/// The reason, for the user.
pub(super) fn spell(pattern: &str, kind: L7RuleType) -> Result<String, String> {
    let quoted = pattern.contains('"') || pattern.contains(r"\x22");
    let mut speller = Speller { rest: pattern, spelled: String::new(), kind, quoted };
    speller.leading_flags()?;
    let whole = speller.branches(false)?;
    if !speller.rest.is_empty() {
        return Err("a ) closes nothing".to_owned());
    }
    if whole.bytes > COMPILED_MAX {
        return Err("it is too large for haproxy once its repetitions are written out".to_owned());
    }
    whole.absent.map_or(Ok(speller.spelled), |why| Err(format!("it matches no request: {why}")))
}

/// A part of the expression, already spelled.
#[derive(Clone, Copy, Default)]
pub(super) struct Part {
    /// Size when compiled, at most.
    pub(super) bytes: u64,
    /// Reason for which no text that haproxy compares matches it.
    pub(super) absent: Option<&'static str>,
}

enum Item {
    /// An assertion such as `^`, which nothing can repeat.
    Assertion,
    /// One character.
    Single(Part),
    Group(Part),
}

/// Walk over the expression from left to right.
pub(super) struct Speller<'a> {
    pub(super) rest: &'a str,
    pub(super) spelled: String,
    kind: L7RuleType,
    /// True if the expression has double quotes, in which commas and semicolons may stand.
    quoted: bool,
}

impl<'a> Speller<'a> {
    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else { return false };
        self.rest = rest;
        true
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn take_while(&mut self, is_in: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !is_in(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Spells a character; `escaped` if it has a backslash in the stack.
    pub(super) fn write(&mut self, c: char, escaped: bool) {
        let reads_as_option = c == '-' && self.spelled.is_empty() && !escaped;
        if reads_as_option || BROKEN.contains(&c) || c.is_ascii_control() || !c.is_ascii() {
            self.spelled.push_str(&hexadecimal(c));
        } else {
            if escaped {
                self.spelled.push('\\');
            }
            self.spelled.push(c);
        }
    }

    /// Flags for the whole expression; Python takes them at its beginning only.
    fn leading_flags(&mut self) -> Result<(), String> {
        while let Some((flags, after)) = self.rest.strip_prefix("(?").and_then(|flags| flags.split_once(')'))
            && !flags.is_empty()
            && flags.chars().all(|c| c.is_ascii_alphabetic())
        {
            check_flags(flags)?;
            self.spelled.push_str(&format!("(?{flags})"));
            self.rest = after;
        }
        Ok(())
    }

    /// Alternatives, up to the end or to a `)`. `at_start`: the compared text begins here.
    fn branches(&mut self, at_start: bool) -> Result<Part, String> {
        let mut whole = self.branch(at_start)?;
        while self.take("|") {
            self.spelled.push('|');
            let other = self.branch(at_start)?;
            whole.bytes = whole.bytes.saturating_add(other.bytes).saturating_add(3);
            whole.absent = whole.absent.and(other.absent);
        }
        Ok(whole)
    }

    fn branch(&mut self, mut at_start: bool) -> Result<Part, String> {
        let mut whole = Part::default();
        while self.peek().is_some_and(|c| c != '|' && c != ')') {
            let begins = self.rest.starts_with('^') || self.rest.starts_with(r"\A");
            let item = self.item(at_start)?;
            at_start = begins;
            let part = self.repeated(item)?;
            whole.bytes = whole.bytes.saturating_add(part.bytes);
            whole.absent = whole.absent.or(part.absent);
        }
        Ok(whole)
    }

    fn item(&mut self, at_start: bool) -> Result<Item, String> {
        match self.next() {
            Some('(') => self.group(at_start).map(Item::Group),
            Some('[') => self.class().map(Item::Single),
            Some('\\') => self.escape(at_start),
            Some(assertion @ ('^' | '$')) => {
                self.spelled.push(assertion);
                Ok(Item::Assertion)
            }
            Some('.') => {
                self.spelled.push('.');
                Ok(Item::Single(Part { bytes: 1, absent: None }))
            }
            Some('*' | '+' | '?') => Err("a quantifier has nothing to repeat".to_owned()),
            Some('{') if bounds(self.rest)?.is_some() => Err("a quantifier has nothing to repeat".to_owned()),
            Some(c) => Ok(self.character(c, false, at_start)),
            None => Err("it ends too early".to_owned()),
        }
    }

    fn character(&mut self, c: char, escaped: bool, at_start: bool) -> Item {
        self.write(c, escaped);
        let split = absence(self.kind, c).filter(|_| !self.quoted || is_path(self.kind));
        let misplaced = (at_start && c != '/' && self.kind == L7RuleType::Path).then_some(NO_SLASH);
        Item::Single(Part { bytes: 2, absent: split.or(misplaced) })
    }

    /// An item together with its quantifier, if it has one.
    fn repeated(&mut self, item: Item) -> Result<Part, String> {
        let Some((least, most)) = self.quantifier()? else {
            return Ok(match item {
                Item::Assertion => Part { bytes: 1, absent: None },
                Item::Single(part) | Item::Group(part) => part,
            });
        };
        let copies = u64::from(most.unwrap_or(least).max(1));
        let part = match item {
            Item::Assertion => return Err("a quantifier has nothing to repeat".to_owned()),
            Item::Single(part) => Part { bytes: part.bytes + 12, ..part },
            Item::Group(part) => Part { bytes: part.bytes.saturating_add(10).saturating_mul(copies), ..part },
        };
        if self.peek().is_some_and(|c| matches!(c, '*' | '+' | '?'))
            || self.rest.strip_prefix('{').is_some_and(is_bounds)
        {
            return Err("a quantifier follows another".to_owned());
        }
        Ok(Part { absent: part.absent.filter(|_| least > 0), ..part })
    }

    /// A quantifier with its `?` or `+`, as least and most repetitions.
    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>)>, String> {
        let before = self.rest;
        let found = match self.peek() {
            Some('*') => Some((0, None)),
            Some('+') => Some((1, None)),
            Some('?') => Some((0, Some(1))),
            Some('{') => bounds(&self.rest[1..])?,
            _ => None,
        };
        if found.is_none() {
            return Ok(None);
        }
        if self.take("{") {
            self.take_while(|c| c != '}');
        }
        self.next();
        if !self.take("?") {
            self.take("+");
        }
        self.spelled.push_str(&before[..before.len() - self.rest.len()]);
        Ok(found)
    }

    /// Spells a group, after its `(`.
    fn group(&mut self, at_start: bool) -> Result<Part, String> {
        let ahead = self.opening()?;
        let mut inside = self.branches(at_start && ahead != Lookahead::Negative)?;
        if !self.take(")") {
            return Err("a ( is not closed".to_owned());
        }
        self.spelled.push(')');
        inside.bytes = inside.bytes.saturating_add(10);
        inside.absent = inside.absent.filter(|_| ahead != Lookahead::Negative);
        Ok(inside)
    }

    /// The opening of a group, after its `(`.
    fn opening(&mut self) -> Result<Lookahead, String> {
        if !self.take("?") {
            self.spelled.push('(');
            return Ok(Lookahead::None);
        }
        for (text, ahead) in [(":", Lookahead::None), ("=", Lookahead::Positive), ("!", Lookahead::Negative)] {
            if self.take(text) {
                self.spelled.push_str("(?");
                self.spelled.push_str(text);
                return Ok(ahead);
            }
        }
        if self.take("P<") {
            let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !self.take(">") {
                return Err("the name of a group must be letters, digits and _".to_owned());
            }
            self.spelled.push_str("(?:");
            return Ok(Lookahead::None);
        }
        self.scoped_flags()
    }

    fn scoped_flags(&mut self) -> Result<Lookahead, String> {
        const REJECTED: [(&str, &str); 9] = [
            ("<=", "a lookbehind cannot be sent, because Octavia writes < as &lt;"),
            ("<!", "a lookbehind cannot be sent, because Octavia writes < as &lt;"),
            ("<", "a named group is written (?P<name>...)"),
            (">", "an atomic group cannot be sent, because Octavia writes > as &gt;"),
            ("#", "a comment cannot be sent: leave it out"),
            ("P=", REFERS_BACK),
            ("(", REFERS_BACK),
            ("P>", REFERS_BACK),
            ("&", REFERS_BACK),
        ];
        if let Some((_, why)) = REJECTED.iter().find(|(text, _)| self.rest.starts_with(text)) {
            return Err((*why).to_owned());
        }
        let on = self.take_while(|c| c.is_ascii_alphabetic());
        let off = if self.take("-") { Some(self.take_while(|c| c.is_ascii_alphabetic())) } else { None };
        check_flags(on)?;
        check_flags(off.unwrap_or_default())?;
        if self.peek() == Some(')') {
            return Err("flags for the whole expression stand at the beginning".to_owned());
        }
        let both = off.is_some_and(|off| off.is_empty() || off.chars().any(|c| on.contains(c)));
        if both || (on.is_empty() && off.is_none()) || !self.take(":") {
            return Err("a (? begins no known kind of group".to_owned());
        }
        self.spelled.push_str(&format!("(?{on}{}:", off.map(|off| format!("-{off}")).unwrap_or_default()));
        Ok(Lookahead::None)
    }

    /// Spells an escape outside of a class, after its backslash.
    fn escape(&mut self, at_start: bool) -> Result<Item, String> {
        match self.peek() {
            Some(set @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                self.next();
                self.spelled.extend(['\\', set]);
                Ok(Item::Single(Part { bytes: 1, absent: None }))
            }
            Some(assertion @ ('b' | 'B' | 'A' | 'Z')) => {
                self.next();
                self.spelled.extend(['\\', assertion]);
                Ok(Item::Assertion)
            }
            Some('1'..='9') if self.octal().is_none() => Err(REFERS_BACK.to_owned()),
            _ => self.escaped_character().map(|c| self.character(c, !c.is_ascii_alphanumeric(), at_start)),
        }
    }

    /// The octal number of the next three digits.
    fn octal(&self) -> Option<u32> {
        let digits = self.rest.get(..3)?;
        digits.bytes().all(|b| (b'0'..=b'7').contains(&b)).then(|| u32::from_str_radix(digits, 8).ok()).flatten()
    }

    /// A character that is written with a backslash, in a class or outside.
    pub(super) fn escaped_character(&mut self) -> Result<char, String> {
        let unknown = |text: &str| format!("{text} is not known to both engines");
        match self.peek() {
            None => Err("it ends in a \\ that escapes nothing".to_owned()),
            Some('x') => {
                let digits = self.rest.get(1..3).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                let code = digits.and_then(|d| u8::from_str_radix(d, 16).ok()).ok_or_else(|| unknown("\\x"))?;
                self.rest = &self.rest[3..];
                Ok(char::from(code))
            }
            Some('0'..='7') => {
                let end = self.rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
                let code = u32::from_str_radix(&self.rest[..end], 8).ok().and_then(|n| u8::try_from(n).ok());
                self.rest = &self.rest[end..];
                code.map(char::from).ok_or_else(|| "an octal number is greater than 377".to_owned())
            }
            Some(letter) => {
                self.next();
                let control = match letter {
                    'a' => '\x07',
                    'f' => '\x0c',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\x0b',
                    c if c.is_ascii_alphanumeric() => return Err(unknown(&format!("\\{c}"))),
                    c => c,
                };
                Ok(control)
            }
        }
    }
}

const REFERS_BACK: &str = "it refers back to a group, and haproxy compiles without captures";

/// Kind of lookahead of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookahead {
    None,
    Positive,
    Negative,
}

fn check_flags(flags: &str) -> Result<(), String> {
    match flags.chars().find(|c| !"ims".contains(*c)) {
        Some(flag) => Err(format!("flag {flag} is not allowed, only i, m and s")),
        None => Ok(()),
    }
}

/// The repetitions that follow a `{`; `None` if the `{` stands for itself.
fn bounds(text: &str) -> Result<Option<(u32, Option<u32>)>, String> {
    let Some((inside, _)) = text.split_once('}') else { return Ok(None) };
    if !is_bounds(text) {
        // `{,3}` is zero to three for Python and newer PCRE2, and literal text for others; likewise blanks.
        let is_ambiguous = inside.contains(|c: char| c == ',' || c.is_ascii_digit())
            && inside.chars().all(|c| c == ',' || c == ' ' || c.is_ascii_digit())
            && inside.matches(',').count() < 2;
        return if is_ambiguous { Err("write {0,n} for at most n, without blanks".to_owned()) } else { Ok(None) };
    }
    let number = |text: &str| {
        let count = text.parse::<u32>().ok().filter(|n| *n <= REPETITIONS_MAX);
        count.ok_or_else(|| format!("a repetition is at most {REPETITIONS_MAX} times"))
    };
    let (least, most) = match inside.split_once(',') {
        None => (number(inside)?, Some(number(inside)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    if most.is_some_and(|most| most < least) {
        return Err("the second number of a repetition is less than the first".to_owned());
    }
    Ok(Some((least, most)))
}

fn is_bounds(text: &str) -> bool {
    let Some((inside, _)) = text.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    !least.is_empty() && [least, most].concat().bytes().all(|b| b.is_ascii_digit())
}
