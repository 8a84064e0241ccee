//! Lists of Octavia and Neutron, page by page.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::session::{Answer, Ask, Service, Session};
use super::{Class, CloudError};

/// Asked for explicitly: a server without a maximum of its own crashes on lists without a limit.
const PAGE: usize = 500;
/// Records grow with what they name, a pool by its members: where a page is too large to be read, a fifth of it is asked
/// for, down to this.
const SMALLEST_PAGE: usize = 20;
/// A list is read no further, whatever its server says: it is held in memory.
const MAX_PAGES: usize = 400;
const MAX_BYTES: usize = 64 << 20;

/// A list to be read to its end.
pub(super) struct Listing {
    /// Without page.
    ask: Ask,
    /// The key of the list in the answer.
    key: &'static str,
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
    /// Of the answer.
    bytes: usize,
    server_time: Option<Timestamp>,
}

/// Where a list goes on.
#[derive(Clone)]
struct Place {
    marker: Option<String>,
    /// The longest page from here on.
    limit: usize,
}

impl Place {
    const START: Self = Self { marker: None, limit: PAGE };
}

impl Listing {
    pub(super) fn new(service: Service, path: &'static str, key: &'static str) -> Self {
        Self { ask: Ask::get(service, path), key }
    }

    pub(super) fn octavia(collection: &'static str) -> Self {
        Self { ask: Ask::get(Service::LoadBalancer, "/v2/lbaas").at(collection), key: collection }
    }

    pub(super) fn members(pool: &str) -> Self {
        Self { ask: Ask::get(Service::LoadBalancer, "/v2/lbaas/pools").at(pool).at("members"), key: "members" }
    }

    pub(super) fn rules(policy: &str) -> Self {
        Self { ask: Ask::get(Service::LoadBalancer, "/v2/lbaas/l7policies").at(policy).at("rules"), key: "rules" }
    }

    pub(super) fn with(self, key: &'static str, value: impl Into<String>) -> Self {
        Self { ask: self.ask.with(key, value), ..self }
    }

    fn ask(&self, place: &Place) -> Ask {
        let ask = self.ask.clone().with("limit", place.limit.to_string());
        match &place.marker {
            Some(marker) => ask.with("marker", marker.clone()),
            None => ask,
        }
    }

    fn failed(&self, message: impl Into<String>) -> CloudError {
        self.ask.failed(Class::Later(None), message.into())
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
        let mut place = Place::START;
        let Page { mut items, mut next, mut bytes, server_time } = self.page(listing, &mut place).await?;
        let mut pages = 1;
        while let Some(marker) = next {
            place.marker = Some(marker);
            let page: Page<T> = match self.page(listing, &mut place).await {
                Err(error) if matches!(error.class, Class::Refused | Class::Gone) => return Ok(None),
                page => page?,
            };
            if page.next == place.marker {
                return Ok(None);
            }
            (pages, bytes) = (pages + 1, bytes + page.bytes);
            if pages > MAX_PAGES || bytes > MAX_BYTES {
                let mib = bytes >> 20;
                return Err(listing.failed(format!("after {pages} pages and {mib} MiB the list has no end")));
            }
            items.extend(page.items);
            next = page.next;
        }
        Ok(Some(Listed { items, pages, server_time }))
    }

    /// The first page, and whether it is all.
    pub(super) async fn first_page<T: DeserializeOwned>(
        &self,
        listing: &Listing,
    ) -> Result<(Vec<T>, bool), CloudError> {
        let page = self.page(listing, &mut Place::START.clone()).await?;
        Ok((page.items, page.next.is_none()))
    }

    /// The page at this place, whose limit becomes one that can be read.
    async fn page<T: DeserializeOwned>(&self, listing: &Listing, place: &mut Place) -> Result<Page<T>, CloudError> {
        loop {
            match self.send(&listing.ask(place)).await {
                Err(error) if error.too_large && place.limit > SMALLEST_PAGE => place.limit /= 5,
                answer => return listing.read(&answer?, place.limit),
            }
        }
    }
}

impl Listing {
    fn read<T: DeserializeOwned>(&self, answer: &Answer, limit: usize) -> Result<Page<T>, CloudError> {
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
        let body: HashMap<String, Box<RawValue>> = answer.json()?;
        let records = body.get(key).ok_or_else(|| self.failed(format!("the list was not understood: no {key:?}")))?;
        // Without serde's reason, which would quote the record.
        let unlike = |_| self.failed(format!("the list was not understood: a record is not as {key} are documented"));
        let items: Vec<T> = serde_json::from_str(records.get()).map_err(unlike)?;
        let markers: Vec<Marker> = serde_json::from_str(records.get()).map_err(unlike)?;
        let links =
            body.get(&format!("{key}_links")).and_then(|links| serde_json::from_str::<Vec<Link>>(links.get()).ok());
        let more = match links {
            Some(links) => links.iter().any(|link| link.rel.as_deref() == Some("next")),
            None => items.len() >= limit,
        };
        let last = markers.into_iter().next_back().and_then(|marker| marker.id);
        Ok(Page { items, next: last.filter(|_| more), bytes: answer.size(), server_time: answer.server_time() })
    }
}
