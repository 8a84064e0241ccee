//! Watches: a stream of changes, one JSON text per line.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::convert::shown;
use super::inner::Inner;
use super::kinds::Kind;
use super::query::Query;
use super::representation::Representation;
use super::selector::Selector;
use super::state::State;
use super::status::{FieldProblem, StatusError};
use super::store::{Change, ChangeVerb};

/// Interval at which a watch without events sends a bookmark.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// Duration of a watch that names none.
const DEFAULT_TIMEOUT: u64 = 1800;

struct Watcher {
    inner: Arc<Inner>,
    view: View,
    position: u64,
    /// Events not yet sent.
    queue: VecDeque<Value>,
    bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
    /// Notifications of the cluster that the watch has processed.
    writes: u64,
    cuts: u64,
    done: bool,
}

/// The objects that the watch shows, and their representation.
struct View {
    kind: Arc<Kind>,
    namespace: Option<String>,
    selector: Selector,
    representation: Representation,
}

/// Starts a watch as `query` describes it.
///
/// # Errors
/// Malformed selectors, and a request for initial events in a way that the API server rejects.
pub fn start(
    inner: &Arc<Inner>,
    kind: Arc<Kind>,
    namespace: Option<String>,
    query: &Query,
    representation: Representation,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, StatusError> {
    let selector = Selector::parse(&kind, query.text("labelSelector"), query.text("fieldSelector"))?;
    let view = View { kind, namespace, selector, representation };
    let bookmarks = query.is_true("allowWatchBookmarks");
    let initial = query.is_true("sendInitialEvents");
    check_initial_events(query, bookmarks, initial)?;
    let from = query.number("resourceVersion")?.unwrap_or_default();

    // Before the state is read, so that no write is missed.
    let (writes, cuts) = (inner.written.count(), inner.cut.count());
    let state = inner.lock();
    let now = inner.clock.now();
    let mut queue = VecDeque::new();
    let mut position = from;
    if initial || from == 0 {
        position = state.store.revision();
        queue.extend(view.everything(&state, now));
    }
    if initial {
        queue.push_back(bookmark(&view, position, true, now));
    }
    drop(state);
    let timeout = query.number("timeoutSeconds")?.filter(|&seconds| seconds > 0).unwrap_or(DEFAULT_TIMEOUT);
    let watcher = Watcher {
        inner: inner.clone(),
        view,
        position,
        queue,
        bookmarks,
        next_bookmark: Instant::now() + BOOKMARK_EVERY,
        deadline: Instant::now() + Duration::from_secs(timeout),
        writes,
        cuts,
        done: false,
    };
    Ok(unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        let mut line = event.to_string().into_bytes();
        line.push(b'\n');
        Some((Ok(Bytes::from(line)), watcher))
    }))
}

fn check_initial_events(query: &Query, bookmarks: bool, initial: bool) -> Result<(), StatusError> {
    let matching = query.text("resourceVersionMatch");
    let problem = if initial && matching != "NotOlderThan" {
        FieldProblem::forbidden(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )
    } else if initial && !bookmarks {
        FieldProblem::forbidden("allowWatchBookmarks", "sendInitialEvents requires allowWatchBookmarks to be set")
    } else if !initial && !matching.is_empty() && query.text("sendInitialEvents").is_empty() {
        FieldProblem::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )
    } else {
        return Ok(());
    };
    Err(StatusError::invalid(("ListOptions", "meta.k8s.io"), "", &[problem]))
}

fn bookmark(view: &View, revision: u64, initial_done: bool, now: Timestamp) -> Value {
    json!({"type": "BOOKMARK", "object": view.representation.bookmark(&view.kind, revision, initial_done, now)})
}

impl Watcher {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.done {
                return None;
            }
            self.read_on();
            if !self.queue.is_empty() {
                continue;
            }
            tokio::select! {
                biased;
                () = self.inner.cut.wait_beyond(self.cuts) => return None,
                () = sleep_until(self.deadline) => return None,
                () = self.inner.written.wait_beyond(self.writes) => {}
                () = sleep_until(self.next_bookmark), if self.bookmarks => {
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                    let now = self.inner.clock.now();
                    self.queue.push_back(bookmark(&self.view, self.position, false, now));
                }
            }
        }
    }

    /// Appends the changes since the last read to the queue.
    fn read_on(&mut self) {
        self.writes = self.inner.written.count();
        let now = self.inner.clock.now();
        let state = self.inner.lock();
        let Some(changes) = state.store.since(&self.view.kind.group_resource, self.position) else {
            let oldest = state.store.oldest();
            let injected_error =
                StatusError::expired(format!("too old resource version: {} ({oldest})", self.position));
            self.queue.push_back(json!({"type": "ERROR", "object": injected_error.body()}));
            self.done = true;
            return;
        };
        self.position = self.position.max(state.store.revision());
        drop(state);
        self.queue.extend(changes.iter().filter_map(|change| self.view.event(change, now)));
    }
}

impl View {
    fn everything(&self, state: &State, now: Timestamp) -> Vec<Value> {
        let kept = state.store.list(&self.kind.group_resource, self.namespace.as_deref());
        let seen = kept.iter().map(|object| shown(&self.kind, object)).filter(|object| self.selector.matches(object));
        seen.map(|object| self.say("ADDED", &object, now)).collect()
    }

    /// The event of a change for this view: an object that enters the view is added, one that leaves it is deleted.
    fn event(&self, change: &Change, now: Timestamp) -> Option<Value> {
        let object = shown(&self.kind, &change.object);
        if self.namespace.as_deref().is_some_and(|namespace| namespace != super::object::namespace(&object)) {
            return None;
        }
        let before = change.before.as_ref().is_some_and(|before| self.selector.matches(&shown(&self.kind, before)));
        let after = change.verb != ChangeVerb::Deleted && self.selector.matches(&object);
        let verb = match (before, after) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        Some(self.say(verb, &object, now))
    }

    fn say(&self, verb: &str, object: &Value, now: Timestamp) -> Value {
        json!({"type": verb, "object": self.representation.object(&self.kind, object, now)})
    }
}
