//! Lists of Octavia and Neutron, page by page.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::session::{Ask, Service, Session};
use super::{Class, CloudError};

/// Asked for explicitly: a server without a maximum of its own crashes on lists without a limit.
const PAGE: usize = 500;

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
    server_time: Option<Timestamp>,
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

    fn ask(&self, marker: Option<&str>) -> Ask {
        let ask = self.ask.clone().with("limit", PAGE.to_string());
        match marker {
            Some(marker) => ask.with("marker", marker),
            None => ask,
        }
    }
}

impl Session {
    /// The whole list, by markers of our own: Octavia's `next` links drop the filters.
    pub(super) async fn list<T: DeserializeOwned>(&self, listing: &Listing) -> Result<Listed<T>, CloudError> {
        match self.list_once(listing).await? {
            Some(listed) => Ok(listed),
            // The object that marked a page went while the list was read: once more from the start.
            None => self.list_once(listing).await?.ok_or_else(|| {
                listing.ask(None).failed(Class::Later(None), "the list changes faster than it can be read".into())
            }),
        }
    }

    /// `None` when a marker was no longer known.
    async fn list_once<T: DeserializeOwned>(&self, listing: &Listing) -> Result<Option<Listed<T>>, CloudError> {
        let Page { mut items, mut next, server_time } = self.page(listing, None).await?;
        let mut pages = 1;
        while let Some(marker) = next {
            let page = match self.page(listing, Some(&marker)).await {
                Err(error) if matches!(error.class, Class::Refused | Class::Gone) => return Ok(None),
                page => page?,
            };
            if page.next.as_ref() == Some(&marker) {
                return Ok(None);
            }
            items.extend(page.items);
            next = page.next;
            pages += 1;
        }
        Ok(Some(Listed { items, pages, server_time }))
    }

    /// The first page, and whether it is all.
    pub(super) async fn first_page<T: DeserializeOwned>(
        &self,
        listing: &Listing,
    ) -> Result<(Vec<T>, bool), CloudError> {
        let page = self.page(listing, None).await?;
        Ok((page.items, page.next.is_none()))
    }

    async fn page<T: DeserializeOwned>(&self, listing: &Listing, marker: Option<&str>) -> Result<Page<T>, CloudError> {
        let ask = listing.ask(marker);
        let answer = self.send(&ask).await?;
        let mut body: Map<String, Value> = answer.json()?;
        let key = listing.key;
        let unlike = |why: String| ask.failed(Class::Later(None), format!("the list was not understood: {why}"));
        // Without serde's reason, which would quote the record.
        let unknown = |_| unlike(format!("a record is not as {key:?} are documented"));
        let Some(Value::Array(values)) = body.remove(key) else {
            return Err(unlike(format!("it has no {key:?}")));
        };
        let more = match body.get(&format!("{key}_links")).and_then(Value::as_array) {
            Some(links) => links.iter().any(|link| link.get("rel").is_some_and(|rel| rel == "next")),
            None => values.len() >= PAGE,
        };
        let last = values.last().and_then(|value| value.get("id")).and_then(Value::as_str).map(str::to_owned);
        let items = serde_json::from_value(Value::Array(values)).map_err(unknown)?;
        Ok(Page { items, next: last.filter(|_| more), server_time: answer.server_time() })
    }
}
