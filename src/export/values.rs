//! Values in the spelling of a stack.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use regex::Regex;

use super::context::Context;
use crate::api::{CloudRef, patterns};
use crate::model::{is_mark_of_controller, user_tags};

pub(super) fn by_id(id: &str) -> CloudRef {
    CloudRef { id: Some(id.to_owned()), name: None }
}

/// Tags of the user's, without those of other controllers and those that no stack can have.
pub(super) fn tags(tags: &BTreeSet<String>, object: &str, context: &mut Context) -> Vec<String> {
    static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(patterns::TAG).ok());
    let mut kept = Vec::new();
    for tag in user_tags(tags) {
        if is_mark_of_controller(&tag) {
            context.add(object, format_args!("tag {tag} marks another owner and is removed"));
        } else if TAG.as_ref().is_some_and(|pattern| pattern.is_match(&tag)) {
            kept.push(tag);
        } else {
            context.add(object, format_args!("tag {tag:?} is not allowed in a stack and is removed"));
        }
    }
    kept
}

/// `None` for true, which is the default.
pub(super) fn unless_up(up: bool) -> Option<bool> {
    (!up).then_some(false)
}

pub(super) fn unless_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Values of a list, without those that no stack can have; `None` for no value.
pub(super) fn known<T>(texts: Option<&[String]>, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let known: Vec<T> = texts?.iter().filter_map(|text| parse(text)).collect();
    (!known.is_empty()).then_some(known)
}

pub(super) fn seconds(seconds: i64) -> String {
    format!("{seconds}s")
}

pub(super) fn milliseconds(milliseconds: i64) -> String {
    if milliseconds % 1000 == 0 { seconds(milliseconds / 1000) } else { format!("{milliseconds}ms") }
}

pub(super) fn address(text: &str) -> String {
    text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |address| address.to_string())
}

pub(super) fn network(text: &str) -> String {
    text.parse::<IpNet>().map_or_else(|_| text.to_owned(), |network| network.trunc().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_spelling_of_a_stack() {
        assert_eq!((milliseconds(50_000), milliseconds(1_500)), ("50s".to_owned(), "1500ms".to_owned()));
        assert_eq!(address("2001:DB8:0::1"), "2001:db8::1");
        assert_eq!(network("10.0.0.1/8"), "10.0.0.0/8");
    }

    #[test]
    fn tags_of_owners_and_odd_tags_are_left_out_with_a_note() {
        let mut context = Context::default();
        let all = ["a/b", "evenkeel:key=web", "kube_service_a_b_c", "team=shop"].map(str::to_owned).into();
        assert_eq!(tags(&all, "listener x", &mut context), ["team=shop"]);
        assert_eq!(context.notes.len(), 2);
    }
}
