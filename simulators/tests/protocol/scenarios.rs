//! The bounds within which the protocol is checked to the end.
//!
//! Each scenario leaves out what another one has, because every fault multiplies the states. `EVENKEEL_FAULTS` (1) is the
//! number of faults of each kind that a scenario has; a larger number also allows for more creates.

use super::model::{LatestCommit, Protocol};
use super::state::{DeletionPolicy, Faults};

pub fn faults() -> u8 {
    std::env::var("EVENKEEL_FAULTS").map_or(1, |text| text.parse().expect("a number"))
}

/// One leader at a time, which crashes, loses answers and writes late; stacks that follow each other; outages.
pub fn one_writer() -> Protocol {
    let faults = faults();
    Protocol {
        without: None,
        replicas: 1,
        attempts: 1 + faults,
        stacks: 2,
        faults: Faults { crashes: faults, lost_answers: faults, lost_leases: 0, late_writes: 1 },
        latest_commit: LatestCommit::WithinQuietPeriod,
        deletions: &[DeletionPolicy::Delete, DeletionPolicy::Orphan],
        replicated_reads: true,
        slow_worker: false,
        restores: false,
        outages: true,
        strangers: false,
        clock_jumps: false,
    }
}

/// Two replicas: the old leader acts on, for as long as it likes, after its lease has expired.
pub fn two_writers() -> Protocol {
    let more = faults() - 1;
    Protocol {
        replicas: 2,
        attempts: 2,
        stacks: 1,
        faults: Faults { crashes: more, lost_answers: more, lost_leases: faults(), late_writes: 0 },
        deletions: &[DeletionPolicy::Delete],
        outages: false,
        replicated_reads: false,
        ..one_writer()
    }
}

/// The same beside a stack that is deleted and created again.
pub fn successor() -> Protocol {
    Protocol { attempts: faults(), stacks: 2, faults: Faults { lost_leases: 1, ..Faults::default() }, ..two_writers() }
}

/// A stack is backed up, lost and restored under a new UID, with the status and the annotation of then.
pub fn restored() -> Protocol {
    let more = faults() - 1;
    Protocol {
        restores: true,
        attempts: faults(),
        faults: Faults { crashes: 1, lost_answers: more, ..Faults::default() },
        outages: false,
        replicated_reads: false,
        ..one_writer()
    }
}

/// A POST commits only after the quiet period, beside other clients and a worker that takes its time.
pub fn late_create() -> Protocol {
    Protocol {
        latest_commit: LatestCommit::WithinDuplicateWatch,
        attempts: 1 + faults(),
        stacks: 1,
        faults: Faults { late_writes: 0, ..one_writer().faults },
        deletions: &[],
        slow_worker: true,
        replicated_reads: false,
        outages: false,
        strangers: true,
        ..one_writer()
    }
}
