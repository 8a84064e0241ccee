//! Lists of Octavia and Neutron, page by page, within a memory budget.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::collections::{Collection, L7_POLICIES, MEMBERS, POOLS, RULES};
use super::http::{ApiRequest, ApiResponse, CloudError, ErrorClass};
use super::session::Session;

/// The page size. Always sent: a server without a configured maximum crashes on lists without a limit.
const PAGE_SIZE: usize = 500;
/// Records grow with their references, a pool with its members. A page that is too large to be read is requested again with
/// a fifth of its size, down to this.
const MIN_PAGE_SIZE: usize = 20;
/// The end of every list, whatever its server says.
const MAX_PAGES: usize = 400;
const MAX_MIB: usize = 64;
/// Likewise for the look-up of an object by name.
const MAX_LOOKUP_MIB: usize = 32;
/// A JSON value that is kept unparsed takes this much for each of its objects, however small.
const BYTES_PER_JSON_OBJECT: usize = 640;

/// The memory budget of lists that are held at the same time. Clones share it.
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

/// The budget of the reads for one stack.
impl Default for Budget {
    fn default() -> Self {
        Self::of_mib(MAX_MIB)
    }
}

/// The bytes that one list has taken from a budget. Dropping returns them, unless the list is kept.
struct BudgetReservation<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl<'a> BudgetReservation<'a> {
    const fn new(budget: &'a Budget) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Takes so many more bytes; false when the budget has less left.
    fn grow(&mut self, bytes: usize) -> bool {
        let spend = |left: usize| left.checked_sub(bytes);
        let granted = self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok();
        self.bytes += if granted { bytes } else { 0 };
        granted
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
    /// The request without page parameters.
    request: ApiRequest,
    /// The key of the array in the response.
    key: &'static str,
    budget: Budget,
    /// The memory that each JSON object takes, on whatever level.
    bytes_per_object: usize,
}

/// A complete list.
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    /// The number of calls that it took.
    pub(super) pages: usize,
    /// The server's clock at the first page.
    pub(super) server_time: Option<Timestamp>,
}

/// One page of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// The id of the last item, when more follow.
    next_marker: Option<String>,
    server_time: Option<Timestamp>,
}

impl<T> Page<T> {
    pub(super) const fn is_last(&self) -> bool {
        self.next_marker.is_none()
    }
}

/// The position of a page in its list.
#[derive(Clone)]
struct PagePosition {
    marker: Option<String>,
    /// The size of this page and the following ones.
    limit: usize,
}

impl PagePosition {
    const START: Self = Self { marker: None, limit: PAGE_SIZE };
}

impl Listing {
    /// A list of typed records of a tree.
    pub(super) fn records(collection: Collection) -> Self {
        Self::new(collection.list(), collection.list_key)
    }

    /// A list by which objects are looked up. Its records may be kept as JSON, which takes more memory.
    pub(super) fn lookup(collection: Collection) -> Self {
        Self {
            budget: Budget::of_mib(MAX_LOOKUP_MIB),
            bytes_per_object: BYTES_PER_JSON_OBJECT,
            ..Self::records(collection)
        }
    }

    pub(super) fn members(pool: &str) -> Self {
        Self::new(POOLS.item(pool).path_segment(MEMBERS), MEMBERS)
    }

    pub(super) fn rules(policy: &str) -> Self {
        Self::new(L7_POLICIES.item(policy).path_segment(RULES), RULES)
    }

    fn new(request: ApiRequest, key: &'static str) -> Self {
        Self { request, key, budget: Budget::default(), bytes_per_object: 0 }
    }

    /// Shares a budget with other lists.
    pub(super) fn with_budget(self, budget: &Budget) -> Self {
        Self { budget: budget.clone(), ..self }
    }

    pub(super) fn query(self, key: &'static str, value: impl Into<String>) -> Self {
        Self { request: self.request.query(key, value), ..self }
    }

    fn page_request(&self, position: &PagePosition) -> ApiRequest {
        let request = self.request.clone().query("limit", position.limit.to_string());
        match &position.marker {
            Some(marker) => request.query("marker", marker.clone()),
            None => request,
        }
    }

    fn failed(&self, message: impl Into<String>) -> CloudError {
        self.request.failed(ErrorClass::Transient(None), message)
    }

    /// The error of a record that cannot be read.
    pub(super) fn unexpected_record(&self) -> CloudError {
        self.failed(format!("the list was not understood: a record of {} is not as documented", self.key))
    }

    fn endless(&self, limit: &str) -> CloudError {
        self.failed(format!("after {limit} the list has no end"))
    }

    /// Reads one page from its response.
    fn read<T: DeserializeOwned>(
        &self,
        response: &ApiResponse,
        limit: usize,
        reservation: &mut BudgetReservation<'_>,
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
        // No `Value`, which takes many times the memory of its text.
        let body: HashMap<String, &RawValue> = response.parse()?;
        let records = body.get(key).ok_or_else(|| self.failed(format!("the list was not understood: no {key:?}")))?;
        // The reason of serde stays out: it would quote the record.
        let unexpected = |_| self.unexpected_record();
        let records: Vec<&RawValue> = serde_json::from_str(records.get()).map_err(unexpected)?;
        // A record is mostly smaller than its text, but `{}` is not.
        let size =
            (response.body().len()).max(records.len() * size_of::<T>()).max(response.objects() * self.bytes_per_object);
        if !reservation.grow(size) {
            return Err(self.endless(&format!("{} MiB", reservation.budget.mib)));
        }
        let items = records.iter().map(|record| serde_json::from_str(record.get()));
        let items: Vec<T> = items.collect::<Result<_, _>>().map_err(unexpected)?;
        let marker = records.last().map(|record| serde_json::from_str::<Marker>(record.get()));
        let last_id = marker.transpose().map_err(unexpected)?.and_then(|marker| marker.id);
        let links =
            body.get(&format!("{key}_links")).and_then(|links| serde_json::from_str::<Vec<Link>>(links.get()).ok());
        let more = match links {
            Some(links) => links.iter().any(|link| link.rel.as_deref() == Some("next")),
            None => items.len() >= limit,
        };
        Ok(Page { items, next_marker: last_id.filter(|_| more), server_time: response.server_time() })
    }
}

impl Session {
    /// Limits a list to the project. An administrator would otherwise get the objects of all projects.
    pub(super) async fn of_project(&self, listing: Listing) -> Result<Listing, CloudError> {
        let login = self.login(None).await?;
        Ok(listing.query("project_id", login.project.id.clone()))
    }

    /// Reads the whole list. Markers are set here: Octavia's `next` links drop the filters.
    pub(super) async fn list<T: DeserializeOwned>(&self, listing: &Listing) -> Result<Listed<T>, CloudError> {
        match self.list_once(listing).await? {
            Some(listed) => Ok(listed),
            // The object at a page boundary was deleted meanwhile: once more from the start.
            None => {
                let listed = self.list_once(listing).await?;
                listed.ok_or_else(|| listing.failed("the list changes faster than it can be read"))
            }
        }
    }

    /// `None` when the server no longer knows a marker.
    async fn list_once<T: DeserializeOwned>(&self, listing: &Listing) -> Result<Option<Listed<T>>, CloudError> {
        let (mut position, mut reservation) = (PagePosition::START, BudgetReservation::new(&listing.budget));
        let first = self.page(listing, &mut position, &mut reservation).await?;
        let Page { mut items, mut next_marker, server_time } = first;
        let mut pages = 1;
        while let Some(marker) = next_marker {
            position.marker = Some(marker);
            let page: Page<T> = match self.page(listing, &mut position, &mut reservation).await {
                Err(error) if matches!(error.class, ErrorClass::Rejected | ErrorClass::NotFound) => return Ok(None),
                page => page?,
            };
            if page.next_marker == position.marker {
                return Ok(None);
            }
            pages += 1;
            if pages > MAX_PAGES {
                return Err(listing.endless(&format!("{MAX_PAGES} pages")));
            }
            items.extend(page.items);
            next_marker = page.next_marker;
        }
        reservation.keep();
        Ok(Some(Listed { items, pages, server_time }))
    }

    pub(super) async fn first_page<T: DeserializeOwned>(&self, listing: &Listing) -> Result<Page<T>, CloudError> {
        self.page(listing, &mut PagePosition::START.clone(), &mut BudgetReservation::new(&listing.budget)).await
    }

    /// The page at this position, whose limit shrinks until the page can be read.
    async fn page<T: DeserializeOwned>(
        &self,
        listing: &Listing,
        position: &mut PagePosition,
        reservation: &mut BudgetReservation<'_>,
    ) -> Result<Page<T>, CloudError> {
        loop {
            match self.send(&listing.page_request(position)).await {
                Err(error) if error.is_too_large() && position.limit > MIN_PAGE_SIZE => position.limit /= 5,
                response => return listing.read(&response?, position.limit, reservation),
            }
        }
    }
}
