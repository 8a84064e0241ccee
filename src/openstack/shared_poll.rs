//! Many load balancers in flight are polled together.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::CloudError;
use super::pagination::Listing;
use super::session::Session;
use super::single_flight::SingleFlight;
use crate::model::{Id, ObservedLoadBalancer};

/// How far back pollers count as polling at the same time.
const WINDOW: Duration = Duration::from_secs(1);
/// So many different load balancers are asked for one by one.
const FEW: usize = 3;

/// Who asked lately, and the list that they share when they are many.
pub(super) struct SharedPoll {
    asked: Mutex<VecDeque<(Instant, Id)>>,
    list: SingleFlight<Arc<HashMap<Id, ObservedLoadBalancer>>>,
    /// How many calls the last list took: in a large project single looks stay cheaper for longer.
    pages: AtomicUsize,
}

impl SharedPoll {
    pub(super) fn new() -> Self {
        Self { asked: Mutex::default(), list: SingleFlight::new(), pages: AtomicUsize::new(1) }
    }

    /// The load balancer as it is after this call began; `None` when it is gone.
    pub(super) async fn look(&self, session: &Session, id: &str) -> Result<Option<ObservedLoadBalancer>, CloudError> {
        if self.asking(id) <= FEW * self.pages.load(Ordering::Relaxed) {
            return session.load_balancer(id).await;
        }
        let list = self.list.get(|_| false, |_| self.read(session)).await?;
        match list.get(id) {
            Some(seen) => Ok(Some(seen.clone())),
            // Only an answer about this one makes sure that it is gone.
            None => session.load_balancer(id).await,
        }
    }

    async fn read(&self, session: &Session) -> Result<Arc<HashMap<Id, ObservedLoadBalancer>>, CloudError> {
        let listing = session.of_project(Listing::octavia("loadbalancers")).await?;
        let listed = session.list::<ObservedLoadBalancer>(&listing).await?;
        self.pages.store(listed.pages, Ordering::Relaxed);
        Ok(Arc::new(listed.items.into_iter().map(|seen| (seen.id.clone(), seen)).collect()))
    }

    /// How many different load balancers were asked for within the window, this one included.
    fn asking(&self, id: &str) -> usize {
        let now = Instant::now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        while asked.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            asked.pop_front();
        }
        asked.push_back((now, id.to_owned()));
        asked.iter().map(|(_, id)| id).collect::<HashSet<_>>().len()
    }
}
