//! The rules of the protocol that can be taken out, one at a time.

/// A rule of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// `record_attempt`: a create is on record before it is posted.
    RecordBeforePost,
    /// `PendingCreateAnnotation::put`: the record is written only against the resource version that was read.
    Fence,
    /// `Basis::pending`: after a conflict the pending creates must be the same.
    FencePending,
    /// `Basis::on_record`: after a conflict the recorded load balancer must be the same.
    FenceRecorded,
    /// `Basis::generation`: after a conflict the generation must be the same, which a deletion changes.
    FenceGeneration,
    /// `record_of`: what this process wrote counts only until its view is newer.
    NewerRecordWins,
    /// `check_pending_create` before a create.
    QuietPeriodBeforeCreate,
    /// `check_pending_create` before the end of a deletion.
    QuietPeriodBeforeEnd,
    /// `Memory::attempt_age`: a monotonic clock, from the first sight by this process.
    AgeFromFirstSight,
    /// `Memory::attempt_age`: an age is that at the begin of the reconcile, so before any read.
    AgeBeforeRead,
    /// `create_failed`: only a clear rejection takes a create off the record.
    DoubtStaysOnRecord,
    /// `created`: a create stays on record until its id is there.
    RecordUntilId,
    /// `locate`: a load balancer without a recorded id is found by its tags.
    FindByTags,
    /// `locate`: a recorded id counts only with the owner tags.
    RecordedIdNeedsTags,
    /// `Owner::owns`, `Owner::can_take_over`: the cluster must be the same.
    TagsNameCluster,
    /// `check_still_alive`: the load balancer of another UID is touched only after a fresh read of the stack.
    FreshReadBeforeTakeover,
    /// `finalizer::add` before anything is made.
    FinalizerBeforeCreate,
    /// `delete`: the stack goes once a read shows no load balancer, not once the deletion was sent.
    EndAfterRead,
    /// `clear_outdated_pending`: given-up creates stay on record.
    GivenUpStaysOnRecord,
    /// `settle`: duplicates are looked for until the watch is over.
    DuplicateWatch,
    /// `settle`: the record is cleared only once a whole list shows no duplicate.
    ClearWithoutDuplicate,
    /// `find_duplicates`: only one of a given-up attempt is deleted.
    DuplicateIsGivenUp,
    /// `find_duplicates`: none with a floating IP is deleted.
    DuplicateIsUnused,
    /// `LeaderElection`: a standby waits for the lease.
    Lease,
}
