//! Reads of Octavia: load balancers, and the trees below them.
//!
//! | file | content |
//! |---|---|
//! | `load_balancers` | one load balancer, those of an owner, those on a port; the API version |
//! | `tree` | one whole tree, read now |
//! | `parts` | the separately read parts of a tree, and their assembly |
//! | `statuses` | confirmation of a created tree by its status call |
//! | `records` | the records as Octavia sends them |

mod load_balancers;
mod parts;
mod records;
mod statuses;
mod tree;

pub(super) use parts::TreeParts;
pub(super) use records::{Created, ListenerRecord, LoadBalancerRecord, MonitorRecord, PolicyRecord, PoolRecord};
