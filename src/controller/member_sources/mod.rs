//! Member sources in the cluster: what stacks take their members from, kept up to date by watches.
//!
//! | file | purpose |
//! |---|---|
//! | `watch` | the watches of Services, EndpointSlices and Nodes, which wake the stacks that use them |
//! | `cache` | the parts of these objects that endpoints depend on |
//! | `references` | the objects that a stack uses, for the index |
//! | `refresh` | the endpoints of one stack, before a reconcile |
//! | `pace` | their changes over time: windows, draining members, a zero that is not confirmed yet |
//! | `hold_back`, `floor` | members that are not ready and stay, because too few others are |
//! | `live` | addresses of a pod, read past the cache |

mod cache;
mod floor;
mod hold_back;
mod live;
mod pace;
mod references;
mod refresh;
mod watch;

pub(super) use cache::ClusterCache;
pub(super) use pace::PacedSources;
pub(super) use refresh::{Refreshed, refresh};
pub(super) use watch::watch_sources;
