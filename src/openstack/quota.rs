//! The quota of a project: its limits and its use, and the key of its create slots.

use serde::Deserialize;
use url::Url;

use super::collections::{Collection, HEALTH_MONITORS, LISTENERS, LOAD_BALANCERS, POOLS, QUOTAS};
use super::create_slots::SlotKey;
use super::http::{ApiRequest, CloudError, ErrorClass, Service};
use super::octavia::PoolRecord;
use super::pagination::Listing;
use super::session::Session;
use crate::model::{IdRef, Kind};

/// The limit of one kind of object, and the objects counted. Octavia reports the limit but not the use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    pub kind: Kind,
    pub used: i64,
    pub limit: i64,
}

#[derive(Deserialize)]
struct QuotaResponse {
    quota: Limits,
}

/// The kinds that Octavia counts for the create of a whole tree, which excludes L7 policies and rules. -1 means unlimited.
#[derive(Deserialize)]
struct Limits {
    loadbalancer: Option<i64>,
    listener: Option<i64>,
    pool: Option<i64>,
    member: Option<i64>,
    healthmonitor: Option<i64>,
}

impl Session {
    /// Reads the limits, and counts the objects of each limited kind.
    pub(super) async fn quota_uses(&self) -> Result<Vec<QuotaUse>, CloudError> {
        let project = self.login(None).await?.project.id.clone();
        let QuotaResponse { quota } = self.send(&QUOTAS.item(&project)).await?.json()?;
        let Limits { loadbalancer, listener, pool, member, healthmonitor } = quota;
        let mut uses = Vec::new();
        let mut add = |kind, limit: i64, used: i64| uses.push(QuotaUse { kind, used, limit });
        let counted = [
            (Kind::LoadBalancer, loadbalancer, LOAD_BALANCERS),
            (Kind::Listener, listener, LISTENERS),
            (Kind::HealthMonitor, healthmonitor, HEALTH_MONITORS),
        ];
        for (kind, limit, collection) in counted {
            if let Some(limit) = limited(limit) {
                add(kind, limit, self.count(collection).await?);
            }
        }
        let (pool, member) = (limited(pool), limited(member));
        if pool.is_some() || member.is_some() {
            let pools = self.list::<PoolRecord>(&self.of_project(Listing::records(POOLS)).await?).await?.items;
            let members = pools.iter().map(|pool| pool.members.len() as i64).sum();
            pool.into_iter().for_each(|limit| add(Kind::Pool, limit, pools.len() as i64));
            member.into_iter().for_each(|limit| add(Kind::Member, limit, members));
        }
        Ok(uses)
    }

    async fn count(&self, collection: Collection) -> Result<i64, CloudError> {
        let listing = self.of_project(Listing::records(collection)).await?;
        Ok(self.list::<IdRef>(&listing).await?.items.len() as i64)
    }

    /// The key under which this session shares create slots with others.
    pub(super) async fn slot_key(&self) -> Result<SlotKey, CloudError> {
        let login = self.login(None).await?;
        // Normalised, so that two spellings of one URL share their slots.
        let url = |service| {
            let request = ApiRequest::get(service, "/");
            let root = self.endpoint(&request, &login)?;
            let message = || format!("the endpoint of the {} service is not a URL", service.as_str());
            let url = Url::parse(&root).map_err(|_| request.failed(ErrorClass::Credentials, message()))?;
            Ok::<_, CloudError>(String::from(url))
        };
        Ok(SlotKey {
            identity_url: url(Service::Identity)?,
            load_balancer_url: url(Service::LoadBalancer)?,
            project: login.project.id.clone(),
        })
    }
}

fn limited(limit: Option<i64>) -> Option<i64> {
    limit.filter(|limit| *limit >= 0)
}
