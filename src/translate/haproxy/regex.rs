//! Regular expressions of L7 rules: the spelling that reaches haproxy, and what it must not have.
//!
//! haproxy compiles them with PCRE2 without captures (`regex_comp` in its `src/regex.c`: `PCRE2_NO_AUTO_CAPTURE`), after
//! Octavia's API has compiled them with Python's `re`. Accepted is what both take for the same; what they take for
//! different things is refused. `<`, `>`, `'` and `#` cannot be sent, so neither can what begins with `(?<`, `(?>` or
//! `(?#`. As haproxy never asks for what a group captured, a named group is written as one without a name.

use super::{BROKEN, NO_SLASH, absence, hexadecimal, is_path};
use crate::model::L7RuleType;

/// PCRE2's, of a repetition.
const MOST_REPEATS: u32 = 65_535;
/// PCRE2 compiles to at most 65,536 bytes; sizes here are estimates from above.
const LARGEST: u64 = 60_000;

/// The spelling to send.
pub(super) fn spell(pattern: &str, kind: L7RuleType) -> Result<String, String> {
    let quoted = pattern.contains('"') || pattern.contains(r"\x22");
    let mut walk = Walk { rest: pattern, written: String::new(), kind, quoted };
    walk.flags_of_all()?;
    let whole = walk.branches(false)?;
    if !walk.rest.is_empty() {
        return Err("a ) closes nothing".to_owned());
    }
    if whole.bytes > LARGEST {
        return Err("it is too large for haproxy once its repetitions are written out".to_owned());
    }
    whole.absent.map_or(Ok(walk.written), |why| Err(format!("it matches no request: {why}")))
}

/// A part of the expression.
#[derive(Clone, Copy, Default)]
pub(super) struct Part {
    /// When compiled, at most.
    pub(super) bytes: u64,
    /// Why nothing that haproxy compares has it.
    pub(super) absent: Option<&'static str>,
}

enum Item {
    /// A place, which nothing can repeat.
    Place,
    /// One character.
    Single(Part),
    Group(Part),
}

pub(super) struct Walk<'a> {
    pub(super) rest: &'a str,
    pub(super) written: String,
    kind: L7RuleType,
    /// Commas and semicolons may stand in the double quotes that it has.
    quoted: bool,
}

impl<'a> Walk<'a> {
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

    /// `escaped`: with a backslash in the stack.
    pub(super) fn write(&mut self, c: char, escaped: bool) {
        let option = c == '-' && self.written.is_empty() && !escaped;
        if option || BROKEN.contains(&c) || c.is_ascii_control() || !c.is_ascii() {
            self.written.push_str(&hexadecimal(c));
        } else {
            if escaped {
                self.written.push('\\');
            }
            self.written.push(c);
        }
    }

    /// Python takes them nowhere else.
    fn flags_of_all(&mut self) -> Result<(), String> {
        while let Some((flags, after)) = self.rest.strip_prefix("(?").and_then(|flags| flags.split_once(')'))
            && !flags.is_empty()
            && flags.chars().all(|c| c.is_ascii_alphabetic())
        {
            known_flags(flags)?;
            self.written.push_str(&format!("(?{flags})"));
            self.rest = after;
        }
        Ok(())
    }

    /// Alternatives, up to the end or to a `)`. `at_start`: what is compared begins here.
    fn branches(&mut self, at_start: bool) -> Result<Part, String> {
        let mut whole = self.branch(at_start)?;
        while self.take("|") {
            self.written.push('|');
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
            Some(place @ ('^' | '$')) => {
                self.written.push(place);
                Ok(Item::Place)
            }
            Some('.') => {
                self.written.push('.');
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

    /// With what repeats it, if anything does.
    fn repeated(&mut self, item: Item) -> Result<Part, String> {
        let Some((least, most)) = self.quantifier()? else {
            return Ok(match item {
                Item::Place => Part { bytes: 1, absent: None },
                Item::Single(part) | Item::Group(part) => part,
            });
        };
        let copies = u64::from(most.unwrap_or(least).max(1));
        let part = match item {
            Item::Place => return Err("a quantifier has nothing to repeat".to_owned()),
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

    /// Least and most, and what makes it lazy or possessive.
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
        self.written.push_str(&before[..before.len() - self.rest.len()]);
        Ok(found)
    }

    /// After the `(`.
    fn group(&mut self, at_start: bool) -> Result<Part, String> {
        let ahead = self.opening()?;
        let mut inside = self.branches(at_start && ahead != Ahead::Not)?;
        if !self.take(")") {
            return Err("a ( is not closed".to_owned());
        }
        self.written.push(')');
        inside.bytes = inside.bytes.saturating_add(10);
        inside.absent = inside.absent.filter(|_| ahead != Ahead::Not);
        Ok(inside)
    }

    fn opening(&mut self) -> Result<Ahead, String> {
        if !self.take("?") {
            self.written.push('(');
            return Ok(Ahead::No);
        }
        for (text, ahead) in [(":", Ahead::No), ("=", Ahead::Yes), ("!", Ahead::Not)] {
            if self.take(text) {
                self.written.push_str("(?");
                self.written.push_str(text);
                return Ok(ahead);
            }
        }
        if self.take("P<") {
            let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !self.take(">") {
                return Err("the name of a group must be letters, digits and _".to_owned());
            }
            self.written.push_str("(?:");
            return Ok(Ahead::No);
        }
        self.scoped_flags()
    }

    fn scoped_flags(&mut self) -> Result<Ahead, String> {
        const REFUSED: [(&str, &str); 9] = [
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
        if let Some((_, why)) = REFUSED.iter().find(|(text, _)| self.rest.starts_with(text)) {
            return Err((*why).to_owned());
        }
        let on = self.take_while(|c| c.is_ascii_alphabetic());
        let off = if self.take("-") { Some(self.take_while(|c| c.is_ascii_alphabetic())) } else { None };
        known_flags(on)?;
        known_flags(off.unwrap_or_default())?;
        if self.peek() == Some(')') {
            return Err("flags for all of it stand at the beginning".to_owned());
        }
        let both = off.is_some_and(|off| off.is_empty() || off.chars().any(|c| on.contains(c)));
        if both || (on.is_empty() && off.is_none()) || !self.take(":") {
            return Err("a (? is followed by what is none of its forms".to_owned());
        }
        self.written.push_str(&format!("(?{on}{}:", off.map(|off| format!("-{off}")).unwrap_or_default()));
        Ok(Ahead::No)
    }

    /// After the backslash, outside of a class.
    fn escape(&mut self, at_start: bool) -> Result<Item, String> {
        match self.peek() {
            Some(set @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                self.next();
                self.written.extend(['\\', set]);
                Ok(Item::Single(Part { bytes: 1, absent: None }))
            }
            Some(place @ ('b' | 'B' | 'A' | 'Z')) => {
                self.next();
                self.written.extend(['\\', place]);
                Ok(Item::Place)
            }
            Some('1'..='9') if self.octal().is_none() => Err(REFERS_BACK.to_owned()),
            _ => self.escaped_character().map(|c| self.character(c, !c.is_ascii_alphanumeric(), at_start)),
        }
    }

    /// The three digits of an octal number, which stand ahead.
    fn octal(&self) -> Option<u32> {
        let digits = self.rest.get(..3)?;
        digits.bytes().all(|b| (b'0'..=b'7').contains(&b)).then(|| u32::from_str_radix(digits, 8).ok()).flatten()
    }

    /// A character that is written with a backslash, in a class or outside.
    pub(super) fn escaped_character(&mut self) -> Result<char, String> {
        let unknown = |text: &str| format!("{text} is not known to both");
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

/// Does a group look ahead?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ahead {
    No,
    Yes,
    /// For what must not be there.
    Not,
}

fn known_flags(flags: &str) -> Result<(), String> {
    match flags.chars().find(|c| !"ims".contains(*c)) {
        Some(flag) => Err(format!("of flags i, m and s may be used, not flag {flag}")),
        None => Ok(()),
    }
}

/// After a `{`: what it says of repetitions; nothing where it stands for itself.
fn bounds(text: &str) -> Result<Option<(u32, Option<u32>)>, String> {
    let Some((inside, _)) = text.split_once('}') else { return Ok(None) };
    if !is_bounds(text) {
        // `{,3}` is from none to three to Python and newer PCRE2, and itself to the others; likewise blanks.
        let unclear = inside.contains(|c: char| c == ',' || c.is_ascii_digit())
            && inside.chars().all(|c| c == ',' || c == ' ' || c.is_ascii_digit())
            && inside.matches(',').count() < 2;
        return if unclear { Err("write {0,n} for at most n, without blanks".to_owned()) } else { Ok(None) };
    }
    let number = |text: &str| {
        let few = text.parse::<u32>().ok().filter(|n| *n <= MOST_REPEATS);
        few.ok_or_else(|| format!("a repetition is of at most {MOST_REPEATS}"))
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
