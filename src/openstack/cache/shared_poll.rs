//! Polls many load balancers in flight by one list.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::model::{Id, ObservedLoadBalancer};
use crate::openstack::collections::LOAD_BALANCERS;
use crate::openstack::http::{CloudError, SingleFlight};
use crate::openstack::pagination::Listing;
use crate::openstack::session::Session;

/// Polls within this time count as simultaneous.
const WINDOW: Duration = Duration::from_secs(1);
/// Up to so many load balancers are polled one by one, for each page of the list that would replace the polls.
const MAX_SINGLE_POLLS: usize = 3;

struct Poll {
    at: Instant,
    load_balancer: Id,
}

/// The recent polls of a session, and the list that they share once they are many.
pub(in crate::openstack) struct SharedPoll {
    recent: Mutex<VecDeque<Poll>>,
    list: SingleFlight<Arc<HashMap<Id, ObservedLoadBalancer>>>,
    /// The calls that the last list took. In a large project single polls stay cheaper for longer.
    pages: AtomicUsize,
}

impl SharedPoll {
    pub(in crate::openstack) fn new() -> Self {
        Self { recent: Mutex::default(), list: SingleFlight::new(), pages: AtomicUsize::new(1) }
    }

    /// The load balancer in a state no older than this call; `None` when it was deleted.
    pub(in crate::openstack) async fn poll(
        &self,
        session: &Session,
        id: &str,
    ) -> Result<Option<ObservedLoadBalancer>, CloudError> {
        if self.simultaneous_polls(id) <= MAX_SINGLE_POLLS * self.pages.load(Ordering::Relaxed) {
            return session.load_balancer(id).await;
        }
        let list = self.list.get(|_| false, |_| self.read(session)).await?;
        match list.get(id) {
            Some(observed) => Ok(Some(observed.clone())),
            // An absence in a list is no proof; only a read of this one is.
            None => session.load_balancer(id).await,
        }
    }

    async fn read(&self, session: &Session) -> Result<Arc<HashMap<Id, ObservedLoadBalancer>>, CloudError> {
        let listing = session.of_project(Listing::records(LOAD_BALANCERS)).await?;
        let listed = session.list::<ObservedLoadBalancer>(&listing).await?;
        self.pages.store(listed.pages, Ordering::Relaxed);
        Ok(Arc::new(listed.items.into_iter().map(|observed| (observed.id.clone(), observed)).collect()))
    }

    /// Records this poll, and counts the different load balancers polled within the window.
    fn simultaneous_polls(&self, id: &str) -> usize {
        let now = Instant::now();
        let mut recent = self.recent.lock();
        while recent.front().is_some_and(|poll| now.duration_since(poll.at) > WINDOW) {
            recent.pop_front();
        }
        recent.push_back(Poll { at: now, load_balancer: id.to_owned() });
        recent.iter().map(|poll| &poll.load_balancer).collect::<HashSet<_>>().len()
    }
}
