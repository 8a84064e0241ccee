//! Knowledge behind the floor of a pool (`minMembers`): the members that it has, and the pods that were read for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use kube::Client;
use tokio::time::Instant;

use super::live::pod_addresses;
use crate::endpoints::PodRef;
use crate::model::{Key, MemberKey};

/// Interval at which the pods of members that are held back are read again: EndpointSlices may be out of date.
const RECHECK: Duration = Duration::from_secs(30);

/// Delay after a pod could not be read.
const READ_RETRY: Duration = Duration::from_secs(10);

/// Facts about members and pods that the floor of one pool needs.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// Members that the engine was given last, or that the cloud had when this process began. `None`: not known yet.
    members: Option<BTreeSet<MemberKey>>,
    /// The next reconcile shall tell the members of the cloud.
    needs_members: bool,
    pods: BTreeMap<PodRef, PodRead>,
    wake_at: Option<Instant>,
}

/// Result of the last read of a pod.
#[derive(Debug, Clone)]
struct PodRead {
    /// None if the pod is gone or terminates.
    addresses: Vec<IpAddr>,
    at: Instant,
}

/// An endpoint whose pod is not ready.
pub(super) struct Unready {
    pub(super) source: Key,
    pub(super) key: MemberKey,
}

/// Endpoints by pod.
pub(super) type UnreadyByPod = BTreeMap<PodRef, Vec<Unready>>;

/// Keeps the endpoints of a pod that are members by one of its addresses.
fn retain_members(endpoints: &mut Vec<Unready>, members: &BTreeSet<MemberKey>) {
    let is_member = |one: &Unready| {
        let mut of_its_port =
            endpoints.iter().filter(|other| other.source == one.source && other.key.port == one.key.port);
        of_its_port.any(|other| members.contains(&other.key))
    };
    let mut are_members = endpoints.iter().map(is_member).collect::<Vec<_>>().into_iter();
    endpoints.retain(|_| are_members.next() == Some(true));
}

impl Floor {
    pub(super) const fn wake_at(&self) -> Option<Instant> {
        self.wake_at
    }

    pub(super) const fn needs_members(&self) -> bool {
        self.needs_members
    }

    /// Takes note of the members that the engine gets.
    pub(super) fn remember(&mut self, members: BTreeSet<MemberKey>) {
        self.members = Some(members);
    }

    /// Takes note of the members that the cloud has. The endpoints are due then.
    pub(super) fn learn(&mut self, members: BTreeSet<MemberKey>) {
        self.members = Some(members);
        self.needs_members = false;
        self.wake_at = Some(Instant::now());
    }

    /// Begins a look at the endpoints, of which these are not ready. Pods that are not among them are forgotten.
    pub(super) fn begin(&mut self, unready: &UnreadyByPod) {
        (self.wake_at, self.needs_members) = (None, false);
        self.pods.retain(|pod, _| unready.contains_key(pod));
    }

    /// The pods that are members, those that are held back first, so that they stay the same. `None` until the cloud has
    /// told its members. A pod with two addresses is one by either: EndpointSlices of the IP versions change one after the
    /// other.
    pub(super) fn members_among(&mut self, mut unready: UnreadyByPod) -> Option<Vec<(PodRef, Vec<Unready>)>> {
        let Some(members) = &self.members else {
            self.needs_members = true;
            return None;
        };
        unready.values_mut().for_each(|endpoints| retain_members(endpoints, members));
        let mut pods: Vec<_> = unready.into_iter().filter(|(_, endpoints)| !endpoints.is_empty()).collect();
        pods.sort_by_key(|(pod, _)| !self.pods.contains_key(pod));
        Some(pods)
    }

    /// Addresses of a pod, which is read unless that was done lately.
    pub(super) async fn addresses(
        &mut self,
        client: &Client,
        namespace: &str,
        pod: &PodRef,
    ) -> Result<Vec<IpAddr>, kube::Error> {
        let now = Instant::now();
        if let Some(PodRead { addresses, at }) = self.pods.get(pod).filter(|read| read.at + RECHECK > now).cloned() {
            self.wake_by(at + RECHECK);
            return Ok(addresses);
        }
        let read = pod_addresses(client, namespace, pod).await;
        let again = if read.is_ok() { RECHECK } else { READ_RETRY };
        self.wake_by(now + again);
        let addresses = read?;
        self.pods.insert(pod.clone(), PodRead { addresses: addresses.clone(), at: now });
        Ok(addresses)
    }

    fn wake_by(&mut self, time: Instant) {
        self.wake_at = Some(self.wake_at.map_or(time, |known| known.min(time)));
    }
}
