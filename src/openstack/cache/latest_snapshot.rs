//! The latest snapshot of a project, and the read of the next one.
//!
//! In a large project a read takes minutes. It runs as a task of its own, so that no timeout of a reconcile ends it, and the
//! latest snapshot serves meanwhile. The longer a read takes, the longer its snapshot is used: at most a fifth of the time
//! goes into reads, however large the project is.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::freshness::Freshness;
use super::project_snapshot::ProjectSnapshot;
use crate::openstack::http::{CloudError, ErrorClass};
use crate::openstack::session::Session;

/// A snapshot is used for this many times the duration of its read.
const USE_FACTOR: u32 = 4;
/// While the next one is read, it is used for this many times longer.
const OVERLAP_FACTOR: u32 = 2;
/// The pause after a read that failed, unless the server names a longer one. Meanwhile all callers get its error.
const PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60);

type ReadResult = Result<Arc<ProjectSnapshot>, CloudError>;

pub(super) struct LatestSnapshot {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    latest: Option<Arc<ProjectSnapshot>>,
    reading: Option<Reading>,
    failure: Option<Failure>,
}

/// A read in progress. Dropping it ends the read.
struct Reading {
    began: Instant,
    result: Shared<BoxFuture<'static, ReadResult>>,
    task: AbortHandle,
}

/// The last read, which failed.
struct Failure {
    error: CloudError,
    retry_at: Instant,
}

/// The answer to one caller.
enum Answer {
    Now(Option<Arc<ProjectSnapshot>>),
    Next(Shared<BoxFuture<'static, ReadResult>>),
}

impl LatestSnapshot {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default() }
    }

    /// A snapshot that is fresh, or else the next one; `None` when that began too early for this caller. Calls `replaced`
    /// with each new one.
    pub(super) async fn get(
        &self,
        session: &Arc<Session>,
        freshness: Freshness,
        replaced: impl Fn(&ProjectSnapshot),
    ) -> Result<Option<Arc<ProjectSnapshot>>, CloudError> {
        let answer = self.state.lock().answer(session, freshness, &replaced)?;
        match answer {
            Answer::Now(snapshot) => Ok(snapshot),
            Answer::Next(next) => next.await.map(Some),
        }
    }
}

impl State {
    fn answer(
        &mut self,
        session: &Arc<Session>,
        freshness: Freshness,
        replaced: impl Fn(&ProjectSnapshot),
    ) -> Result<Answer, CloudError> {
        self.take_result(replaced);
        let latest = self.latest.clone();
        if let Some(latest) = latest.as_ref().filter(|latest| latest.age() <= time_of_use(latest, freshness)) {
            let latest = freshness.allows(latest.began()).then(|| latest.clone());
            return Ok(Answer::Now(latest));
        }
        let next = self.next(session);
        let overlaps = |latest: &Arc<ProjectSnapshot>| {
            let overlap = latest.cost() * OVERLAP_FACTOR;
            latest.age() <= time_of_use(latest, freshness) + overlap && freshness.allows(latest.began())
        };
        match (latest.filter(overlaps), next) {
            (Some(latest), _) => Ok(Answer::Now(Some(latest))),
            (None, Err(error)) => Err(error),
            (None, Ok(next)) if freshness.allows(next.began) => Ok(Answer::Next(next.result.clone())),
            (None, Ok(_)) => Ok(Answer::Now(None)),
        }
    }

    /// Takes the result of a read that has ended.
    fn take_result(&mut self, replaced: impl Fn(&ProjectSnapshot)) {
        let Some(reading) = &self.reading else { return };
        match reading.result.peek() {
            Some(Ok(snapshot)) => {
                replaced(snapshot);
                self.latest = Some(snapshot.clone());
                self.failure = None;
            }
            Some(Err(error)) => self.failure = Some(Failure::of(error.clone())),
            // Without a result after its end, the read has panicked.
            None if reading.task.is_finished() => {}
            None => return,
        }
        self.reading = None;
    }

    /// The read in progress, or else a new one.
    fn next(&mut self, session: &Arc<Session>) -> Result<&Reading, CloudError> {
        if let Some(failure) = self.failure.as_ref().filter(|failure| Instant::now() < failure.retry_at) {
            return Err(failure.error.clone());
        }
        Ok(self.reading.get_or_insert_with(|| Reading::begin(session.clone())))
    }
}

impl Reading {
    fn begin(session: Arc<Session>) -> Self {
        let read = async move { ProjectSnapshot::read(&session).await.map(Arc::new) };
        let result = read.boxed().shared();
        let task = tokio::spawn(result.clone().map(drop)).abort_handle();
        Self { began: Instant::now(), result, task }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Failure {
    fn of(error: CloudError) -> Self {
        let pause = match error.class {
            ErrorClass::Transient(Some(pause)) => pause.clamp(PAUSE, MAX_PAUSE),
            _ => PAUSE,
        };
        Self { error, retry_at: Instant::now() + pause }
    }
}

/// The time from the end of its read for which a snapshot is used.
fn time_of_use(snapshot: &ProjectSnapshot, freshness: Freshness) -> Duration {
    freshness.max_age.max(snapshot.cost() * USE_FACTOR)
}
