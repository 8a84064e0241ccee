//! Lists of Octavia and Neutron, page by page.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::session::{ApiRequest, ApiResponse, Service, Session};
use super::{CloudError, ErrorClass};

/// Asked for explicitly: a server without a maximum of its own crashes on lists without a limit.
const PAGE: usize = 500;
/// Records grow with what they name, a pool by its members: where a page is too large to be read, a fifth of it is asked
/// for, down to this.
const SMALLEST_PAGE: usize = 20;
/// A list is read no further, whatever its server says.
const MAX_PAGES: usize = 400;
const MAX_MIB: usize = 64;
/// Likewise where an object is looked up by its name.
const MAX_MIB_OF_NAMESAKES: usize = 32;
/// What is kept as it comes takes so much for each of its objects, however little is in them.
const MAP: usize = 640;

/// What lists may take that are held in memory together. Clones share it.
#[derive(Clone)]
pub(super) struct Budget {
    mib: usize,
    left: Arc<AtomicUsize>,
}

impl Budget {
    pub(super) fn of_mib(mib: usize) -> Self {
        Self { mib, left: Arc::new(AtomicUsize::new(mib << 20)) }
    }
}

/// For what is read on behalf of one stack.
impl Default for Budget {
    fn default() -> Self {
        Self::of_mib(MAX_MIB)
    }
}

/// What one list has taken so far. Given back unless the list is kept.
struct BudgetReservation<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl<'a> BudgetReservation<'a> {
    const fn none(budget: &'a Budget) -> Self {
        Self { budget, bytes: 0 }
    }

    /// False when that is more than is left.
    fn more(&mut self, bytes: usize) -> bool {
        let spend = |left: usize| left.checked_sub(bytes);
        let enough = self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok();
        self.bytes += if enough { bytes } else { 0 };
        enough
    }

    fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for BudgetReservation<'_> {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// A list to be read to its end.
pub(super) struct Listing {
    /// Without page.
    ask: ApiRequest,
    /// The key of the list in the answer.
    key: &'static str,
    budget: Budget,
    /// Bytes that each object takes in memory, on whatever level.
    for_each_object: usize,
}

/// The whole of a list.
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    /// How many calls it took.
    pub(super) pages: usize,
    /// The server's time of day when it gave the first page.
    pub(super) server_time: Option<Timestamp>,
}

/// One page of it.
struct Page<T> {
    items: Vec<T>,
    /// The id of the last item, when more follow.
    next: Option<String>,
    server_time: Option<Timestamp>,
}

/// Where a list goes on.
#[derive(Clone)]
struct PagePosition {
    marker: Option<String>,
    /// The longest page from here on.
    limit: usize,
}

impl PagePosition {
    const START: Self = Self { marker: None, limit: PAGE };
}

impl Listing {
    /// Of records that are kept as they come.
    pub(super) fn new(service: Service, path: &'static str, key: &'static str) -> Self {
        Self {
            budget: Budget::of_mib(MAX_MIB_OF_NAMESAKES),
            for_each_object: MAP,
            ..Self::of(ApiRequest::get(service, path), key)
        }
    }

    pub(super) fn octavia(collection: &'static str) -> Self {
        Self::of(ApiRequest::get(Service::LoadBalancer, "/v2/lbaas").path_segment(collection), collection)
    }

    pub(super) fn members(pool: &str) -> Self {
        Self::of(
            ApiRequest::get(Service::LoadBalancer, "/v2/lbaas/pools").path_segment(pool).path_segment("members"),
            "members",
        )
    }

    pub(super) fn rules(policy: &str) -> Self {
        Self::of(
            ApiRequest::get(Service::LoadBalancer, "/v2/lbaas/l7policies").path_segment(policy).path_segment("rules"),
            "rules",
        )
    }

    fn of(ask: ApiRequest, key: &'static str) -> Self {
        Self { ask, key, budget: Budget::default(), for_each_object: 0 }
    }

    /// Together with other lists.
    pub(super) fn with_budget(self, budget: &Budget) -> Self {
        Self { budget: budget.clone(), ..self }
    }

    pub(super) fn query(self, key: &'static str, value: impl Into<String>) -> Self {
        Self { ask: self.ask.query(key, value), ..self }
    }

    fn ask(&self, place: &PagePosition) -> ApiRequest {
        let ask = self.ask.clone().query("limit", place.limit.to_string());
        match &place.marker {
            Some(marker) => ask.query("marker", marker.clone()),
            None => ask,
        }
    }

    fn failed(&self, message: impl Into<String>) -> CloudError {
        self.ask.failed(ErrorClass::Transient(None), message.into())
    }

    fn endless(&self, after: &str) -> CloudError {
        self.failed(format!("after {after} the list has no end"))
    }
}

impl Session {
    /// The whole list, by markers of our own: Octavia's `next` links drop the filters.
    pub(super) async fn list<T: DeserializeOwned>(&self, listing: &Listing) -> Result<Listed<T>, CloudError> {
        match self.list_once(listing).await? {
            Some(listed) => Ok(listed),
            // The object that marked a page went while the list was read: once more from the start.
            None => {
                let listed = self.list_once(listing).await?;
                listed.ok_or_else(|| listing.failed("the list changes faster than it can be read"))
            }
        }
    }

    /// `None` when a marker was no longer known.
    async fn list_once<T: DeserializeOwned>(&self, listing: &Listing) -> Result<Option<Listed<T>>, CloudError> {
        let (mut place, mut taken) = (PagePosition::START, BudgetReservation::none(&listing.budget));
        let Page { mut items, mut next, server_time } = self.page(listing, &mut place, &mut taken).await?;
        let mut pages = 1;
        while let Some(marker) = next {
            place.marker = Some(marker);
            let page: Page<T> = match self.page(listing, &mut place, &mut taken).await {
                Err(error) if matches!(error.class, ErrorClass::Rejected | ErrorClass::NotFound) => return Ok(None),
                page => page?,
            };
            if page.next == place.marker {
                return Ok(None);
            }
            pages += 1;
            if pages > MAX_PAGES {
                return Err(listing.endless(&format!("{MAX_PAGES} pages")));
            }
            items.extend(page.items);
            next = page.next;
        }
        taken.keep();
        Ok(Some(Listed { items, pages, server_time }))
    }

    /// The first page, and whether it is all.
    pub(super) async fn first_page<T: DeserializeOwned>(
        &self,
        listing: &Listing,
    ) -> Result<(Vec<T>, bool), CloudError> {
        let page =
            self.page(listing, &mut PagePosition::START.clone(), &mut BudgetReservation::none(&listing.budget)).await?;
        Ok((page.items, page.next.is_none()))
    }

    /// The page at this place, whose limit becomes one that can be read.
    async fn page<T: DeserializeOwned>(
        &self,
        listing: &Listing,
        place: &mut PagePosition,
        taken: &mut BudgetReservation<'_>,
    ) -> Result<Page<T>, CloudError> {
        loop {
            match self.send(&listing.ask(place)).await {
                Err(error) if error.too_large && place.limit > SMALLEST_PAGE => place.limit /= 5,
                answer => return listing.read(&answer?, place.limit, taken),
            }
        }
    }
}

impl Listing {
    fn read<T: DeserializeOwned>(
        &self,
        answer: &ApiResponse,
        limit: usize,
        taken: &mut BudgetReservation<'_>,
    ) -> Result<Page<T>, CloudError> {
        #[derive(Deserialize)]
        struct Link {
            rel: Option<String>,
        }
        #[derive(Deserialize)]
        struct Marker {
            id: Option<String>,
        }
        let key = self.key;
        // Not by way of a `Value`, which takes many times the memory of its text.
        let body: HashMap<String, &RawValue> = answer.parse()?;
        let records = body.get(key).ok_or_else(|| self.failed(format!("the list was not understood: no {key:?}")))?;
        // Without serde's reason, which would quote the record.
        let unlike = |_| self.failed(format!("the list was not understood: a record is not as {key} are documented"));
        let records: Vec<&RawValue> = serde_json::from_str(records.get()).map_err(unlike)?;
        // A record is mostly smaller than its text, but `{}` is not.
        let size = answer.size().max(records.len() * size_of::<T>()).max(answer.objects() * self.for_each_object);
        if !taken.more(size) {
            return Err(self.endless(&format!("{} MiB", taken.budget.mib)));
        }
        let items = records.iter().map(|record| serde_json::from_str(record.get()));
        let items: Vec<T> = items.collect::<Result<_, _>>().map_err(unlike)?;
        let marker = records.last().map(|record| serde_json::from_str::<Marker>(record.get()));
        let links =
            body.get(&format!("{key}_links")).and_then(|links| serde_json::from_str::<Vec<Link>>(links.get()).ok());
        let more = match links {
            Some(links) => links.iter().any(|link| link.rel.as_deref() == Some("next")),
            None => items.len() >= limit,
        };
        let last = marker.transpose().map_err(unlike)?.and_then(|marker| marker.id);
        Ok(Page { items, next: last.filter(|_| more), server_time: answer.server_time() })
    }
}
