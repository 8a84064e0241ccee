//! The protocol of creates and ownership as a model, which `stateright` checks to the end: every order of events within the
//! bounds of a scenario, not a random sample of them.
//!
//! The model has one stack name, Octavia, the API server, and one or two replicas. Between any two steps of a replica
//! everybody else may act: users, the clock, another leader, Octavia, a crash. The steps have the names of the code's
//! functions ([`model::Step`]), and each rule of the code can be taken out ([`rules::Rule`]): `removed_rules` shows that an
//! invariant fails without it.
//!
//! Times are left out. A quiet period ends at any moment at which the assumptions allow it.
//!
//! # Assumptions
//!
//! | assumption | source |
//! |---|---|
//! | A POST that has not committed is in no list, and it commits or fails within the quiet period of the first sight of its record. | measured on Octavia: a POST is one transaction, and 17 lists within 1.5 s showed nothing of it; the bound is a choice: `evenkeel run` demands a quiet period that is longer than `--create-timeout` |
//! | A load balancer that a read has shown is in every later read. | one database for all API workers; with several replicas of it, the first sight may be late, as the scenarios have it |
//! | An answer of Octavia itself to a POST, other than success, means that nothing was made; an answer of a gateway means nothing. | `classify.rs` |
//! | Reads and conditional writes of an object of Kubernetes are linearizable, and the first list of a watch is up to date. | etcd; `ListSemantic::MostRecent` of kube-runtime |
//! | A deletion changes the generation of a stack. | `BeforeDelete` of the API server |
//! | Octavia has no conditional write: what happens between the read and the write of one reconcile is out of reach. So both are one step here. | Octavia's API reference |
//! | After a finalizer was removed by force, the next stack of that name is made only once no request is in flight. | none: a limit |
//! | Ids and UIDs are never used twice. | UUIDs |
//!
//! The last tests of `removed_rules` show limits in the same way: what fails when an assumption does.
//!
//! # Left out
//!
//! Listeners and everything below, floating IPs (one that a person attaches is a mark here), secrets, and the load balancer
//! in ERROR (`recover.rs`): schedules and planner properties cover them. At most as many creates are begun as the scenario
//! says; the code remembers five on record.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod enabled;
mod engine;
mod environment;
mod invariants;
mod model;
mod pending_create;
mod removed_rules;
mod replica;
mod rules;
mod scenarios;
mod state;

use stateright::{Checker, Model};

use model::Protocol;
use scenarios::{late_create, one_writer, restored, successor, two_writers};

/// Asserts that every reachable state keeps every invariant, and that the interesting states are reachable.
fn check(scenario: Protocol) {
    let checker = scenario.checker().spawn_bfs().join();
    println!("{} states, {} steps deep", checker.unique_state_count(), checker.max_depth());
    checker.assert_properties();
}

#[test]
fn protocol_with_one_writer_holds() {
    check(one_writer());
}

#[test]
fn protocol_with_two_writers_holds() {
    check(two_writers());
}

#[test]
fn protocol_beside_successor_holds() {
    check(successor());
}

#[test]
fn protocol_after_restore_holds() {
    check(restored());
}

#[test]
fn protocol_with_late_creates_holds() {
    check(late_create());
}
