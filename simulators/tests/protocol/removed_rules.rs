//! Every rule taken out on its own: the invariant that it protects then fails.
//!
//! The same for the assumptions, which no rule can replace: they are the limits of the protocol.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use super::check;
use super::invariants::{AT_MOST_ONE, NO_DUPLICATE_LEFT, NOTHING_FOREIGN, NOTHING_LEAKED, NOTHING_WANTED, ON_RECORD};
use super::model::{LatestCommit, Protocol};
use super::rules::Rule;
use super::scenarios::{late_create, one_writer, restored, successor, two_writers};
use super::state::Faults;

/// Asserts that the invariant fails in the scenario, and prints how.
fn assert_breaks(scenario: Protocol, invariant: &'static str) {
    let only = HasDiscoveries::AnyOf(BTreeSet::from([invariant]));
    let checker = scenario.checker().finish_when(only).spawn_bfs().join();
    let trace = checker.discovery(invariant);
    println!("{:?}", trace.map(|path| path.into_actions()).expect("a counterexample"));
}

fn assert_rule_protects(rule: Rule, scenario: Protocol, invariant: &'static str) {
    assert_breaks(Protocol { without: Some(rule), ..scenario }, invariant);
}

#[test]
fn create_without_record_leads_to_second_one() {
    assert_rule_protects(Rule::RecordBeforePost, two_writers(), ON_RECORD);
    assert_rule_protects(Rule::RecordBeforePost, two_writers(), AT_MOST_ONE);
}

#[test]
fn record_without_fence_leads_to_second_load_balancer() {
    assert_rule_protects(Rule::Fence, two_writers(), AT_MOST_ONE);
}

#[test]
fn fence_without_pending_creates_leads_to_second_one() {
    assert_rule_protects(Rule::FencePending, two_writers(), AT_MOST_ONE);
}

#[test]
fn fence_without_recorded_id_leads_to_second_one() {
    assert_rule_protects(Rule::FenceRecorded, two_writers(), AT_MOST_ONE);
}

#[test]
fn fence_without_generation_leaks_after_deletion() {
    assert_rule_protects(Rule::FenceGeneration, two_writers(), NOTHING_LEAKED);
}

#[test]
fn own_record_that_outlives_newer_one_leads_to_second() {
    // One create is rejected, one is in flight, and one is too many.
    assert_rule_protects(Rule::NewerRecordWins, Protocol { attempts: 3, ..two_writers() }, AT_MOST_ONE);
    assert_rule_protects(Rule::NewerRecordWins, two_writers(), NOTHING_LEAKED);
}

#[test]
fn create_before_end_of_quiet_period_leads_to_second() {
    assert_rule_protects(Rule::QuietPeriodBeforeCreate, one_writer(), AT_MOST_ONE);
}

#[test]
fn deletion_before_end_of_quiet_period_leaks() {
    assert_rule_protects(Rule::QuietPeriodBeforeEnd, one_writer(), NOTHING_LEAKED);
}

#[test]
fn age_by_wall_clock_leads_to_second_load_balancer() {
    let changed_clock = || Protocol { clock_jumps: true, ..one_writer() };
    assert_rule_protects(Rule::AgeFromFirstSight, changed_clock(), AT_MOST_ONE);
    assert_rule_protects(Rule::AgeFromFirstSight, changed_clock(), NOTHING_LEAKED);
}

#[test]
fn age_taken_after_read_leads_to_second_load_balancer() {
    assert_rule_protects(Rule::AgeBeforeRead, one_writer(), AT_MOST_ONE);
    assert_rule_protects(Rule::AgeBeforeRead, one_writer(), NOTHING_LEAKED);
}

#[test]
fn doubt_taken_for_rejection_leads_to_second_one() {
    assert_rule_protects(Rule::DoubtStaysOnRecord, one_writer(), ON_RECORD);
    assert_rule_protects(Rule::DoubtStaysOnRecord, one_writer(), AT_MOST_ONE);
}

#[test]
fn record_cleared_by_answer_leads_to_second_one() {
    assert_rule_protects(Rule::RecordUntilId, one_writer(), AT_MOST_ONE);
    assert_rule_protects(Rule::RecordUntilId, one_writer(), NOTHING_LEAKED);
}

#[test]
fn load_balancer_found_by_id_alone_gets_second_one() {
    assert_rule_protects(Rule::FindByTags, one_writer(), AT_MOST_ONE);
}

#[test]
fn recorded_id_without_tags_leads_to_foreign_one() {
    assert_rule_protects(Rule::RecordedIdNeedsTags, restored(), NOTHING_FOREIGN);
}

#[test]
fn tags_without_cluster_lead_to_foreign_load_balancer() {
    assert_rule_protects(Rule::TagsNameCluster, late_create(), NOTHING_FOREIGN);
}

#[test]
fn takeover_by_outdated_view_touches_successor() {
    assert_rule_protects(Rule::FreshReadBeforeTakeover, successor(), NOTHING_FOREIGN);
}

#[test]
fn create_without_finalizer_leaks_after_deletion() {
    assert_rule_protects(Rule::FinalizerBeforeCreate, one_writer(), NOTHING_LEAKED);
}

#[test]
fn end_without_read_leaks_after_lost_deletion() {
    assert_rule_protects(Rule::EndAfterRead, one_writer(), NOTHING_LEAKED);
}

#[test]
fn given_up_create_off_the_record_leaves_duplicate() {
    assert_rule_protects(Rule::GivenUpStaysOnRecord, late_create(), NO_DUPLICATE_LEFT);
}

#[test]
fn record_cleared_before_end_of_watch_leaves_duplicate() {
    assert_rule_protects(Rule::DuplicateWatch, late_create(), NO_DUPLICATE_LEFT);
}

#[test]
fn record_cleared_beside_pending_duplicate_leaves_it() {
    assert_rule_protects(Rule::ClearWithoutDuplicate, late_create(), NO_DUPLICATE_LEFT);
}

#[test]
fn duplicate_of_any_attempt_may_be_wanted() {
    assert_rule_protects(Rule::DuplicateIsGivenUp, late_create(), NOTHING_WANTED);
}

#[test]
fn duplicate_with_floating_ip_may_be_wanted() {
    assert_rule_protects(Rule::DuplicateIsUnused, late_create(), NOTHING_WANTED);
}

/// The lease saves calls. No invariant needs it, because the record is fenced.
#[test]
fn protocol_without_lease_holds() {
    check(Protocol { without: Some(Rule::Lease), faults: Faults::default(), ..two_writers() });
}

#[test]
fn commit_after_watch_leaves_duplicate() {
    assert_breaks(Protocol { latest_commit: LatestCommit::AnyTime, ..late_create() }, NO_DUPLICATE_LEFT);
}

#[test]
fn commit_after_quiet_period_leaks_after_deletion() {
    let latest_commit = LatestCommit::WithinDuplicateWatch;
    assert_breaks(Protocol { latest_commit, ..one_writer() }, NOTHING_LEAKED);
}

#[test]
fn takeover_that_arrives_after_orphaning_is_left() {
    let faults = Faults { crashes: 1, late_writes: 1, lost_answers: 1, ..Faults::default() };
    assert_breaks(Protocol { faults, ..restored() }, NOTHING_LEAKED);
}

/// The status of an old leader takes the id off the record; before the next one puts it back, the stack is deleted while
/// the cloud cannot be reached.
#[test]
fn outdated_status_before_outage_hides_load_balancer() {
    assert_breaks(Protocol { outages: true, ..two_writers() }, NOTHING_LEAKED);
}
