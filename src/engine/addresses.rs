//! Addresses of a load balancer that is recreated: those that the stack leaves to Neutron stay the same.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{AdditionalVip, Desired};

use super::pending_create::Record;

/// Times that an address is asked for again before Neutron chooses another one.
const TRIES: u32 = 5;

/// Conflicts about each address because it is taken.
#[derive(Debug, Default)]
pub(super) struct Conflicts(BTreeMap<String, u32>);

impl Conflicts {
    fn is_given_up(&self, address: &str) -> bool {
        self.0.get(address).is_some_and(|times| *times >= TRIES)
    }

    /// Counts a conflict against those of the addresses that the answer names, or against all where it names none. An
    /// address that is taken, remembered or given by the stack, is no reason to give up the others.
    pub(super) fn count(&mut self, asked: &[String], given: &[String], answer: &str) {
        let named: Vec<&String> = asked.iter().filter(|address| names(answer, address)).collect();
        if named.is_empty() && given.iter().any(|address| names(answer, address)) {
            return;
        }
        for address in if named.is_empty() { asked.iter().collect() } else { named } {
            *self.0.entry(address.clone()).or_default() += 1;
        }
    }

    pub(super) fn give_up(&mut self, asked: &[String]) {
        self.0.extend(asked.iter().map(|address| (address.clone(), TRIES)));
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// Addresses that the stack itself names.
pub(super) fn given(desired: &Desired) -> Vec<String> {
    let vip = &desired.load_balancer.vip;
    vip.address.iter().chain(vip.additional.iter().filter_map(|vip| vip.address.as_ref())).cloned().collect()
}

/// Tells whether the text has the address as a word, in whatever spelling.
pub(super) fn names(text: &str, address: &str) -> bool {
    let parse = |word: &str| word.trim_end_matches(['.', ':']).parse::<IpAddr>().ok();
    let wanted = parse(address);
    let mut words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '.' && c != ':');
    wanted.is_some() && words.any(|word| parse(word) == wanted)
}

/// The desired state with the addresses on record where the stack names none, and these addresses. A VIP on a given
/// port has the addresses of that port.
pub(super) fn remembering(record: &Record, desired: &Desired, conflicts: &Conflicts) -> (Desired, Vec<String>) {
    let mut desired = desired.clone();
    let vip = &mut desired.load_balancer.vip;
    let mut asked = Vec::new();
    if vip.port_id.is_some() {
        return (desired, asked);
    }
    let mut ask = |address: &mut Option<String>, remembered: Option<&String>| {
        if let Some(remembered) = remembered.filter(|_| address.is_none()).filter(|a| !conflicts.is_given_up(a)) {
            *address = Some(remembered.clone());
            asked.push(remembered.clone());
        }
    };
    ask(&mut vip.address, record.vip_address.as_ref());
    for AdditionalVip { subnet_id, address } in &mut vip.additional {
        let before = record.additional_vips.iter().find(|vip| vip.subnet_id == *subnet_id);
        ask(address, before.and_then(|vip| vip.address.as_ref()));
    }
    (desired, asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflict_counts_against_named_address() {
        let asked = ["10.0.0.5".to_owned(), "2001:db8::5".to_owned()];
        let mut conflicts = Conflicts::default();
        let given = ["10.0.0.7".to_owned()];
        for _ in 0..TRIES {
            conflicts.count(&asked, &given, "IP address 10.0.0.7 already allocated in subnet 1.");
        }
        assert_eq!(conflicts.0.len(), 0, "the stack names that one");
        for _ in 0..TRIES {
            conflicts.count(&asked, &given, "IP address 2001:DB8:0::5 already allocated in subnet 10.0.0.50.");
        }
        assert!(conflicts.is_given_up("2001:db8::5") && !conflicts.is_given_up("10.0.0.5"));
        for _ in 0..TRIES {
            conflicts.count(&asked, &given, "the address is taken");
        }
        assert!(conflicts.is_given_up("10.0.0.5"));
        conflicts.forget();
        assert!(!conflicts.is_given_up("10.0.0.5"));
    }

    #[test]
    fn address_is_found_as_whole_word_only() {
        for text in ["10.0.0.5", "address 10.0.0.5 already", "(10.0.0.5).", "at 10.0.0.5: taken"] {
            assert!(names(text, "10.0.0.5"), "{text}");
        }
        for text in ["10.0.0.50", "110.0.0.5", "10.0.0.5.6", "10.0.0.6", ""] {
            assert!(!names(text, "10.0.0.5"), "{text}");
        }
    }
}
