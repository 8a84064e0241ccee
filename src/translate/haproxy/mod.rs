//! Spelling of user texts for haproxy.cfg.
//!
//! Octavia renders with autoescape (`octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py`): `&`, `<`, `>`, `"`
//! and `'` become `&amp;`, `&lt;`, `&gt;`, `&#34;` and `&#39;`, and a `#` begins a comment in haproxy.cfg. Only the values
//! of L7 rules get their backslashes doubled and their blanks escaped (`_escape_haproxy_config_string`), so that a
//! backslash arrives as one. haproxy parses everything else as it stands, and reads `\x26` as an `&`.
//!
//! So most texts have a spelling that arrives, and Octavia is sent that one: a regular expression with `\x26` for a rule,
//! `\x26` itself for a redirect or the path of a monitor. Two kinds of text are rejected. One has no such spelling. The
//! other matches no request: haproxy splits headers at commas (`req.hdr`) and cookies at semicolons and commas
//! (`req.cook`), trims the blanks around them, and compares a path without its query.

mod argument;
mod class;
mod dn_field;
mod match_limits;
mod regex;
mod rule;

pub(super) use argument::{argument, unspelled, url};
pub(super) use dn_field::short_dn_field;
pub(super) use rule::{check_api_value, rule};
